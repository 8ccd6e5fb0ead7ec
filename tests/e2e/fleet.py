"""Chargers that send while something fails, and send again what was not acknowledged, as chargers do."""

import json
import random
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event as Signal
from typing import Any

import httpx

from tests.e2e.fault_proxy import Injected
from tests.e2e.harness import Api, Cloud, attribute, eventually
from tools.fleet.chargers import Event, text_of
from tools.fleet.flaws import Sent
from tools.fleet.ledger import Ledger

Json = dict[str, Any]

# Of an event that no other is as old as, on a connector that no other is of: when it is stored, all before it are.
LAST = datetime(2020, 1, 1, tzinfo=UTC)
LAST_CONNECTOR = 24
# Of a charger, and of what sends for several. The emulator processes one batch at a time, of 10 messages of whomever:
# with more to do than it can, every charger would wait for every other.
PAUSE_SECONDS = 1
# A fault, and a delivery after the queue's own patience, may lie between.
LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Tally:
    """How a fleet fared: its events, and what is not kept as it must be, in numbers; messages in the DLQ; seconds."""

    sent: int
    acknowledged: int
    lost: int
    dead_lettered: int
    longest_delay: float | None


@dataclass
class Fleet:
    """Three chargers behind a gateway that sends batches, one that sends for itself, and one to be seen unaffected.

    Attributes:
        cloud: where they send to.
        api: the same, for who may do everything.
        name: what their ids begin with.
        sent: what they have sent; each has a number of its own.
        acknowledged: what the service has said to have, with its id, in that order.
        delays: of each event of the unaffected one, the seconds from the first attempt to post it until it was read.
    """

    cloud: Cloud
    api: Api
    name: str
    sent: list[Sent] = field(default_factory=list[Sent])
    acknowledged: list[tuple[Sent, str]] = field(default_factory=list[tuple[Sent, str]])
    delays: list[float] = field(default_factory=list[float])
    _running: Sequence[Future[None]] = ()
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def behind_gateway(self) -> list[str]:
        return [f"{self.name}-{number}" for number in (1, 2, 3)]

    @property
    def alone(self) -> str:
        return f"{self.name}-alone"

    @property
    def unaffected(self) -> str:
        return f"{self.name}-unaffected"

    @property
    def affected(self) -> list[str]:
        return [*self.behind_gateway, self.alone]

    @contextmanager
    def sending(self) -> Generator[None]:
        """Let all chargers send, until this ends and what they have sent is acknowledged.

        It begins once an event was read, so that no delay is that of functions that start.
        """
        stop = Signal()
        with ThreadPoolExecutor() as threads:
            self._running = [
                threads.submit(self._send, self.behind_gateway, 6, stop),
                threads.submit(self._send, [self.alone], 1, stop),
                threads.submit(self._send_and_read, stop),
            ]
            try:
                self.until(lambda: self.delays)
                self.delays.clear()
                yield
            finally:
                stop.set()
        for each in self._running:
            each.result()

    def goes_on(
        self, *, meeting: Injected | None = None, times: int = 5, acknowledged: int = 10, read: int = 2
    ) -> None:
        """Wait until so many more events were acknowledged, and so many more of the unaffected charger were read.

        Args:
            meeting: a fault to wait for until it was met `times`.
            times: how often.
            acknowledged: how many events.
            read: how many events of the unaffected charger.
        """
        if meeting:
            self.until(lambda: meeting.met >= times)
        enough = len(self.acknowledged) + acknowledged, len(self.delays) + read
        self.until(lambda: len(self.acknowledged) >= enough[0] and len(self.delays) >= enough[1])

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition while the chargers send, or fail with what stops one of them."""

        def holds() -> object:
            for each in self._running:
                if each.done():
                    each.result()
            return condition()

        eventually(holds, seconds=LONGEST_SECONDS)

    def tally(self, *, dead_letters: int, all_affected: bool) -> Tally:
        """Return how it fared, once all that was sent has come to where it belongs.

        Args:
            dead_letters: how many messages must come to be in the DLQ.
            all_affected: whether no charger was unaffected.
        """
        chargers = [*self.affected, self.unaffected]
        last = [self._event(each, LAST, connector_id=LAST_CONNECTOR) for each in chargers]
        with self._client() as client:
            self._post(client, last)
        numbers = {each.event.charger_id: _number_of(each) for each in last}

        def latest() -> dict[str, Json] | None:
            items: dict[str, Json] = {item["chargerId"]: item for item in self.api.several(*chargers).json()["items"]}
            connectors = {each: items.get(each, {}).get("connectors", {}).get(str(LAST_CONNECTOR)) for each in chargers}
            stored = {each: connector and connector["payload"]["number"] for each, connector in connectors.items()}
            return items if stored == numbers else None

        what = "the last event of each charger, after all that it had sent,"
        items = eventually(latest, seconds=LONGEST_SECONDS, every=0.1, what=what)
        bodies = self._dead_letters(chargers, dead_letters)
        return Tally(
            sent=len(self.sent),
            acknowledged=len(self.acknowledged),
            lost=len(self._ledger({number for body in bodies for number in _numbers_in(body)}).differences(items)),
            dead_lettered=len(bodies),
            longest_delay=None if all_affected else max(self.delays),
        )

    def _ledger(self, dead_lettered: Collection[int]) -> Ledger:
        """Return what must be kept; of a message in the DLQ, the good events are, and the bad ones are not."""
        ledger = Ledger()
        for sent, event_id in self.acknowledged:
            if _number_of(sent) in dead_lettered:
                ledger.lose_sight_of(sent)
            else:
                ledger.accept(sent, event_id=event_id)
        return ledger

    def _event(self, charger_id: str, at: datetime, *, connector_id: int = 0) -> Sent:
        """Return a new event, of the charger as a whole where the connector is 0; not all carry the same values."""
        number = next(self._numbers)
        body: Json = {"chargerId": charger_id, "timestamp": text_of(at), "payload": {"number": number}}
        values: Json = {}
        if connector_id:
            body["connectorId"] = values["connectorId"] = connector_id
        if number % 2:
            body["payload"]["session_energy_wh"] = number
            values["metrics.energySessionWh"] = number
        if number % 3 == 0:
            body["firmwareVersion"] = f"firmware {number}"
            values["firmwareVersion"] = f"firmware {number}"
        event = Sent(0, Event(0, body, values=values))
        self.sent.append(event)
        return event

    def _send(self, charger_ids: Sequence[str], at_once: int, stop: Signal) -> None:
        """Send events of these chargers, some of them late, some of one time, on some connectors."""
        chance = random.Random(at_once)  # noqa: S311 - the same in each run
        begun = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        with self._client() as client:
            while not stop.is_set():
                self._post(
                    client,
                    [
                        self._event(
                            chance.choice(charger_ids),
                            begun + timedelta(seconds=chance.randrange(600)),
                            connector_id=chance.randrange(LAST_CONNECTOR),
                        )
                        for _ in range(at_once)
                    ],
                )
                stop.wait(PAUSE_SECONDS)

    def _send_and_read(self, stop: Signal) -> None:
        """Send an event of the unaffected charger, newer than all before, and wait until it can be read."""
        with self._client() as client:
            while not stop.is_set():
                event = self._event(self.unaffected, datetime.now(UTC))
                begun = time.monotonic()
                self._post(client, [event])

                def is_read(number: int = _number_of(event)) -> bool:
                    answer = _attempt(lambda: client.get(f"/telemetry/{self.unaffected}"))
                    return answer is not None and answer.is_success and answer.json()["payload"]["number"] == number

                what = f"reading the acknowledged event {_number_of(event)} of {self.unaffected}"
                eventually(is_read, seconds=LONGEST_SECONDS, every=0.1, what=what)
                self.delays.append(time.monotonic() - begun)

    def _post(self, client: httpx.Client, events: Sequence[Sent]) -> None:
        """Post events, one alone or several as a batch, again and again until each is acknowledged."""
        waiting = list(events)

        def all_acknowledged() -> bool:
            accepted = _accepted(client, [each.event.body for each in waiting])
            self.acknowledged += [(waiting[index], event_id) for index, event_id in accepted.items()]
            waiting[:] = [event for index, event in enumerate(waiting) if index not in accepted]
            return not waiting

        what = f"the acknowledgement of events of {waiting[0].event.charger_id} and others"
        eventually(all_acknowledged, seconds=LONGEST_SECONDS, every=0.2, what=what)

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.api.token}"}
        return httpx.Client(base_url=self.api.url, headers=headers, timeout=30, trust_env=False)

    def _dead_letters(self, charger_ids: Collection[str], number: int) -> list[str]:
        """Take these chargers' messages off the DLQ; return their bodies when there are so many."""
        bodies: list[str] = []

        def are_there() -> bool:
            received = self.cloud.sqs.receive_message(
                QueueUrl=self.cloud.outputs["DeadLetterQueueUrl"],
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["MessageGroupId"],
                VisibilityTimeout=2,
            ).get("Messages", [])
            for message in received:
                # The redrive policy, which adds no attributes, leaves a message in its charger's group.
                group = attribute(message, "sourceMessageGroupId") or message.get("Attributes", {}).get(
                    "MessageGroupId"
                )
                if group in charger_ids:
                    bodies.append(message.get("Body", ""))
                    self.cloud.sqs.delete_message(
                        QueueUrl=self.cloud.outputs["DeadLetterQueueUrl"],
                        ReceiptHandle=message.get("ReceiptHandle", ""),
                    )
            return not received and len(bodies) >= number

        eventually(are_there, what=f"{number} messages of the fleet in the DLQ")
        return bodies


def _accepted(client: httpx.Client, bodies: Sequence[Json]) -> dict[int, str]:
    """Post events and return the ids of those that were acknowledged, by index; the others may be sent again."""
    one = len(bodies) == 1
    path, body = ("/telemetry", bodies[0]) if one else ("/telemetry/batch", bodies)
    answer = _attempt(lambda: client.post(path, json=body))
    if answer is None:
        return {}
    # The answer to one event, and API Gateway's, which answers where the function can't, know of no results.
    results = answer.json().get("results", [{"index": 0, **answer.json(), "status": answer.status_code}])
    for result in results:
        assert result["status"] == 202 or result["status"] >= 500, answer.text
    return {result["index"]: result["eventId"] for result in results if result["status"] == 202}


def _number_of(sent: Sent) -> int:
    return sent.event.body["payload"]["number"]


def _attempt(request: Callable[[], httpx.Response]) -> httpx.Response | None:
    """Return the answer to a request; None where the connection was refused or cut."""
    try:
        return request()
    except httpx.TransportError:
        return None


def _numbers_in(body: str) -> list[int]:
    """Return the numbers of the events in a message; none where it is poison."""
    try:
        return [envelope["payload"]["number"] for envelope in json.loads(body)["envelopes"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
