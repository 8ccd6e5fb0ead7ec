"""Which chargers a token may post for and read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from telemetry.errors import ForbiddenChargerError

EVERY_CHARGER = "*"


@dataclass(frozen=True)
class Access:
    """The chargers that a request may touch; None means every one."""

    chargers: frozenset[str] | None

    def require(self, charger_id: str) -> None:
        """Do nothing where the charger may be touched.

        Raises:
            ForbiddenChargerError: it may not.
        """
        if self.chargers is not None and charger_id not in self.chargers:
            raise ForbiddenChargerError("the token is not for this charger")


def access_of(
    claims: Mapping[str, object],
    chargers_claim: str | None,
    tokens_without_claim: Literal["refused", "all"],
) -> Access:
    """Return what a token with `claims` gives access to.

    Args:
        claims: as the authorizer gives them; empty where it gave none.
        chargers_claim: the claim that names chargers; None where the stage has no authorizer: all are allowed.
        tokens_without_claim: what a token that lacks the claim may touch.
    """
    if chargers_claim is None:
        return Access(None)
    claim = claims.get(chargers_claim)
    if claim is None:
        # Claims that are missing altogether mean that no authorizer stood before us, which is no reason to trust.
        return Access(None if claims and tokens_without_claim == "all" else frozenset())
    named = _named(claim)
    # Beside other names it was hardly meant, and there it names nobody: no id begins with it.
    return Access(None if named == frozenset([EVERY_CHARGER]) else named)


def _named(claim: object) -> frozenset[str]:
    """Return the names in a claim; API Gateway hands a list over as the text `[a b]`."""
    if isinstance(claim, str) and claim.startswith("[") and claim.endswith("]"):
        return frozenset(claim[1:-1].split())
    return frozenset([claim]) if isinstance(claim, str) else frozenset()
