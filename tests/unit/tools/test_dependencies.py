"""The scripts run in the environment of requirements.txt, without what the tests bring along."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOCKED = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)
# Imports tools where there are no packages but those that are named, whatever else is installed.
IMPORT = """
import importlib, importlib.metadata, sys

locked = set(sys.argv[1].split())
owners = importlib.metadata.packages_distributions()

class Finder:
    def find_spec(self, name, path=None, target=None):
        of = {owner.lower().replace("_", "-") for owner in owners.get(name, [])}
        if of and not of & locked:
            raise ModuleNotFoundError(f"No module named {name!r}, which is of {of}", name=name)

sys.meta_path.insert(0, Finder())
for tool in ("dlq.__main__", "follow.__main__", "local_cloud.__main__", "deploy", "cdk"):
    importlib.import_module(f"tools.{tool}")
importlib.import_module("tools.openapi").text()
"""


def importing(locked: set[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", IMPORT, " ".join(locked)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_scripts_need_no_package_but_those_that_are_locked_for_them() -> None:
    locked = set(LOCKED.findall((ROOT / "requirements.txt").read_text()))
    imported = importing(locked)
    assert imported.returncode == 0, imported.stderr
    assert "which is of {'simplejson'}" in importing(locked - {"simplejson"}).stderr
