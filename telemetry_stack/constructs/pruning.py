"""What the locked packages bring that no function ever reads: it is left out of the bundle.

Each cold start unpacks the bundle, and parses the data of it that it reads: docs/performance.md has what each saves.
What says which packages there are, `*.dist-info/METADATA`, stays, since scanners of what is deployed read it, and so do
their licences.
"""

import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path

# What botocore reads of its data: about the services that the functions call, and about any service.
SERVICES = frozenset({"dynamodb", "sqs"})
ENDPOINTS = "endpoints.json"
SHARED_DATA = frozenset({"_retry.json", ENDPOINTS, "partitions.json", "sdk-default-configuration.json"})

NEVER_READ = (
    # Powertools: the functions use its Logger and its Metrics, which need no more of its utilities than this one.
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/[!_]*",
    # Pydantic as it was, and for a type checker.
    "pydantic/v1",
    "pydantic/mypy.py",
    # Time zones: the functions know UTC alone.
    "dateutil/zoneinfo/*.tar.gz",
    "simplejson/tests",
    "urllib3/contrib/emscripten",
    # For type checkers.
    "**/*.pyi",
    "**/py.typed",
    # How and from where a package was installed, which differs between machines; what it was compiled from.
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/sboms",
    "*.dist-info/uv_cache.json",
    # Console scripts name this machine's Python in their first line; no function calls one.
    "bin",
    ".lock",
)
KEPT = ("aws_lambda_powertools/utilities/jmespath_utils",)

# Those that a trust store should have for AWS's services, all five. https://www.amazontrust.com/repository/
AMAZON_ROOTS = frozenset(
    {
        "Amazon Root CA 1",
        "Amazon Root CA 2",
        "Amazon Root CA 3",
        "Amazon Root CA 4",
        "Starfield Services Root Certificate Authority - G2",
    }
)
# A certificate in botocore's `cacert.pem`, with the comment that names it.
_CERTIFICATE = re.compile(r'^# Label: "(?P<label>[^"]+)"$.*?^-----END CERTIFICATE-----$', re.MULTILINE | re.DOTALL)


class PruningError(Exception):
    """botocore is not what this was written for; the message says what is missing, on one line."""


def prune(bundle: Path) -> None:
    """Take out of a bundle, as it was installed, what no function reads.

    Raises:
        PruningError: something that the functions read is not there: the package changed, and so must this.
    """
    for pattern in NEVER_READ:
        for path in list(bundle.glob(pattern)):
            if path.relative_to(bundle).as_posix() not in KEPT:
                _remove(path)
    _prune_data(bundle / "botocore" / "data")
    _prune_roots(bundle / "botocore" / "cacert.pem")


def _prune_data(data: Path) -> None:
    """Leave what describes the functions' services alone, in files and within the file of all endpoints."""
    read = SERVICES | SHARED_DATA
    there = {path.name: path for path in data.iterdir()}
    _require("data", read - there.keys())
    for name in there.keys() - read:
        _remove(there[name])
    endpoints = json.loads((data / ENDPOINTS).read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in SERVICES}
    (data / ENDPOINTS).write_text(json.dumps(endpoints))


def _prune_roots(certificates: Path) -> None:
    """Leave the roots that AWS's services are signed below: each client reads them all."""
    labelled = {each["label"]: each[0] for each in _CERTIFICATE.finditer(certificates.read_text())}
    _require(certificates.name, AMAZON_ROOTS - labelled.keys())
    certificates.write_text("".join(f"{labelled[label]}\n" for label in sorted(AMAZON_ROOTS)))


def _require(place: str, missing: Collection[str]) -> None:
    if missing:
        raise PruningError(f"botocore's {place} has no {', '.join(sorted(missing))}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
