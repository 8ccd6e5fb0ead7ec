"""`GET /telemetry?chargerId=a&chargerId=b...`: which chargers are asked for, and the answer that has room for them."""

from collections.abc import Mapping, Sequence

from telemetry import exact_json
from telemetry.errors import InvalidChargerIdError, InvalidQueryError
from telemetry.event import CHARGER_ID_RULE, is_charger_id
from telemetry.http_api import HttpRequest, query_parameters_of

CHARGER_ID = "chargerId"
MOST_CHARGERS = 100

LARGEST_BODY_BYTES = 5_000_000
# Lambda takes 6 MB, in which the body is a JSON string: each quotation mark or backslash is two bytes there.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_JSON_STRING_BYTES = 6_000_000
# 100 ids of 64 characters with what stands round them, in whichever lists they are.
ROOM_FOR_IDS = 10_000


def charger_ids_of(request: HttpRequest) -> list[str]:
    """Return the ids that the query asks for: each once, in the order in which it is first named.

    Raises:
        InvalidQueryError: it names none, more than 100 different ones, or a parameter other than `chargerId`, which
            would be a misspelt one.
        InvalidChargerIdError: one can't be an id.
    """
    parameters = query_parameters_of(request)
    if any(name != CHARGER_ID for name, _ in parameters):
        raise InvalidQueryError(f"the query has a parameter other than {CHARGER_ID}, the only one that is known here")
    asked = list(dict.fromkeys(value for _, value in parameters))
    if not asked:
        raise InvalidQueryError(f"the query names no charger: ask for ?{CHARGER_ID}=A&{CHARGER_ID}=B")
    if len(asked) > MOST_CHARGERS:
        raise InvalidQueryError(f"the query names more than {MOST_CHARGERS} chargers")
    if not all(map(is_charger_id, asked)):
        raise InvalidChargerIdError(f"the query names an id that is not {CHARGER_ID_RULE}")
    return asked


def body_of(asked: Sequence[str], found: Mapping[str, Mapping[str, object]]) -> str:
    """Return the body of the answer, in ASCII: `{"items": [...], "missing": [...]}`, each in the order asked.

    Each item that still fits is in it; where one does not, its charger is named in `notReturned`, which is there only
    then. The first always fits, so that asking again for those comes to an end.

    Args:
        asked: ids of chargers, each once.
        found: what is shown of each charger that there is something of.
    """
    items: list[str] = []
    not_returned: list[str] = []
    body_bytes = json_string_bytes = ROOM_FOR_IDS
    for charger_id in asked:
        if charger_id not in found:
            continue
        item = exact_json.dump(found[charger_id])
        body_bytes_with_it = body_bytes + len(item) + len(",")
        json_string_bytes_with_it = json_string_bytes + len(item) + len(",") + item.count('"') + item.count("\\")
        if body_bytes_with_it > LARGEST_BODY_BYTES or json_string_bytes_with_it > LARGEST_JSON_STRING_BYTES:
            not_returned.append(charger_id)
            continue
        items.append(item)
        body_bytes, json_string_bytes = body_bytes_with_it, json_string_bytes_with_it
    ids = {"missing": [charger_id for charger_id in asked if charger_id not in found]}
    if not_returned:
        ids["notReturned"] = not_returned
    # Written by hand, since each item is JSON already: megabytes are not worth writing twice.
    return f'{{"items":[{",".join(items)}],{exact_json.dump(ids)[1:]}'
