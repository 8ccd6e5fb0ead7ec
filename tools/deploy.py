"""`scripts/deploy.sh STAGE [cdk arguments]`: check the stage and the credentials, show the difference, deploy.

The app is synthesized once, so that what was shown is what is deployed.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from telemetry_stack.stages import STAGE_NAMES, StageError, StageSettings, UnknownStageError, stage_settings
from tools.command_line import INTERRUPTED, CommandError
from tools.deployed_stage import account_of

ROOT = Path(__file__).resolve().parents[1]
STAGES = ", ".join(name for name in STAGE_NAMES if name != "local")


def main(arguments: list[str]) -> int:
    """Deploy a stage; return the CDK CLI's exit code.

    Raises:
        SystemExit: with one line, where the stage or the credentials are not fit to deploy.
    """
    parser = argparse.ArgumentParser(
        prog="scripts/deploy.sh",
        usage="%(prog)s STAGE [--profile PROFILE] [cdk arguments]",
        description="Deploys a stage of the stack to AWS, after checking it and showing the difference.",
        epilog="Further arguments go to `cdk deploy`, e.g. --require-approval never.",
    )
    parser.add_argument("stage", metavar="STAGE", help=f"one of {STAGES}")
    parser.add_argument("--profile", help="the AWS profile to use")
    options, cdk_arguments = parser.parse_known_args(arguments)
    try:
        return deploy(options.stage, options.profile, cdk_arguments)
    except CommandError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("deploy.sh: interrupted; what CloudFormation has begun goes on", file=sys.stderr)
        return INTERRUPTED


def deploy(stage: str, profile: str | None, cdk_arguments: list[str]) -> int:
    """Check, synthesize, show and deploy a stage; return the exit code of the CDK CLI that failed, else 0."""
    settings = deployable(stage)
    account = account_of(profile, settings)
    # The CLI writes to the same terminal or file, without waiting for us.
    print(f"stage {settings.name} to account {account}, region {settings.region}", flush=True)

    assembly = ROOT / "cdk.out" / settings.name
    shutil.rmtree(assembly, ignore_errors=True)
    credentials = ["--profile", profile] if profile else []
    app = ["--app", str(assembly), *credentials]
    return (
        cdk("synth", "--quiet", "-c", f"stage={settings.name}", "--output", str(assembly), *credentials)
        or cdk("diff", *app)
        or cdk("deploy", "--all", *app, *cdk_arguments)
    )


def deployable(name: str) -> StageSettings:
    """Return the settings of a stage that can be deployed to AWS."""
    if name == "local":
        fail("stage local lives on this machine: scripts/local.sh up")
    try:
        settings = stage_settings(name, local_port=0)
    except UnknownStageError:
        fail(f"there is no stage {name!r}; it deploys one of: {STAGES}")
    except StageError as error:
        fail(str(error))
    if examples := settings.example_values():
        fail(f"stage {name} still has example values; in telemetry_stack/stages.py replace {', '.join(examples)}")
    return settings


def cdk(*arguments: str) -> int:
    """Run the CDK CLI and return its exit code."""
    return subprocess.run(["cdk", *arguments], cwd=ROOT, check=False).returncode


def fail(message: str) -> NoReturn:
    """End with one line."""
    raise SystemExit(f"deploy.sh: {message}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
