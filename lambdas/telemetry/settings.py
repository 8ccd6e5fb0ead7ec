"""What the stack tells a function through its environment, read once into a frozen model."""

import os
from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict


class FunctionSettings(BaseModel):
    """What every function is told."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper)

    stage: str
    powertools_service_name: str

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the environment holds; an empty variable counts as absent.

        Raises:
            pydantic.ValidationError: a variable is missing or wrong: the stack and this code do not fit.
        """
        return cls.model_validate({name: value for name, value in os.environ.items() if value})


class AccessSettings(FunctionSettings):
    """How tokens name chargers; `chargers_claim` is None where the stage has no authorizer."""

    chargers_claim: str | None = None
    tokens_without_claim: Literal["refused", "all"] = "refused"


class IngestSettings(AccessSettings):
    """What ingest is told."""

    queue_url: str


class ProcessorSettings(FunctionSettings):
    """What the processor is told; `retention_days` is None where telemetry is kept for ever."""

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
