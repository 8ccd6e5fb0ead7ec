"""What chargers are, for the rules to judge by. This is the file that a product team edits, and reviews.

The profile of a charger is, in this order, that of the longest prefix of its id in `by_charger_prefix`, that of its
location in `by_location`, the default of its stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from telemetry.metrics import Number

# What a socket or plug is; DC over a NACS plug counts as `ccs`, whose signals it uses.
ConnectorType = Literal["type1", "type2", "nacs", "ccs", "chademo"]
_DC_CONNECTORS: frozenset[ConnectorType] = frozenset({"ccs", "chademo"})


class Profile(BaseModel):
    """What a charger is, as far as rules need to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    connector_type: ConnectorType = Field(description="A vehicle sets the voltage of ccs and chademo, so none is wrong")
    nominal_voltage_v: Number = Field(gt=0, description="The site's, from a leg or a phase to neutral: 230, 120")
    phases: Literal[1, 2, 3] = Field(
        description="2 is a North American split phase, two legs with twice the nominal voltage between them; "
        "two phases of a 208 V grid are 1, of 208 V nominal"
    )
    rated_current_a: Number = Field(gt=0, description="Of each phase")
    rated_power_w: Number = Field(gt=0, description="Of all phases together")

    @property
    def gives_dc(self) -> bool:
        """Whether what it measures at its outlet is the vehicle's battery and not the grid."""
        return self.connector_type in _DC_CONNECTORS


# Ratings: IEC 61851 mode 3 as GreenFlux tabulates it; Type 2 goes up to 63 A, where a profile says so.
TYPE2_ONE_PHASE = Profile(
    connector_type="type2", nominal_voltage_v=230, phases=1, rated_current_a=32, rated_power_w=7_360
)
TYPE2_THREE_PHASE = Profile(
    connector_type="type2", nominal_voltage_v=230, phases=3, rated_current_a=32, rated_power_w=22_080
)
CCS = Profile(connector_type="ccs", nominal_voltage_v=230, phases=1, rated_current_a=500, rated_power_w=350_000)

STAGE_DEFAULTS: Mapping[str, Profile] = {
    "local": TYPE2_THREE_PHASE,
    "dev": TYPE2_THREE_PHASE,
    "staging": TYPE2_THREE_PHASE,
    "prod": TYPE2_THREE_PHASE,
}


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Which chargers are not as the default says.

    Attributes:
        by_charger_prefix: by how their ids begin; the longest that fits counts.
        by_location: by `locationId`.
    """

    by_charger_prefix: Mapping[str, Profile] = field(default_factory=dict[str, Profile])
    by_location: Mapping[str, Profile] = field(default_factory=dict[str, Profile])


OVERRIDES = Overrides(
    by_charger_prefix={
        # "DC-": CCS,
    },
    by_location={
        # "us-garage-7": Profile(
        #     connector_type="nacs", nominal_voltage_v=120, phases=2, rated_current_a=48, rated_power_w=11_520
        # ),
    },
)


# Of one stage alone, by `locationId`: there stand the fast chargers that `scripts/fleet.sh` simulates.
LOCATIONS_OF_STAGE: Mapping[str, Mapping[str, Profile]] = {"local": {"fleet-dc": CCS}}


def profile_of(stage: str, charger_id: str, location_id: str | None, *, overrides: Overrides = OVERRIDES) -> Profile:
    """Return the profile of a charger.

    Args:
        stage: the stage's name; one that is not listed has the default of a three-phase Type 2 charger.
        charger_id: its id.
        location_id: where it stands, as far as is known.
        overrides: which chargers are not as the default says.
    """
    prefixes = [prefix for prefix in overrides.by_charger_prefix if charger_id.startswith(prefix)]
    if prefixes:
        return overrides.by_charger_prefix[max(prefixes, key=len)]
    for by_location in (LOCATIONS_OF_STAGE.get(stage, {}), overrides.by_location):
        if location_id is not None and location_id in by_location:
            return by_location[location_id]
    return STAGE_DEFAULTS.get(stage, TYPE2_THREE_PHASE)
