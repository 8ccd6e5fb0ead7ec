from decimal import Decimal

import pytest

from telemetry.metrics import Number
from telemetry.rules.figures import figure, seconds_between, watt_hours


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("0.99999999"), Decimal("0.999999")),
        (Decimal("35.20"), Decimal("35.2")),
        (Decimal("8096.0"), 8096),
        (12_345_678, 12_345_600),
        (Decimal("-1E+200"), Decimal("-9.99999E+125")),
        (Decimal("1E-140"), 0),
        (0, 0),
    ],
)
def test_a_calculated_number_is_cut_to_six_digits_that_can_be_stored(value: Number, shown: Number) -> None:
    cut = figure(value)
    assert (cut, type(cut)) == (shown, type(shown))


def test_a_kilowatt_gives_a_kilowatt_hour_in_an_hour() -> None:
    assert watt_hours(1000, seconds_between("2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00.000000Z")) == 1000
