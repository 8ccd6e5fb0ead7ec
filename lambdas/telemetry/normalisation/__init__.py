"""Normalisation: what a payload of any of the known shapes says, in base units and standard terms."""

from dataclasses import dataclass

from telemetry.metrics import Metrics, Number


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """What a payload says.

    Attributes:
        metrics: in base units.
        connector_id: OCPP's connector, 0 to 24; None where the payload names none.
        charger_status: the status of an OCPP StatusNotification.
        charging_state: OCPP 2.x's state of the transaction, such as `Charging`.
        transaction_id: OCPP's transaction, as text.
        error_code: OCPP 1.6's `errorCode`.
        vendor_error_code: what the vendor calls it.
        soc_out_of_range: a state of charge that no battery can have, and that is left out of the metrics.
        unknown_units: how many values were left out because their unit is not known.
    """

    metrics: Metrics
    connector_id: int | None = None
    charger_status: str | None = None
    charging_state: str | None = None
    transaction_id: str | None = None
    error_code: str | None = None
    vendor_error_code: str | None = None
    soc_out_of_range: Number | None = None
    unknown_units: int = 0
