"""What all tests share: no way to any cloud, Hypothesis without deadlines, a summary line for each kind of test."""

import signal
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, settings

from tools.checks import forget_the_clouds

forget_the_clouds()
# What is started in the background may be made to ignore Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Speed belongs in benchmarks: a busy machine must not fail a property.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--summary-to", type=Path, help="a file to add the summary of each folder to, to be shown by others"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how many tests of each folder passed, failed and were skipped, and how long they took."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.getreports(outcome):
            counts[folder_of(report)][outcome] += 1
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[folder_of(report)] += report.duration
    if not counts:
        return
    lines: list[str] = []
    for folder in sorted(counts):
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts[folder].items(), reverse=True))
        lines.append(f"{folder:<14} {told} in {seconds[folder]:.1f} s\n")
    file: Path | None = config.getoption("summary_to")
    if file:
        with file.open("a") as summary:
            summary.writelines(lines)
        return
    terminalreporter.section("summary")
    terminalreporter.write("".join(lines))


def folder_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return `tests/unit` for a test in any file below it."""
    return "/".join(PurePosixPath(report.nodeid.split("::")[0]).parts[:2])
