"""What an answer of the service tells of a charger: of each of its places, and of it as a whole.

Values are what chargers sent, of any form: what is not of the form that it should have counts as not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import cast

from telemetry.rules.thresholds import THRESHOLDS
from tools.service import JsonObject, list_of, object_of
from tools.watch.words import number_of

CHARGING = "charging"
# Of OCPP's statuses those at which power may flow on: any other says that what was measured before it is over.
MAY_CHARGE = {CHARGING, "occupied"}
SEVERITIES = ("critical", "warning", "info")
# Of a charger whose answer does not say when it is stale.
STALE_AFTER = timedelta(minutes=20)


@dataclass(frozen=True)
class Finding:
    """Something that a rule saw to be wrong."""

    code: str
    severity: str
    observed: object
    expected: object
    since: str

    @property
    def rank(self) -> int:
        """The lower, the worse."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else len(SEVERITIES)


@dataclass(frozen=True)
class Known:
    """The last known value of something, and when it was sampled by the charger's clock."""

    value: object
    timestamp: str

    @property
    def number(self) -> float | None:
        """The value where it is a number."""
        return number_of(self.value)


@dataclass(frozen=True)
class Place:
    """A connector, or a charger that has no more than one.

    Attributes:
        connector: its number, "" for the charger as a whole.
        timestamp: of its newest event, by the charger's clock.
        heard: when that was accepted.
        stale_after: how long after that what it says counts as current.
        stale_at: when its charger counts as silent.
        status: the last known one, which is text; None where none was ever sent.
        metrics: the last known ones by name, less those of single phases.
        findings: what stands against it, the worst first.
    """

    connector: str
    timestamp: str
    heard: datetime | None
    stale_after: timedelta
    stale_at: datetime | None
    status: Known | None
    metrics: Mapping[str, Known]
    findings: tuple[Finding, ...]

    def is_current(self, metric: str, now: datetime) -> bool:
        """Tell whether the last known value of a metric still says how things stand.

        It does not once nothing was heard of the place or its charger for too long, nor when a newer status says that
        charging is over.
        """
        known = self.metrics.get(metric)
        if known is None or self._is_old(now):
            return False
        if self.status and known.timestamp < self.status.timestamp and self.says.casefold() not in MAY_CHARGE:
            return False
        sampled, newest = moment_of(known.timestamp), moment_of(self.timestamp)
        return sampled is None or newest is None or newest - sampled < self.stale_after

    def is_charging(self, now: datetime) -> bool:
        """Tell whether it says that it charges, or draws more than an idle one."""
        says_so = self.says.casefold() == CHARGING and not self._is_old(now)
        return (
            says_so
            or self._flows("powerW", THRESHOLDS.idle_power_w, now)
            or self._flows("currentA", THRESHOLDS.idle_current_a, now)
        )

    @property
    def says(self) -> str:
        """The last known status, "" where none was ever sent."""
        return str(self.status.value) if self.status else ""

    def number(self, metric: str) -> float | None:
        """Return the last known value of a metric."""
        return self.metrics[metric].number if metric in self.metrics else None

    def power(self, now: datetime) -> float:
        """Return the power that it draws now in W, as far as is known."""
        return (self.number("powerW") or 0) if self.is_current("powerW", now) else 0

    def _is_old(self, now: datetime) -> bool:
        is_silent = self.stale_at is not None and now >= self.stale_at
        return is_silent or self.heard is None or now - self.heard >= self.stale_after

    def _flows(self, metric: str, idle: object, now: datetime) -> bool:
        return (self.number(metric) or 0) > cast("float", idle) and self.is_current(metric, now)


@dataclass(frozen=True)
class Charger:
    """A charger of which the service was asked.

    Attributes:
        charger_id: its id.
        latest: its latest telemetry as it was answered; empty where it has none.
    """

    charger_id: str
    latest: JsonObject

    @property
    def is_missing(self) -> bool:
        """Whether it never sent, or what it sent has expired."""
        return not self.latest

    @cached_property
    def connectors(self) -> Mapping[str, JsonObject]:
        """Its connectors, by their numbers."""
        found = {number: object_of(each) for number, each in object_of(self.latest.get("connectors")).items()}
        return dict(sorted(found.items(), key=lambda each: (len(each[0]), each[0])))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Its connectors where it has several, else itself."""
        if len(self.connectors) > 1:
            return tuple(self._place(number, each) for number, each in self.connectors.items())
        only = replace(self._place("", self.latest), findings=self.findings)
        for each in self.connectors.values():
            # The station as a whole has a status of its own, which says nothing of its connector.
            only = replace(only, status=_status_of(each) or only.status)
        return (only,)

    @cached_property
    def own_findings(self) -> tuple[Finding, ...]:
        """What stands against none of its connectors, and so against the charger as a whole."""
        of_connectors = [finding for each in self.connectors.values() for finding in findings_of(each)]
        return tuple(finding for finding in findings_of(self.latest) if finding not in of_connectors)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that stands against it or any of its connectors, the worst first."""
        found = [*self.own_findings, *(each for value in self.connectors.values() for each in findings_of(value))]
        return tuple(sorted(found, key=lambda finding: finding.rank))

    @cached_property
    def heard(self) -> datetime | None:
        """When anything was last heard of it: `lastSeenAt`, or a newest event after it, which tells the second."""
        told = [
            self.latest.get("lastSeenAt"),
            *(each.get("ingestedAt") for each in (self.latest, *self.connectors.values())),
        ]
        return max((moment for moment in map(moment_of, told) if moment), default=None)

    @cached_property
    def stale_at(self) -> datetime | None:
        """When it counts as silent, unless it is heard before."""
        return moment_of(self.latest.get("staleAt"))

    def is_silent(self, now: datetime) -> bool:
        """Tell whether it counts as silent."""
        return self.stale_at is not None and now >= self.stale_at

    def silence(self, now: datetime) -> timedelta | None:
        """Return how long it has been silent; None where nothing was ever heard."""
        return max(now - self.heard, timedelta()) if self.heard else None

    def is_charging(self, now: datetime) -> bool:
        """Tell whether one of its places charges."""
        return any(place.is_charging(now) for place in self.places)

    def power(self, now: datetime) -> float:
        """Return the power in W that it draws now, as far as is known."""
        return sum(place.power(now) for place in self.places)

    def _place(self, connector: str, told: JsonObject) -> Place:
        last_known = object_of(told.get("lastKnown"))
        metrics = object_of(last_known.get("metrics"))
        seen = moment_of(self.latest.get("lastSeenAt"))
        return Place(
            connector=connector,
            timestamp=text_of(told.get("timestamp")),
            heard=moment_of(told.get("ingestedAt")),
            stale_at=self.stale_at,
            stale_after=self.stale_at - seen if self.stale_at and seen else STALE_AFTER,
            status=_status_of(told),
            metrics={name: known for name in metrics if (known := _known(metrics[name])).timestamp},
            findings=findings_of(told),
        )


def findings_of(told: JsonObject) -> tuple[Finding, ...]:
    """Return the findings of a charger or a connector, the worst first."""
    found = map(object_of, list_of(told.get("findings")))
    findings = [
        Finding(
            code=text_of(each.get("code")),
            severity=text_of(each.get("severity")),
            observed=each.get("observed"),
            expected=each.get("expected"),
            since=text_of(each.get("since")),
        )
        for each in found
    ]
    return tuple(sorted(findings, key=lambda finding: finding.rank))


def text_of(value: object) -> str:
    """Return what a value reads as; "" where there is none."""
    return "" if value is None else str(value)


def moment_of(value: object) -> datetime | None:
    """Return a time of the service's; None for what is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _status_of(told: JsonObject) -> Known | None:
    status = _known(object_of(told.get("lastKnown")).get("chargerStatus"))
    return status if isinstance(status.value, str) else None


def _known(value: object) -> Known:
    told = object_of(value)
    return Known(told.get("value"), text_of(told.get("timestamp")))
