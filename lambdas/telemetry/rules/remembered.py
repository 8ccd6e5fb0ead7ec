"""What is read back from the item: it may be of older or newer code, or garbled, and then counts as nothing."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from telemetry.timestamps import canonical_timestamp

LONGEST_TEXT = 128
# What DynamoDB holds is below.
_LARGEST = 10**126


# An envelope's timestamp is in several parts of the memory, and the next envelope reads each of them back.
@lru_cache(maxsize=64)
def _canonical(text: str) -> str:
    if canonical_timestamp(text) != text:
        raise ValueError("is not in its canonical form")
    return text


Timestamp = Annotated[str, AfterValidator(_canonical)]
ShortText = Annotated[str, Field(max_length=LONGEST_TEXT)]
Amount = Annotated[int | Decimal, Field(gt=-_LARGEST, lt=_LARGEST)]


class Remembered(BaseModel):
    """A part of the rules' memory."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )

    @classmethod
    def recall(cls, entry: object) -> Self | None:
        """Return what an entry of the memory says; None where it says nothing that this code understands."""
        # Most rules remember nothing: that is no error of what is remembered.
        if entry is None:
            return None
        try:
            return cls.model_validate(entry)
        except ValidationError:
            return None

    def as_json(self) -> dict[str, object]:
        """Return the entry that `recall` understands."""
        return self.model_dump(by_alias=True, exclude_defaults=True)
