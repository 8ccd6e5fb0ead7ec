"""What charges at a connector: the power that a car takes, and the session that it is part of."""

import random
from dataclasses import dataclass

FULL_PERCENT = 100.0
# In percent: a battery takes full power up to here, then less and less. At an AC charger, the car's own charger is the
# limit for longer.
DC_TAPERS_FROM = 55.0
AC_TAPERS_FROM = 95.0
# The share of the power that is left at the end.
LAST_SHARE = 0.1
PHASE_VOLTS = 230.0
BATTERY_VOLTS = 400.0

AVAILABLE, PREPARING, CHARGING, FINISHING, FAULTED = "Available", "Preparing", "Charging", "Finishing", "Faulted"
# Of each step of a connector, the chance that it goes on to the next status. The longest is charging.
LEAVES = {AVAILABLE: 0.2, PREPARING: 0.6, CHARGING: 0.04, FINISHING: 0.5, FAULTED: 0.5}
NEXT = {AVAILABLE: PREPARING, PREPARING: CHARGING, CHARGING: FINISHING, FINISHING: AVAILABLE, FAULTED: AVAILABLE}
FAULT_CHANCE = 0.01


@dataclass(frozen=True)
class Plug:
    """What a connector can give.

    Attributes:
        watts: its greatest power.
        is_dc: whether it gives direct current; else three phases.
    """

    watts: float
    is_dc: bool

    def power(self, soc: float) -> float:
        """Return the power in W that a car takes at a state of charge in percent: flat, then down to a tenth."""
        tapers_from = DC_TAPERS_FROM if self.is_dc else AC_TAPERS_FROM
        if soc >= FULL_PERCENT:
            return 0.0
        over = max(0.0, soc - tapers_from) / (FULL_PERCENT - tapers_from)
        return self.watts * (1 - over * (1 - LAST_SHARE))


@dataclass
class Connector:
    """A connector and the session at it.

    Attributes:
        number: from 1.
        register_wh: all the energy that it ever gave.
        session_wh: what it gave in this session.
        changed: whether its status changed in the last step.
    """

    number: int
    plug: Plug
    chance: random.Random
    status: str = AVAILABLE
    soc: float = 0.0
    battery_wh: float = 60_000.0
    register_wh: float = 0.0
    session_wh: float = 0.0
    session: int = 0
    changed: bool = False

    def __post_init__(self) -> None:
        """Begin somewhere in a day: every other connector has a car that charges."""
        self.register_wh = self.chance.randrange(1_000, 2_000_000)
        if self.chance.random() < 0.5:  # noqa: PLR2004 - every other
            self._arrive()
            self.status = CHARGING

    @property
    def power(self) -> float:
        """The power in W that it gives now."""
        return self.plug.power(self.soc) if self.status == CHARGING else 0.0

    def step(self, seconds: float) -> None:
        """Let so much time pass: a car takes energy, and the status may change at the end."""
        given = min(self.power * seconds / 3600, self.battery_wh * (FULL_PERCENT - self.soc) / 100)
        self.register_wh += given
        self.session_wh += given
        self.soc = min(FULL_PERCENT, self.soc + given / self.battery_wh * 100)
        before = self.status
        if self.status != FAULTED and self.chance.random() < FAULT_CHANCE:
            self.status = FAULTED
        elif self.chance.random() < LEAVES[self.status] or (self.status == CHARGING and self.soc >= FULL_PERCENT):
            self.status = NEXT[self.status]
            if self.status == PREPARING:
                self._arrive()
        self.changed = self.status != before

    def _arrive(self) -> None:
        self.session = self.chance.randrange(1, 2**31)
        self.session_wh = 0.0
        self.soc = self.chance.uniform(5, 80)
        self.battery_wh = self.chance.choice([40_000.0, 60_000.0, 77_000.0, 100_000.0])
