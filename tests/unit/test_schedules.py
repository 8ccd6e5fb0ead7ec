"""Nothing acknowledged is lost, and nothing older replaces what is newer, whatever fails in whatever order."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import product
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from telemetry.merge import LARGEST_CONNECTOR_PAYLOAD_BYTES
from telemetry.observability import logger
from tests.unit.faults import (
    DEAD_LETTER_FAULTS,
    FAULTY,
    READ_FAULTS,
    SECONDS_LEFT,
    VISIBILITY_FAULTS,
    WRITE_FAULTS,
    Faults,
)
from tests.unit.schedules import Event, World
from tests.unit.strategies import START

CHARGERS = ("A", "B", "C")
PAYLOADS: tuple[Event, ...] = (
    {"value": 1},
    {"power_kw": 7},
    {"power_kw": 8, "voltage_v": 230},
    {"value": 2, "filler": "x" * LARGEST_CONNECTOR_PAYLOAD_BYTES},
)
OPTIONAL: tuple[Event, ...] = (
    {},
    {"connectorId": 1},
    {"connectorId": 2, "chargerStatus": "Charging"},
    {"locationId": "north"},
)
# Of so few times that equal ones are common. A schedule draws from them, since drawing their parts takes its time.
EVENTS: list[Event] = [
    {"chargerId": charger, "timestamp": (START + timedelta(minutes=minute)).isoformat(), "payload": payload, **optional}
    for minute, charger, payload, optional in product(range(4), CHARGERS, PAYLOADS, OPTIONAL)
]
FAULTY_EVENTS: list[Event] = [{**EVENTS[0], "chargerId": charger, "payload": {FAULTY: True}} for charger in CHARGERS]
NO_EVENTS: list[Event] = [
    {**EVENTS[0], "timestamp": "yesterday"},
    {**EVENTS[0], "chargrStatus": "misspelt"},
    {"chargerId": "B"},
]
POISON = ("this is not a message", '{"hello": "world"}', "[" * 1000 + "]" * 1000, "7", '{"version":1,"envelopes":[]}')


def one_of(events: Sequence[Event]) -> st.SearchStrategy[Event]:
    return st.integers(0, len(events) - 1).map(lambda at: events[at])


# An event in ten is one at which our code fails, and as many again of those that are posted are not valid.
events = one_of([*EVENTS, *FAULTY_EVENTS * 7])
posts = one_of([*EVENTS, *FAULTY_EVENTS * 7, *NO_EVENTS * 7])
some_chargers = st.sampled_from([(), (), (), ("A",), ("B",), ("A", "C")])
# A write fails more often than not, and most often that of any charger: not every batch comes so far.
write_faults = st.builds(
    dict[str, list[str]].fromkeys,
    st.sampled_from([CHARGERS, CHARGERS, CHARGERS, *((each,) for each in CHARGERS)]),
    st.lists(st.sampled_from(WRITE_FAULTS), min_size=1, max_size=3),
)
dead_letter_faults = st.lists(st.sampled_from(DEAD_LETTER_FAULTS), min_size=1, max_size=3)
visibility_faults = st.sampled_from(VISIBILITY_FAULTS)
faults = st.one_of(
    st.builds(Faults, writes=write_faults, dead_letters=dead_letter_faults),
    st.builds(Faults, writes=write_faults, visibility=visibility_faults),
    st.builds(Faults, writes=write_faults, unprocessed=some_chargers, answer_lost=st.booleans()),
    st.builds(Faults, dead_letters=dead_letter_faults, visibility=visibility_faults),
    st.builds(Faults, read=st.sampled_from(READ_FAULTS), visibility=visibility_faults),
    st.builds(
        Faults, seconds_left=st.sampled_from(SECONDS_LEFT), answer_lost=st.booleans(), visibility=visibility_faults
    ),
)
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


class Schedule(RuleBasedStateMachine):
    """Any order of posts, batches, faults, redeliveries and waits; then the faults end."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.posted: list[Sequence[Event]] = []

    @rule(
        each=st.lists(posts, min_size=1, max_size=5),
        refused=some_chargers,
        unanswered=some_chargers,
    )
    def post(self, each: list[Event], refused: Sequence[str], unanswered: Sequence[str]) -> None:
        self.posted.append(each)
        self.world.post(each, refused=refused, unanswered=unanswered)

    @precondition(lambda self: bool(cast("Schedule", self).posted))
    @rule(at=st.integers(0, 9))
    def post_again(self, at: int) -> None:
        self.world.post(self.posted[at % len(self.posted)], refused=(), unanswered=())

    @rule(charger=st.sampled_from(CHARGERS), at=st.integers(0, len(POISON) - 1))
    def put_poison(self, charger: str, at: int) -> None:
        self.world.put(charger, POISON[at])

    @rule(
        charger=st.sampled_from(CHARGERS),
        each=st.lists(events, min_size=1, max_size=4),
        version=st.sampled_from([1, 1, 2]),
    )
    def put_what_ingest_would_not(self, charger: str, each: list[Event], version: int) -> None:
        """Put a message whose first event is of another charger perhaps, or one that only newer code can read."""
        own: list[Event] = [{**event, "chargerId": charger} for event in each[1:]]
        self.world.put_envelopes(charger, [each[0], *own], version)

    @rule(each=st.lists(posts, min_size=1, max_size=3), poisoned=some_chargers, faults=faults)
    def fail_at_a_batch(self, each: list[Event], poisoned: Sequence[str], faults: Faults) -> None:
        """Deliver a batch that fails, after posts and poison, without which there is little to fail at."""
        self.world.post(each, refused=(), unanswered=())
        for charger in poisoned:
            self.world.put(charger, POISON[0])
        self.world.deliver(faults)

    @rule()
    def process_a_batch(self) -> None:
        self.world.deliver(Faults())

    @rule()
    def begin(self) -> None:
        self.world.receive()

    @precondition(lambda self: bool(cast("Schedule", self).world.running))
    @rule(at=st.integers(0, 3), faults=faults)
    def end(self, at: int, faults: Faults) -> None:
        running = self.world.running
        self.world.run(running[at % len(running)], faults)

    @precondition(lambda self: bool(cast("Schedule", self).world.past))
    @rule(at=st.integers(0, 9))
    def deliver_once_more(self, at: int) -> None:
        past = self.world.past
        self.world.repeat(past[at % len(past)])

    @rule(seconds=st.sampled_from([0.5, 1, 2, 19, 60, 121, 301]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule()
    def deploy_newer_code(self) -> None:
        self.world.newer_code_is_deployed = True

    @invariant()
    def no_promise_is_broken(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if self.world.promises.are_kept:
            self.world.drain()
            self.world.check_the_end()


@pytest.fixture
def no_log() -> Iterator[None]:
    """Log nothing: so many schedules would have much to say."""
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel("INFO")


@pytest.mark.usefixtures("no_log")
@pytest.mark.parametrize("schedules", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_schedule_of_faults_breaks_a_promise(schedules: int) -> None:
    run_state_machine_as_test(
        Schedule,
        # The other backend draws five of six as variations of the one before: this one draws each afresh.
        settings=settings(
            max_examples=schedules,
            stateful_step_count=30,
            backend="hypothesis-urandom",
            suppress_health_check=SLOW_IS_FINE,
        ),
    )
