"""Which chargers a request asks for."""

from telemetry.errors import InvalidChargerIdError, InvalidQueryError
from telemetry.event import CHARGER_ID_RULE, is_charger_id
from telemetry.http_api import HttpRequest, path_parameter_of, query_parameters_of

CHARGER_ID = "chargerId"
MOST_CHARGERS = 100


def charger_id_of(request: HttpRequest) -> str:
    """Return the id that the path names.

    Raises:
        InvalidChargerIdError: it can't be one.
    """
    charger_id = path_parameter_of(request, CHARGER_ID)
    if not is_charger_id(charger_id):
        raise InvalidChargerIdError(f"the id of a charger is {CHARGER_ID_RULE}")
    return charger_id


def charger_ids_of(request: HttpRequest) -> list[str]:
    """Return the ids that the query asks for: each once, in the order in which it is first named.

    Raises:
        InvalidQueryError: it names none, or more than 100 different ones. Other parameters mean nothing here.
        InvalidChargerIdError: one can't be an id.
    """
    asked = list(dict.fromkeys(value for name, value in query_parameters_of(request) if name == CHARGER_ID))
    if not asked:
        raise InvalidQueryError(f"the query names no charger: ask for ?{CHARGER_ID}=A&{CHARGER_ID}=B")
    if len(asked) > MOST_CHARGERS:
        raise InvalidQueryError(f"the query names more than {MOST_CHARGERS} chargers")
    if not all(map(is_charger_id, asked)):
        raise InvalidChargerIdError(f"the query names an id that is not {CHARGER_ID_RULE}")
    return asked
