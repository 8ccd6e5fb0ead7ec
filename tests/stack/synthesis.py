"""What the CDK makes of a stage's settings, with the CLI's feature flags and without building a bundle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

from app import compose
from telemetry_stack.stages import STAGE_NAMES, StageSettings, stage_settings
from tests.stage_settings import BARE, COGNITO, FULL, changed

ROOT = Path(__file__).resolve().parents[2]

# Each stage as it stands in stages.py, and as it might: see `settings_of`.
EVERY_STAGE = (*STAGE_NAMES, "full", "bare", "cognito")

Properties = dict[str, Any]


@dataclass(frozen=True)
class Synthesis:
    """What the CDK made of a stage's settings."""

    settings: StageSettings
    template: dict[str, Any]
    manifest: dict[str, Any]
    acknowledged: frozenset[tuple[str, str]]
    """Each acknowledged rule: the path of the construct within the stack, and the rule's name."""
    directory: Path

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.template["Resources"]

    def of_type(self, resource_type: str) -> dict[str, Properties]:
        """The properties of each resource of a type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources.items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str) -> Properties:
        (properties,) = self.of_type(resource_type).values()
        return properties

    def alias_of(self, service: str) -> str:
        """The logical id of the alias of the function that runs a package of `lambdas/`."""
        (logical_id,) = (
            logical_id
            for logical_id, alias in self.of_type("AWS::Lambda::Alias").items()
            if self.resources[alias["FunctionName"]["Ref"]]["Properties"]["Handler"].startswith(f"{service}.")
        )
        return logical_id

    def function(self, service: str) -> Properties:
        """The properties of the function that runs a package of `lambdas/`."""
        (properties,) = (
            each for each in self.of_type("AWS::Lambda::Function").values() if each["Handler"].startswith(f"{service}.")
        )
        return properties


def cdk_context() -> dict[str, Any]:
    """The feature flags that the CLI reads, and that no bundle is to be built."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**flags, "aws:cdk:bundling-stacks": []}


def synthesize(settings: StageSettings, directory: Path) -> Synthesis:
    app = App(context=cdk_context(), outdir=str(directory))
    stack = compose(app, settings)
    app.synth()
    return Synthesis(
        settings=settings,
        template=json.loads((directory / "Telemetry.template.json").read_text()),
        manifest=json.loads((directory / "manifest.json").read_text())["artifacts"]["Telemetry"],
        acknowledged=frozenset(
            (construct.node.path.removeprefix("Telemetry/"), rule.split("::", maxsplit=1)[1])
            for construct in stack.node.find_all()
            for entry in construct.node.metadata
            if entry.type == "aws:cdk:acknowledged-rules"
            for rule in entry.data
        ),
        directory=directory,
    )


def settings_of(name: str) -> StageSettings:
    """The settings of a stage as it stands in stages.py, or of a variant.

    `full` has every setting that may be absent, and an external issuer; `bare` has none, and no auth; `cognito` is
    `full` with a user pool of its own; `twin` is stage `local` as it would be on AWS.
    """
    match name:
        case "full":
            return FULL
        case "bare":
            return BARE
        case "cognito":
            return COGNITO
        case "twin":
            local = stage_settings("local", local_port=4566)
            return changed(
                local,
                name="dev",
                # The one on this machine is for stage `local` alone.
                auth={**local.auth.model_dump(), "url": "https://login.charging.test"},
                left_out=(),
                bundle_target=BARE.bundle_target,
            )
        case _:
            return stage_settings(name, local_port=4566)
