"""Runs the tests that make something fail, and writes `docs/faults.md` from what they counted.

Run it with `scripts/telemetry.sh document faults`; it takes some minutes. Where a test fails, pytest says why and the
page stays as it was.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tools.command_line import CommandError

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
TESTS = ROOT / "tests" / "e2e"
FAULT_TEST = "test_nothing_is_lost_while_"

INTRODUCTION = """# Faults

What was acknowledged is not lost, whatever fails. Each row is a test in `tests/e2e`: `test_nothing_is_lost_while_` and
the words of its fault. The numbers are those of one run, written by
`scripts/telemetry.sh document faults`.

While something fails, five chargers send: three by a gateway, in batches; one for itself; and one that the fault is not
about, each of whose events is timed from the first attempt to post it until it can be read. Of the others' events some
are late and some of one time, some are of a connector, and not all carry the same values. Who gets `5xx`, or no answer,
sends the same again until it is acknowledged.

`tools/fleet/ledger.py` keeps its own record of what was acknowledged, and knows nothing of how the service works. In
the end each acknowledged event must be what is kept of its charger, of its connector and of each value that it carried,
or have been replaced there by one that the contract calls newer. Else it is lost, unless its message is in the
dead-letter queue.

Calls of AWS are made to fail by a proxy between a function and the emulator, `tests/e2e/fault_proxy.py`, which answers
as AWS does.

"""
HEAD = (
    ("fault", "events sent", "acknowledged", "lost", "messages in the DLQ", "longest delay of an unaffected charger"),
    ("---", "---:", "---:", "---:", "---:", "---:"),
)
NOTES = """
Where there is no delay, the fault was for every charger. The emulator processes one batch at a time, of up to ten
messages of whomever, so that a slow batch delays everybody; on AWS other batches go on beside it.
"""

Counted = Mapping[str, Mapping[str, object]]


class Report:
    """A plugin of pytest that keeps what each test counted, by its name."""

    def __init__(self) -> None:
        self.counted: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test that has ended counted."""
        if report.when == "call":
            self.counted[report.location[2]] = dict(report.user_properties)


def main() -> None:
    """Write the page.

    Raises:
        CommandError: a test failed.
    """
    report = Report()
    code = pytest.main(["-p", "no:randomly", "-k", FAULT_TEST, str(TESTS)], plugins=[report])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        raise CommandError(f"{PAGE.relative_to(ROOT)} stays as it was, since a test failed: pytest says above which")
    PAGE.write_text(text(report.counted))


def text(counted: Counted) -> str:
    """Return what the page is to hold."""
    lines = "".join(f"| {' | '.join(line)} |\n" for line in (*HEAD, *rows(counted)))
    return INTRODUCTION + lines + NOTES


def rows(counted: Counted) -> Iterator[tuple[str, ...]]:
    """Yield the row of each test."""
    for test, numbers in counted.items():
        delay = numbers["longest_delay"]
        yield (
            fault_of(test),
            *(str(numbers[name]) for name in ("sent", "acknowledged", "lost", "dead_lettered")),
            f"{delay:.1f} s" if isinstance(delay, float) else "",
        )


def fault_of(test: str) -> str:
    """Return the fault that a test is about, in words."""
    return test.removeprefix(FAULT_TEST).replace("_", " ")


def fault_tests() -> list[str]:
    """Return the names of the tests that have a row, in the order of the rows."""
    files = sorted(TESTS.glob("test_*.py"))
    return [name for file in files for name in re.findall(rf"^def ({FAULT_TEST}\w+)", file.read_text(), re.MULTILINE)]
