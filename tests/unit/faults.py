"""The table, the queue and the DLQ as one invocation of the processor meets them: each fails on demand.

`test_schedules.py` draws the faults; the fakes beneath are those that `test_ports.py` holds to SQS and DynamoDB.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar

from processor.folding import Sample, fold, sample_of
from telemetry import message
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import (
    ItemRefusedError,
    QueueUnavailableError,
    RevisionConflictError,
    TableUnavailableError,
)
from telemetry.item import from_item, revision_of, to_item
from telemetry.latest_table import Item, Reading
from telemetry.measured import Order
from telemetry.merge import LatestTelemetry
from telemetry.message import TelemetryMessage
from tests.unit.fakes import InMemoryQueue, InMemoryTable

NONE = "none"
# For all of a batch, for its first part alone, and for no call at all.
PLENTY, ENOUGH_FOR_A_PART, TOO_LITTLE = SECONDS_LEFT = (20.0, 13.9, 6.9)
READ_FAULTS = (NONE, "fails", "killed")
WRITE_FAULTS = (
    NONE,
    "fails",
    "applied, not answered",
    "applied, then met as a conflict",
    "overtaken",
    "refused for good",
    "killed before",
    "killed after",
)
DEAD_LETTER_FAULTS = (NONE, "fails", "taken, not answered", "killed before", "killed after")
VISIBILITY_FAULTS = (NONE, "fails", "changed, not answered", "refused in part", "killed before", "killed after")
# Our code fails at an envelope that has this in its payload.
FAULTY = "faulty"

Value = TypeVar("Value")


class Killed(BaseException):
    """The processor's process ends here."""


class PromiseBrokenError(BaseException):
    """Something is that must never be; no boundary round a message catches it."""


class Promises:
    """Whether one was broken."""

    def __init__(self) -> None:
        self.are_kept = True

    def broken(self, what: str) -> PromiseBrokenError:
        """Return the error to raise."""
        self.are_kept = False
        return PromiseBrokenError(what)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What fails in one invocation.

    Attributes:
        read: of the whole batch.
        unprocessed: the chargers that a read leaves out.
        writes: of each charger, one after the other.
        dead_letters: of the sends to the DLQ, one after the other.
        visibility: of the one request that changes it.
        seconds_left: for the invocation, as long as it is at work.
        answer_lost: the invocation ends, and nobody hears of it.
    """

    read: str = NONE
    unprocessed: Collection[str] = ()
    writes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    dead_letters: Sequence[str] = ()
    visibility: str = NONE
    seconds_left: float = PLENTY
    answer_lost: bool = False


def do_nothing() -> None:
    """Do nothing."""


class FaultyTable(InMemoryTable):
    """A table that sees to it, at each write, that nothing older replaces what is newer.

    Attributes:
        now: tells the time of day.
        others: gives what another delivery of a charger's messages might write, at any time.
        refused: the chargers of which an envelope was refused for good.
    """

    def __init__(self, promises: Promises, now: Callable[[], datetime], others: Callable[[str], list[Sample]]) -> None:
        super().__init__()
        self.promises, self.now, self.others = promises, now, others
        self.refused: set[str] = set()
        self.begin(Faults(), do_nothing)

    def begin(self, faults: Faults, before_each: Callable[[], None]) -> None:
        """Begin an invocation; `before_each` of its calls is called."""
        self._faults, self._before_each = faults, before_each
        # Where all of a charger's envelopes are refused, it is one of them alone that comes next.
        self._writes = {
            charger: iter([fault for each in many for fault in [each] * (1 + (each == "refused for good"))])
            for charger, many in faults.writes.items()
        }

    def latest(self, charger: str) -> LatestTelemetry | None:
        return from_item(self.items.get(charger, {}), self.now())

    def read(self, charger_ids: Collection[str]) -> Reading:
        self._before_each()
        if self._faults.read == "killed":
            raise Killed
        if self._faults.read == "fails":
            raise TableUnavailableError("switched off")
        self.unread = frozenset(self._faults.unprocessed)
        return super().read(charger_ids)

    def write(self, item: Item, replaced_revision: int) -> None:
        self._before_each()
        charger = str(item["chargerId"])
        fault = next(self._writes.get(charger, iter(())), NONE)
        if fault == "killed before":
            raise Killed
        if fault == "fails":
            raise TableUnavailableError("switched off")
        if fault == "refused for good":
            self.refused.add(charger)
            raise ItemRefusedError("switched off")
        if fault == "overtaken":
            self._overtake(charger)
        self._write(charger, item, replaced_revision)
        if fault == "killed after":
            raise Killed
        if fault == "applied, not answered":
            raise TableUnavailableError("switched off")
        if fault == "applied, then met as a conflict":
            raise RevisionConflictError("switched off")

    def _overtake(self, charger: str) -> None:
        samples = self.others(charger)
        if samples:
            revision = revision_of(self.items.get(charger, {}))
            folded = fold(self.latest(charger), samples, "test")
            self._write(charger, to_item(folded.latest, revision + 1, None), revision)

    def _write(self, charger: str, item: Item, replaced_revision: int) -> None:
        before = orders_of(self.latest(charger))
        super().write(item, replaced_revision)
        after = orders_of(self.latest(charger))
        for name, order in before.items():
            if after.get(name, ()) < order:
                raise self.promises.broken(f"{charger}: {name} of {order} was replaced by {after.get(name)}")


class FaultySource:
    """The queue where messages come from, and what it was told of them."""

    def __init__(self, queue: InMemoryQueue, fault: str) -> None:
        self._queue, self._fault = queue, fault
        self.told: Mapping[str, int] = {}

    def change_visibility(self, seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        """Change it; see `ConsumedQueue`."""
        self.told = seconds_of
        unavailable = dict.fromkeys(seconds_of, QueueUnavailableError("switched off"))
        if self._fault == "killed before":
            raise Killed
        if self._fault == "fails":
            return unavailable
        refused = dict(list(unavailable.items())[:1]) if self._fault == "refused in part" else {}
        changed = {handle: seconds for handle, seconds in seconds_of.items() if handle not in refused}
        errors = self._queue.change_visibility(changed)
        if self._fault == "killed after":
            raise Killed
        return unavailable if self._fault == "changed, not answered" else {**errors, **refused}


def let_fail(dead_letters: InMemoryQueue, faults: Iterable[str], before_each: Callable[[], None]) -> None:
    """Let sends to the DLQ fail, one after the other."""
    left, now = iter(faults), [NONE]

    def refuses(_: object) -> bool:
        before_each()
        now[0] = next(left, NONE)
        if now[0] == "killed before":
            raise Killed
        return now[0] == "fails"

    def unanswered(_: object) -> bool:
        if now[0] == "killed after":
            raise Killed
        return now[0] == "taken, not answered"

    dead_letters.refuses, dead_letters.unanswered = refuses, unanswered


def sample_unless_faulty(envelope: TelemetryEnvelope) -> Sample:
    """Stand for `sample_of`, with a fault that nobody foresaw."""
    if FAULTY in envelope.payload:
        raise ZeroDivisionError
    return sample_of(envelope)


def decode_newer(body: str, charger_id: str) -> TelemetryMessage:
    """Stand for the `decode` of the next version."""
    return message.decode(body.replace('"version":2', '"version":1'), charger_id)


class OneAfterTheOther:
    """Stands for the processor's threads, which share nothing: a schedule is quick, and the same each time.

    As there, what ends one charger's work ends no other's.
    """

    def __init__(self, max_workers: int) -> None:
        assert max_workers > 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Have nothing to wait for."""

    def map(self, function: Callable[..., Value], *arguments: Iterable[Any]) -> Iterator[Value]:
        futures = list[Future[Value]]()
        for each in zip(*arguments, strict=False):
            future = Future[Value]()
            try:
                future.set_result(function(*each))
            except BaseException as error:  # noqa: BLE001 - a thread keeps whatever ended it for who asks
                future.set_exception(error)
            futures.append(future)
        return (future.result() for future in futures)


def orders_of(latest: LatestTelemetry | None) -> dict[str, Order]:
    """Return the order of each sample that is kept, by where it is."""
    places = {"charger": latest.charger, **{str(n): each for n, each in latest.connectors.items()}} if latest else {}
    of_places = {name: place.newest.order for name, place in places.items()}
    of_values = {f"{at}.{name}": each.order for at, place in places.items() for name, each in place.last_known.items()}
    return of_places | of_values
