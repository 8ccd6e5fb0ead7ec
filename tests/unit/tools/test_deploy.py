"""`scripts/deploy.sh`: what it asks, what it runs, what it says of what was changed."""

import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import boto3
import pytest
from botocore.stub import Stubber

from telemetry_stack import stages
from tests.stage_settings import BARE, FULL, changed
from tools import deploy
from tools.smoke_test import SmokeTestError

ACCOUNT = "111122223333"
OUTPUTS = {"ApiUrl": "https://api.test/", "TableName": "latest"}


# As the CLI prints them; a word in a description is no option.
HELP_OF_DEPLOY = """
Options:
  --context, -c        Add contextual string parameter
  --rollback, -R       Rollback stack to stable state on failure, see
                       --desroy  [boolean]
  --tags, -t           Tags to add to the stack
  --execute            Whether to execute the change set
  --method             How to perform the deployment
"""


@dataclass
class Cdk:
    """The CDK CLI: what was asked of it, and how each command is to end."""

    commands: list[list[str]] = field(default_factory=list[list[str]])
    exit_codes: dict[str, int] = field(default_factory=dict[str, int])
    interrupted_at: str | None = None

    def __call__(
        self, arguments: list[str], *, stdout: TextIO | int, **_options: object
    ) -> subprocess.CompletedProcess[str]:
        _, command, *rest = arguments
        if rest == ["--help"]:
            return subprocess.CompletedProcess(arguments, 0, HELP_OF_DEPLOY)
        if not isinstance(stdout, int):
            print(f"cdk {command} tells", file=stdout)
        if command == self.interrupted_at:
            raise KeyboardInterrupt
        self.commands.append([command, *rest])
        if command == "deploy":
            outputs = {f"Telemetry-{self.stage}": OUTPUTS}
            Path(rest[rest.index("--outputs-file") + 1]).write_text(json.dumps(outputs))
        judged = f"diff {rest[rest.index('--fail-on') + 1]}" if "--fail-on" in rest else command
        return subprocess.CompletedProcess(arguments, self.exit_codes.get(judged, 0), "what the CLI said\n")

    @property
    def stage(self) -> str:
        [synth] = [each for each in self.commands if each[0] == "synth"]
        return synth[synth.index("-c") + 1].removeprefix("stage=")

    @property
    def names(self) -> list[str]:
        return [command for command, *_ in self.commands]


@pytest.fixture(autouse=True)
def cdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cdk:
    """No CDK CLI, credentials that are good, and no token."""
    made = Cdk()
    (tmp_path / "cdk.out").mkdir()
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    monkeypatch.setattr(deploy.subprocess, "run", made)
    monkeypatch.setattr(deploy, "account_of", good_account)
    monkeypatch.setattr(deploy, "check_bootstrap", good_bootstrap)
    monkeypatch.delenv("TELEMETRY_TOKEN", raising=False)
    # Nobody is at the terminal.
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return made


def good_account(_profile: str | None, _settings: stages.StageSettings) -> str:
    return ACCOUNT


def good_bootstrap(_profile: str | None, _settings: stages.StageSettings, *, account: str) -> None:
    assert account == ACCOUNT


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage dev as a team would have filled it in."""
    with_issuer = changed(BARE, auth=FULL.auth, account=ACCOUNT)
    monkeypatch.setattr(stages, "dev", lambda: with_issuer)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The events that were sent, instead of sending them."""
    events: list[tuple[object, ...]] = []

    def send(url: str, token: str | None, *, charger_id: str, proxies: bool) -> object:
        events.append((url, token, charger_id, proxies))
        return {}

    monkeypatch.setattr(deploy, "send_and_read_back", send)
    return events


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Have somebody at the terminal, who types this; what it returns collects what they were asked."""

    def answers(answer: str) -> list[str]:
        asked: list[str] = []

        def at_terminal(question: str) -> str:
            asked.append(question)
            return answer

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("builtins.input", at_terminal)
        return asked

    return answers


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    assert deploy.main(list(arguments)) == code
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy.sh: ")
    return line.removeprefix("deploy.sh: ")


@pytest.mark.parametrize("stage", ["nosuch", ""])
def test_an_unknown_stage_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str], stage: str) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main([stage])
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert all(each in line for each in (repr(stage), *stages.STAGE_NAMES))


@pytest.mark.parametrize("arguments", [[], ["dev", "--confirm", "Telemetry-dev"], ["dev", "--destroy", "--force"]])
def test_wrong_arguments_end_with_2_and_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main(arguments)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.usefixtures("dev")
def test_where_it_deploys_to_is_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["dev"]) == 0
    assert capsys.readouterr().out.startswith(f"deploy stage dev: account {ACCOUNT}, region us-west-2\n")


@pytest.mark.usefixtures("dev")
def test_what_was_shown_is_what_is_deployed(cdk: Cdk) -> None:
    assert deploy.main(["dev", "--profile", "work", "--yes"]) == 0

    synth, diff, deployed = cdk.commands
    assembly = synth[synth.index("--output") + 1]
    assert (synth[0], diff[0], deployed[0]) == ("synth", "diff", "deploy")
    for command in (diff, deployed):
        assert command[command.index("--app") + 1] == assembly
    for command in cdk.commands:
        assert command[command.index("--profile") + 1] == "work"


@pytest.mark.usefixtures("dev")
def test_what_puts_nothing_at_stake_is_deployed_without_asking(cdk: Cdk) -> None:
    assert deploy.main(["dev"]) == 0
    assert cdk.names == ["synth", "diff", "diff", "diff", "deploy"]


STAKES = [("broadening", "broadens permissions"), ("destructive", "replaces, deletes or lets go of resources")]


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize(("kind", "told"), STAKES)
def test_what_puts_something_at_stake_is_refused_where_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, kind: str, told: str
) -> None:
    cdk.exit_codes[f"diff {kind}"] = 1
    line = refusal(capsys, "dev")
    assert line.startswith(f"the difference above {told}, and nobody is there to be asked; nothing was changed")
    assert line.endswith("give --yes")
    assert "deploy" not in cdk.names


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("YES", 0), ("", 1), ("n", 1), ("Telemetry-dev", 1)])
def test_what_puts_something_at_stake_is_deployed_if_the_person_agrees(
    cdk: Cdk, typed: Callable[[str], list[str]], answer: str, code: int
) -> None:
    cdk.exit_codes |= {"diff broadening": 1, "diff destructive": 1}
    asked = typed(answer)
    assert deploy.main(["dev"]) == code
    [question] = asked
    assert question.startswith("The difference above broadens permissions and replaces, deletes or lets go of ")
    assert question.endswith(". Deploy Telemetry-dev? [y/N] ")
    assert ("deploy" in cdk.names) == (code == 0)


@pytest.mark.usefixtures("dev")
def test_further_arguments_go_to_cdk_deploy_and_to_nothing_else(cdk: Cdk) -> None:
    assert deploy.main(["dev", "--yes", "--no-rollback", "--tags", "team=charging"]) == 0
    synth, diff, deployed = cdk.commands
    at = deployed.index("--no-rollback")
    assert deployed[at : at + 3] == ["--no-rollback", "--tags", "team=charging"]
    assert "--no-rollback" not in synth + diff


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--desroy", "neither this script nor cdk deploy has --desroy"),
        ("--rolback", "neither this script nor cdk deploy has --rolback (did you mean --rollback?)"),
        ("-x", "neither this script nor cdk deploy has -x"),
        ("--context=a=b", "--context would come after the synthesis"),
        ("-c", "-c would come after the synthesis"),
    ],
)
@pytest.mark.usefixtures("dev")
def test_what_neither_it_nor_the_cdk_has_is_refused(
    cdk: Cdk, capsys: pytest.CaptureFixture[str], argument: str, told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main(["dev", "--yes", argument])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"deploy.sh: {told}")
    assert cdk.commands == []


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize("argument", ["--no-execute", "--method=prepare-change-set"])
def test_what_is_not_executed_is_not_tried(
    cdk: Cdk, monkeypatch: pytest.MonkeyPatch, sent: list[tuple[object, ...]], argument: str
) -> None:
    monkeypatch.setenv("TELEMETRY_TOKEN", "token")
    assert deploy.main(["dev", "--yes", argument]) == 0
    assert cdk.names[-1] == "deploy"
    assert sent == []


@pytest.mark.usefixtures("dev")
def test_yes_deploys_what_puts_something_at_stake(cdk: Cdk) -> None:
    cdk.exit_codes |= {"diff broadening": 1, "diff destructive": 1}
    assert deploy.main(["dev", "--yes"]) == 0
    assert cdk.names[-1] == "deploy"


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("diff", "cdk diff failed; nothing was changed"),
        ("deploy", "cdk deploy of Telemetry-dev failed, and CloudFormation puts back what it changed; "),
    ],
)
def test_a_command_of_the_cdk_that_fails_is_the_last_and_what_was_changed_is_told(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, command: str, told: str
) -> None:
    cdk.exit_codes[command] = 1
    assert refusal(capsys, "dev", "--yes").startswith(told)
    assert cdk.names[-1] == command


@pytest.mark.usefixtures("dev")
def test_what_the_cdk_said_is_shown_where_it_could_not_synthesize(capsys: pytest.CaptureFixture[str], cdk: Cdk) -> None:
    cdk.exit_codes["synth"] = 1
    assert deploy.main(["dev"]) == 1
    told = capsys.readouterr().err
    assert "what the CLI said" in told
    assert told.endswith("deploy.sh: cdk synth failed; nothing was changed\n")
    assert cdk.names == ["synth"]


@pytest.mark.usefixtures("dev")
@pytest.mark.parametrize(
    ("command", "told"),
    [("synth", "nothing was changed"), ("diff", "nothing was changed"), ("deploy", deploy.GOES_ON)],
)
def test_who_interrupts_it_is_told_what_was_changed(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, command: str, told: str
) -> None:
    cdk.interrupted_at = command
    assert refusal(capsys, "dev", code=130) == f"interrupted; {told}"


@pytest.mark.usefixtures("dev")
def test_the_outputs_are_there_for_machines_and_what_the_cdk_tells_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert deploy.main(["dev", "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["stage"], told["stack"], told["account"]) == ("dev", "Telemetry-dev", ACCOUNT)
    assert told["outputs"] == OUTPUTS
    assert "cdk deploy tells" in printed.err


@pytest.mark.usefixtures("dev")
def test_an_event_is_sent_with_the_token_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[object, ...]]
) -> None:
    monkeypatch.setenv("TELEMETRY_TOKEN", "of-the-team")
    assert deploy.main(["dev"]) == 0
    assert sent == [("https://api.test", "of-the-team", "SMOKE-TEST", True)]


def test_a_stage_without_auth_needs_no_token(monkeypatch: pytest.MonkeyPatch, sent: list[tuple[object, ...]]) -> None:
    monkeypatch.setattr(stages, "dev", lambda: BARE)
    assert deploy.main(["dev"]) == 0
    assert sent == [("https://api.test", None, "SMOKE-TEST", True)]


@pytest.mark.usefixtures("dev")
def test_without_a_token_it_says_in_one_line_how_to_send_an_event(
    capsys: pytest.CaptureFixture[str], sent: list[tuple[object, ...]]
) -> None:
    assert deploy.main(["dev"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "smoke test" in line]
    assert "TELEMETRY_TOKEN=... scripts/deploy.sh dev" in line
    assert "SMOKE-TEST" in line
    assert sent == []


@pytest.mark.usefixtures("dev")
def test_an_event_that_does_not_come_back_fails_the_command_which_says_that_the_stack_is_deployed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_arguments: object, **_options: object) -> object:
        raise SmokeTestError("POST answered 403")

    monkeypatch.setenv("TELEMETRY_TOKEN", "of-another-charger")
    monkeypatch.setattr(deploy, "send_and_read_back", refused)
    assert refusal(capsys, "dev") == "Telemetry-dev is deployed, but the smoke test failed: POST answered 403"


TEMPLATE = {
    "Resources": {
        "Latest": {"Type": "AWS::DynamoDB::GlobalTable", "DeletionPolicy": "Retain"},
        "Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete"},
    }
}


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Answer for CloudFormation."""
    client = boto3.client("cloudformation", region_name=BARE.region)

    def here(_session: boto3.Session, asked: str, *, region_name: str) -> object:
        assert (asked, region_name) == ("cloudformation", BARE.region)
        return client

    monkeypatch.setattr(boto3.Session, "client", here)
    with Stubber(client) as stubber:
        yield stubber


def answer(cloudformation: Stubber, *, protected: bool = False) -> None:
    stack = {
        "StackName": "Telemetry-dev",
        "CreationTime": datetime.now(UTC),
        "StackStatus": "CREATE_COMPLETE",
        "EnableTerminationProtection": protected,
    }
    asked = {"StackName": "Telemetry-dev"}
    cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, asked)
    cloudformation.add_response("get_template", {"TemplateBody": json.dumps(TEMPLATE)}, asked)


@pytest.fixture
def deployed(cloudformation: Stubber) -> None:
    """Have stage dev deployed, without protection."""
    answer(cloudformation)


@pytest.mark.usefixtures("dev", "deployed")
def test_what_is_lost_and_what_stays_is_told_before_the_stack_is_deleted(
    capsys: pytest.CaptureFixture[str], cdk: Cdk
) -> None:
    assert deploy.main(["dev", "--destroy", "--confirm", "Telemetry-dev"]) == 0
    lost, stays = capsys.readouterr().out.split("Stays in the account")
    assert "AWS::SQS::Queue Queue" in lost
    assert "AWS::DynamoDB::GlobalTable Latest" in stays
    assert "CDKToolkit" in stays
    assert cdk.names == ["synth", "destroy"]


@pytest.mark.usefixtures("dev", "deployed")
@pytest.mark.parametrize("arguments", [[], ["--yes"]])
def test_nothing_is_deleted_without_the_stacks_name(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, arguments: list[str]
) -> None:
    assert "give --confirm Telemetry-dev" in refusal(capsys, "dev", "--destroy", *arguments)
    assert cdk.commands == []


@pytest.mark.usefixtures("dev", "deployed")
@pytest.mark.parametrize(("answer", "code"), [("Telemetry-dev", 0), ("y", 1), ("", 1), ("Telemetry-prod", 1)])
def test_the_person_types_the_stacks_name(cdk: Cdk, typed: Callable[[str], list[str]], answer: str, code: int) -> None:
    asked = typed(answer)
    assert deploy.main(["dev", "--destroy"]) == code
    assert asked == ["Type Telemetry-dev to delete it: "]
    assert ("destroy" in cdk.names) == (code == 0)


@pytest.mark.usefixtures("dev")
def test_a_stack_that_is_protected_is_refused_whatever_was_confirmed(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, cloudformation: Stubber
) -> None:
    answer(cloudformation, protected=True)
    line = refusal(capsys, "dev", "--destroy", "--confirm", "Telemetry-dev")
    assert line.startswith(
        "Telemetry-dev is protected from deletion; to delete it all the same, first: aws cloudformation "
    )
    assert cdk.commands == []


@pytest.mark.usefixtures("dev")
def test_a_stack_that_is_not_there_is_not_deleted(
    capsys: pytest.CaptureFixture[str], cdk: Cdk, cloudformation: Stubber
) -> None:
    cloudformation.add_client_error("describe_stacks", "ValidationError", "Stack Telemetry-dev does not exist")
    line = refusal(capsys, "dev", "--destroy", "--confirm", "Telemetry-dev")
    assert line.startswith("Telemetry-dev is not to be seen in us-west-2, so nothing is deleted: ")
    assert cdk.commands == []
