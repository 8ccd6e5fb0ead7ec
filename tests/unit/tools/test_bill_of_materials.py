"""The bill of materials of the Lambda bundle against the lock that the bundle is installed from."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tools.bill_of_materials import LOCK

LOCKED = re.compile(r"^([a-z0-9._-]+)==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


def printed() -> str:
    return subprocess.run(
        [sys.executable, "-m", "tools.bill_of_materials"],
        cwd=LOCK.parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return json.loads(printed())


def listed(bill: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[str]]]:
    for component in bill["components"]:
        hashes = (each["content"] for source in component["externalReferences"] for each in source["hashes"])
        yield component["name"], component["version"], frozenset(hashes)


def locked() -> Iterator[tuple[str, str, frozenset[str]]]:
    for name, version, hashes in LOCKED.findall(LOCK.read_text()):
        yield name, version, frozenset(re.findall(r"sha256:(\w+)", hashes))


def test_it_names_each_locked_package_with_its_version_and_hashes_and_nothing_else(bill: dict[str, Any]) -> None:
    packages = set(locked())
    assert {"botocore", "pydantic", "simplejson"} <= {name for name, _, _ in packages}
    assert len(packages) == LOCK.read_text().count("==")
    assert set(listed(bill)) == packages


def test_it_is_cyclonedx_that_names_each_package_by_its_url(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    urls = {component["purl"] for component in bill["components"]}
    assert urls == {f"pkg:pypi/{name}@{version}" for name, version, _ in locked()}


def test_the_same_lock_gives_the_same_bill(bill: dict[str, Any]) -> None:
    assert json.loads(printed()) == bill
