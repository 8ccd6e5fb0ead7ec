"""A queue that takes some of a request's messages and not others."""

from tests.e2e.fault_proxy import SEND, FaultProxy, no_fault, queue_fails
from tests.e2e.harness import Api, event_of

REFUSED = "not to be queued"
# Two bytes each in UTF-8 and six on the queue, so that a body of 1 MiB is several messages of 1 MiB.
FILLER = "é" * 30 * 1024


def test_what_could_not_be_queued_and_the_later_events_of_its_charger_are_503_and_the_rest_is_accepted(
    calls_of_ingest: FaultProxy, api: Api, charger_id: str
) -> None:
    fillers = [f"event {number}: {FILLER}" for number in range(12)]
    # Messages of five events each, the second of which is refused.
    fillers[5] += REFUSED
    events = [event_of(charger_id, seconds_ago=20 - at, filler=filler) for at, filler in enumerate(fillers)]
    with (
        calls_of_ingest.injecting(queue_fails, into=SEND, about=[REFUSED]),
        calls_of_ingest.injecting(no_fault, into=SEND, about=["event 4:"]) as earlier,
        calls_of_ingest.injecting(no_fault, into=SEND, about=["event 10:"]) as later,
    ):
        answer = api.post_batch([*events, event_of(f"{charger_id}-other")])
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202] * 5 + [503] * 7 + [202]
    assert [each.get("retryable") for each in results] == [None] * 5 + [True] * 7 + [None]
    assert earlier.met
    assert not later.met
    api.stored(charger_id, event_id=results[4]["eventId"])
    api.stored(f"{charger_id}-other", event_id=results[12]["eventId"])
