"""What docs/operations.md has people rehearse: its fault is one, and is taken back."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.unit.conftest import Printed
from tests.unit.processor_bench import Bench, of, queued

ROOT = Path(__file__).resolve().parents[2]
REHEARSAL = (ROOT / "docs" / "operations.md").read_text().split("## To rehearse a redrive")[1].split("\n## ")[0]


def test_the_fault_that_is_rehearsed_sends_what_is_posted_to_the_dlq_for_the_reason_that_is_told(
    monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    assert printed
    ((name, broken),) = re.findall(r"echo '(\w+) = None' >> (\S+)", REHEARSAL)
    module = import_module(broken.removeprefix("lambdas/").removesuffix(".py").replace("/", "."))
    # As one that imports it from there has it then, too.
    for user in [module, *(each for each in sys.modules.values() if each.__name__.startswith("processor."))]:
        if name in vars(user):
            monkeypatch.setattr(user, name, None)
    bench = Bench()

    bench.process(queued("a", of("CP-001"), receive_count=5))

    (dead,) = bench.dead_letters.messages
    assert f"`{dead.attributes['reason']}`" in REHEARSAL
    assert f"git checkout -- {broken}\n" in REHEARSAL
