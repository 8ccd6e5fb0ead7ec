"""Writes `docs/permissions.md`: who may do what in stage `prod` and why, from the synthesized template.

Run it with `scripts/telemetry.sh document permissions`. The reasons are given where the permissions are, in
`telemetry_stack`, and travel in the template's metadata.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

import app
from telemetry_stack.constructs.reasons import WHY
from telemetry_stack.stages import stage_settings

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "docs" / "permissions.md"

INTRODUCTION = """# Who may do what

Stage `prod`, generated from its synthesized template by `scripts/telemetry.sh document permissions`. What is
not listed here, nobody of this stack may do. The reasons are given beside the permissions, in
`telemetry_stack/telemetry_stack.py` and, for logs, traces, keys and deployments, in `telemetry_stack/constructs/`.
"""
ROLES = """
## What each role may do

The last column tells what is seen without the action: `tests/e2e/test_permissions.py` takes each of these away. The
emulator does not enforce the others (KMS, the event source's own actions, logs, traces, CodeDeploy). AWS's
documentation, linked, is the reason for them, and those of the event source are taken away in a second emulator, in
`tests/stack/test_permissions_in_force.py`.
"""
KEYS = """
## Who may use the keys

A role of the stack is named by the policy of each key that it uses, with the actions of its own policy. `account` is
whoever this account's IAM policies allow it, and where `aws:PrincipalArn` is given only roles of such a name.
"""
QUEUES_TOPIC_AND_TABLE = """
## What the queues, the topic and the table refuse and take

In the policies of the queues and of the table nothing is allowed: only the IAM policies of this account open them.
"""
TRUST = """
## Who may act as a role
"""
INVOCATIONS = """
## Who may invoke the functions

By its alias, which leads to the version that is live. The processor is invoked by Lambda's own event source, which
needs no permission here.
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

# Where a template holds a policy: the type of the resource, and the path to the policy in its properties.
ROLE = ("AWS::IAM::Role", "AssumeRolePolicyDocument")
ROLE_POLICY = ("AWS::IAM::ManagedPolicy", "PolicyDocument")
KEY = ("AWS::KMS::Key", "KeyPolicy")
QUEUE = ("AWS::SQS::QueuePolicy", "PolicyDocument")
TOPIC = ("AWS::SNS::TopicPolicy", "PolicyDocument")
TABLE = ("AWS::DynamoDB::GlobalTable", "Replicas.ResourcePolicy.PolicyDocument")
LISTED = {ROLE, ROLE_POLICY, KEY, QUEUE, TOPIC, TABLE}

# What is shown of a statement, its `Resource` where it is not the resource that has the policy.
SHOWN = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
OPERATORS = {"StringEquals": "is", "Bool": "is", "ArnLike": "is like"}
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}

Template = Mapping[str, Any]
Statement = Mapping[str, Any]
Place = tuple[str, str]


@dataclass(frozen=True)
class Policy:
    """A policy of a template.

    Attributes:
        logical_id: of the resource that has it or is it.
        resource: that resource.
        place: where it stands.
        statements: what it says.
    """

    logical_id: str
    resource: Mapping[str, Any]
    place: Place
    statements: Sequence[Statement]


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
            TRUST,
            table(("role", "who", "actions", "where", "why"), statements(template, ROLE)),
            KEYS,
            table(("key", "who", "actions", "where", "why"), statements(template, KEY)),
            QUEUES_TOPIC_AND_TABLE,
            table(("policy of", "who", "actions", "where", "why"), statements(template, QUEUE, TOPIC, TABLE)),
            INVOCATIONS,
            table(("function", "who", "for"), invocations(template)),
        )
    )


def policies(template: Template) -> list[Policy]:
    """Return every policy of a template, by the logical ids of the resources that have them.

    Raises:
        ValueError: one stands where nobody has looked for it, so that it would not be listed.
    """
    found = [
        Policy(logical_id, resource, (resource["Type"], path), listed(document["Statement"]))
        for logical_id, resource in sorted(template["Resources"].items())
        for path, document in documents(resource.get("Properties", {}), ())
    ]
    unlisted = sorted({" ".join((each.logical_id, *each.place)) for each in found if each.place not in LISTED})
    if unlisted:
        raise ValueError(f"policies that are not listed: {', '.join(unlisted)}")
    return found


def documents(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - a template is JSON
    """Yield each policy in the properties of a resource, one that is written as text too, with the path to it."""
    match value:
        case {"Statement": _}:
            yield ".".join(path), value
        case dict():
            for name, each in value.items():  # pyright: ignore[reportUnknownVariableType]
                yield from documents(each, (*path, name))  # pyright: ignore[reportUnknownArgumentType]
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from documents(each, path)
        case str() if '"Statement"' in value:
            yield ".".join(path), {"Statement": value}
        case _:
            pass


def roles(template: Template) -> Iterator[tuple[str, ...]]:
    """Yield each action of each role."""
    for policy in policies(template):
        if policy.place != ROLE_POLICY:
            continue
        (role,) = (plain(each) for each in policy.resource["Properties"]["Roles"])
        for statement in policy.statements:
            where = condition(statement)
            on = plain(statement["Resource"]) + (f", where {where}" if where else "")
            for action in actions(statement):
                shown = WITHOUT_IT.get((role.removesuffix("Role"), action.strip("`")), "")
                yield role, action, on, reason(policy, statement), shown


def statements(template: Template, *places: Place) -> Iterator[tuple[str, ...]]:
    """Yield each statement of the policies in these places: on what, who, which actions, where, and why."""
    for place in places:
        for policy in policies(template):
            if policy.place == place:
                for statement in policy.statements:
                    yield (
                        name_of(policy.logical_id),
                        principal(statement["Principal"]),
                        ", ".join(actions(statement)),
                        condition(statement),
                        reason(policy, statement),
                    )


def actions(statement: Statement) -> list[str]:
    """Return the actions that a statement allows, or denies.

    Raises:
        ValueError: it says more than what is shown of it.
    """
    if not statement.keys() <= SHOWN:
        raise ValueError(f"not shown: {sorted(statement.keys() - SHOWN)} of {statement}")
    denied = {"Allow": "", "Deny": "**denied**: "}[statement["Effect"]]
    return [f"{denied}`{action}`" for action in listed(statement["Action"])]


def reason(policy: Policy, statement: Statement) -> str:
    """Return why a statement is in a policy.

    Raises:
        ValueError: nobody has said why.
    """
    reasons = policy.resource.get("Metadata", {}).get(WHY, {})
    if statement.get("Sid") in reasons:
        return reasons[statement["Sid"]]
    if statement["Effect"] == "Deny" and statement.get("Condition") == WITHOUT_TLS:
        # The CDK makes most of these, `enforce_ssl`.
        return "What is not sent by TLS is refused"
    if policy.place == ROLE:
        return "Lambda runs the function as this role"
    raise ValueError(f"no reason for {statement} of {policy.logical_id}")


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


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - a template is JSON
    """Return a list of what a policy has one of, or several."""
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]


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


def condition(statement: Statement) -> str:
    """Return what must hold for a statement, e.g. `aws:SecureTransport` is `false`.

    Raises:
        ValueError: an operator that has no words here.
    """
    said: list[str] = []
    for operator, wanted in statement.get("Condition", {}).items():
        if operator not in OPERATORS:
            raise ValueError(f"no words for {operator}")
        for key, values in wanted.items():
            any_of = " or ".join(f"`{plain(value)}`" for value in listed(values))
            said.append(f"`{key}` {OPERATORS[operator]} {any_of}")
    return ", ".join(said)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; addresses in parentheses become links."""
    lines = (head, ("---",) * len(head), *rows)
    made = "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return re.sub(r"\((https://[^)]+)\)", r"([AWS](\1))", made)
