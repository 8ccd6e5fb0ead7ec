"""The documents' commands that need the local cloud, as they stand there; the README's examples in their order."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.documents import blocks_of, to_be_run
from tests.e2e.harness import PROJECT, Api, Cloud, event_of, eventually

README = [block.code for block in blocks_of((PROJECT / "README.md").read_text()) if block.language == "sh"]
# What of a command stands for something, and figures that would take a minute.
SMALLER = {"--chargers 200": "--chargers 20", "--duration 60": "--duration 5"}


def run(cloud: Cloud, code: str) -> str:
    """Run commands in a shell in which `.local/env` was sourced; return what they print, once they have ended well."""
    code = code.replace(".local/", f"{cloud.shell.directory}/")
    ran = subprocess.run(
        ["sh", "-eu"],
        input=f". {cloud.shell.directory}/env\n{code}",
        cwd=PROJECT,
        env={**cloud.shell.variables, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("command", to_be_run(in_the_local_cloud=True))
def test_a_command_for_the_local_cloud_does_what_it_is_told(
    cloud: Cloud, api: Api, charger_id: str, command: str
) -> None:
    stands_for = {
        "EVENT_ID": str(api.kept(event_of(charger_id))["eventId"]),
        "STAGE": "local",
        "ID": charger_id,
        "S": "telemetry/read",
        "SECONDS": "60",
    }
    code = command
    if "\n" not in command:
        code = re.sub(r"\[([^\]]+)\](\.\.\.)?", r"\1", command)
        code = re.sub(r"(?<=\s)[A-Z_]+(?=\s|$)", lambda word: stands_for[word[0]], code.replace("CP-7", charger_id))
    for figure, smaller in SMALLER.items():
        code = code.replace(figure, smaller)
    assert run(cloud, code)


def test_the_examples_of_the_readme_work_in_their_order(cloud: Cloud, charger_id: str) -> None:
    one, batch, several, for_one_charger, dead_letters = README

    def answers(code: str) -> list[Any]:
        """Return the answers that commands print, each on a line, for chargers that nobody else uses."""
        return [json.loads(line) for line in run(cloud, code.replace("CP-", f"{charger_id}-")).splitlines()]

    def latest(code: str, event_id: str) -> Any:  # noqa: ANN401 - an answer
        (answer,) = answers(code)
        return answer if answer.get("eventId") == event_id else None

    source, post, read = one.split("\n\n")
    (receipt,) = answers(source + "\n" + post)
    assert eventually(lambda: latest(read, receipt["eventId"]))["metrics"] == {"powerW": 7400}

    results, compressed = answers(batch)
    assert [result["status"] for result in results["results"]] == [202, 422]
    (both,) = eventually(
        lambda: [each for each in answers(several) if each["items"][0]["eventId"] == compressed["eventId"]]
    )
    assert both["items"][0]["metrics"] == {"powerW": 7100}
    assert both["missing"] == [f"{charger_id}-8"]

    (refused,) = answers(for_one_charger)
    assert refused["status"] == 403

    assert run(cloud, dead_letters)
