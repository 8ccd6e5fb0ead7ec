from typing import Literal

import pytest

from telemetry.access import access_of
from telemetry.errors import ForbiddenChargerError


def may(claims: dict[str, object], charger_id: str, without_claim: Literal["refused", "all"] = "refused") -> bool:
    try:
        access_of(claims, "chargers", without_claim).require(charger_id)
    except ForbiddenChargerError:
        return False
    return True


@pytest.mark.parametrize("claim", ["CP-1", "[CP-1]", "[CP-0 CP-1]", "*", "[*]"])
def test_a_token_is_for_the_chargers_that_it_names(claim: str) -> None:
    assert may({"chargers": claim}, "CP-1")


@pytest.mark.parametrize(
    "claim", ["CP-10", "cp-1", "[CP-0 CP-10]", "[]", "", "CP-0 CP-1", "CP*", "[CP-1", "[CP-0 *]", "[* CP-0]", 7, None]
)
def test_a_token_is_for_no_other_charger(claim: object) -> None:
    assert not may({"chargers": claim}, "CP-1")


def test_a_token_without_the_claim_is_refused_unless_the_stage_allows_it() -> None:
    assert not may({"sub": "a"}, "CP-1")
    assert may({"sub": "a"}, "CP-1", "all")


def test_a_request_that_no_authorizer_saw_is_refused_where_the_stage_has_one() -> None:
    assert not may({}, "CP-1")
    assert not may({}, "CP-1", "all")


def test_a_stage_without_an_authorizer_allows_everything() -> None:
    access_of({}, None, "refused").require("CP-1")
