"""What the benchmarks raise."""

from tools.command_line import CommandError


class BenchmarkError(CommandError):
    """A benchmark could not run; the message says why, on one line."""
