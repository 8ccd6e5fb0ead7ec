import pytest
from pydantic import ValidationError

from telemetry.rules.profiles import (
    CCS,
    STAGE_DEFAULTS,
    TYPE2_ONE_PHASE,
    TYPE2_THREE_PHASE,
    Overrides,
    Profile,
    profile_of,
)
from telemetry_stack.stages import STAGE_NAMES
from tests.unit.rules.place import SPLIT_PHASE

SITES = Overrides(
    by_charger_prefix={"DC-": CCS, "DC-1": TYPE2_ONE_PHASE, "DC-12345": TYPE2_THREE_PHASE},
    by_location={"us-garage-7": SPLIT_PHASE},
)


@pytest.mark.parametrize(
    ("charger_id", "location_id", "profile"),
    [
        ("DC-9", None, CCS),
        ("DC-12", None, TYPE2_ONE_PHASE),
        ("DC-9", "us-garage-7", CCS),
        ("CP-1", "us-garage-7", SPLIT_PHASE),
        ("CP-DC-1", "elsewhere", STAGE_DEFAULTS["prod"]),
        ("CP-1", None, STAGE_DEFAULTS["prod"]),
    ],
)
def test_the_longest_prefix_counts_before_the_location_and_that_before_the_default(
    charger_id: str, location_id: str | None, profile: Profile
) -> None:
    assert profile_of("prod", charger_id, location_id, overrides=SITES) == profile


def test_each_stage_has_a_default_and_any_other_that_of_a_three_phase_charger() -> None:
    assert set(STAGE_DEFAULTS) == set(STAGE_NAMES)
    assert profile_of("unheard-of", "CP-1", None, overrides=SITES) == TYPE2_THREE_PHASE


def test_a_misspelt_field_of_a_profile_is_refused() -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate({**CCS.model_dump(), "rated_power_kw": 350})
