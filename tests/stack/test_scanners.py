"""Scanners that others wrote look at what is synthesized, and agree with all of it but the lines of these tables."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.synthesis import EVERY_STAGE, ROOT, Synthesis

CFN_LINT = Path(sys.executable).parent / "cfn-lint"
# An environment of its own, by `scripts/run.sh --scan`.
CHECKOV = ROOT / ".local" / "scan" / "bin" / "checkov"

FUNCTIONS = {"IngestFunctionB02ED0EB", "ProcessorFunctionD818F09B", "QueryFunction22F86FFC"}
TABLE = {"LatestTelemetryTable5298A714"}

# Of each rule that is not followed: on what, and why.
CFN_LINT_NOT_FOLLOWED = {
    "W3005": (FUNCTIONS, "The CDK says a dependency that CloudFormation would see without; that changes nothing"),
}
# As above, from the mapping of a domain of one's own to the API's stage.
CFN_LINT_NOT_FOLLOWED_WITH_A_DOMAIN = {"W3005": FUNCTIONS | {"ApiStageTelemetryApiDomainundefined98B9FE00"}}
CHECKOV_NOT_FOLLOWED = {
    "CKV_AWS_115": (
        FUNCTIONS,
        "The routes' throttles and the event source's concurrency bound them; a reservation takes from other functions",
    ),
    "CKV_AWS_116": (FUNCTIONS, "The API and the queue wait for each invocation: a DLQ of the function gets nothing"),
    "CKV_AWS_117": (
        FUNCTIONS,
        "They call AWS services alone, over TLS and by their roles; a VPC would protect nothing",
    ),
    "CKV_AWS_173": (
        FUNCTIONS,
        "Their variables are names and settings, no secrets; Lambda encrypts them, with a key of its own",
    ),
}
CHECKOV_NOT_FOLLOWED_WHERE_DATA_MAY_BE_LOST = {
    "CKV_AWS_165": (TABLE, "The stage's settings say that its data may be lost: no recovery to a point in time"),
}

# As above, in the template of a trail that an account may want.
TRAIL = ROOT / "docs" / "cloudtrail.yaml"
CHECKOV_NOT_FOLLOWED_BY_THE_TRAIL = {
    "CKV_AWS_18": ({"Logs"}, "A log of who reads the log asks for another bucket; nobody can delete from this one"),
}

Findings = dict[str, set[str]]


def on(not_followed: dict[str, tuple[set[str], str]]) -> Findings:
    return {rule: resources for rule, (resources, _why) in not_followed.items()}


def cfn_lint(*templates: Path) -> dict[Path, Findings]:
    """Return what each rule, of an error or a warning, was broken by in each template."""
    done = subprocess.run(
        [CFN_LINT, "--format", "json", "--", *templates], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.stdout, done.stderr
    findings: dict[Path, Findings] = {template: {} for template in templates}
    for each in json.loads(done.stdout):
        path = each["Location"]["Path"]
        where = path[1] if path[:1] == ["Resources"] else str(path)
        findings[Path(each["Filename"])].setdefault(each["Rule"]["Id"], set()).add(where)
    return findings


def checkov(*templates: Path) -> dict[Path, Findings]:
    """Return what each check was failed by in each template."""
    assert CHECKOV.exists(), "the scanner is not installed: scripts/run.sh --dev --cdk --scan"
    files = [argument for template in templates for argument in ("--file", str(template))]
    done = subprocess.run(
        # Without --skip-download it asks its maker's service for guidelines.
        [CHECKOV, "--framework", "cloudformation", "--skip-download", "--output", "json", "--compact", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.stdout, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)["results"]
    assert results["parsing_errors"] == []
    # It looked at each: all of them follow something.
    assert {Path(each["file_abs_path"]) for each in results["passed_checks"]} >= set(templates)
    findings: dict[Path, Findings] = {template: {} for template in templates}
    for each in results["failed_checks"]:
        resource = each["resource"].rpartition(".")[2]
        findings[Path(each["file_abs_path"])].setdefault(each["check_id"], set()).add(resource)
    return findings


def template_of(synthesis: Synthesis) -> Path:
    return synthesis.directory / "Telemetry.template.json"


Found = Callable[[str], Findings]


def found_by(scan: Callable[..., dict[Path, Findings]], synthesis_of: Callable[[str], Synthesis]) -> Found:
    """Scan the templates of all stages and variants in one run, since a scanner takes seconds to start."""
    found = scan(*(template_of(synthesis_of(stage)) for stage in EVERY_STAGE))
    return lambda stage: found[template_of(synthesis_of(stage))]


@pytest.fixture(scope="module")
def found_by_cfn_lint(synthesis_of: Callable[[str], Synthesis]) -> Found:
    return found_by(cfn_lint, synthesis_of)


@pytest.fixture(scope="module")
def found_by_checkov(synthesis_of: Callable[[str], Synthesis]) -> Found:
    return found_by(checkov, synthesis_of)


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_cfn_lint_finds_nothing_but_what_is_not_followed(found_by_cfn_lint: Found, stage: str) -> None:
    with_domain = CFN_LINT_NOT_FOLLOWED_WITH_A_DOMAIN if stage in {"full", "cognito"} else {}
    assert found_by_cfn_lint(stage) == on(CFN_LINT_NOT_FOLLOWED) | with_domain


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_checkov_finds_nothing_but_what_is_not_followed(found_by_checkov: Found, stage: str) -> None:
    may_lose = on(CHECKOV_NOT_FOLLOWED_WHERE_DATA_MAY_BE_LOST) if stage in {"local", "dev", "bare"} else {}
    assert found_by_checkov(stage) == on(CHECKOV_NOT_FOLLOWED) | may_lose


def test_checkov_finds_nothing_in_the_trail_but_what_is_not_followed(tmp_path: Path) -> None:
    careless = tmp_path / "careless.yaml"
    careless.write_text(TRAIL.read_text().replace("      KMSKeyId: !GetAtt Key.Arn\n", ""))
    found = checkov(TRAIL, careless)
    assert found[TRAIL] == on(CHECKOV_NOT_FOLLOWED_BY_THE_TRAIL)
    assert found[careless] == found[TRAIL] | {"CKV_AWS_35": {"Trail"}}


def test_either_finds_what_is_careless(prod: Synthesis, tmp_path: Path) -> None:
    careless = json.loads(json.dumps(prod.template))
    careless["Resources"]["Queue381943A6"]["Properties"].pop("KmsMasterKeyId")
    policy = careless["Resources"]["IngestPermissions1888D963"]["Properties"]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", "Action": "sqs:SendMesage", "Resource": "*"})
    policy["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    template = tmp_path / "careless.template.json"
    template.write_text(json.dumps(careless))
    assert "IngestPermissions1888D963" in cfn_lint(template)[template]["W3037"]
    found = checkov(template)[template]
    assert found["CKV_AWS_27"] == {"Queue381943A6"}
    assert "IngestPermissions1888D963" in {resource for resources in found.values() for resource in resources}
