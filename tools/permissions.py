"""Writes `docs/permissions.md`: who may do what in stage `prod` and why, from the synthesized template.

Run it with `scripts/run.sh --cdk -- python -m tools.permissions`. The reasons are given where the permissions are, in
`telemetry_stack`, and travel in the template's metadata.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

import app
from telemetry_stack.constructs.reasons import WHY
from telemetry_stack.stages import stage_settings

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "docs" / "permissions.md"

INTRODUCTION = """# Who may do what

Stage `prod`, generated from its synthesized template by `scripts/run.sh --cdk -- python -m tools.permissions`. What is
not listed here, nobody of this stack may do. The reasons are given beside the permissions, in
`telemetry_stack/telemetry_stack.py` and, for logs, traces and keys, in `telemetry_stack/constructs/`.
"""
ROLES = """
## What the functions may do

The last column tells what is seen without the action: `tests/e2e/test_permissions.py` takes each of these away. The
emulator does not enforce the others (KMS, the event source's own actions, logs, traces). AWS's documentation, linked,
is the reason for them, and those of the event source are taken away in a second emulator, in
`tests/stack/test_permissions_in_force.py`.
"""
KEYS = """
## Who may use the keys

`account` is whoever this account's IAM policies allow it: of this stack, the roles above and no other.
"""
QUEUES_AND_TOPICS = """
## What queues and topics refuse and take

In a queue's policy nothing is allowed: only the IAM policies of this account open it.
"""
INVOCATIONS = """
## Who may invoke the functions

The processor is invoked by Lambda's own event source, which needs no permission here.
"""

# What the emulator enforces: the function, the action, and what is seen without it.
WITHOUT_IT = {
    ("Ingest", "sqs:SendMessage"): "a post is `503`, nothing is acknowledged",
    ("Processor", "sqs:ChangeMessageVisibility"): "what failed is tried again only after the queue's own visibility "
    "timeout, nothing is lost",
    ("Processor", "sqs:SendMessage"): "poison stays on the queue and is tried again, the DLQ stays empty",
    ("Processor", "dynamodb:BatchGetItem"): "nothing is stored, all is tried again, nothing is lost",
    ("Processor", "dynamodb:PutItem"): "nothing is stored, all is tried again, nothing is lost",
    ("Query", "dynamodb:BatchGetItem"): "a query is `503`",
}

Template = Mapping[str, Any]


def main() -> None:
    """Write the copy."""
    COPY.write_text(text(prod()))


def prod() -> Template:
    """Return the template of stage `prod`, synthesized without building the bundle."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as directory:
        synthesis = App(context={**flags, "aws:cdk:bundling-stacks": []}, outdir=directory)
        stack = app.compose(synthesis, stage_settings("prod", local_port=0))
        synthesis.synth()
        return json.loads((Path(directory) / stack.template_file).read_text())


def text(template: Template) -> str:
    """Return what the copy is to hold."""
    return "".join(
        (
            INTRODUCTION,
            ROLES,
            table(("role", "action", "on", "why", "without it"), roles(template)),
            KEYS,
            table(("key", "who", "actions", "where", "why"), policies(template, "AWS::KMS::Key")),
            QUEUES_AND_TOPICS,
            table(
                ("policy", "who", "actions", "where", "why"),
                [*policies(template, "AWS::SQS::QueuePolicy"), *policies(template, "AWS::SNS::TopicPolicy")],
            ),
            INVOCATIONS,
            table(("function", "who", "for"), invocations(template)),
        )
    )


def roles(template: Template) -> Iterator[tuple[str, ...]]:
    """Yield each action of each role."""
    for resource in of_type(template, "AWS::IAM::ManagedPolicy").values():
        reasons = resource["Metadata"][WHY]
        (role,) = (plain(each) for each in resource["Properties"]["Roles"])
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                shown = WITHOUT_IT.get((role.removesuffix("Role"), action), "")
                yield role, f"`{action}`", plain(statement["Resource"]), reasons[statement["Sid"]], shown


def policies(template: Template, resource_type: str) -> Iterator[tuple[str, ...]]:
    """Yield each statement of the policies that resources of a type are or have."""
    for logical_id, resource in of_type(template, resource_type).items():
        properties = resource["Properties"]
        for statement in (properties.get("KeyPolicy") or properties["PolicyDocument"])["Statement"]:
            denied = statement["Effect"] == "Deny"
            # The CDK makes these, `enforce_ssl`, and names them after the opposite where it names them at all.
            why = "What is not sent by TLS is refused" if denied else resource["Metadata"][WHY][statement["Sid"]]
            actions = ", ".join(f"`{action}`" for action in listed(statement["Action"]))
            yield (
                name_of(logical_id),
                principal(statement["Principal"]),
                f"**denied**: {actions}" if denied else actions,
                condition(statement.get("Condition", {})),
                why,
            )


def invocations(template: Template) -> Iterator[tuple[str, ...]]:
    """Yield who may invoke each function, and for which route."""
    for resource in of_type(template, "AWS::Lambda::Permission").values():
        properties = resource["Properties"]
        route = plain(properties["SourceArn"]).rpartition("/*/*")[2]
        yield plain(properties["FunctionName"]), f"`{properties['Principal']}`", f"`{route}` of its own API"


def of_type(template: Template, resource_type: str) -> dict[str, Any]:
    """Return the resources of a type by logical id, sorted."""
    resources = template["Resources"]
    return {name: resources[name] for name in sorted(resources) if resources[name]["Type"] == resource_type}


def listed(value: str | list[str]) -> list[str]:
    """Return a list of what a policy has one of, or several."""
    return [value] if isinstance(value, str) else value


def plain(value: Any) -> str:  # noqa: ANN401 - a template is JSON
    """Return what CloudFormation makes of a value, with names for what it fills in."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::AccountId"}:
            return "ACCOUNT"
        case {"Ref": logical_id} | {"Fn::GetAtt": [logical_id, *_]}:
            return name_of(logical_id)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(plain(part) for part in parts)
        case _:
            raise ValueError(f"no name for {value!r}")


def name_of(logical_id: str) -> str:
    """Return a logical id without the hash that the CDK puts at its end."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def principal(value: Any) -> str:  # noqa: ANN401 - a template is JSON
    """Return who a statement is about: a service, the account, or everybody."""
    match value:
        case "*" | {"AWS": "*"}:
            return "everybody"
        case {"Service": service}:
            return f"`{service}`"
        case {"AWS": arn} if plain(arn).endswith(":root"):
            return "account"
        case _:
            raise ValueError(f"no name for {value!r}")


def condition(value: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what must hold, e.g. `aws:SecureTransport` is `false`."""
    return ", ".join(f"`{key}` is `{plain(wanted)}`" for operator in value.values() for key, wanted in operator.items())


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    """Return a Markdown table; addresses in parentheses become links."""
    lines = (head, ("---",) * len(head), *rows)
    made = "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return re.sub(r"\((https://[^)]+)\)", r"([AWS](\1))", made)


if __name__ == "__main__":
    main()
