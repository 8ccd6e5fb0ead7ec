"""The largest item that the contract allows is under DynamoDB's 400 KB.

Sizes as AWS counts them: names and strings by their bytes in UTF-8, a number by a byte for two digits and one more
(and one of a negative one), an object or a list by 3 bytes and 1 for each member.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import cast

from processor.folding import fold, sample_of
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.event import TelemetryEvent, parse_event
from telemetry.exact_json import utf8_size
from telemetry.item import to_item
from telemetry.merge import LARGEST_CONNECTOR_PAYLOAD_BYTES, LatestTelemetry
from telemetry.normalisation.flat import FLAT_KEYS
from telemetry.normalisation.measurands import MEASURANDS
from telemetry.storable import LARGEST_PAYLOAD_BYTES
from tests.unit.strategies import START

LARGEST_ITEM_BYTES = 400 * 1024
MOST_CONNECTORS = 24
# Of each optional text of an event, how many characters it may have.
LONGEST_TEXTS = {
    name: field["anyOf"][0]["maxLength"]
    for name, field in TelemetryEvent.model_json_schema()["properties"].items()
    if field.get("anyOf", [{}])[0].get("type") == "string"
}
LONG_NUMBER = Decimal("1.2345678901234567890123456789012345678")


def size_of(value: object) -> int:
    """Return what a value takes of an item."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return (len(Decimal(value).as_tuple().digits) + 1) // 2 + 2
    if isinstance(value, dict):
        return 3 + sum(
            len(name.encode()) + 1 + size_of(each) for name, each in cast("dict[str, object]", value).items()
        )
    if isinstance(value, list):
        return 3 + sum(1 + size_of(each) for each in cast("list[object]", value))
    return 1


class Charger:
    """Posts events that are as great as they may be, each with texts of its own."""

    def __init__(self) -> None:
        self.clock = (START + timedelta(seconds=second) for second in count(1))
        self.letters = (chr(letter) for letter in count(0x1F680))
        self.latest: LatestTelemetry | None = None

    def text(self, length: int) -> str:
        """Return a new text of characters that take four bytes each in UTF-8."""
        return next(self.letters) + "\N{ELECTRIC PLUG}" * (length - 1)

    def sends(self, payload: Mapping[str, object], connector_id: int, texts: Iterable[str] = ()) -> None:
        moment = next(self.clock)
        event: dict[str, object] = {
            "chargerId": "C" * 64,
            "timestamp": moment.isoformat(),
            "connectorId": connector_id,
            "payload": payload,
            **{name: self.text(LONGEST_TEXTS[name]) for name in texts},
        }
        envelope: TelemetryEnvelope = seal(parse_event(event, START + timedelta(days=1)), moment).open()
        self.latest = fold(self.latest, [sample_of(envelope)], "test").latest


def metrics_one_by_one() -> Iterator[dict[str, object]]:
    """Yield payloads that leave every metric behind with a time of its own, and as many digits as there may be."""
    flat = {meaning.metric: key for key, meaning in FLAT_KEYS.items()}
    for key in flat.values():
        yield {key: LONG_NUMBER}
    yield {"temp_c": LONG_NUMBER}
    for phase in ("L1", "L2", "L3"):
        for measurand in ("Power.Active.Import", "Current.Import", "Voltage"):
            sampled = {"value": str(LONG_NUMBER), "measurand": measurand, "phase": phase}
            yield {"meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [sampled]}]}
    for measurand in (name for name, meaning in MEASURANDS.items() if meaning.metric not in {*flat, "temperatureC"}):
        sampled = {"value": str(LONG_NUMBER), "measurand": measurand}
        yield {"meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [sampled]}]}


def filled(payload: dict[str, object], most_bytes: int) -> dict[str, object]:
    """Return the payload with what takes most of an item for each byte of JSON: empty lists."""
    room = most_bytes - utf8_size({**payload, "x": []})
    return {**payload, "x": [[] for _ in range((room + 1) // 3)]}


def of_everything(transaction: str) -> dict[str, object]:
    """A message of OCPP that says much, and in which much is wrong."""
    phases = [
        {"value": "999999.12345678", "measurand": measurand, "phase": phase}
        for measurand in ("Power.Active.Import", "Current.Import", "Voltage")
        for phase in ("L1", "L2", "L3")
    ]
    others = [
        {"value": "999999.12345678", "measurand": "Temperature"},
        {"value": "999", "measurand": "SoC"},
        {"value": "999999999.12345678"},
    ]
    return {
        "transactionId": transaction,
        "connectorId": 1,
        "status": "Faulted",
        "errorCode": "E" * 60,
        "vendorErrorCode": "V" * 60,
        "meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": phases + others}],
    }


def largest(*, rich: bool) -> dict[str, object]:
    """Return the item of a charger that has sent the most, rich in metrics and findings at the end, or in lists."""
    charger = Charger()
    for connector in range(1, MOST_CONNECTORS + 1):
        for payload in metrics_one_by_one():
            charger.sends(payload, connector)
        for name in LONGEST_TEXTS:
            charger.sends({}, connector, [name])
        last = of_everything(f"{connector}" * 30) if rich else {}
        charger.sends(filled(last, LARGEST_CONNECTOR_PAYLOAD_BYTES), connector, LONGEST_TEXTS)
    last = of_everything("1" * 30) if rich else {}
    charger.sends(filled(last, LARGEST_PAYLOAD_BYTES), 0, LONGEST_TEXTS)
    assert charger.latest
    item = to_item(charger.latest, 10**15, timedelta(days=30))
    connectors = cast("dict[str, dict[str, object]]", item["connectors"])
    assert len(connectors) == MOST_CONNECTORS
    assert all("payload" in each for each in connectors.values())
    return item


def test_the_largest_item_of_a_charger_that_says_little_at_last_is_under_400_kb() -> None:
    assert 250 * 1024 < size_of(largest(rich=False)) < LARGEST_ITEM_BYTES


def test_the_largest_item_of_a_charger_at_which_everything_is_wrong_is_under_400_kb() -> None:
    item = largest(rich=True)
    findings = cast("list[object]", cast("dict[str, dict[str, object]]", item["connectors"])["1"]["findings"])
    assert len(findings) >= 7
    assert 250 * 1024 < size_of(item) < LARGEST_ITEM_BYTES


def test_a_filled_payload_is_as_long_as_it_may_be() -> None:
    assert utf8_size(filled({}, 3072)) in range(3070, 3073)
