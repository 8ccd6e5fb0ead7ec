"""The command behind `scripts/deploy.sh`: check, show the difference, ask, deploy, and send a real event through.

The app is synthesized once, so that what was shown is what is deployed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from telemetry_stack.stages import STAGE_NAMES, NoAuth, StageSettings
from tools.command_line import (
    CommandError,
    OneLineParser,
    add_json,
    agrees,
    did_you_mean,
    printed_aside,
    run_to_its_end,
)
from tools.local_cloud.cloud import chosen_cloud
from tools.local_cloud.tokens import A_DAY, SCOPES
from tools.preflight import account_of, check_bootstrap, deployable
from tools.progress import Progress, step
from tools.smoke_test import SmokeTestError, send_and_read_back

ROOT = Path(__file__).resolve().parents[1]
# One for all deployments of a stage, so that no more than one item is left; a token may be for it alone.
SMOKE_TEST_CHARGER = "SMOKE-TEST"
DATA = (
    "AWS::DynamoDB::GlobalTable",
    "AWS::SQS::Queue",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::Cognito::UserPool",
)
NOTHING_CHANGED = "nothing was changed"
PASSED, NOT_RUN = "passed", "not run"
# In its help: an option with its short form, at the beginning of a line.
CDK_OPTIONS = re.compile(r"^  (-[\w-]+(?:, -[\w-]+)*)", re.MULTILINE)
GOES_ON = "what CloudFormation has begun goes on; once that has ended, give the command again"


@dataclass(frozen=True)
class Target:
    """A stage, and where it is to be.

    Attributes:
        settings: the stage's.
        account: whose credentials these are, 12 digits.
        profile: the AWS profile to use, None for the shell's credentials.
        outputs_file: where the CDK CLI writes the stack's outputs.
    """

    settings: StageSettings
    account: str
    profile: str | None
    outputs_file: Path

    @property
    def assembly(self) -> Path:
        """Where the app is synthesized to."""
        return ROOT / "cdk.out" / self.settings.name

    def cdk(self, command: str, *arguments: str, quietly: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command of the CDK CLI; `quietly` keeps what it says."""
        credentials = ["--profile", self.profile] if self.profile else []
        return subprocess.run(
            ["cdk", command, *arguments, *credentials, "--no-notices"],
            cwd=ROOT,
            check=False,
            text=True,
            # Where we print, too.
            stdout=subprocess.PIPE if quietly else sys.stdout,
            stderr=subprocess.STDOUT if quietly else None,
        )

    def synthesize(self) -> None:
        """Make the templates and the functions' bundle.

        Raises:
            CommandError: the CLI could not. It has said why.
        """
        shutil.rmtree(self.assembly, ignore_errors=True)
        with step(f"cdk synth of {self.settings.stack_name}"):
            made = self.cdk(
                "synth", "--quiet", "-c", f"stage={self.settings.name}", "--output", str(self.assembly), quietly=True
            )
            if made.returncode:
                print(f"\n{made.stdout}", file=sys.stderr)
                raise CommandError(f"cdk synth failed; {NOTHING_CHANGED}")

    def outputs(self) -> Mapping[str, str]:
        """Return the stack's outputs, by name."""
        return json.loads(self.outputs_file.read_text())[self.settings.stack_name]


def main(command_line: list[str]) -> int:
    """Do what the arguments say, and end with one clear line where that fails."""
    options = parser()
    arguments, of_cdk = options.parse_known_args(command_line)
    if arguments.confirm is not None and not arguments.destroy:
        options.error("--confirm goes with --destroy")
    if of_cdk and arguments.destroy:
        options.error(f"--destroy takes no arguments of cdk deploy: {' '.join(of_cdk)}")
    if refused := what_cdk_deploy_refuses(of_cdk):
        options.error(refused)
    return run_to_its_end("deploy.sh", lambda: _run(arguments, of_cdk))


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/deploy.sh",
        description="Deploys a stage: checks it, shows the difference, asks where permissions get broader or data is "
        "at stake, deploys, and sends an event through the API and back.",
        usage="%(prog)s STAGE [options] [arguments of cdk deploy]",
        epilog="The event needs TELEMETRY_TOKEN, a bearer token with the scopes "
        f"{' and '.join(SCOPES)} for charger {SMOKE_TEST_CHARGER}; stage local makes its own.",
        # What begins as one of ours may be of the CDK.
        allow_abbrev=False,
    )
    options.add_argument(
        "stage", choices=STAGE_NAMES, metavar="STAGE", help=f"one of {', '.join(STAGE_NAMES)}; local has to be up"
    )
    options.add_argument("--profile", help="the AWS profile to use")
    options.add_argument(
        "--yes", action="store_true", help="deploy without asking; the difference is shown all the same"
    )
    options.add_argument("--destroy", action="store_true", help="delete the stack, after its name was typed")
    options.add_argument(
        "--confirm", metavar="STACK", help="the name of the stack to destroy, where nobody can type it"
    )
    add_json(options)
    return options


def what_cdk_deploy_refuses(arguments: Sequence[str]) -> str | None:
    """Return what is wrong with arguments for `cdk deploy`, which ignores an option that it does not know."""
    if not arguments:
        return None
    told = subprocess.run(["cdk", "deploy", "--help"], stdout=subprocess.PIPE, text=True, check=False).stdout
    known = {name for names in CDK_OPTIONS.findall(told) for name in names.split(", ")}
    for option in (each.partition("=")[0] for each in arguments if each.startswith("-")):
        if option in {"-c", "--context"}:
            return f"{option} would come after the synthesis: what a stage is, telemetry_stack/stages.py says"
        if not {option, option.replace("--no-", "--", 1)} & known:
            return f"neither this script nor cdk deploy has {option}{did_you_mean(option, known)}"
    return None


def _run(arguments: argparse.Namespace, of_cdk: Sequence[str]) -> int:
    with printed_aside(arguments.json):
        target, done = _done(arguments, of_cdk)
    if arguments.json:
        settings = target.settings
        told = {"stage": settings.name, "stack": settings.stack_name, "account": target.account}
        print(json.dumps({**told, "region": settings.region, **done}, indent=2))
    return 0


def _done(arguments: argparse.Namespace, of_cdk: Sequence[str]) -> tuple[Target, Mapping[str, object]]:
    with _interruption_told(NOTHING_CHANGED):
        target = target_of(arguments.stage, arguments.profile)
    # The CLI writes to the same terminal or file, without waiting for us.
    settings = target.settings
    doing = "destroy" if arguments.destroy else "deploy"
    print(f"{doing} stage {settings.name}: account {target.account}, region {settings.region}", flush=True)
    if arguments.destroy:
        destroy(target, confirmed=arguments.confirm)
        return target, {}
    smoke_test = deploy(target, yes=arguments.yes, of_cdk=of_cdk)
    return target, {"outputs": target.outputs(), "smokeTest": smoke_test}


def target_of(stage: str, profile: str | None) -> Target:
    """Check all that a deployment needs, and return where it goes.

    Raises:
        StageError: there is no such stage.
        CommandError: a check fails.
    """
    if stage == "local":
        cloud = chosen_cloud()
        settings, profile, outputs_file = cloud.enter(), None, cloud.outputs_file
    else:
        settings = deployable(stage)
        outputs_file = ROOT / "cdk.out" / f"{stage}.outputs.json"
    with Progress() as progress:
        progress.tell(f"asking AWS whether {settings.stack_name} can be deployed")
        account = account_of(profile, settings)
        unchecked = check_bootstrap(profile, settings, account=account)
    if unchecked:
        print(f"  {unchecked}")
    return Target(settings, account, profile, outputs_file)


def deploy(target: Target, *, yes: bool, of_cdk: Sequence[str] = ()) -> str:
    """Synthesize, show the difference, ask, deploy and send an event; return whether that `passed` or was `not run`.

    Args:
        target: the stage, and where it goes.
        yes: whether nobody is asked.
        of_cdk: further arguments of `cdk deploy`.

    Raises:
        CommandError: one of these can't be done, or was not agreed to. It says what was changed by then.
    """
    stack = target.settings.stack_name
    with _interruption_told(NOTHING_CHANGED):
        target.synthesize()
        app = ["--app", str(target.assembly)]
        if target.cdk("diff", *app).returncode:
            raise CommandError(f"cdk diff failed; {NOTHING_CHANGED}")
        if not yes:
            _ask(_at_stake(target), stack)
    with _interruption_told(GOES_ON):
        # It was asked for above: the CLI asks for the one or the other, and shows the difference a second time.
        options = ["--require-approval", "never", "--outputs-file", str(target.outputs_file)]
        if target.cdk("deploy", "--all", *app, *options, *of_cdk).returncode:
            raise CommandError(
                f"cdk deploy of {stack} failed, and CloudFormation puts back what it changed; "
                "docs/runbook.md#rolled-back says what to do"
            )
    # The CLI has printed them.
    outputs = target.outputs()
    if any(each == "--no-execute" or "prepare-change-set" in each for each in of_cdk):
        return NOT_RUN
    with _interruption_told(f"{stack} is deployed"):
        return _smoke_test(target, outputs)


def destroy(target: Target, *, confirmed: str | None) -> None:
    """Say what is deleted and what stays, and delete the stack once its name was typed.

    Args:
        target: the stage's.
        confirmed: the name of the stack, None to ask for it.

    Raises:
        CommandError: it is protected, or its name was not given, or CloudFormation could not delete it.
    """
    stack = target.settings.stack_name
    with _interruption_told(NOTHING_CHANGED):
        protected, template = _deployed(target)
        if protected:
            raise CommandError(
                f"{stack} is protected from deletion; to delete it all the same, first: aws cloudformation "
                f"update-termination-protection --no-enable-termination-protection --stack-name {stack}"
            )
        resources: dict[str, dict[str, Any]] = template["Resources"]
        kept = sorted(
            f"{each['Type']} {name}" for name, each in resources.items() if each.get("DeletionPolicy") == "Retain"
        )
        lost = sorted(
            f"{each['Type']} {name}"
            for name, each in resources.items()
            if each["Type"] in DATA and each.get("DeletionPolicy") != "Retain"
        )
        _tell(f"Deleted for good, of {len(resources)} resources, with the data in it:", lost)
        _tell("Stays in the account, to be paid for, and is no longer the stack's:", kept)
        print("The CDK's own stack, CDKToolkit, stays, with the functions' bundles in its bucket.", flush=True)
        if confirmed is None:
            if not sys.stdin.isatty():
                raise CommandError(f"nobody is there to type the stack's name; give --confirm {stack}")
            confirmed = _typed(f"Type {stack} to delete it: ")
        if confirmed != stack:
            raise CommandError(f"{confirmed!r} is not {stack}; {NOTHING_CHANGED}")
        target.synthesize()
    with _interruption_told(GOES_ON):
        if target.cdk("destroy", "--all", "--force", "--app", str(target.assembly)).returncode:
            raise CommandError(f"cdk destroy of {stack} failed; what it deleted by then is gone: try again")
    target.outputs_file.unlink(missing_ok=True)
    print(f"{stack} is deleted")


def _at_stake(target: Target) -> list[str]:
    """Return what needs somebody's consent, in the CDK's own judgement; what it can't judge needs it too."""
    kinds = {"broadening": "broadens permissions", "destructive": "replaces, deletes or lets go of resources"}
    with step("what the difference puts at stake"):
        judged = {
            kind: target.cdk("diff", "--quiet", "--fail-on", kind, "--app", str(target.assembly), quietly=True)
            for kind in kinds
        }
    return [kinds[kind] for kind, result in judged.items() if result.returncode]


def _ask(at_stake: list[str], stack: str) -> None:
    if not at_stake:
        return
    what = f"the difference above {' and '.join(at_stake)}"
    if not sys.stdin.isatty():
        raise CommandError(f"{what}, and nobody is there to be asked; {NOTHING_CHANGED}: look at it, then give --yes")
    if not agrees(f"{what[0].upper()}{what[1:]}. Deploy {stack}? [y/N] "):
        raise CommandError(f"not deployed; {NOTHING_CHANGED}")


def _smoke_test(target: Target, outputs: Mapping[str, str]) -> str:
    settings, api_url, token = target.settings, outputs["ApiUrl"].rstrip("/"), os.environ.get("TELEMETRY_TOKEN")
    on_aws = settings.name != "local"
    if not on_aws:
        cloud = chosen_cloud()
        api_url = cloud.api_url()
        token = cloud.token(chargers=[SMOKE_TEST_CHARGER], scopes=SCOPES, expires_in=A_DAY)
    elif isinstance(settings.auth, NoAuth):
        token = None
    elif not token:
        print(
            f"  smoke test not run, for want of a token: TELEMETRY_TOKEN=... scripts/deploy.sh {settings.name} "
            f"runs it, with scopes {' and '.join(SCOPES)} for charger {SMOKE_TEST_CHARGER}"
        )
        return NOT_RUN
    try:
        with step(f"event of {SMOKE_TEST_CHARGER} posted and read back"):
            send_and_read_back(api_url, token, charger_id=SMOKE_TEST_CHARGER, proxies=on_aws)
        if not on_aws:
            # That of the outputs is of a host that nobody knows.
            print(f"the API of the local cloud: {api_url}")
    except SmokeTestError as error:
        raise CommandError(f"{settings.stack_name} is deployed, but the smoke test failed: {error}") from error
    return PASSED


def _deployed(target: Target) -> tuple[bool, dict[str, Any]]:
    """Return whether the deployed stack is protected from deletion, and its template."""
    stack, region = target.settings.stack_name, target.settings.region
    try:
        cloudformation = boto3.Session(profile_name=target.profile).client("cloudformation", region_name=region)
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        body: object = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{stack} is not to be seen in {region}, so nothing is deleted: {error}") from error
    template = json.loads(body) if isinstance(body, str) else body
    return found.get("EnableTerminationProtection", False), cast("dict[str, Any]", template)


def _tell(what: str, resources: list[str]) -> None:
    print("\n".join([what, *(f"  {each}" for each in resources or ["nothing"])]))


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""


@contextmanager
def _interruption_told(what: str) -> Generator[None]:
    """Let who interrupts this know how things stand."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(what) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
