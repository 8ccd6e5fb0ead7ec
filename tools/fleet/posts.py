"""Who posts what: chargers that post each event, and gateways that post batches of several chargers, as gzip."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from tools.fleet.chargers import events_of
from tools.fleet.flaws import Sent, flawed
from tools.fleet.plan import Plan

BEHIND_A_GATEWAY: Final = 10
# The most that the service takes in a batch: docs/openapi.json.
MOST_EVENTS: Final = 100


@dataclass(frozen=True)
class Post:
    """A request.

    Attributes:
        at: when it is due, in seconds from the beginning.
        events: what it holds, at least one.
        is_batch: whether they go as a batch.
        is_gzip: whether it is compressed.
    """

    at: float
    events: tuple[Sent, ...]
    is_batch: bool = False
    is_gzip: bool = False

    @property
    def path(self) -> str:
        """Where it goes."""
        return "/telemetry/batch" if self.is_batch else "/telemetry"

    @property
    def content_type(self) -> str:
        """What it is."""
        return "application/gzip" if self.is_gzip else "application/json"

    def content(self) -> bytes:
        """Return the body, the same each time."""
        texts = [each.text or json.dumps(each.event.body, separators=(",", ":")) for each in self.events]
        text = f"[{','.join(texts)}]" if self.is_batch else texts[0]
        return gzip.compress(text.encode(), mtime=0) if self.is_gzip else text.encode()


def senders_of(plan: Plan) -> list[list[Post]]:
    """Return what each charger or gateway posts, one after the other: for the same plan the same, octet for octet."""
    streams = [_stream(plan, number, charger_id) for number, charger_id in enumerate(plan.charger_ids)]
    chance = random.Random(f"{plan.seed}/gateways")  # noqa: S311 - the same for the same seed  # nosec B311
    behind = chance.sample(range(plan.chargers), round(plan.chargers * plan.flaws))
    alone = [list(_posts_alone(streams[number])) for number in range(plan.chargers) if number not in set(behind)]
    gateways = [behind[at : at + BEHIND_A_GATEWAY] for at in range(0, len(behind), BEHIND_A_GATEWAY)]
    return alone + [_posts_of_gateway([streams[number] for number in each], plan) for each in gateways]


def _stream(plan: Plan, number: int, charger_id: str) -> list[Sent]:
    chance = random.Random(f"{plan.seed}/{number}")  # noqa: S311 - the same for the same seed  # nosec B311
    return list(flawed(list(events_of(charger_id, number, chance, plan)), chance, plan))


def _posts_alone(stream: Sequence[Sent]) -> Iterator[Post]:
    for replay, group in groupby(stream, key=lambda each: each.replay):
        events = tuple(group)
        if replay:
            yield Post(events[0].at, events, is_batch=True)
        else:
            yield from (Post(each.at, (each,)) for each in events)


def _posts_of_gateway(streams: Sequence[Sequence[Sent]], plan: Plan) -> list[Post]:
    """Return a batch for each interval; what would spoil a whole batch is posted alone."""
    events = sorted((each for stream in streams for each in stream), key=lambda each: each.at)
    posts = [Post(each.at, (each,)) for each in events if each.text]
    for window, group in groupby((each for each in events if not each.text), key=lambda each: each.at // plan.interval):
        at = min((window + 1) * plan.interval, plan.duration)
        posts += [Post(at, some, is_batch=True, is_gzip=True) for some in _cut(list(group))]
    return sorted(posts, key=lambda post: post.at)


def _cut(events: Sequence[Sent]) -> Iterator[tuple[Sent, ...]]:
    for at in range(0, len(events), MOST_EVENTS):
        yield tuple(events[at : at + MOST_EVENTS])
