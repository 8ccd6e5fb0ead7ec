"""The deployment of stage `local` by the CDK CLI, the same that deploys to AWS."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from telemetry_stack.stages import StageSettings
from tools.command_line import run_whole
from tools.local_cloud.emulator import endpoint
from tools.local_cloud.errors import LocalCloudError

BOOTSTRAP_STACK = "CDKToolkit"


def aws_variables(*, port: int, region: str) -> dict[str, str]:
    """Return what an AWS client needs in its environment to talk to the emulator on this port."""
    return {
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # the emulator's own  # nosec B105
    }


def forget_the_real_aws(*, port: int, region: str) -> None:
    """Leave this process, and all that it starts, with no way to any AWS but the emulator.

    The user's profile, credentials and proxies would otherwise take part in the deployment.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    direct = ",".join(filter(None, ["127.0.0.1", os.environ.get("NO_PROXY") or os.environ.get("no_proxy")]))
    os.environ.update(
        aws_variables(port=port, region=region),
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY=direct,
        no_proxy=direct,
        # app.py takes the port of stage `local` from here.
        LOCAL_PORT=str(port),
        CDK_DISABLE_CLI_TELEMETRY="true",
    )


class Deployment:
    """The stack of stage `local` in the emulator, and the files in which its deployment left its traces."""

    def __init__(self, settings: StageSettings, *, directory: Path, project: Path) -> None:
        self.outputs_file = directory / "outputs.json"
        self._settings = settings
        self._project = project
        self._assembly = directory / "cdk.out"
        self._log = directory / "cdk.log"

    def is_bootstrapped(self) -> bool:
        """Tell whether the emulator has the bucket that `cdk deploy` puts the functions' bundle into."""
        try:
            cloudformation = boto3.client("cloudformation")
            stacks = cloudformation.describe_stacks(StackName=BOOTSTRAP_STACK)["Stacks"]
        except ClientError as error:
            # CloudFormation's answer for a stack that does not exist.
            if error.response.get("Error", {}).get("Code") == "ValidationError":
                return False
            raise
        return any(stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} for stack in stacks)

    def bootstrap(self) -> None:
        """Run `cdk bootstrap`."""
        # Outside the project, where there is no app to synthesize first.
        self._cdk(["bootstrap", f"aws://{self._settings.account}/{self._settings.region}"], cwd=self._log.parent)

    def deploy(self) -> None:
        """Run `cdk deploy`."""
        self._cdk(
            [
                "deploy",
                *("--context", "stage=local"),
                *("--require-approval", "never"),
                *("--outputs-file", str(self.outputs_file)),
                *("--output", str(self._assembly)),
            ],
            cwd=self._project,
        )
        self._remove_old_bundles()

    def outputs(self) -> Mapping[str, str]:
        """Return the stack's outputs, none where nothing was deployed."""
        try:
            return json.loads(self.outputs_file.read_text())[self._settings.stack_name]
        except (FileNotFoundError, KeyError, ValueError):
            return {}

    def api_url(self, *, port: int) -> str | None:
        """Return the API's URL without a trailing slash, None where nothing was deployed.

        The stack's output is the URL that the API would have on AWS. The emulator serves it below its own address,
        with the API's stage in the path; `%24` stands for the `$` of `$default`, which a shell would take for its own.
        """
        on_aws = self.outputs().get("ApiUrl")
        if on_aws is None:
            return None
        api_id = (urlsplit(on_aws).hostname or "").split(".")[0]
        return f"{endpoint(port)}/_aws/execute-api/{api_id}/%24default"

    def _remove_old_bundles(self) -> None:
        """Keep the bundle that was deployed, so that the next deployment need not build it again, and no other.

        Each is some 20 MB, and each change of code makes another.
        """
        in_use = "".join(manifest.read_text() for manifest in self._assembly.glob("*.assets.json"))
        for bundle in self._assembly.glob("asset.*"):
            if bundle.name not in in_use:
                shutil.rmtree(bundle)

    def _cdk(self, arguments: Sequence[str], *, cwd: Path) -> None:
        with self._log.open("w") as log:
            command = ["cdk", *arguments, "--no-notices", "--no-color"]
            done = run_whole(command, cwd=cwd, stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            raise LocalCloudError(
                f"cdk {arguments[0]} failed:\n{_what_went_wrong(self._log.read_text(errors='replace'))}\n"
                f"The whole output is in {self._log}"
            )


def _what_went_wrong(output: str) -> str:
    """Return the lines of the CDK CLI's output that name errors, else its last ones.

    Where the app failed, the place in its code comes first: the innermost that is not in a library.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"❌|FAILED|\berror\b|\w+Error:", line)]
    places = [line for line in lines if re.match(r'File ".+", line \d+', line)]
    place = ([each for each in places if "site-packages" not in each] or places)[-1:]
    return "\n".join(f"  {line}" for line in dict.fromkeys([*place, *errors[:5]] or lines[-5:]))
