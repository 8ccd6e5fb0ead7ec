"""What the stack tells a function through its environment, read once into a frozen model."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Json


class FunctionSettings(BaseModel):
    """What every function is told, by the stack and, of its version, by Lambda."""

    # Each function reads one of these: Pydantic builds what checks it when it is asked to, not all at import.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper, defer_build=True)

    stage: str
    powertools_service_name: str
    aws_lambda_function_version: str = "$LATEST"

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the environment holds; an empty variable counts as absent.

        Raises:
            pydantic.ValidationError: a variable is missing or wrong: the stack and this code do not fit.
        """
        return cls.model_validate({name: value for name, value in os.environ.items() if value})


class AccessSettings(FunctionSettings):
    """How tokens name chargers, in one of three ways; where none of them is told, nobody has access to any.

    Attributes:
        chargers_claim: an external issuer's claim that names them.
        tokens_without_claim: what a token of that issuer may touch that lacks the claim.
        chargers_of_clients: the chargers of each client of the stage's own user pool, by the client's id.
        open_to_anybody: the stage has no tokens.
    """

    chargers_claim: str | None = None
    tokens_without_claim: Literal["refused", "all"] = "refused"
    chargers_of_clients: Json[Mapping[str, tuple[str, ...]]] | None = None
    open_to_anybody: bool = False


class IngestSettings(AccessSettings):
    """What ingest is told."""

    queue_url: str


class ProcessorSettings(FunctionSettings):
    """What the processor is told; `retention_days` is None where telemetry is kept for ever."""

    queue_url: str
    table_name: str
    dead_letter_queue_url: str
    retention_days: int | None = None

    @property
    def retention(self) -> timedelta | None:
        """How long telemetry is kept after its charger was last seen."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)


class QuerySettings(AccessSettings):
    """What the query function is told."""

    table_name: str
    stale_after_minutes: int = 20
