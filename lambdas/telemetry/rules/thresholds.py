"""The thresholds of the rules, with the source of each; one marked (choice) has none but ours."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from telemetry.metrics import Number


class Thresholds(BaseModel):
    """The figures that all chargers share; those of one charger are in its profile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_sample_seconds: Number = Field(
        default=1, description="Samples less apart are one sample reported twice: recorded telemetry has them (choice)"
    )
    voltage_tolerance: Number = Field(
        default=Decimal("0.1"), description="Of the nominal voltage, up and down: EN 50160"
    )
    voltage_samples: int = Field(
        default=3, description="In a row: EN 50160 speaks of 10-minute means, so one sample is no violation (choice)"
    )
    dead_phase_v: Number = Field(default=10, description="A phase below is not connected (choice)")
    current_margin: Number = Field(default=Decimal("0.1"), description="Above the rated current (choice)")
    power_margin: Number = Field(default=Decimal("0.1"), description="Above the rated power (choice)")
    least_power_to_volt_amperes: Number = Field(
        default=Decimal("0.8"), description="Healthy chargers show 0.97 to 0.995; a tenth was seen (choice)"
    )
    most_power_to_volt_amperes: Number = Field(default=Decimal("1.2"), description="As the least (choice)")
    power_to_compare_w: Number = Field(
        default=500, description="Up to this power, idle draws and rounding tell more than a mismatch does (choice)"
    )
    jump_seconds: Number = Field(
        default=60, description="A meter's register may be this much older than the report it comes in (choice)"
    )
    stuck_wh: Number = Field(
        default=200,
        description="Twice the coarsest usual step of a register, 100 Wh: mikuso/ocpp-rpc issue 42 (choice)",
    )
    zero_power_samples: int = Field(default=4, description="In a row (choice)")
    zero_power_seconds: Number = Field(
        default=120, description="From the start of charging: vehicles take their time, seen in recorded telemetry"
    )
    idle_current_a: Number = Field(default=1, description="Idle draws of 0.4 A are real (choice)")
    idle_power_w: Number = Field(default=230, description="As the idle current, at 230 V (choice)")
    not_charging_samples: int = Field(default=4, description="In a row: power falls in steps (choice)")
    high_temperature_c: Number = Field(
        default=65, description="OpenEVSE halves the current: TEMPERATURE_INFRARED_THROTTLE_DOWN in open_evse.h"
    )
    critical_temperature_c: Number = Field(
        default=71, description="OpenEVSE stops charging: TEMPERATURE_AMBIENT_PANIC in open_evse.h"
    )
    first_year: int = Field(
        default=2000,
        description="A clock that was never set starts before, mostly in 1970: MicroOcpp issues 24 and 311",
    )
    clock_skew_seconds: Number = Field(default=120, description="vzlogger pull 491; SteVe issue 1963")


THRESHOLDS = Thresholds()
