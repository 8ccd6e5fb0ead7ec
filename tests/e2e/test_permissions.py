"""Each permission that the emulator enforces is needed: without it something breaks; what was accepted is not lost."""

from collections.abc import Callable

import httpx
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
from tools.permissions import WITHOUT_IT

# What is seen once the permission is back.
Mended = Callable[[], object]


def is_to_be_sent_again(answer: httpx.Response) -> None:
    problem(answer)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def posts_are_refused(_cloud: Cloud, api: Api, charger_id: str) -> Mended:
    event = event_of(charger_id)
    is_to_be_sent_again(api.post(event))
    return lambda: api.kept(event)


def queries_are_refused(_cloud: Cloud, api: Api, charger_id: str) -> Mended:
    is_to_be_sent_again(api.latest(charger_id))

    def mended() -> None:
        assert api.latest(charger_id).status_code == 404

    return mended


def nothing_is_stored(cloud: Cloud, api: Api, charger_id: str) -> Mended:
    receipt = api.post(event_of(charger_id)).json()
    eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="to be delivered again"))
    assert api.latest(charger_id).status_code == 404
    return lambda: api.stored(charger_id, event_id=receipt["eventId"])


def poison_stays_on_the_queue(cloud: Cloud, _api: Api, charger_id: str) -> Mended:
    cloud.put_on_the_queue(charger_id, "this is not a message")
    eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="to be delivered again"))
    assert dead_letter_of(cloud, charger_id) is None

    def mended() -> None:
        message = eventually(lambda: dead_letter_of(cloud, charger_id))
        assert attribute(message, "reason") == "unreadable_message"

    return mended


CHANGE_VISIBILITY = ("Processor", "sqs:ChangeMessageVisibility")
BREAKS = {
    ("Ingest", "sqs:SendMessage"): posts_are_refused,
    ("Processor", "sqs:SendMessage"): poison_stays_on_the_queue,
    ("Processor", "dynamodb:BatchGetItem"): nothing_is_stored,
    ("Processor", "dynamodb:PutItem"): nothing_is_stored,
    ("Query", "dynamodb:BatchGetItem"): queries_are_refused,
}


@pytest.mark.parametrize("permission", BREAKS, ids=map(" ".join, BREAKS))
def test_without_a_permission_its_part_breaks_and_is_mended_when_it_is_back(
    take_away: WithoutPermission, cloud: Cloud, api: Api, charger_id: str, permission: tuple[str, str]
) -> None:
    give_back = take_away(*permission)
    mended = BREAKS[permission](cloud, api, charger_id)
    give_back()
    mended()


def test_without_the_permission_to_change_it_the_visibility_timeout_is_waited_for_and_nothing_is_lost(
    take_away: WithoutPermission, cloud: Cloud, api: Api, charger_id: str, visibility_timeout: float
) -> None:
    take_away(*CHANGE_VISIBILITY)
    cloud.break_item_of(charger_id)
    receipt = api.post(event_of(charger_id)).json()
    first, second, *_ = eventually(lambda: cloud.failures_of(charger_id, at_least=2))
    assert (second - first).total_seconds() > visibility_timeout - 1
    told = "delivered again only after the queue's visibility timeout"
    assert "AccessDenied" in str(cloud.log_lines("Processor", message=told)[-1]["causes"])
    cloud.mend_item_of(charger_id)
    api.stored(charger_id, event_id=receipt["eventId"])


def test_each_row_of_the_documented_table_is_tried() -> None:
    assert {*BREAKS, CHANGE_VISIBILITY} == WITHOUT_IT.keys()
