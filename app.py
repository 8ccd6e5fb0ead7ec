"""The CDK app: a stage's name becomes its settings, the settings become the stack, and rule packs check it.

Run it with `scripts/cdk.sh synth -c stage=STAGE`.
"""

import os
import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from telemetry_stack.constructs.bundling import LambdaBundle
from telemetry_stack.stages import UnknownStageError, stage_settings
from telemetry_stack.telemetry_stack import TelemetryStack


def main() -> None:
    """Synthesize the stage that the context names."""
    app = App()
    settings = stage_settings(
        app.node.try_get_context("stage"),
        local_port=int(os.environ.get("LOCAL_PORT", "4566")),
    )
    TelemetryStack(app, settings=settings, bundle=LambdaBundle(settings.bundle_target))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()


try:
    main()
except UnknownStageError as error:
    sys.exit(f"app.py: {error}")
