from decimal import Decimal
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from telemetry.exact_json import UNSTORABLE_NUMBER, dump, exact_number, parse
from telemetry.metrics import Metrics
from telemetry.normalisation import normalise
from telemetry.normalisation.flat import CURRENTS_OF_PHASES, FLAT_KEYS, TEMPERATURES, VOLTAGES_OF_PHASES
from telemetry.normalisation.measurands import MEASURANDS
from telemetry.normalisation.ocpp import STATUSES
from tests.unit.strategies import json_values, numbers, payloads

UNITS = ["Wh", "kWh", "W", "KW", "V", "A", "K", "k", "Celsius", "Fahrenheit", "Percent", "Hz", "var", ""]
PHASES = ["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1", ""]


def texts_of_numbers() -> st.SearchStrategy[str]:
    """What is, or nearly is, the text of a number."""
    return st.text("0123456789+-.eE_ ", max_size=12) | st.sampled_from(["NaN", "-Infinity", "sNaN9", "1e999999999"])


def members(**known: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Objects of some of these members, each as it should be or anything, and of others."""
    anything = json_values() | st.just(UNSTORABLE_NUMBER) | texts_of_numbers()
    mostly = {name: st.one_of(values, values, values, anything) for name, values in known.items()}
    return st.fixed_dictionaries({}, optional=mostly)


def sampled_values() -> st.SearchStrategy[dict[str, object]]:
    unit = members(unit=st.sampled_from(UNITS), multiplier=st.integers(-5, 5) | st.integers())
    return members(
        value=numbers() | texts_of_numbers(),
        measurand=st.sampled_from(sorted(MEASURANDS)),
        phase=st.sampled_from(PHASES),
        unit=st.sampled_from(UNITS),
        unitOfMeasure=unit,
        unit_of_measure=unit,
        context=st.sampled_from(["Transaction.Begin", "Sample.Periodic"]),
        format=st.sampled_from(["Raw", "SignedData"]),
        location=st.sampled_from(["Outlet", "EV", "Upstream"]),
        signedMeterValue=st.none(),
    )


def meter_values() -> st.SearchStrategy[list[dict[str, object]]]:
    sampled = st.lists(sampled_values(), max_size=4)
    times = st.sampled_from(["2026-11-23T08:15:00Z", "2026-11-23T08:15:00", "9999-12-31T23:59:60Z", "0000-00-00"])
    return st.lists(members(timestamp=times, sampledValue=sampled, sampled_value=sampled), max_size=3)


def messages() -> st.SearchStrategy[dict[str, object]]:
    """Payloads of the shape of OCPP messages and of flat JSON, mixed, with anything anywhere."""
    flat = st.dictionaries(
        st.sampled_from([*FLAT_KEYS, *VOLTAGES_OF_PHASES, *CURRENTS_OF_PHASES, *TEMPERATURES, "powerW"]),
        numbers() | texts_of_numbers(),
        max_size=4,
    )
    message = members(
        meterValue=meter_values(),
        meter_value=meter_values(),
        connectorId=st.integers(-1, 30),
        evseId=st.integers(-1, 30),
        evse=members(id=st.integers(-1, 30)),
        status=st.sampled_from(sorted(STATUSES)),
        connectorStatus=st.sampled_from(sorted(STATUSES)),
        errorCode=st.just("NoError"),
        transactionId=st.integers() | st.text(),
        transactionInfo=members(transactionId=st.text(), chargingState=st.text()),
    )
    return st.tuples(flat, message).map(lambda parts: parts[0] | parts[1])


def with_reversed_keys(fields: dict[str, object]) -> dict[str, object]:
    """The same object, its keys and those of all objects in it in the opposite order."""
    return {key: turned(fields[key]) for key in reversed(fields)}


def turned(value: object) -> object:
    if isinstance(value, dict):
        return with_reversed_keys(cast("dict[str, object]", value))
    return [turned(each) for each in cast("list[object]", value)] if isinstance(value, list) else value


@given(payloads() | messages())
def test_any_object_gives_numbers_that_dynamodb_holds_in_their_one_form(payload: dict[str, object]) -> None:
    found = normalise(payload)
    told = [*found.metrics.values.values(), *([] if found.soc_out_of_range is None else [found.soc_out_of_range])]
    for number in told:
        again = exact_number(str(number))
        assert not isinstance(again, Decimal) or again.is_finite()
        assert (again, type(again)) == (number, type(number))
    assert 0 <= found.metrics.values.get("socPercent", 0) <= 100
    assert found.connector_id is None or 0 <= found.connector_id <= 24
    assert found.unknown_units >= 0


@given(payloads() | messages())
def test_what_was_assumed_is_among_what_was_found(payload: dict[str, object]) -> None:
    metrics = normalise(payload).metrics
    assert set(metrics.assumed) <= metrics.values.keys()
    assert list(metrics.assumed) == sorted(set(metrics.assumed))


@given(payloads() | messages())
def test_a_payload_says_the_same_each_time_in_whatever_order_its_keys_come(payload: dict[str, object]) -> None:
    before = repr(payload)
    found = normalise(payload)
    assert normalise(with_reversed_keys(payload)) == found
    assert repr(payload) == before


@given(payloads() | messages())
def test_metrics_come_back_from_the_item_as_they_were_found(payload: dict[str, object]) -> None:
    metrics = normalise(payload).metrics
    assert Metrics.from_json(parse(dump(metrics.as_json()))) == metrics
