"""What is made of a charger's latest telemetry: what is current, what charges, what is silent, what matters most."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.tools.watch.answers import NOW, Json, ago, charger, finding, item, place, view
from tools.watch.reading import Answer
from tools.watch.view import View

IDLE, CHARGING = 100, 7400


def ids_in_order(shown: View) -> list[str]:
    return [each.charger_id for each in shown.in_order(NOW)]


@pytest.mark.parametrize(
    ("told", "is_current"),
    [
        ({}, True),
        ({"at": 60}, True),
        # What a status says that is older, or that leaves it open, ends nothing.
        ({"at": 60, "status": "Available", "status_at": 90}, True),
        ({"at": 60, "status": "charging", "status_at": 0}, True),
        ({"at": 60, "status": "Occupied", "status_at": 0}, True),
        ({"at": 60, "status": "Available", "status_at": 0}, False),
        ({"at": 60, "status": "Faulted", "status_at": 0}, False),
        # So long as the charger may be silent.
        ({"at": 19 * 60, "status": "Charging", "status_at": 0}, True),
        ({"at": 20 * 60, "status": "Charging", "status_at": 0}, False),
        # Silence is counted from the minute, and so begins before it is 20 minutes.
        ({"seen": 20 * 60 - 15}, False),
        ({"seen": 19 * 60}, True),
    ],
)
def test_a_power_is_that_of_now_until_it_is_too_old_or_a_newer_status_ends_it(
    told: dict[str, Any],
    is_current: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    seen = charger(powerW=CHARGING, **told)
    assert seen.places[0].is_current("powerW", NOW) is is_current
    assert seen.power(NOW) == (CHARGING if is_current else 0)


@pytest.mark.parametrize(
    ("told", "charges"),
    [
        ({"status": "Charging", "powerW": 0}, True),
        ({"status": "Available", "powerW": IDLE}, False),
        ({"powerW": CHARGING}, True),
        ({"currentA": 16}, True),
        ({"currentA": 0.4}, False),
        # OCPP 2.x, whose status does not tell.
        ({"status": "Occupied", "powerW": CHARGING}, True),
        ({"status": "Occupied", "powerW": 0}, False),
        ({"status": "Charging", "powerW": CHARGING, "seen": 30 * 60}, False),
        ({}, False),
    ],
)
def test_a_charger_charges_where_it_says_so_or_power_flows_and_it_is_heard(
    told: dict[str, Any],
    charges: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert charger(**told).is_charging(NOW) is charges


def test_a_connector_that_was_not_heard_for_long_does_not_count_though_its_charger_is() -> None:
    both = {"1": place(powerW=CHARGING), "2": place(at=3600, powerW=CHARGING, status="Charging")}
    seen = charger(connectors=both)
    assert seen.power(NOW) == CHARGING
    assert [each.is_charging(NOW) for each in seen.places] == [True, False]


def test_of_a_single_connector_status_and_findings_are_its_own_and_not_only_those_of_the_station() -> None:
    connector = place(at=60, status="Charging", findings=[finding("HOT")])
    [only] = charger(status="Available", connectors={"1": connector}).places
    assert only.says == "Charging"
    # Those at the top are of the newest event, which was the station's.
    assert [each.code for each in only.findings] == ["HOT"]


def test_connectors_come_in_the_order_of_their_numbers() -> None:
    seen = charger(connectors={number: place() for number in ("10", "2", "1")})
    assert [each.connector for each in seen.places] == ["1", "2", "10"]


def test_silence_is_counted_from_what_was_heard_last_whatever_the_chargers_clock_says() -> None:
    # To the second, where the newest event came last.
    assert charger(seen=12).silence(NOW) == timedelta(seconds=12)
    # To the minute, where its clock fell back and the newest event is an old one.
    assert charger(seen=90, at=7200).silence(NOW) == timedelta(seconds=90)
    assert charger(seen=60).silence(NOW - timedelta(hours=1)) == timedelta()


def test_a_charger_is_silent_from_the_time_on_that_the_service_tells() -> None:
    seen = charger(seen=30)
    assert not seen.is_silent(NOW + timedelta(minutes=20, seconds=-31))
    assert seen.is_silent(NOW + timedelta(minutes=20, seconds=-30))


def test_findings_of_all_connectors_count_each_once_and_the_worst_first() -> None:
    hot, faulty, off = finding("HOT"), finding("FAULT", "critical"), finding("CLOCK_SKEW", "info")
    # The top has those of the newest event's connector as well, and not those of the other.
    seen = charger(findings=[off, hot], connectors={"1": place(findings=[hot]), "2": place(findings=[faulty])})
    assert [each.code for each in seen.findings] == ["FAULT", "HOT", "CLOCK_SKEW"]
    assert [each.code for each in seen.own_findings] == ["CLOCK_SKEW"]


def test_what_needs_attention_comes_first_and_the_long_silent_last() -> None:
    critical = [finding("CHARGER_FAULT", "critical")]
    shown = view(
        item("idle"),
        item("charging-2", powerW=CHARGING),
        item("charging-1", powerW=CHARGING, seen=200),
        item("charging-0", powerW=CHARGING, seen=310),
        item("info", findings=[finding("CLOCK_SKEW", "info")]),
        item("warning", findings=[finding("HOT")]),
        # What stands against one that is silent is old.
        item("silent-a-30-min", seen=30 * 60, findings=critical),
        item("silent-b-25-min", seen=25 * 60),
        item("silent-2-h", seen=7200),
        item("critical", findings=[finding("HOT"), *critical]),
        missing=("never",),
    )
    assert ids_in_order(shown) == [
        *("critical", "warning", "silent-b-25-min", "silent-a-30-min", "charging-1", "charging-2", "charging-0"),
        *("idle", "info", "silent-2-h", "never"),
    ]


def test_a_later_answer_replaces_what_it_tells_of_and_leaves_the_rest() -> None:
    shown = view(item("CP-1", powerW=CHARGING), item("CP-2"), missing=("CP-3",))
    shown = shown.with_answer(Answer((item("CP-3", powerW=1000),), ("CP-2",)), NOW)
    assert shown.summary(NOW).power_w == CHARGING + 1000
    assert shown.summary(NOW).never_seen == 1
    assert ids_in_order(shown.of(["CP-1", "CP-2"])) == ["CP-1", "CP-2"]


def test_a_change_is_kept_once_for_each_new_value_by_the_time_at_which_it_was_seen() -> None:
    shown = View()
    # One is read twice, and the last has the same value, sampled anew.
    for second, (at, watts) in enumerate([(9, 1), (5, 2), (5, 2), (1, 2)]):
        answer = Answer((item("CP-1", at=at, powerW=watts),))
        shown = shown.with_answer(answer, NOW + timedelta(seconds=second), keep_changes=True)
    changes = shown.changes["CP-1"]["", "powerW"]
    seconds = [(each.seen_at - NOW).total_seconds() for each in changes]
    assert (seconds, [each.value for each in changes]) == ([0, 1, 3], [1, 2, 2])


def test_what_is_not_as_it_should_be_counts_as_not_sent() -> None:
    values = (True, "7", 10**400, float("inf"), float("nan"))
    odd_numbers = {str(at): {"value": value, "timestamp": ago(0)} for at, value in enumerate(values)}
    odd: Json = item("CP-1") | {
        "connectors": {"1": "?"},
        "findings": ["?", {"code": ["a"], "severity": 1}, None],
        "lastKnown": {
            "chargerStatus": {"value": {"a": 1}, "timestamp": 5},
            "metrics": {"powerW": "7", "currentA": {}, **odd_numbers},
        },
        # Earlier than the first time that there is.
        "staleAt": "0001-01-01T00:00:00+14:00",
        "ingestedAt": ago(0)[:-1],
        "lastSeenAt": None,
    }
    [seen] = view(odd).in_order(NOW)
    assert (seen.is_silent(NOW), seen.silence(NOW), seen.power(NOW)) == (False, None, 0)
    [only] = seen.places
    assert only.says == ""
    assert [only.number(metric) for metric in ("powerW", "currentA", *odd_numbers)] == [None] * 7
