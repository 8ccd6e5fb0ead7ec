"""The programs of `docs/clients.md`, as they stand there, against the stack."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.documents import blocks_of
from tests.e2e.fault_proxy import SEND, FaultProxy, queue_fails
from tests.e2e.harness import PROJECT, Api, event_of, eventually

DOCUMENT = PROJECT / "docs" / "clients.md"
PROGRAMS = [(block.language, block.code) for block in blocks_of(DOCUMENT.read_text())]
# What runs the languages of the document; each reads a program on standard input.
NODE = shutil.which("node") or "node"
RUNS = {"sh": ["sh", "-eu"], "python": [sys.executable, "-"], "js": [NODE, "--input-type=module", "-"]}
LANGUAGES = list(RUNS)


def program(language: str, marker: str) -> str:
    """Return the only program of this language with this text in it."""
    [found] = [code for each, code in PROGRAMS if each == language and marker in code]
    return found


def start(api: Api, language: str, code: str, charger_id: str, directory: Path) -> subprocess.Popen[str]:
    """Start a program for chargers that nobody else uses, in place of those that it names."""
    process = subprocess.Popen(
        RUNS[language],
        cwd=directory,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TELEMETRY_API_URL": api.url,
            "TELEMETRY_TOKEN": api.token or "",
            "NO_PROXY": "*",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    for part in ("examples/", "scripts/"):
        code = code.replace(part, f"{PROJECT}/{part}")
    process.stdin.write(code.replace("CP-", f"{charger_id}-"))
    process.stdin.close()
    process.stdin = None
    return process


def printed(process: subprocess.Popen[str]) -> str:
    """Return what a program printed, once it has ended well."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    return output


def run(api: Api, language: str, code: str, charger_id: str, directory: Path) -> str:
    return printed(start(api, language, code, charger_id, directory))


# A text of each program, by which a test finds it: each program has its test.
POSTS = {"sh": "--retry", "python": "def post(", "js": "async function post("}
BATCH, CLOCK, GATEWAY = ("python", "gzip.compress"), ("python", "server_time"), ("sh", "gateway.py")
READ_ONE, READ_MANY = ("python", "If-None-Match"), ("js", "notReturned")


def test_each_program_of_the_document_is_run_here() -> None:
    run_here = [program(*each) for each in (*POSTS.items(), BATCH, CLOCK, GATEWAY, READ_ONE, READ_MANY)]
    assert sorted(run_here) == sorted(code for _, code in PROGRAMS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_is_posted_and_sent_again_until_it_is_accepted(
    api: Api, charger_id: str, tmp_path: Path, calls_of_ingest: FaultProxy, language: str
) -> None:
    code = program(language, POSTS[language])
    with calls_of_ingest.injecting(queue_fails, into=SEND, about=[charger_id]) as sends:
        process = start(api, language, code, charger_id, tmp_path)
        eventually(lambda: sends.met >= 2)
    assert "eventId" in printed(process)
    latest = eventually(lambda: api.latest(f"{charger_id}-7").json().get("metrics"))
    assert latest["powerW"] == 7400


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_that_is_not_valid_is_not_sent_again(api: Api, charger_id: str, tmp_path: Path, language: str) -> None:
    code = program(language, POSTS[language]).replace("CP-7", "-")
    output, errors = start(api, language, code, charger_id, tmp_path).communicate(timeout=20)
    assert "/chargerId" in output, errors


def test_a_charger_without_a_clock_learns_the_servers_time(api: Api, charger_id: str, tmp_path: Path) -> None:
    told = run(api, CLOCK[0], program(*CLOCK), charger_id, tmp_path)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told.strip())) < timedelta(minutes=1)


def test_a_batch_is_answered_result_by_result(api: Api, charger_id: str, tmp_path: Path) -> None:
    status, refused = run(api, BATCH[0], program(*BATCH), charger_id, tmp_path).splitlines()
    assert status == "207"
    assert refused.startswith("refused 2 422 ")
    assert "'/timestamp'" in refused
    for charger, power in (("7", 7200), ("8", 11000)):
        metrics = eventually(lambda charger=charger: api.latest(f"{charger_id}-{charger}").json().get("metrics"))
        assert metrics["powerW"] == power


def test_the_gateway_posts_what_it_is_given(api: Api, charger_id: str, tmp_path: Path) -> None:
    assert run(api, GATEWAY[0], program(*GATEWAY), charger_id, tmp_path) == ""
    for charger in "78":
        assert eventually(lambda charger=charger: api.latest(f"{charger_id}-{charger}").is_success)


def test_a_charger_that_did_not_change_is_read_once(api: Api, charger_id: str, tmp_path: Path) -> None:
    stored = api.kept(event_of(f"{charger_id}-7", power_kw=7.4))
    output = run(api, READ_ONE[0], program(*READ_ONE), charger_id, tmp_path)
    assert output.splitlines() == [f"{stored['timestamp']} 7400", "304", "304"]


def test_many_are_read_and_told_apart(api: Api, charger_id: str, tmp_path: Path) -> None:
    for charger in "78":
        api.kept(event_of(f"{charger_id}-{charger}", power_kw=7.4))
    lines = run(api, READ_MANY[0], program(*READ_MANY), charger_id, tmp_path).splitlines()
    assert lines[0].startswith(f"{charger_id}-7 seen {{ powerW: 7400")
    assert lines[1].startswith(f"{charger_id}-8 seen {{ powerW: 7400")
    assert lines[2:] == [f"{charger_id}-9 never seen"]
