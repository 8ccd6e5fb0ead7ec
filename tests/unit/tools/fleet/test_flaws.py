"""What chargers and gateways post: the same for the same seed, and with each flaw that is asked for."""

import gzip
import json
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from telemetry import exact_json
from telemetry.errors import TelemetryError
from telemetry.event import parse_event
from telemetry.normalisation import normalise
from tests.unit.tools.fleet.plans import BEGUN, plan
from tools.fleet.flaws import SPOILERS, Flaw, Sent
from tools.fleet.posts import Post, senders_of


def posts_of(**asked: float) -> list[Post]:
    return [post for posts in senders_of(replace(plan(), **asked)) for post in posts]


def texts_of(post: Post) -> list[str]:
    return [post_alone(each).content().decode() for each in post.events]


def post_alone(sent: Sent) -> Post:
    return Post(sent.at, (sent,))


def sent_with(flaw: Flaw) -> list[Sent]:
    return [each for post in posts_of() for each in post.events if each.event.flaw == flaw]


def is_accepted(sent: Sent) -> bool:
    """Tell what the service's own code says when the event is sent."""
    try:
        text = post_alone(sent).content().decode()
        parse_event(exact_json.parse(text), BEGUN + timedelta(seconds=sent.at))
    except TelemetryError:
        return False
    return True


def test_the_same_seed_gives_the_same_posts_and_another_others() -> None:
    contents = [[post.content() for post in posts_of(seed=seed)] for seed in (7, 7, 8)]
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_another_seed_gives_other_cars_where_nothing_goes_wrong() -> None:
    one, other = ({post.content() for post in posts_of(seed=seed, flaws=0)} for seed in (7, 8))
    assert not one & other


def test_what_is_sent_again_is_the_same_octets_at_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = next(post for post in posts_of() if post.is_gzip)
    contents: set[bytes] = set()
    for now in 1e9, 2e9:
        monkeypatch.setattr(time, "time", lambda now=now: now)
        contents.add(packed.content())
    assert len(contents) == 1


def test_the_service_accepts_what_is_valid_and_nothing_else() -> None:
    events = [each for post in posts_of(chargers=100) for each in post.events]
    assert [each for each in events if is_accepted(each) != each.is_valid] == []
    assert {each.event.flaw for each in events} == {"", *Flaw}


@pytest.mark.parametrize("spoil", SPOILERS)
def test_each_way_to_spoil_an_event_makes_it_invalid(spoil: type) -> None:
    good = next(each for post in posts_of(flaws=0) for each in post.events)
    assert is_accepted(good)
    assert not is_accepted(spoil(good))


def test_without_flaws_each_event_is_sent_alone_when_it_happens_and_in_order() -> None:
    for posts in senders_of(plan(flaws=0)):
        assert {(post.is_batch, post.is_gzip, post.events[0].event.flaw) for post in posts} == {(False, False, "")}
        times = [post.events[0].event.body["timestamp"] for post in posts]
        assert all(one < other for one, other in pairwise(times))
        assert [post.at for post in posts] == [post.events[0].event.at for post in posts]


def test_a_rate_holds_where_a_charger_has_no_turn_in_the_duration() -> None:
    # 1,000 events a second for 1 s, of chargers each of which sends every 2 s.
    assert len(posts_of(chargers=2000, flaws=0, duration=1)) == pytest.approx(1000, rel=0.1)


def test_all_is_sent_within_the_duration() -> None:
    assert all(0 <= post.at <= 60 for post in posts_of())


def test_what_is_late_or_out_of_order_is_overtaken() -> None:
    for flaw, at_least in (Flaw.LATE, 1.5 * 2), (Flaw.OUT_OF_ORDER, 1.2 * 2):
        for each in sent_with(flaw):
            assert each.at >= min(each.event.at + at_least, 60) - 1e-9


def test_what_is_duplicated_is_sent_twice_as_it_is() -> None:
    texts = Counter(post_alone(each).content() for each in sent_with(Flaw.DUPLICATED))
    assert set(texts.values()) == {2}


@pytest.mark.parametrize(("flaw", "ahead"), [(Flaw.SLOW_CLOCK, -600), (Flaw.FAST_CLOCK, 120), (Flaw.FAR_CLOCK, 1200)])
def test_a_wrong_clock_gives_a_wrong_time(flaw: Flaw, ahead: float) -> None:
    bad = sent_with(flaw)
    assert bad
    for each in bad:
        right = BEGUN + timedelta(seconds=each.event.at + ahead)
        assert abs(datetime.fromisoformat(each.event.body["timestamp"]) - right) <= timedelta(milliseconds=1)


def test_what_was_offline_is_replayed_in_one_batch_in_order() -> None:
    replayed = [post for post in posts_of() if any(each.replay for each in post.events) and not post.is_gzip]
    assert replayed
    for post in replayed:
        times = [each.event.body["timestamp"] for each in post.events]
        assert post.is_batch
        assert times == sorted(times)
        assert post.at >= post.events[-1].event.at


def test_a_share_of_the_chargers_is_behind_gateways_that_send_batches_as_gzip() -> None:
    behind: dict[bool, set[str]] = defaultdict(set)
    for post in posts_of(flaws=0.2):
        if post.is_gzip:
            assert post.content_type == "application/gzip"
            assert len(json.loads(gzip.decompress(post.content()))) == len(post.events) <= 100
        behind[post.is_gzip] |= {each.event.charger_id for each in post.events if each.is_valid}
    assert len(behind[True]) == 6
    assert len(behind[False]) == 24


def test_the_service_understands_each_shape() -> None:
    understood = Counter[str]()
    for post in posts_of(flaws=0, duration=600):
        body = post.events[0].event.body
        read = normalise(exact_json.parse(json.dumps(body["payload"])))  # pyright: ignore[reportArgumentType]
        assert read.metrics.values or read.charger_status
        assert read.unknown_units == 0
        assert read.connector_id in {None, body.get("connectorId")}
        understood.update([*read.metrics.values, *filter(None, [read.charger_status])])
    assert {"powerW", "socPercent", "energySessionWh", "Faulted", "Available", "Occupied"} <= set(understood)
