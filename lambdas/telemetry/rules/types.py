"""What rules judge, and what they say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from telemetry.metrics import Number
from telemetry.rules.history import History
from telemetry.rules.observation import Observation
from telemetry.rules.profiles import Profile

Severity = Literal["info", "warning", "critical"]
# A number as it was sent, or in `figures.figure`'s form; or text of at most 128 characters.
Figure = Number | str

# What the rules remember of their place from one envelope to the next: JSON, kept in the item. `history` is what has
# been seen of the place; each other entry is that of the rule whose code is its name.
Memory = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a rule saw to be wrong; it marks telemetry and never rejects it.

    Attributes:
        code: what is wrong, from the closed set of the rules.
        severity: how much it matters.
        observed: what was seen, a number or short text.
        expected: what should have been seen, for the person who reads it.
        since: the timestamp of the first envelope in a row that showed it.
    """

    code: str
    severity: Severity
    observed: Figure
    expected: Figure
    since: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a rule judges.

    Attributes:
        observation: the envelope.
        profile: what its charger is.
        before: what had been seen of the place before.
        after: the same with this envelope.
    """

    observation: Observation
    profile: Profile
    before: History
    after: History


@dataclass(frozen=True)
class Shown:
    """The envelope shows what the rule is about.

    Attributes:
        observed: what was seen.
        expected: what should have been seen.
        ripe: False where it counts, but it is too early to tell.
    """

    observed: Figure
    expected: Figure
    ripe: bool = True


class NotShown(Enum):
    """The envelope does not show what the rule is about."""

    FINE = auto()  # it shows the contrary: a row ends
    UNTOLD = auto()  # it does not say: what was found before stands


FINE, UNTOLD = NotShown.FINE, NotShown.UNTOLD
Verdict = Shown | NotShown


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A business rule.

    Attributes:
        code: the code of its findings.
        severity: theirs.
        judge: what it says of a case; pure.
        in_a_row: how many samples in a row have to show it.
    """

    code: str
    severity: Severity
    judge: Callable[[Case], Verdict]
    in_a_row: int = 1
