"""What fails, fails in the open: nothing acknowledged is lost, and nobody else is held up."""

import json
import time

import pytest

from tests.e2e.harness import (
    Api,
    Cloud,
    WithoutPermission,
    attribute,
    dead_letter_of,
    event_of,
    eventually,
    problem,
)


def test_a_message_that_can_not_be_parsed_stops_neither_its_charger_nor_others(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    api.post(event_of(charger_id, seconds_ago=1, reading="before"))
    cloud.put_on_the_queue(charger_id, "this is not a message")
    after = api.post(event_of(charger_id, reading="after")).json()
    other = api.post(event_of(f"{charger_id}-other")).json()
    api.stored(charger_id, event_id=after["eventId"], seconds=5)
    api.stored(f"{charger_id}-other", event_id=other["eventId"], seconds=5)


def test_a_message_that_can_not_be_parsed_is_in_the_dead_letter_queue_with_its_reason(
    cloud: Cloud, charger_id: str
) -> None:
    cloud.put_on_the_queue(charger_id, "this is not a message")
    message = eventually(lambda: dead_letter_of(cloud, charger_id), seconds=5)
    assert message.get("Body") == "this is not a message"
    assert attribute(message, "reason") == "unreadable_message"
    assert attribute(message, "errorClass") == "UnreadableMessageError"
    for name in ("sourceSequenceNumber", "sourceMessageId", "firstSeenAt"):
        assert attribute(message, name)


# With the seconds within which an event that was sent after it must be visible.
POISON = {
    "not JSON": ("this is not a message", 3),
    "JSON of another shape": ('{"hello": "world"}', 3),
    "5,000 brackets": ("[" * 5000 + "]" * 5000, 3),
    # Of a size that SQS takes, and would cost a function all its time or memory if each part were looked at.
    "hundreds of thousands of envelopes": (
        '{"version":1,"correlationId":"c","envelopes":[' + ",".join(["{}"] * 340_000) + "]}",
        5,
    ),
    "a digit of a million": ("9" * 1_000_000, 5),
}


@pytest.mark.parametrize(("body", "seconds"), POISON.values(), ids=POISON.keys())
def test_poison_is_in_the_dead_letter_queue_at_once_and_holds_up_nobody(
    cloud: Cloud, api: Api, charger_id: str, body: str, seconds: float
) -> None:
    deadline = time.monotonic() + 5
    cloud.put_on_the_queue(charger_id, body)
    after = api.post(event_of(charger_id)).json()
    api.stored(charger_id, event_id=after["eventId"], seconds=seconds)
    message = eventually(lambda: dead_letter_of(cloud, charger_id), seconds=deadline - time.monotonic())
    assert message.get("Body") == body
    assert attribute(message, "reason") == "unreadable_message"


def test_a_stored_item_that_is_broken_costs_only_its_charger_its_answer(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    healthy = f"{charger_id}-healthy"
    cloud.break_item_of(charger_id)
    receipt = api.post(event_of(healthy)).json()
    api.stored(healthy, event_id=receipt["eventId"])
    answer = api.latest(charger_id)
    assert answer.status_code == 503
    problem(answer)
    both = api.send("GET", f"/telemetry?chargerId={charger_id}&chargerId={healthy}").json()
    assert [item["chargerId"] for item in both["items"]] == [healthy]
    assert (both["missing"], both["notReturned"]) == ([], [charger_id])


def test_what_failed_comes_back_within_seconds_and_holds_back_its_charger_no_longer(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    cloud.break_item_of(charger_id)
    api.post(event_of(charger_id, seconds_ago=1))
    latest = api.post(event_of(charger_id)).json()
    # The queue's own visibility timeout is minutes.
    eventually(lambda: cloud.failures_of(charger_id, at_least=3), seconds=20)
    cloud.mend_item_of(charger_id)
    api.stored(charger_id, event_id=latest["eventId"], seconds=20)


def test_of_a_message_with_a_bad_event_the_good_one_is_stored_and_the_whole_is_dead_lettered(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    good = {
        **event_of(charger_id, power_kw=7.4),
        "ingestedAt": "2026-11-23T08:15:30.250123Z",
        "eventId": "0" * 64,
    }
    bad = {**good, "timestamp": "yesterday", "eventId": "1" * 64}
    body = json.dumps({"version": 1, "correlationId": "e2e", "envelopes": [bad, good]})
    cloud.put_on_the_queue(charger_id, body)
    api.stored(charger_id, event_id="0" * 64, seconds=5)
    message = eventually(lambda: dead_letter_of(cloud, charger_id), seconds=5)
    assert message.get("Body") == body
    assert attribute(message, "badEventIndexes") == "0"
    assert attribute(message, "correlationId") == "e2e"


def test_without_the_permission_to_send_a_batch_is_503_with_what_may_be_sent_again(
    take_away: WithoutPermission, cloud: Cloud, api: Api, charger_id: str
) -> None:
    chargers = [charger_id, f"{charger_id}-2"]
    own = Api(api.url, cloud.issuer.token(chargers=chargers))
    events = [*map(event_of, chargers), {**event_of(charger_id), "payload": 7}, event_of(f"{charger_id}-neighbour")]
    restore = take_away("Ingest", "sqs:SendMessage")
    answer = own.post_batch(events)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
    assert int(answer.headers["retry-after"]) > 0
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (0, 4)
    results = [(each["status"], each["retryable"]) for each in answer.json()["results"]]
    assert results == [(503, True), (503, True), (422, False), (403, False)]
    restore()
    again = own.post_batch(events[:2])
    assert again.status_code == 202
    for charger, result in zip(chargers, again.json()["results"], strict=True):
        own.stored(charger, event_id=result["eventId"])


def test_without_the_permission_to_read_a_query_of_several_is_503(
    take_away: WithoutPermission, api: Api, charger_id: str
) -> None:
    latest = api.kept(event_of(charger_id))
    restore = take_away("Query", "dynamodb:BatchGetItem")
    answer = api.several(charger_id, f"{charger_id}-never")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    problem(answer)
    restore()
    assert api.several(charger_id).json()["items"] == [latest]


def test_a_dead_letter_is_in_a_group_of_its_own(cloud: Cloud, charger_id: str) -> None:
    cloud.put_on_the_queue(charger_id, "this is not a message")
    message = eventually(lambda: dead_letter_of(cloud, charger_id), seconds=5)
    source = attribute(message, "sourceMessageId")
    attributes = message.get("Attributes", {})
    assert attributes.get("MessageGroupId") == source
    assert attributes.get("MessageDeduplicationId") == source
    assert len(message.get("MessageAttributes", {})) <= 10
