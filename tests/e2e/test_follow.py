"""Following one event, as an operator does: by its id or by that of its request."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from telemetry.envelope import short_id
from tests.e2e.harness import (
    PROJECT,
    Api,
    Cloud,
    WithoutPermission,
    dead_letter_of,
    event_of,
    event_with,
    eventually,
)
from tools.follow.__main__ import as_text
from tools.follow.items import DynamoItems
from tools.follow.lines import CloudWatchLogs
from tools.follow.trail import follow
from tools.follow.verdicts import verdicts_of
from tools.progress import Progress

# Takes an id; gives the timeline, less the times, and the verdict.
Follow = Callable[[str], tuple[list[str], str]]


def hops_and_verdict(told: str) -> tuple[list[str], str]:
    timeline, _, rest = told.partition("\n\n")
    return [" ".join(line[35:].split()) for line in timeline.splitlines()], rest.splitlines()[-1]


@pytest.fixture
def followed(cloud: Cloud) -> Follow:
    """Follow an id as the command does, without the seconds that starting it takes."""

    def tell(asked: str) -> tuple[list[str], str]:
        now = datetime.now(UTC)
        items = DynamoItems(cloud.dynamodb, cloud.outputs["TableName"], now)
        trail = follow(asked, CloudWatchLogs(cloud.logs, cloud.outputs, Progress()), items, now - timedelta(hours=1))
        return hops_and_verdict(as_text(trail, verdicts_of(trail, now)))

    return tell


def command(cloud: Cloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a shell that is full of another AWS."""
    return subprocess.run(
        [PROJECT / "scripts" / "follow.sh", *arguments, "--stage", "local"],
        env={**cloud.shell.variables, "AWS_PROFILE": "a-profile-that-is-nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_event_is_followed_by_its_id_and_by_that_of_its_request(cloud: Cloud, api: Api, charger_id: str) -> None:
    answer = api.post(event_of(charger_id))
    event_id, request_id = answer.json()["eventId"], answer.headers["apigw-requestid"]
    eventually(lambda: cloud.stored_lines(event_id))
    newest = f"stored and newest of {charger_id}"
    by_event = [f"ingest accepted for {charger_id}; request {request_id}", f"processor stored; request {request_id}"]
    for asked, hops in (event_id, by_event), (request_id, [f"ingest accepted for {charger_id}", "processor stored"]):
        told = command(cloud, asked)
        assert told.returncode == 0, told.stderr
        assert hops_and_verdict(told.stdout) == (hops, newest)


def test_an_event_that_is_not_the_newest_is_told_to_be_superseded_or_stale(
    cloud: Cloud, api: Api, charger_id: str, followed: Follow
) -> None:
    older, newest, late = (
        api.kept(event_of(charger_id, seconds_ago=20))["eventId"],
        api.kept(event_of(charger_id))["eventId"],
        api.post(event_of(charger_id, seconds_ago=10)).json()["eventId"],
    )
    eventually(lambda: cloud.stored_lines(late))
    _, superseded = followed(str(older))
    assert superseded.startswith(f"stored, superseded by {newest} of ")
    hops, stale = followed(late)
    assert hops[-1].startswith("processor stale: changed nothing that is newer")
    assert stale.startswith(f"stale: a newer event was stored before it; the newest is {newest} of ")


def test_of_a_batch_what_was_refused_is_told_beside_what_was_stored(cloud: Cloud, api: Api, charger_id: str) -> None:
    own = Api(api.url, cloud.issuer.token(chargers=[charger_id]))
    answer = own.post_batch([event_of(charger_id), event_of(f"{charger_id}-2"), {**event_of(charger_id), "a": 1}])
    event_id = answer.json()["results"][0]["eventId"]
    eventually(lambda: cloud.stored_lines(event_id))
    told = json.loads(command(cloud, answer.headers["apigw-requestid"], "--json").stdout)
    assert told["verdict"] == "of 3 events: 1 stored and newest, 1 refused (forbidden), 1 refused (invalid)"
    assert [(each["eventId"], each["outcome"], each["reason"]) for each in told["events"]] == [
        (short_id(event_id), "newest", None),
        (None, "refused", "forbidden"),
        (None, "refused", "invalid"),
    ]


def test_of_a_message_with_poison_the_good_event_is_stored_and_the_bad_one_in_the_dlq(
    cloud: Cloud, charger_id: str, followed: Follow
) -> None:
    good_id, bad_id = f"0{charger_id[4:]:0<63}", f"1{charger_id[4:]:0<63}"
    good = {**event_of(charger_id), "ingestedAt": "2026-11-23T08:15:30.250123Z", "eventId": good_id}
    bad = {**good, "timestamp": "yesterday", "eventId": bad_id}
    request = f"request-of-{charger_id}"
    cloud.put_on_the_queue(charger_id, json.dumps({"version": 1, "correlationId": request, "envelopes": [bad, good]}))
    eventually(lambda: cloud.stored_lines(good_id))
    hops, verdict = followed(bad_id)
    assert verdict == "in the DLQ (invalid): scripts/dlq.sh list and show tell more"
    assert f"of {charger_id} moved to the DLQ: invalid" in hops[-1]
    assert followed(good_id)[1] == f"stored and newest of {charger_id}"
    _, both = followed(request)
    assert both == "of 2 events: 1 in the DLQ (invalid), 1 stored and newest"
    assert dead_letter_of(cloud, charger_id)


def test_an_event_that_the_table_can_never_store_is_in_the_dlq(
    cloud: Cloud, api: Api, charger_id: str, followed: Follow
) -> None:
    api.kept(event_of(charger_id, seconds_ago=10))
    item = {**cloud.item_of(charger_id), "ofNewerCode": {"S": "x" * 405_000}}
    cloud.dynamodb.put_item(TableName=cloud.outputs["TableName"], Item=item)
    event_id = api.post(event_with({"filler": "x" * 10_000}, charger_id)).json()["eventId"]
    eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="dead-lettered"))
    hops, verdict = followed(event_id)
    assert verdict == "in the DLQ (item_refused): scripts/dlq.sh list and show tell more"
    assert len(hops) == 2
    # Nobody has taken it from there.
    assert dead_letter_of(cloud, charger_id)


def test_an_event_that_is_delivered_again_is_told_to_wait_and_then_to_be_stored(
    cloud: Cloud, api: Api, charger_id: str, followed: Follow, take_away: WithoutPermission
) -> None:
    restore = take_away("Processor", "dynamodb:PutItem")
    event_id = api.post(event_of(charger_id, seconds_ago=10)).json()["eventId"]
    eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="to be delivered again"))
    behind = api.post(event_of(charger_id)).json()["eventId"]
    hops, waiting = followed(event_id)
    assert "to be delivered again: table_unavailable" in hops[-1]
    assert waiting.startswith("waiting to be delivered again (table_unavailable), ")
    # By now it may have been received together with the first.
    _, held_back = followed(behind)
    assert held_back.startswith(("on the queue: message ", "waiting to be delivered again (table_unavailable)"))
    restore()
    eventually(lambda: cloud.stored_lines(event_id))
    hops, stored = followed(event_id)
    assert stored.startswith("stored")
    assert [hop.split()[1] for hop in hops] == ["accepted", "message", "stored;"]


def test_an_event_that_could_not_be_queued_is_refused_for_now(
    api: Api, charger_id: str, followed: Follow, take_away: WithoutPermission
) -> None:
    take_away("Ingest", "sqs:SendMessage")
    answer = api.post(event_of(charger_id))
    hops, verdict = followed(answer.headers["apigw-requestid"])
    assert hops[0].startswith(f"ingest could not queue 1 event of {charger_id}: queue_unavailable, ClientError(")
    assert verdict == "refused (queue_unavailable): its sender was told to send it again"


def test_an_id_that_is_in_no_log_is_told_in_one_line(cloud: Cloud) -> None:
    # Of no other test, whose ids made by hand begin with zeros.
    unknown = uuid4().hex * 2
    ended = command(cloud, unknown, "--since", "30m")
    assert (ended.returncode, ended.stdout) == (1, "")
    kept = "stage local keeps its logs for 1 d"
    # The last, since a busy machine may have had to tell that it is at work.
    told = ended.stderr.splitlines()[-1]
    assert told == f"follow.sh: {unknown} was not found in the logs of the last 30m; {kept}"
