"""Each failure that can happen is made to happen while chargers send; what was acknowledged is not lost.

The numbers of these tests are in `docs/faults.md`.
"""

from collections.abc import Callable

import pytest

from tests.e2e.fault_proxy import (
    READ,
    SEND,
    SEND_BATCH,
    SEND_ONE,
    WRITE,
    Call,
    FaultProxy,
    InMidBatch,
    Repeated,
    answer_lost,
    cut,
    no_fault,
    queue_fails,
    refused_entries,
    slow,
    table_fails,
    throttled,
    unprocessed,
)
from tests.e2e.fleet import Fleet
from tests.e2e.harness import Cloud, WithoutPermission, linux_only

Check = Callable[..., None]


def test_nothing_is_lost_while_the_table_throttles_some_chargers(
    fleet: Fleet, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending():
        with calls_of_processor.injecting(throttled, into=WRITE, about=fleet.affected) as writes:
            fleet.goes_on(meeting=writes)
        with calls_of_processor.injecting(unprocessed(fleet.affected), into=READ, about=fleet.affected) as reads:
            fleet.goes_on(meeting=reads)
    nothing_is_lost()


def test_nothing_is_lost_while_the_table_is_slow_for_some_chargers(
    fleet: Fleet, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending():
        with calls_of_processor.injecting(slow(1.5), into=WRITE, about=fleet.affected) as in_time:
            fleet.goes_on(meeting=in_time)
        # Longer than the processor waits: what it has given up is written later.
        with calls_of_processor.injecting(slow(2.5), into=WRITE, about=[fleet.alone]) as too_late:
            fleet.goes_on(meeting=too_late, read=1)
    nothing_is_lost()


def test_nothing_is_lost_while_the_table_fails_for_some_chargers(
    fleet: Fleet, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending(), calls_of_processor.injecting(table_fails, into=WRITE, about=fleet.affected) as writes:
        fleet.goes_on(meeting=writes)
    nothing_is_lost()


def test_nothing_is_lost_while_answers_of_the_table_are_lost(
    fleet: Fleet, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending(), calls_of_processor.injecting(answer_lost, into=WRITE, about=fleet.affected) as writes:
        fleet.goes_on(meeting=writes)
    nothing_is_lost()


def test_nothing_is_lost_while_the_table_is_gone_in_the_middle_of_batches(
    fleet: Fleet, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    gone = InMidBatch(cut, sparing=fleet.unaffected)
    with fleet.sending(), calls_of_processor.injecting(gone, into=READ | WRITE):
        fleet.until(lambda: gone.met >= 4)
        fleet.goes_on()
    nothing_is_lost()


def test_nothing_is_lost_while_the_table_is_denied_to_the_processor(
    fleet: Fleet, calls_of_processor: FaultProxy, take_away: WithoutPermission, nothing_is_lost: Check
) -> None:
    with fleet.sending():
        give_back = take_away("Processor", "dynamodb:PutItem")
        with calls_of_processor.injecting(no_fault, into=WRITE, about=fleet.affected) as writes:
            fleet.goes_on(meeting=writes, read=0)
        give_back()
    nothing_is_lost(all_affected=True)


def test_nothing_is_lost_while_the_queue_refuses_some_messages_of_a_send(
    fleet: Fleet, calls_of_ingest: FaultProxy, nothing_is_lost: Check
) -> None:
    refused = fleet.behind_gateway[:1]
    entries = refused_entries(refused)
    with fleet.sending(), calls_of_ingest.injecting(entries, into=SEND_BATCH, about=refused) as batches:
        # What is left of a batch is sent alone.
        with calls_of_ingest.injecting(queue_fails, into=SEND_ONE, about=refused):
            fleet.goes_on(meeting=batches, times=1, acknowledged=5)
        fleet.goes_on(meeting=batches, times=3)
    nothing_is_lost()


def test_nothing_is_lost_while_the_queue_fails(
    fleet: Fleet, calls_of_ingest: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending():
        for fault in (queue_fails, cut):
            with calls_of_ingest.injecting(fault, into=SEND) as sends:
                fleet.goes_on(meeting=sends, times=5, acknowledged=0, read=0)
    nothing_is_lost(all_affected=True)


def test_nothing_is_lost_while_answers_of_the_queue_are_lost(
    fleet: Fleet, calls_of_ingest: FaultProxy, nothing_is_lost: Check
) -> None:
    with fleet.sending(), calls_of_ingest.injecting(answer_lost, into=SEND) as sends:
        fleet.goes_on(meeting=sends, times=5, acknowledged=0, read=0)
    nothing_is_lost(all_affected=True)


@linux_only
@pytest.mark.usefixtures("visibility_timeout")
def test_nothing_is_lost_while_the_processor_is_killed_in_the_middle_of_batches(
    fleet: Fleet, cloud: Cloud, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    def kill(_call: Call) -> None:
        cloud.shell.kill_function(cloud.outputs["ProcessorFunctionName"])

    killed = InMidBatch(kill, sparing=fleet.unaffected)
    with fleet.sending(), calls_of_processor.injecting(killed, into=READ | WRITE):
        fleet.until(lambda: killed.met)
        fleet.goes_on()
    nothing_is_lost()


def test_nothing_is_lost_while_messages_are_delivered_more_than_once(
    fleet: Fleet, calls_of_ingest: FaultProxy, nothing_is_lost: Check
) -> None:
    again = Repeated()
    with fleet.sending(), calls_of_ingest.injecting(again, into=SEND):
        fleet.until(lambda: again.repeated >= 5)
        fleet.goes_on()
    nothing_is_lost()


def test_nothing_is_lost_while_poison_is_among_good_messages(
    fleet: Fleet, cloud: Cloud, nothing_is_lost: Check
) -> None:
    poison = {charger_id: f"poison for {charger_id}" for charger_id in fleet.affected}
    with fleet.sending():
        for charger_id, body in poison.items():
            cloud.put_on_the_queue(charger_id, body)
            fleet.goes_on()
    nothing_is_lost(dead_letters=len(poison))


def test_nothing_is_lost_while_the_dead_letter_queue_can_not_be_written(
    fleet: Fleet, cloud: Cloud, calls_of_processor: FaultProxy, nothing_is_lost: Check
) -> None:
    poisoned = [fleet.alone, *fleet.behind_gateway[:1]]
    with fleet.sending(), calls_of_processor.injecting(queue_fails, into=SEND_ONE) as moves:
        for charger_id in poisoned:
            cloud.put_on_the_queue(charger_id, "this is not a message")
        fleet.goes_on(meeting=moves, times=4)
    nothing_is_lost(dead_letters=len(poisoned))
