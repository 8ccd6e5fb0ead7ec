"""What has been seen of a place, a connector or the charger, that rules compare an envelope with."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from telemetry.metrics import Number
from telemetry.rules.figures import figure, seconds_between, watt_hours
from telemetry.rules.observation import Observation
from telemetry.rules.remembered import LONGEST_TEXT, Amount, Remembered, ShortText, Timestamp

# OCPP 1.6's and 2.x's statuses and 2.x's charging states, without case.
_IS_CHARGING = {
    "charging": True,
    "available": False,
    "preparing": False,
    "suspendedevse": False,
    "suspendedev": False,
    "finishing": False,
    "reserved": False,
    "unavailable": False,
    "faulted": False,
    "evconnected": False,
    "idle": False,
}
# 2.x: a transaction's charging state says whether it charges.
_OCCUPIED = "occupied"
_FAULTED = "faulted"
# No car is connected, so that no transaction goes on.
_AVAILABLE = "available"
_NO_ERROR = "noerror"
# OCPP 2.x has 36 characters at most.
_LONGEST_TRANSACTION_ID = 64
_STEPS_WH = (1000, 100, 10)


class Reading(Remembered):
    """A value and when it was sampled."""

    value: Amount
    at: Timestamp


class ChargingState(Remembered):
    """What a transaction's charging state said, and when."""

    charging: bool
    at: Timestamp


class History(Remembered):
    """What has been seen of a place.

    Attributes:
        transaction: the last known transaction's id; OCPP sends it with some messages only.
        state: the last charging state of OCPP 2.x, while no status contradicts it.
        charging: whether it charges; None where that is not known.
        charging_since: the first envelope in a row that showed it charging.
        fault: the error code of the last status, with the vendor's.
        register_wh: the last register of imported energy, in this transaction if there is one.
        register_step_wh: the step, a power of ten, by which the register was last seen to change.
        power: the last power in W, while it may be charging.
        passed_wh: the energy that power and time say has passed since the register changed.
    """

    transaction: Annotated[str, Field(max_length=_LONGEST_TRANSACTION_ID)] | None = None
    state: ChargingState | None = None
    charging: bool | None = None
    charging_since: Timestamp | None = None
    fault: ShortText | None = None
    register_wh: Reading | None = None
    register_step_wh: Annotated[int, Field(ge=1, le=_STEPS_WH[0])] = 1
    power: Reading | None = None
    passed_wh: Amount = 0

    def entering(self, transaction_id: str | None, status: str | None) -> "History":
        """Return it without the register where a transaction begins or has ended: its register may begin anew.

        Args:
            transaction_id: as the next envelope tells it.
            status: of the next envelope; where it is `Available`, no transaction goes on.
        """
        transaction = transaction_id[:_LONGEST_TRANSACTION_ID] if transaction_id else None
        ended = transaction is None and (status or "").casefold() == _AVAILABLE
        if transaction == self.transaction or (transaction is None and not ended):
            return self
        return self.model_copy(update={"transaction": transaction, "register_wh": None})

    def followed_by(self, observation: Observation) -> "History":
        """Return what has been seen of the place when an envelope of the same transaction has come."""
        state = self._state_after(observation)
        charging = _is_charging(observation, state)
        seen = self.model_copy(
            update={
                "state": state,
                "charging": charging,
                "charging_since": self._charging_since(observation) if charging else None,
                "fault": self._fault_after(observation),
            }
        )
        return seen._with_energy(observation)  # noqa: SLF001 - another instance of this class

    def _state_after(self, observation: Observation) -> ChargingState | None:
        said = _IS_CHARGING.get((observation.found.charging_state or "").casefold())
        if said is not None:
            return ChargingState(charging=said, at=observation.envelope.timestamp)
        known = observation.last_known.get("chargerStatus")
        freed = self.state and known and not _is_occupied(observation) and known.timestamp > self.state.at
        return None if freed else self.state

    def _charging_since(self, observation: Observation) -> str:
        known = observation.last_known.get("chargerStatus")
        by_status = known and _IS_CHARGING.get((observation.status or "").casefold())
        return self.charging_since or (known.timestamp if known and by_status else observation.envelope.timestamp)

    def _fault_after(self, observation: Observation) -> str | None:
        code, status = observation.found.error_code, observation.envelope.charger_status
        if code is None and status is None:
            return self.fault
        is_error = code is not None and code.strip().casefold() != _NO_ERROR
        fault = code if is_error else status if is_faulted(status) else None
        vendor_code = observation.found.vendor_error_code
        return (f"{fault} ({vendor_code})" if vendor_code else fault)[:LONGEST_TEXT] if fault else None

    def _with_energy(self, observation: Observation) -> "History":
        timestamp = observation.envelope.timestamp
        power, passed = self.power, self.passed_wh
        watts = observation.metric("powerW")
        if self.charging is False:
            power = None
        elif watts is not None:
            if power:
                # The lower of both: power that just came back says nothing about the time before.
                passed += watt_hours(min(power.value, watts), seconds_between(power.at, timestamp))
            power = Reading(value=watts, at=timestamp)
        register, step = self.register_wh, self.register_step_wh
        register_wh = observation.metric("energyImportWh")
        if register_wh is not None:
            if register is None:
                passed = 0
            elif register_wh != register.value:
                passed, step = 0, step_of(register.value, register_wh)
            register = Reading(value=register_wh, at=timestamp)
        return self.model_copy(
            update={
                "power": power,
                "passed_wh": figure(max(0, passed)),
                "register_wh": register,
                "register_step_wh": step,
            }
        )


def is_faulted(status: str | None) -> bool:
    """Tell whether a status is that of a fault."""
    return (status or "").casefold() == _FAULTED


def step_of(register_wh: Number, other_wh: Number) -> int:
    """Return the coarsest step, of 1, 10, 100 or 1,000 Wh, that can lie between two readings of a register."""
    return next((step for step in _STEPS_WH if _divides(step, register_wh) and _divides(step, other_wh)), 1)


def _divides(step: int, register_wh: Number) -> bool:
    kept, exponent = Decimal(register_wh).normalize().as_tuple()[1:]
    return not any(kept) or (isinstance(exponent, int) and exponent >= len(str(step)) - 1)


def _is_occupied(observation: Observation) -> bool:
    return (observation.status or _OCCUPIED).casefold() == _OCCUPIED


def _is_charging(observation: Observation, state: ChargingState | None) -> bool | None:
    """Tell what the newer of status and charging state says; `Occupied` alone does not say."""
    known = observation.last_known.get("chargerStatus")
    if state and (known is None or _is_occupied(observation) or state.at >= known.timestamp):
        return state.charging
    return _IS_CHARGING.get((observation.status or "").casefold())
