"""Exact arithmetic on readings: digits are given up only where a division has no end."""

import re
from collections.abc import Sequence
from decimal import Context, Decimal

from telemetry.exact_json import SIGNIFICANT_DIGITS, UNSTORABLE_NUMBER, exact_number
from telemetry.metrics import Number

# What is out of range becomes no finite number in these contexts, and never an exception.
_EXACT = Context(prec=SIGNIFICANT_DIGITS, Emin=-9999, Emax=9999, traps=[])
# No meter of a charger resolves more: a register of 10 MWh to the mWh.
_ROUNDED = Context(prec=10, Emin=-9999, Emax=9999, traps=[])
# More would move any number that DynamoDB holds out of its range, of 1E-130 to 9.9E+125.
_LARGEST_POWER = 256
# `exact_number` is for JSON's numbers; text may be anything.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOTHING = Decimal("NaN")


def read_number(value: object) -> Decimal | None:
    """Return the finite number that a JSON value is, or that its text spells, blanks round it or not; else None."""
    if isinstance(value, str):
        text = value.strip()
        value = exact_number(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None


def one_form(number: Decimal) -> Number | None:
    """Return a number in the one form of `exact_number`; None where DynamoDB cannot hold it."""
    exact = exact_number(str(number)) if number.is_finite() else UNSTORABLE_NUMBER
    return None if exact is UNSTORABLE_NUMBER else exact


def times_power_of_ten(number: Decimal, power: int) -> Decimal:
    """Return `number` x 10^`power`; NaN where that is far out of DynamoDB's range."""
    return _EXACT.scaleb(number, power) if abs(power) <= _LARGEST_POWER else _NOTHING


def add(number: Decimal, other: Decimal) -> Decimal:
    """Return the sum of two numbers."""
    return _EXACT.add(number, other)


def multiply(number: Decimal, factor: int) -> Decimal:
    """Return a number, `factor` times."""
    return _EXACT.multiply(number, factor)


def divide(number: Decimal, divisor: Decimal | int) -> Decimal:
    """Return a quotient of 10 significant digits."""
    return _ROUNDED.divide(number, divisor)


def total(numbers: Sequence[Decimal]) -> Decimal:
    """Return the sum of numbers, 0 of none."""
    result = Decimal(0)
    for number in numbers:
        result = add(result, number)
    return result


def mean(numbers: Sequence[Decimal]) -> Decimal:
    """Return the mean of numbers, at least one, with 10 significant digits; of a single one exactly that."""
    return numbers[0] if len(numbers) == 1 else divide(total(numbers), len(numbers))


def square_root(number: int) -> Decimal:
    """Return the square root of a positive number."""
    return _EXACT.sqrt(number)
