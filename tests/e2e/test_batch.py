"""`POST /telemetry/batch`: each of its answers, and what becomes of each event."""

import json

import pytest

from telemetry.envelope import short_id
from tests.e2e.harness import JSON, Api, Cloud, event_of, eventually, pointers, problem


def test_a_batch_of_good_events_is_202_with_the_results_in_the_order_sent(api: Api, charger_id: str) -> None:
    sent = [f"{charger_id}-{number}" for number in (3, 1, 2)]
    answer = api.post_batch([event_of(each) for each in sent])
    assert (answer.status_code, answer.headers["content-type"]) == (202, "application/json")
    body = answer.json()
    assert (body["accepted"], body["rejected"]) == (3, 0)
    assert [each["index"] for each in body["results"]] == [0, 1, 2]
    for charger, result in zip(sent, body["results"], strict=True):
        assert result.keys() == {"index", "status", "eventId"}
        assert result["status"] == 202
        api.stored(charger, event_id=result["eventId"])


def test_events_in_an_object_are_a_batch_as_well(api: Api, charger_id: str) -> None:
    answer = api.post_batch({"events": [event_of(charger_id)]})
    assert answer.status_code == 202
    api.stored(charger_id, event_id=answer.json()["results"][0]["eventId"])


def test_one_bad_event_never_costs_a_good_one_whatever_is_wrong_with_it(api: Api, charger_id: str) -> None:
    good, bad = json.dumps(event_of(charger_id)), event_of(f"{charger_id}-bad", reading="READING")
    too_deep = "[" * 5000 + "]" * 5000
    too_long = json.dumps("x" * 64 * 1024)
    as_text = json.dumps(bad)
    wrong = {
        "null": "",
        as_text.replace('"chargerId"', '"charger"'): "/chargerId",
        as_text.replace('"READING"', "1e126"): "/payload/reading",
        as_text.replace('"READING"', too_deep): "/payload/reading" + "/0" * 23,
        as_text.replace('"READING"', too_long): "/payload",
        as_text.replace('"READING"', "1").replace('"reading": 1', '"reading": 1, "reading": 2'): "/payload/reading",
        as_text.replace('"READING"', r'"\ud800"'): "/payload/reading",
    }
    body = ",".join((*wrong, good))
    answer = api.post_text(f"[{body}]", path="/telemetry/batch")
    assert (answer.status_code, answer.headers["content-type"]) == (207, "application/json")
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, len(wrong))
    *rejected, accepted = answer.json()["results"]
    for (index, pointer), result in zip(enumerate(wrong.values()), rejected, strict=True):
        assert (result["index"], result["status"], result["retryable"]) == (index, 422, False)
        assert pointer in [error["pointer"] for error in result["errors"]]
    assert accepted["status"] == 202
    api.stored(charger_id, event_id=accepted["eventId"])
    assert api.latest(f"{charger_id}-bad").status_code == 404


def test_an_event_for_another_charger_is_rejected_alone_with_403_and_not_queued(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    own = Api(api.url, cloud.issuer.token(chargers=charger_id))
    foreign = f"{charger_id}-neighbour"
    answer = own.post_batch([event_of(charger_id, seconds_ago=1), event_of(foreign), event_of(charger_id)])
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202, 403, 202]
    assert results[1] == {"index": 1, "status": 403, "retryable": False}
    own.stored(charger_id, event_id=results[2]["eventId"])
    # Older than the one that was refused, and yet the newest.
    api.kept(event_of(foreign, seconds_ago=60))


def test_a_batch_of_which_no_event_is_accepted_is_422_with_the_results(cloud: Cloud, api: Api, charger_id: str) -> None:
    own = Api(api.url, cloud.issuer.token(chargers=charger_id))
    answer = own.post_batch([{**event_of(charger_id), "timestamp": "yesterday"}, event_of(f"{charger_id}-neighbour")])
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json")
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (0, 2)
    assert [(each["status"], each["retryable"]) for each in answer.json()["results"]] == [(422, False), (403, False)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("[]", ""),
        ('{"events": []}', "/events"),
        ("{}", "/events"),
        ('{"events": {}}', "/events"),
        ('{"events": [{}], "more": 1}', "/more"),
        ('{"events": [{}], "events": [{}]}', "/events"),
        ('{"chargerId": "CP-7"}', "/chargerId"),
        ('"events"', ""),
        ("null", ""),
        ("7", ""),
    ],
)
def test_a_batch_without_events_or_of_another_form_is_422_problem_details(api: Api, body: str, pointer: str) -> None:
    assert pointer in pointers(api.post_text(body, path="/telemetry/batch"))


def test_a_batch_that_is_not_json_is_400(api: Api) -> None:
    answer = api.post_text('[{"chargerId": "CP-7"}', path="/telemetry/batch")
    assert answer.status_code == 400
    problem(answer)


def test_a_batch_of_another_type_is_415(api: Api, charger_id: str) -> None:
    body = json.dumps([event_of(charger_id)]).encode()
    answer = api.send("POST", "/telemetry/batch", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    problem(answer)


def test_a_batch_of_101_events_is_413(api: Api, charger_id: str) -> None:
    answer = api.post_batch([event_of(charger_id)] * 101)
    assert answer.status_code == 413
    problem(answer)


def test_a_batch_of_1_mib_is_accepted_and_one_of_a_byte_more_is_413(api: Api, charger_id: str) -> None:
    body = json.dumps([event_of(charger_id)]).encode()
    filled = body + b" " * (1024 * 1024 - len(body))
    longest = api.send("POST", "/telemetry/batch", content=filled, headers=JSON)
    assert longest.status_code == 202
    too_long = api.send("POST", "/telemetry/batch", content=filled + b" ", headers=JSON)
    assert too_long.status_code == 413
    problem(too_long)


def test_100_events_of_one_charger_are_one_message_and_one_write(cloud: Cloud, api: Api, charger_id: str) -> None:
    answer = api.post_batch([event_of(charger_id, seconds_ago=100 - number, number=number) for number in range(100)])
    assert answer.status_code == 202
    event_ids = [each["eventId"] for each in answer.json()["results"]]
    api.stored(charger_id, event_id=event_ids[-1])
    [line] = eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="stored"))
    assert line["eventIds"] == [short_id(each) for each in event_ids]
    assert cloud.item_of(charger_id)["revision"] == {"N": "1"}


def test_of_events_with_one_timestamp_the_last_in_the_batch_is_the_newest(api: Api, charger_id: str) -> None:
    first = event_of(charger_id)
    answer = api.post_batch([{**first, "payload": {"number": number}} for number in range(20)])
    latest = api.stored(charger_id, event_id=answer.json()["results"][-1]["eventId"])
    assert latest["payload"] == {"number": 19}
