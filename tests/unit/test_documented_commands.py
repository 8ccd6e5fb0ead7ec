"""The documents' `aws` commands: each is one that the AWS CLI takes, by the models of AWS's services in botocore."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import get_session
from botocore.validate import ParamValidator
from jmespath.exceptions import JMESPathError

from tests.documents import DOCUMENTS, ROOT, blocks_of, without_blocks

# Their commands begin as those of the runbook.
OPERATORS_DOCUMENTS = [ROOT / "docs" / name for name in ("runbook.md", "deployments.md", "restore.md")]

INLINE = re.compile(r"`(aws [^`]+)`")
SEPARATORS = ";|&()<>\n"
# Where the CLI calls a service otherwise than its model does.
MODELS = {"deploy": "codedeploy"}
# Options of every command, and whether they take a value.
GLOBAL_OPTIONS = {"--output", "--query", "--region", "--profile"}
PAGES = {"--max-items"}
# What the CLI adds to its services: how many words come before the options, and those.
ADDED_COMMANDS = {
    ("cloudformation", "deploy"): (0, {"--stack-name", "--template-file", "--parameter-overrides"}),
    ("logs", "tail"): (1, {"--since", "--filter-pattern", "--format", "--log-stream-name-prefix"}),
    ("sso", "login"): (0, set[str]()),
}
VARIABLE = "$"

SESSION = get_session()
Words = tuple[str, ...]


def commands_of(text: str) -> Iterator[Words]:
    """Yield the words of each `aws` command of a document, as a shell would give them, with variables as they are."""
    for code in programs_of(text):
        yield from commands_in(code)
    for code in INLINE.findall(without_blocks(text)):
        yield from commands_in(code)


def programs_of(text: str) -> list[str]:
    return [block.code for block in blocks_of(text) if block.language == "sh"]


def commands_in(code: str) -> Iterator[Words]:
    words = shlex.shlex(code.replace("\\\n", ""), posix=True, punctuation_chars=SEPARATORS)
    words.whitespace = " \t\r"
    words.whitespace_split = True
    command: list[str] = []
    for word in [*words, "\n"]:
        if set(word) <= set(SEPARATORS):
            if command[:1] == ["aws"]:
                yield tuple(command)
            command = []
        # What is before the command itself: `do`, `{`.
        elif command or word not in {"do", "then", "{"}:
            command.append(word)


def faults_of(command: Words) -> list[str]:
    """Return what the AWS CLI would refuse of a command."""
    _, service, *words = command
    if (service, *words[:1]) in ADDED_COMMANDS:
        count, known = ADDED_COMMANDS[service, words[0]]
        return [f"{word}?" for word in options_of(words[1 + count :]) if word not in known | GLOBAL_OPTIONS]
    try:
        model = SESSION.get_service_model(MODELS.get(service, service))
    except DataNotFoundError:
        return [f"there is no service {service}"]
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    waits = words[0] == "wait"
    if waits:
        waiters = SESSION.get_waiter_model(MODELS.get(service, service))
        operations = {xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
        words = words[1:]
    if words[0] not in operations:
        return [f"{service} has no {words[0]}"]
    return faults_of_call(model.operation_model(operations[words[0]]), options_of(words[1:]), waits=waits)


def options_of(words: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each option; what stands before the first is its own."""
    options: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--") or not options:
            values = options.setdefault(word, [])
        else:
            values.append(word)
    return options


def faults_of_call(operation: OperationModel, options: Mapping[str, Sequence[str]], *, waits: bool) -> list[str]:
    members: Mapping[str, Shape] = operation.input_shape.members if operation.input_shape else {}
    by_option = {f"--{xform_name(name, '-')}": name for name in members}
    faults: list[str] = []
    call: dict[str, Any] = {}
    for option, values in options.items():
        name = by_option.get(option) or by_option.get(option.replace("--no-", "--", 1))
        if name is None:
            if len(values) != 1 or not (option in GLOBAL_OPTIONS or (option in PAGES and answers_in_pages(operation))):
                faults.append(f"{option}?")
            elif option == "--query" and not waits:
                faults += faults_of_query(operation, values[0])
        elif members[name].type_name == "boolean":
            call[name] = not option.startswith("--no-")
            faults += [f"{option} takes no value"] if values else []
        else:
            try:
                call[name] = value_of(members[name], values)
            except (ValueError, KeyError) as error:
                faults.append(f"{option}: {error!r}")
            else:
                faults += [f"{option}: no {each}" for each in unknown_values(members[name], call[name])]
    if operation.input_shape:
        report = ParamValidator().validate(call, operation.input_shape)
        faults += [report.generate_report()] if report.has_errors() else []
    return faults


def answers_in_pages(operation: OperationModel) -> bool:
    try:
        SESSION.get_paginator_model(operation.service_model.service_name).get_paginator(operation.name)
    except ValueError:
        return False
    return True


def value_of(shape: Shape, values: Sequence[str]) -> Any:  # noqa: ANN401 - whatever the operation takes
    """Return what the CLI makes of an option's values: JSON, or its shorthand.

    Raises:
        ValueError: they are neither.
        KeyError: the shorthand names what the option does not have.
    """
    if isinstance(shape, ListShape) and values[:1] and values[0][:1] != "[":
        return [value_of(shape.member, [value]) for value in values]
    (text,) = values
    made: Any = text
    match shape:
        case StructureShape() | MapShape() | ListShape() if text[:1] in {"{", "["}:
            made = json.loads(text)
        case MapShape() if text.startswith(VARIABLE):
            made = {}
        case StructureShape():
            pairs = dict(pair.split("=", maxsplit=1) for pair in text.split(","))
            made = {name: value_of(shape.members[name], [value]) for name, value in pairs.items()}
        case Shape(type_name="integer" | "long"):
            made = 1 if text.startswith(VARIABLE) else int(text)
        case Shape(type_name="boolean"):
            made = {"true": True, "false": False}[text]
        case _ if VARIABLE in text:
            # Who runs it has set it to something long enough.
            made = text.ljust(shape.metadata.get("min", 0))
        case _:
            pass
    return made


def unknown_values(shape: Shape, value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the operation takes
    """Yield the texts that stand where the operation takes one of a list, and are not in it."""
    if isinstance(shape, StructureShape):
        for name, each in value.items():
            yield from unknown_values(shape.members[name], each) if name in shape.members else ()
    elif isinstance(shape, ListShape):
        for each in value:
            yield from unknown_values(shape.member, each)
    elif isinstance(value, str) and getattr(shape, "enum", None) and not value.startswith(VARIABLE):
        yield from () if value in shape.enum else (value,)  # pyright: ignore[reportAttributeAccessIssue]


def faults_of_query(operation: OperationModel, query: str) -> list[str]:
    """Return what is wrong with a query: it is none, or asks for what the answer does not have."""
    try:
        # A filter would look at values, of which an answer that is made up has none.
        asked = jmespath.compile(re.sub(r"\[\?.*?\]", "[]", query))
    except JMESPathError as error:
        return [f"--query: {error}"]
    found = asked.search(answer_of(operation.output_shape))
    return [] if found and None not in (found, *found) else [f"--query {query} finds nothing"]


class OfAnyName(dict[str, Any]):
    """What has whatever is asked for."""

    def get(self, *_name: object) -> Any:  # noqa: ANN401 - whatever it has
        return self["any"]


def answer_of(shape: Shape | None, depth: int = 0) -> Any:  # noqa: ANN401 - whatever the operation answers
    """Return an answer with one of each thing that it can have."""
    match shape:
        case StructureShape() if depth < 8:
            return {name: answer_of(member, depth + 1) for name, member in shape.members.items()}
        case ListShape():
            return [answer_of(shape.member, depth + 1)]
        case MapShape():
            return OfAnyName(any=answer_of(shape.value, depth + 1))
        case _:
            return "some"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_aws_command_of_a_document_is_one_that_the_cli_takes(document: Path) -> None:
    refused = {" ".join(command): faults_of(command) for command in commands_of(document.read_text())}
    assert {command: faults for command, faults in refused.items() if faults} == {}


def test_the_documents_have_commands_in_blocks_in_lines_and_within_others() -> None:
    found = {command[1:3] for document in DOCUMENTS for command in commands_of(document.read_text())}
    assert {
        ("sso", "login"),
        ("lambda", "get-account-settings"),
        ("cloudformation", "describe-stacks"),
        ("dynamodb", "restore-table-from-backup"),
        ("dynamodb", "create-backup"),
        ("dynamodb", "put-item"),
        ("logs", "tail"),
    } <= found


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sqs receive-message --queue-url U", "sqss receive-message --queue-url U"),
        ("sqs receive-message --queue-url U", "sqs recieve-message --queue-url U"),
        ("sqs receive-message --queue-url U", "sqs receive-message --que-url U"),
        ("sqs receive-message --queue-url U", "sqs receive-message"),
        ("sqs receive-message --queue-url U", "sqs receive-message --queue-url"),
        ("sqs receive-message --queue-url U", "sqs receive-message --queue-url U V"),
        ("sqs receive-message --queue-url U", "sqs receive-message U"),
        (
            "sqs receive-message --queue-url U --max-number-of-messages 10",
            "sqs receive-message --queue-url U --max-number-of-messages ten",
        ),
        (
            "sqs receive-message --queue-url U --message-system-attribute-names All",
            "sqs receive-message --queue-url U --message-system-attribute-names Al",
        ),
        ("dynamodb wait table-exists --table-name T", "dynamodb wait table-exist --table-name T"),
        ("dynamodb wait table-exists --table-name T", "dynamodb wait table-exists"),
        (
            """dynamodb get-item --table-name T --key '{"chargerId": {"S": "'"$1"'"}}'""",
            """dynamodb get-item --table-name T --key '{"chargerId": {"S": "'"$1"'"}'""",
        ),
        (
            """dynamodb get-item --table-name T --key '{"chargerId": {"S": "a"}}'""",
            """dynamodb get-item --table-name T --key '{"chargerId": {"T": "a"}}'""",
        ),
        (
            "dynamodb update-time-to-live --table-name T --time-to-live-specification Enabled=true,AttributeName=a",
            "dynamodb update-time-to-live --table-name T --time-to-live-specification Enabled=true,AttributName=a",
        ),
        (
            "dynamodb update-time-to-live --table-name T --time-to-live-specification Enabled=true,AttributeName=a",
            "dynamodb update-time-to-live --table-name T --time-to-live-specification Enabled=yes,AttributeName=a",
        ),
        (
            "dynamodb update-table --table-name T --no-deletion-protection-enabled",
            "dynamodb update-table --table-name T --deletion-protection-enabled false",
        ),
        (
            "dynamodb list-backups --query 'BackupSummaries[0].BackupArn'",
            "dynamodb list-backups --query 'BackupSummaries[0].BackupARN'",
        ),
        ("dynamodb list-backups --query 'BackupSummaries[0]'", "dynamodb list-backups --query 'BackupSummaries[0'"),
        ("dynamodb list-backups --max-items 3", "dynamodb describe-endpoints --max-items 3"),
        ("deploy list-deployments", "codedeploi list-deployments"),
        ("logs tail \"$LOG\" --filter-pattern '{ $.a = 1 }'", "logs tail \"$LOG\" --filter '{ $.a = 1 }'"),
    ],
)
def test_a_mistake_in_a_command_is_found(right: str, wrong: str) -> None:
    ((*command,),) = commands_in(f"NAME=$(aws {right})\n")
    assert faults_of(tuple(command)) == []
    ((*command,),) = commands_in(f"aws {wrong} | tail -n 1")
    assert faults_of(tuple(command)) != []


@pytest.mark.parametrize("document", OPERATORS_DOCUMENTS, ids=lambda path: path.name)
def test_each_variable_of_an_operators_command_is_set_before_it_is_used(document: Path) -> None:
    beginning = programs_of(OPERATORS_DOCUMENTS[0].read_text())[0]
    known: set[str] = set()
    for code in [beginning, *programs_of(document.read_text())]:
        for line in code.splitlines():
            used = set(re.findall(r"\$([A-Za-z_]\w*)", re.sub(r"'\{[^']*'", "", line)))
            known |= set(re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", line)) | set(
                re.findall(r"\b(?:read -r|for) (\w+)", line)
            )
            assert used <= known, line
