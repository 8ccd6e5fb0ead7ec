"""Unit prices, assumptions and quotas: all that `prices.json` holds, each with its source."""

import json
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from tools.command_line import CommandError

FILE = Path(__file__).with_name("prices.json")
# Of `text`: what is nested deeper stands on one line.
EXPANDED_LEVELS = 4


class Data(BaseModel):
    """What the parts of the file have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Tier(Data):
    """What a unit costs above so many in a month, in USD."""

    above: float = Field(ge=0)
    usd: float = Field(ge=0)


class RegionalPrice(Data):
    """A price in one region, without what AWS gives for free.

    Attributes:
        known: `read` in the source on the date; `memory`: to be verified there.
        source: a page, or who quotes AWS's price list.
        date: when it was read, or written down.
        tiers: from the first unit on.
    """

    known: Literal["read", "memory"]
    source: str
    date: date
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_tiers(self) -> Self:
        if self.tiers[0].above or any(one.above >= other.above for one, other in pairwise(self.tiers)):
            raise ValueError("tiers must begin at 0, and rise")
        return self

    def cost(self, quantity: float) -> float:
        """Return what so many units cost in a month, in USD."""
        ends = [*(tier.above for tier in self.tiers[1:]), inf]
        return sum(
            max(0, min(quantity, end) - tier.above) * tier.usd for tier, end in zip(self.tiers, ends, strict=True)
        )


class Price(Data):
    """A unit price, and where AWS's price list has it.

    Attributes:
        unit: of which it is the price.
        offer: the service's code in the price list; None where it has to be looked up by hand.
        usage_types: how the list calls it, without the region before it: one of these.
        attributes: what else the list says of it, where several things have one usage type.
        regions: the price, by region.
    """

    unit: str
    offer: str | None
    usage_types: tuple[str, ...]
    attributes: Mapping[str, str]
    regions: Mapping[str, RegionalPrice]


class Assumption(Data):
    """A figure that nobody has measured on AWS yet."""

    value: float = Field(gt=0)
    unit: str
    why: str
    source: str


class Quota(Data):
    """What AWS lets an account or a resource do unless it is asked for more, by region."""

    regions: Mapping[str, float]
    unit: str
    source: str


class PriceBook(Data):
    """The whole file."""

    prices: Mapping[str, Price]
    assumptions: Mapping[str, Assumption]
    quotas: Mapping[str, Quota]

    @property
    def regions(self) -> list[str]:
        """The regions of which it has every price."""
        everywhere = {region for price in self.prices.values() for region in price.regions}
        return sorted(each for each in everywhere if all(each in price.regions for price in self.prices.values()))

    def assumed(self, name: str) -> float:
        """Return the value of an assumption."""
        return self.assumptions[name].value


def load() -> PriceBook:
    """Return what the file holds.

    Raises:
        CommandError: it can't be used; the message says why.
    """
    try:
        return PriceBook.model_validate_json(FILE.read_text())
    except ValueError as error:
        told = " ".join(str(error).split())
        raise CommandError(f"tools/cost/prices.json is damaged, restore it from git: {told[:300]}") from error


def amount(usd: float) -> str:
    """Return a price with all its digits, without an exponent."""
    return f"{usd:.12f}".rstrip("0").rstrip(".")


def text(book: Mapping[str, object]) -> str:
    """Return the file's text: a line for each field, and for each price of a region."""
    return _text(book, 1) + "\n"


def _text(value: object, level: int) -> str:
    if not isinstance(value, dict) or level > EXPANDED_LEVELS or not value:
        return json.dumps(value)
    members = cast("dict[str, object]", value).items()
    inner = ",\n".join(f"{'  ' * level}{json.dumps(name)}: {_text(each, level + 1)}" for name, each in members)
    return f"{{\n{inner}\n{'  ' * (level - 1)}}}"
