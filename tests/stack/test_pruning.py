"""What is left out of the bundle, and that nothing which runs misses it."""

import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_stack.constructs.bundling import LambdaBundle
from telemetry_stack.constructs.pruning import AMAZON_ROOTS, KEPT, NEVER_READ, SERVICES, PruningError, prune
from telemetry_stack.stages import BundleTarget
from tests.stack.synthesis import ROOT

CERTIFICATE = '# Label: "{}"\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n\n'


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """What an installer leaves, as far as pruning looks at it."""
    data = tmp_path / "botocore" / "data"
    for service in (*SERVICES, "ec2"):
        (data / service).mkdir(parents=True)
    for name in ("_retry.json", "partitions.json", "sdk-default-configuration.json", "s3.json"):
        (data / name).write_text("{}")
    services = dict.fromkeys((*SERVICES, "ec2"), "where it is")
    (data / "endpoints.json").write_text(json.dumps({"partitions": [{"partition": "aws", "services": services}]}))
    roots = [CERTIFICATE.format(label, "MII") for label in [*sorted(AMAZON_ROOTS), "Another Root"]]
    (tmp_path / "botocore" / "cacert.pem").write_text("".join(roots))
    return tmp_path


def test_the_bundle_is_a_fraction_of_what_is_installed(lambda_bundle: Path) -> None:
    gone = (
        "aws_lambda_powertools/event_handler",
        "aws_lambda_powertools/utilities/parser",
        "boto3",
        "botocore/data/ec2",
        "pydantic/v1",
        "s3transfer",
        "simplejson/tests",
    )
    assert [path for path in gone if (lambda_bundle / path).exists()] == []
    assert list(lambda_bundle.rglob("*.pyi")) == []
    # With byte code, of 56 MB.
    assert sum(path.stat().st_size for path in lambda_bundle.rglob("*") if path.is_file()) < 20_000_000


def test_what_is_never_read_is_not_in_the_bundle(lambda_bundle: Path) -> None:
    there = {path.relative_to(lambda_bundle).as_posix() for entry in NEVER_READ for path in lambda_bundle.glob(entry)}
    assert there <= set(KEPT)


def test_the_bundle_tells_which_packages_it_has_and_under_which_licences(lambda_bundle: Path) -> None:
    packages = {path.name.partition("-")[0] for path in lambda_bundle.glob("*.dist-info")}
    named = {path.parent.name.partition("-")[0] for path in lambda_bundle.glob("*.dist-info/METADATA")}
    licensed = {
        path.relative_to(lambda_bundle).parts[0].partition("-")[0]
        for path in lambda_bundle.glob("*.dist-info/**/LICEN*")
    }
    assert packages == named
    assert {"botocore", "pydantic", "aws_lambda_powertools"} <= licensed


def test_botocore_has_the_data_of_the_services_that_are_called_alone(installed: Path) -> None:
    prune(installed)
    data = installed / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == SERVICES
    assert not (data / "s3.json").exists()
    (partition,) = json.loads((data / "endpoints.json").read_text())["partitions"]
    assert (partition["partition"], partition["services"].keys()) == ("aws", SERVICES)


def test_a_client_trusts_the_roots_of_amazon_alone(lambda_bundle: Path) -> None:
    context = ssl.create_default_context(cafile=str(lambda_bundle / "botocore" / "cacert.pem"))
    subjects = [str(root["subject"]) for root in context.get_ca_certs()]
    assert len(subjects) == len(AMAZON_ROOTS)
    assert [name for name in AMAZON_ROOTS if not any(f"('commonName', '{name}')" in each for each in subjects)] == []


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("data/sqs", r"^botocore's data has no sqs$"),
        ("data/partitions.json", r"^botocore's data has no partitions\.json$"),
        ("cacert.pem", r"^botocore's cacert\.pem has no Amazon Root CA 1, Amazon Root CA 2, .* G2$"),
    ],
)
def test_a_package_that_is_not_what_it_was_is_told_in_one_line(installed: Path, missing: str, said: str) -> None:
    path = installed / "botocore" / missing
    if path.is_dir():
        path.rmdir()
    elif missing == "cacert.pem":
        path.write_text(CERTIFICATE.format("Another Root", "MII"))
    else:
        path.unlink()
    with pytest.raises(PruningError, match=said):
        prune(installed)


def test_every_path_of_the_functions_runs_from_the_bundle_alone(tmp_path: Path) -> None:
    LambdaBundle(BundleTarget.of_this_machine()).build(tmp_path)
    # -I and -S: without this project's folder and its environment's packages.
    program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("bundle_paths.py"))]
    done = subprocess.run(
        [*program, str(tmp_path), str(ROOT / "tests" / "events")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr) == {
        "made while Lambda initialises": [True, True, True],
        "items are documents": True,
        "accepted": 202,
        "accepted in part": 207,
        "gzip": 202,
        "not JSON": 400,
        "invalid": 422,
        "queue throttled": 503,
        "queue broken": 503,
        "queue gone": 503,
        "absent": 404,
        "processed": 0,
        "stored": 200,
        "processed again": 0,
        "table throttled": 2,
        "conflict": 1,
        "table broken": 2,
        "unchanged": 304,
        "several": 200,
        "not readable": 503,
        "description": 200,
    }
