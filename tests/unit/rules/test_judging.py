from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from telemetry import exact_json
from telemetry.envelope import TelemetryEnvelope
from telemetry.exact_json import exact_number
from telemetry.measured import Known
from telemetry.metrics import Metrics, Number
from telemetry.normalisation import Normalised
from telemetry.rules import RULES, Memory, Observation, Profile, judge
from telemetry.rules.history import History
from telemetry.rules.judging import Row
from telemetry.rules.profiles import CCS, TYPE2_ONE_PHASE, TYPE2_THREE_PHASE
from tests.unit.rules.place import SPLIT_PHASE, Place, moment
from tests.unit.strategies import envelopes, json_values, numbers

CODES = [rule.code for rule in RULES]
LARGEST_MEMORY_BYTES = 4096
METRICS = [
    "powerW",
    "energyImportWh",
    "voltageV",
    "currentA",
    "currentOfferedA",
    "powerOfferedW",
    "socPercent",
    "temperatureC",
    *(f"phases.L{phase}.{quantity}" for phase in (1, 2, 3) for quantity in ("voltageV", "currentA")),
]
STATUSES = ["Charging", "Available", "Occupied", "Faulted", "?"]
AMOUNTS = numbers() | st.integers(-10, 100_000)


def optional(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


def observations(statuses: st.SearchStrategy[object]) -> st.SearchStrategy[Observation]:
    found = st.builds(
        Normalised,
        metrics=st.builds(Metrics, st.dictionaries(st.sampled_from(METRICS), AMOUNTS)),
        charging_state=optional(st.sampled_from(["Charging", "Idle", "?"]) | st.text()),
        transaction_id=optional(st.sampled_from(["7", "8"]) | st.text(min_size=60, max_size=70)),
        error_code=optional(st.sampled_from(["NoError", "OtherError"]) | st.text(max_size=300)),
        vendor_error_code=optional(st.text(max_size=300)),
        soc_out_of_range=st.none() | AMOUNTS,
    )

    def observe(envelope: TelemetryEnvelope, said: Normalised, status: object) -> Observation:
        last_known = {} if status is None else {"chargerStatus": Known(status, envelope.order)}
        return Observation(envelope=envelope, found=said, last_known=last_known)

    return st.builds(observe, envelopes(), found, statuses)


OBSERVATIONS = observations(st.none() | st.sampled_from(STATUSES))
PROFILES = st.sampled_from([TYPE2_ONE_PHASE, TYPE2_THREE_PHASE, CCS, SPLIT_PHASE])
TIMES = st.sampled_from([moment(0), moment(90), "0999-01-01T00:00:00.000Z", "2026-11-23", ""])
# Entries as this code writes them, but with values of any kind.
ENTRIES = st.dictionaries(
    st.sampled_from([to_camel(name) for model in (History, Row) for name in model.model_fields]),
    TIMES
    | st.booleans()
    | AMOUNTS
    | st.fixed_dictionaries({"value": AMOUNTS, "at": TIMES, "charging": st.booleans()})
    | json_values(),
)
MEMORIES = st.dictionaries(st.sampled_from([*CODES, "history"]), ENTRIES | json_values()) | json_values()


def in_one_form(value: object) -> bool:
    return isinstance(value, str) or exact_number(str(value)) == cast("Number", value)


@given(OBSERVATIONS, MEMORIES, PROFILES)
def test_any_observation_is_judged_with_whatever_was_remembered(
    observation: Observation, remembered: object, profile: Profile
) -> None:
    findings, memory = judge(observation, cast("Memory", remembered), profile)
    assert len({finding.code for finding in findings}) == len(findings)
    for finding in findings:
        for told in (finding.observed, finding.expected):
            assert in_one_form(told)
            assert not isinstance(told, str) or len(told) <= 128
    assert exact_json.parse(exact_json.dump(memory)) == memory


@given(st.lists(OBSERVATIONS, max_size=8), PROFILES)
def test_memory_stays_small_however_much_is_judged(observed: list[Observation], profile: Profile) -> None:
    memory: Memory = {}
    for observation in sorted(observed, key=lambda each: each.envelope.order):
        findings, memory = judge(observation, memory, profile)
        assert judge(observation, memory, profile)[1].keys() <= {*CODES, "history"}
        assert len(exact_json.dump(memory)) <= LARGEST_MEMORY_BYTES
        assert all(finding.since <= observation.envelope.timestamp for finding in findings)


@given(OBSERVATIONS, MEMORIES, PROFILES)
def test_judging_is_a_function_and_leaves_its_memory_alone(
    observation: Observation, remembered: object, profile: Profile
) -> None:
    memory, before = cast("Memory", remembered), exact_json.dump(remembered)
    assert judge(observation, memory, profile) == judge(observation, memory, profile)
    assert exact_json.dump(memory) == before


def test_a_healthy_charger_needs_little_memory() -> None:
    place = Place(TYPE2_THREE_PHASE)
    place.sends(0, status="Charging", transaction_id="3d5a4b2c-54b1-4c6f-9a47-0d6a5a1f7a11")
    assert not place.sends(10, {"powerW": Decimal("7123.4"), "energyImportWh": 123_456_789, "voltageV": 231})
    assert len(exact_json.dump(place.memory)) < 350


def test_what_only_other_code_remembers_is_kept() -> None:
    place = Place()
    place.memory = {"A_RULE_TO_COME": {"count": 3}, "garbled": cast("Mapping[str, object]", [])}
    place.sends(0)
    assert place.memory["A_RULE_TO_COME"] == {"count": 3}
    assert "garbled" not in place.memory


def unusable_rows() -> Mapping[str, Mapping[str, object]]:
    row: dict[str, object] = {"since": moment(0), "last": moment(1), "count": 2, "observed": 260, "expected": ""}
    return {
        "no since": {name: value for name, value in row.items() if name != "since"},
        "another time": row | {"since": "2026-11-23T08:00:00"},
        "no date": row | {"last": "2026-02-30T08:00:00.000Z"},
        "text": row | {"count": "2"},
        "long text": row | {"observed": "x" * 129},
        "an object": row | {"expected": [1]},
    }


@pytest.mark.parametrize("garbled", unusable_rows().values(), ids=unusable_rows().keys())
def test_an_entry_that_cannot_be_used_counts_as_none(garbled: Mapping[str, object]) -> None:
    place = Place()
    place.memory = {"VOLTAGE_OUT_OF_RANGE": garbled}
    assert not place.sends(10, {"voltageV": 260})
    assert place.memory["VOLTAGE_OUT_OF_RANGE"]["count"] == 1


def test_an_entry_with_more_than_this_code_knows_is_used() -> None:
    place = Place()
    row = {"since": moment(0), "last": moment(1), "count": 2, "observed": 260, "expected": "", "toCome": 1}
    place.memory = {"VOLTAGE_OUT_OF_RANGE": row}
    assert place.sends(10, {"voltageV": 260})["VOLTAGE_OUT_OF_RANGE"].since == moment(0)
