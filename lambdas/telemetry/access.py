"""Which chargers a token may post for and read, and what an attempt at another one leaves behind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from telemetry.errors import ForbiddenChargerError
from telemetry.http_api import HttpRequest, claims_of
from telemetry.observability import count, logger
from telemetry.settings import AccessSettings

EVERY_CHARGER = "*"

# The claim by which a Cognito access token names the client that it was given to.
# https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
CLIENT_CLAIM = "client_id"

# Enough to see what somebody is after; the number of chargers tells how many there were.
MOST_IDS_LOGGED = 10
# An issuer is free in what it calls a subject.
LONGEST_TEXT_LOGGED = 128


@dataclass(frozen=True)
class Access:
    """The chargers that a request may touch; None means every one."""

    chargers: frozenset[str] | None

    def permits(self, charger_id: str) -> bool:
        """Tell whether the charger may be touched."""
        return self.chargers is None or charger_id in self.chargers

    def require(self, charger_ids: Iterable[str]) -> None:
        """Do nothing where all of the chargers may be touched.

        Raises:
            ForbiddenChargerError: one or more may not; it names them.
        """
        refused = [charger_id for charger_id in charger_ids if not self.permits(charger_id)]
        if refused:
            raise ForbiddenChargerError(refused)


def access_of(claims: Mapping[str, object], settings: AccessSettings) -> Access:
    """Return what a token with `claims` gives access to: nothing, where the stage says nothing of its tokens.

    Args:
        claims: as the authorizer gives them; empty where it gave none.
        settings: how the stage's tokens name chargers.
    """
    if settings.open_to_anybody:
        return Access(None)
    if settings.chargers_of_clients is not None:
        return _access_to(settings.chargers_of_clients.get(str(claims.get(CLIENT_CLAIM)), ()))
    if settings.chargers_claim is None:
        return Access(frozenset())
    claim = claims.get(settings.chargers_claim)
    if claim is None:
        # Claims that are missing altogether mean that no authorizer stood before us, which is no reason to trust.
        return Access(None if claims and settings.tokens_without_claim == "all" else frozenset())
    return _access_to(_named(claim))


def tell_refused(request: HttpRequest, errors: Iterable[Exception]) -> None:
    """Log and count a request whose token is not for all the chargers that it is about; do nothing for any other.

    Args:
        request: the request, of whose token only the names of its holder are logged.
        errors: what became of the request, or of each of its events.
    """
    refused = [each for error in errors if isinstance(error, ForbiddenChargerError) for each in error.charger_ids]
    if not refused:
        return
    claims = claims_of(request)
    different = list(dict.fromkeys(refused))
    logger.warning(
        "access refused",
        route=request["routeKey"],
        chargerIds=different[:MOST_IDS_LOGGED],
        chargers=len(different),
        subject=_logged(claims.get("sub")),
        clientId=_logged(claims.get(CLIENT_CLAIM)),
    )
    count("AccessRefused", 1, route=request["routeKey"])


def _named(claim: object) -> list[str]:
    """Return the names in a claim; API Gateway hands a list over as the text `[a b]`."""
    if isinstance(claim, str) and claim.startswith("[") and claim.endswith("]"):
        return claim[1:-1].split(" ")
    return [claim] if isinstance(claim, str) else []


def _access_to(names: Iterable[str]) -> Access:
    named = list(names)
    # Beside other names it was hardly meant, and there it names nobody: no id begins with it.
    return Access(None if named == [EVERY_CHARGER] else frozenset(named))


def _logged(claim: object) -> str | None:
    """Return a claim in printable ASCII: an issuer may let its users choose what a terminal or a log would obey."""
    return ascii(claim)[1:-1][:LONGEST_TEXT_LOGGED] if isinstance(claim, str) else None
