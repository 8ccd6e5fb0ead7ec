"""The CDK app: a stage's name becomes its settings, the settings become the stack, and rule packs check it.

Run it with `scripts/cdk.sh synth -c stage=STAGE`.
"""

import os
import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from telemetry_stack.constructs.bundling import BundlingError, LambdaBundle
from telemetry_stack.stages import StageError, stage_settings
from telemetry_stack.telemetry_stack import TelemetryStack

EMULATOR_PORT = "4566"


def main() -> None:
    """Synthesize the stack of the stage that the context names."""
    app = App()
    port = os.environ.get("LOCAL_PORT") or EMULATOR_PORT
    if not port.isdecimal():
        raise StageError(f"LOCAL_PORT is to be a TCP port, not {port!r}")
    settings = stage_settings(app.node.try_get_context("stage"), local_port=int(port))
    bundle = LambdaBundle(settings.bundle_target)
    try:
        TelemetryStack(app, settings=settings, bundle=bundle)
    except RuntimeError:
        # jsii raises its own error, with a trace through two languages, for what the bundle raised.
        if bundle.failure is None:
            raise
        raise bundle.failure from None
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()


try:
    main()
except (StageError, BundlingError) as error:
    sys.exit(f"app.py: {error}")
