"""Watching a fleet on the real stack, by the command and by what it is made of."""

import asyncio
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.e2e.harness import PROJECT, Api, Cloud, event_of, eventually
from tools.command_line import INTERRUPTED
from tools.service import client_of
from tools.watch.listing import listed
from tools.watch.reading import Reader
from tools.watch.watching import Watch

Json = dict[str, Any]


def watched(cloud: Cloud, *arguments: str) -> str:
    """Return what the command prints; of all chargers some of other tests may be damaged."""
    ended = cloud.shell(*arguments, script="watch.sh")
    assert ended.returncode == 0 or (ended.returncode == 1 and "can't be read" in ended.stdout), ended.stderr
    return ended.stdout


def row_of(table: str, charger_id: str) -> str:
    [row] = [line for line in table.splitlines() if line.startswith(charger_id)]
    return re.sub(r"\d+ s\b", "N s", " ".join(row.removeprefix(charger_id).split()))


@pytest.fixture
def two_connectors(api: Api, charger_id: str) -> str:
    """Return a charger that charges at connector 1, and is too hot at connector 2."""
    charging = {**event_of(charger_id, seconds_ago=2, power_kw=7.4, session_energy_kwh=1.25), "connectorId": 1}
    api.kept({**charging, "chargerStatus": "Charging"})
    api.kept({**event_of(charger_id, temp_c=75, energy_kwh=789.8), "connectorId": 2, "chargerStatus": "Available"})
    return charger_id


def test_all_chargers_of_the_local_stage_are_a_table_with_a_row_for_each_connector(
    cloud: Cloud, api: Api, two_connectors: str
) -> None:
    plain = f"{two_connectors}-AC"
    api.kept(event_of(plain, power_kw=7.4, session_energy_kwh=1.25))
    table = watched(cloud, "--once")
    assert row_of(table, plain) == "charging 7.40 kW 1.25 kWh - N s"
    assert row_of(table, f"{two_connectors} ") == "1/2 charging 7.40 kW N s"
    rows = table[table.index(f"{two_connectors} ") :].splitlines()[1:3]
    assert row_of(rows[0], "  connector 1") == "Charging 7.40 kW 1.25 kWh - N s"
    assert row_of(rows[1], "  connector 2") == "Available - - 789.8 kWh N s !! TEMPERATURE_CRITICAL +1"


def test_chargers_that_are_named_are_told_as_json(cloud: Cloud, two_connectors: str) -> None:
    never = f"{two_connectors}-never"
    told = json.loads(watched(cloud, two_connectors, never, "--json"))
    seen, missing = told["chargers"]
    assert missing == {"chargerId": never, "missing": True}
    assert (seen["chargerId"], seen["charging"], seen["silent"]) == (two_connectors, True, False)
    assert [each["code"] for each in seen["findings"]] == ["TEMPERATURE_CRITICAL", "TEMPERATURE_HIGH"]
    first, second = seen["places"]
    assert (first["connectorId"], first["powerW"], first["energySessionWh"]) == (1, 7400, 1250)
    assert (second["connectorId"], second["status"], second["energyImportWh"]) == (2, "Available", 789_800)


def test_one_charger_alone_is_shown_with_its_findings_metrics_and_payload(cloud: Cloud, two_connectors: str) -> None:
    lines = watched(cloud, two_connectors).splitlines()
    assert lines[0].startswith(f"{two_connectors}  heard ")
    assert any("TEMPERATURE_CRITICAL: 75, expected less than 71" in line for line in lines)
    assert any(line.split() == ["temperatureC", "75", "°C"] for line in lines)
    assert '  "temp_c": 75' in lines


def test_what_is_read_again_is_not_sent_again_until_it_is_new(api: Api, charger_id: str) -> None:
    statuses: list[int] = []
    new = f"{charger_id}-2"

    async def note(answer: httpx.Response) -> None:
        statuses.append(answer.status_code)

    async def given() -> Sequence[str]:
        return [charger_id, new]

    async def read() -> None:
        async with client_of(api.url, str(api.token)) as client:
            client.event_hooks = {"response": [note]}
            watch = Watch(given, Reader(client))
            assert await watch.read() is None
            assert await watch.read() is None
            assert watch.view.chargers[new].is_missing
            api.kept(event_of(new))
            assert await watch.read() is None
            assert not watch.view.chargers[new].is_missing

    api.kept(event_of(charger_id, power_kw=7.4))
    asyncio.run(read())
    assert statuses == [200, 304, 200]


def test_a_charger_that_posts_for_the_first_time_is_listed(cloud: Cloud, api: Api, charger_id: str) -> None:
    chargers = listed(cloud.dynamodb, cloud.outputs["TableName"])
    before = asyncio.run(chargers())
    api.kept(event_of(charger_id))
    after = asyncio.run(chargers())
    assert charger_id in set(after) - set(before)
    # Those that were there have kept their places.
    assert [each for each in before if each in after] == [each for each in after if each in before]


def test_on_a_terminal_it_stays_shows_what_comes_and_ends_when_interrupted(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = bytearray()

    def shows(text: str) -> bool:
        while select.select([controller], [], [], 0)[0]:
            shown.extend(os.read(controller, 65536))
        return text.encode() in shown

    with subprocess.Popen(
        # Named, since nobody knows what other tests leave in the table.
        [PROJECT / "scripts" / "watch.sh", "--interval", "0.5", charger_id, f"{charger_id}-2"],
        env={**cloud.shell.variables, "TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        try:
            eventually(lambda: shows("2 never seen"), seconds=60)
            assert not shows("7.40 kW")
            api.kept(event_of(charger_id))
            eventually(lambda: shows("7.40 kW") and shows("1 never seen"), what=charger_id)
            os.killpg(process.pid, signal.SIGINT)
            # It would wait for ever where nobody reads what it writes.
            assert eventually(lambda: (shows("watch.sh: interrupted"), process.poll())[1]) == INTERRUPTED
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    # It has left the screen as it was.
    assert shows("\x1b[?1049l")
    os.close(controller)
    os.close(terminal)


def test_a_token_that_may_not_read_is_told_in_one_line(cloud: Cloud, charger_id: str) -> None:
    token = cloud.issuer.token(chargers=[charger_id])
    for arguments, why in (
        ([f"{charger_id}-2", "--token", token], "403"),
        ([charger_id, "--token", "none"], "401"),
    ):
        ended = cloud.shell(*arguments, script="watch.sh")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines()[-1].startswith(f"watch.sh: the service answers {why} ")
