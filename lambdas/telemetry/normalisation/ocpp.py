"""What an OCPP message says beside its meter values, and how one is known."""

from collections.abc import Mapping

from telemetry.event import LARGEST_CONNECTOR
from telemetry.normalisation.members import as_object, integer_of, member, short_text_of

# ChargePointStatus of 1.6 and ConnectorStatusEnumType of 2.x.
STATUSES = frozenset(
    {
        "Available",
        "Charging",
        "Faulted",
        "Finishing",
        "Occupied",
        "Preparing",
        "Reserved",
        "SuspendedEV",
        "SuspendedEVSE",
        "Unavailable",
    }
)

_TELLING_FIELDS = ("idTag", "idToken", "transactionId", "meterStart", "meterStop", "reservationId")


def is_ocpp(payload: Mapping[str, object]) -> bool:
    """Tell whether a payload is an OCPP message of the kinds that are read here.

    It is one where it has a list `meterValue` (MeterValues, TransactionEvent), an object `transactionInfo`
    (TransactionEvent), the status of a StatusNotification, or a field that only messages about a transaction or a
    reservation have, such as StartTransaction's `idTag`; all of them under their snake_case names, too.
    """
    has_meter_values = isinstance(member(payload, "meterValue"), list)
    return (
        has_meter_values
        or _transaction(payload) is not None
        or status_of(payload) is not None
        or any(member(payload, name) is not None for name in _TELLING_FIELDS)
    )


def status_of(payload: Mapping[str, object]) -> str | None:
    """Return the status that a StatusNotification tells; None where the payload is none.

    A flat payload may have a `status` of its own: 1.6's counts only beside an `errorCode` or a `connectorId`, which
    OCPP requires with it. 2.x's is `connectorStatus`. Either must be a status that OCPP knows.
    """
    status = short_text_of(payload, "connectorStatus")
    if status is None and (short_text_of(payload, "errorCode") or integer_of(payload, "connectorId") is not None):
        status = short_text_of(payload, "status")
    return status if status in STATUSES else None


def connector_of(message: Mapping[str, object]) -> int | None:
    """Return the connector of an OCPP message, in 2.x its EVSE; None where it is no integer from 0 to 24."""
    connector = "connectorId"
    if member(message, "evseId") is not None:
        connector = "evseId"
    elif (evse := as_object(member(message, "evse"))) is not None:
        message, connector = evse, "id"
    number = integer_of(message, connector)
    return number if number is not None and 0 <= number <= LARGEST_CONNECTOR else None


def charging_state_of(message: Mapping[str, object]) -> str | None:
    """Return the state of the transaction that 2.x's TransactionEvent tells."""
    return short_text_of(_transaction(message) or {}, "chargingState")


def transaction_id_of(message: Mapping[str, object]) -> str | None:
    """Return the transaction that an OCPP message names, 1.6's number as text."""
    transaction = _transaction(message) or message
    number = integer_of(transaction, "transactionId")
    return short_text_of(transaction, "transactionId") if number is None else str(number)


def _transaction(message: Mapping[str, object]) -> Mapping[str, object] | None:
    return as_object(member(message, "transactionInfo"))
