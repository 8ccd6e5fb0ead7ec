"""Exact arithmetic for the rules: `int` and `Decimal`, no `float`."""

from datetime import timedelta
from decimal import ROUND_DOWN, Context, Decimal

from telemetry.exact_json import UNSTORABLE_NUMBER, exact_number
from telemetry.metrics import Number
from telemetry.timestamps import to_moment

SECONDS_PER_HOUR = 3600
# To this rounding, what is larger than DynamoDB holds becomes the largest number that it does.
_SIX_DIGITS = Context(prec=6, rounding=ROUND_DOWN, Emin=-130, Emax=125, traps=[])


def figure(value: Number) -> Number:
    """Return a calculated number, cut to six significant digits, in the one form that DynamoDB holds."""
    number = exact_number(str(_SIX_DIGITS.create_decimal(value)))
    return 0 if number is UNSTORABLE_NUMBER else number


def seconds_between(earlier: str, later: str) -> Decimal:
    """Return the seconds from one of `telemetry.timestamps`' texts to another, to the microsecond."""
    return Decimal((to_moment(later) - to_moment(earlier)) // timedelta(microseconds=1)) / 1_000_000


def watt_hours(watts: Number, seconds: Decimal) -> Decimal:
    """Return the energy of a power that lasts."""
    return watts * seconds / SECONDS_PER_HOUR
