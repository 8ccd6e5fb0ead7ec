"""What docs/security.md promises: each test that it names, and a trail that CloudFormation would take."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
THREATS = [
    line.strip("|").split("|") for line in DOCUMENT.split("## Threats")[1].split("\n\n")[0].splitlines()[3:] if line
]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def test_there_are_threats() -> None:
    assert len(THREATS) > 15


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: str(threat[0]).strip())
def test_each_threat_names_tests_that_exist(threat: list[str]) -> None:
    named = re.findall(r"`(test_\w+)`", threat[2])
    assert named
    assert [name for name in named if name not in TESTS] == []


def lint(template: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("cfn-lint"), template]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_trail_is_a_template_that_cloudformation_takes(tmp_path: Path) -> None:
    trail = ROOT / "docs" / "cloudtrail.yaml"
    found = lint(trail)
    assert found.returncode == 0, found.stdout
    broken = tmp_path / "broken.yaml"
    broken.write_text(trail.read_text().replace("AdvancedEventSelectors", "AdvancedEventSelector"))
    assert lint(broken).returncode != 0
