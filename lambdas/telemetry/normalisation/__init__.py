"""Normalisation: what a payload of any of the known shapes says, in base units and standard terms."""

from collections.abc import Mapping
from dataclasses import dataclass

from telemetry.metrics import Metrics, Number
from telemetry.normalisation.arithmetic import one_form
from telemetry.normalisation.flat import read_flat
from telemetry.normalisation.members import member, short_text_of
from telemetry.normalisation.meter_values import read_meter_values
from telemetry.normalisation.ocpp import charging_state_of, connector_of, is_ocpp, status_of, transaction_id_of

SOC = "socPercent"
FULL_PERCENT = 100


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


def normalise(payload: Mapping[str, object]) -> Normalised:
    """Return what a payload says; of one that is not understood that is nothing, and never an exception.

    Flat vendor JSON gives metrics only. A payload that is known as an OCPP message (by `ocpp.is_ocpp`: it has meter
    values, a transaction or a connector's status) gives the rest as well, so that no number that a vendor happens
    to call `connectorId` is taken for a connector.

    Args:
        payload: a JSON object as `exact_json.parse` returns it.
    """
    from_ocpp, unknown_units = read_meter_values(member(payload, "meterValue"))
    readings = read_flat(payload) | from_ocpp
    values = {name: number for name, each in readings.items() if (number := one_form(each.value)) is not None}
    soc = values.get(SOC)
    soc_out_of_range = None if soc is None or 0 <= soc <= FULL_PERCENT else values.pop(SOC)
    metrics = Metrics(values, tuple(sorted(name for name in values if readings[name].assumed)))
    if not is_ocpp(payload):
        return Normalised(metrics=metrics, soc_out_of_range=soc_out_of_range)
    status = status_of(payload)
    return Normalised(
        metrics=metrics,
        connector_id=connector_of(payload),
        charger_status=status,
        charging_state=charging_state_of(payload),
        transaction_id=transaction_id_of(payload),
        error_code=short_text_of(payload, "errorCode") if status else None,
        vendor_error_code=short_text_of(payload, "vendorErrorCode") if status else None,
        soc_out_of_range=soc_out_of_range,
        unknown_units=unknown_units,
    )
