"""The CDK app: a stage's name becomes its settings, the settings become the stack, and rule packs check it.

Run it with `scripts/cdk.sh synth -c stage=STAGE`.
"""

import os
import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, ServerlessChecks

from telemetry_stack.constructs.bundling import BundlingError, LambdaBundle
from telemetry_stack.stage_errors import StageError
from telemetry_stack.stages import StageSettings, stage_settings
from telemetry_stack.telemetry_stack import TelemetryStack

EMULATOR_PORT = "4566"


def main() -> None:
    """Synthesize the stage that the context names, or end with one line that says why not."""
    app = App()
    try:
        compose(app, chosen_stage(app))
    except (StageError, BundlingError) as error:
        sys.exit(f"app.py: {error}")
    app.synth()


def chosen_stage(app: App) -> StageSettings:
    """Return the settings of the stage that `-c stage=` names.

    Raises:
        StageError: there is none of that name, or its settings break a rule.
    """
    port = os.environ.get("LOCAL_PORT") or EMULATOR_PORT
    if not port.isdecimal():
        raise StageError(f"LOCAL_PORT is to be a TCP port, not {port!r}")
    return stage_settings(app.node.try_get_context("stage"), local_port=int(port))


def compose(app: App, settings: StageSettings) -> TelemetryStack:
    """Put a stage's stack in the app, with the rule packs that check it when it is synthesized.

    Raises:
        BundlingError: the code of its functions could not be built.
    """
    bundle = LambdaBundle(settings.bundle_target)
    try:
        stack = TelemetryStack(app, settings=settings, bundle=bundle)
    except RuntimeError:
        # What the bundle raised comes back through jsii as an error of jsii's, with a trace through two languages.
        if bundle.failure is None:
            raise
        raise bundle.failure from None
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    if settings.held_to_nist:
        Validations.of(app).add_plugins(NIST80053R5Checks(app))
    return stack


if __name__ == "__main__":
    main()
