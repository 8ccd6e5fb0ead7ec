"""JSON whose numbers come back as they were sent: `int` and `Decimal`, never `float`.

A number has one form: `int` where it is integral and has at most 38 digits, else a normalised `Decimal`, so that
7.40 equals 7.4 and 1E2 equals 100. One that DynamoDB cannot hold is read as `UNSTORABLE_NUMBER`, a key that is given
twice leaves a `RepeatedKeyObject`, and of what is nested too deeply the upper levels are read: the reader goes on, and
`telemetry.storable` tells where they stand.
"""

import json
import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Subnormal

import simplejson

from telemetry.errors import NotJsonError

UNSTORABLE_NUMBER = Decimal("NaN")

# DynamoDB holds 38 significant digits, from 1E-130 to 9.99...E+125.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
SIGNIFICANT_DIGITS = 38
_DYNAMODB_NUMBERS = Context(
    prec=SIGNIFICANT_DIGITS,
    Emin=-130,
    Emax=125,
    traps=[Inexact, InvalidOperation, Overflow, Subnormal],
)
# `int` of so few digits is exact, storable, and far from Python's limit on huge digit strings.
_SHORT_INTEGER_DIGITS = 18

# Most payloads have no `Decimal`, and Python's own encoder is twice as fast as simplejson's, which writes them; of what
# both can write they make the same text.
_WITHOUT_DECIMALS = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)

# Far deeper than what is storable, and far from where Python gives up.
DEEPEST_READ = 100
# A string, whose brackets count for nothing, or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)


class RepeatedKeyObject(dict[str, object]):
    """A JSON object in which keys were given more than once; the last value of each is kept."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        """Keep the pairs, and remember in `repeated` which keys came again."""
        super().__init__()
        self.repeated: list[str] = []
        for key, value in pairs:
            if key in self:
                self.repeated.append(key)
            self[key] = value


def parse(text: str) -> object:
    """Return the JSON value of `text`: None, bool, int, Decimal, str, list or dict.

    Where `text` is nested more deeply than Python can read, what is below `DEEPEST_READ` levels is read as `[]`.

    Raises:
        NotJsonError: `text` is not JSON.
    """
    try:
        return _load(text)
    except RecursionError:
        # One event that is too deep must not cost the others of its batch.
        return _load(_cut_below(text, DEEPEST_READ))


def dump(value: object) -> str:
    """Return `value` as JSON: compact, keys sorted, every character in ASCII, so equal values give equal text.

    Args:
        value: what `parse` returns, without unstorable numbers.
    """
    try:
        return _WITHOUT_DECIMALS.encode(value)
    except TypeError:
        return _dump(value, ensure_ascii=True)


def utf8_size(value: object) -> int:
    """Return the number of bytes of `value` as compact JSON in UTF-8; it must hold no lone surrogates."""
    return len(_dump(value, ensure_ascii=False).encode())


def exact_number(text: str) -> int | Decimal:
    """Return the number that `text` spells in its one form, or `UNSTORABLE_NUMBER`."""
    if len(text) <= _SHORT_INTEGER_DIGITS and text.lstrip("-").isdecimal():
        return int(text)
    try:
        number = _DYNAMODB_NUMBERS.create_decimal(text)
        return _one_form(_DYNAMODB_NUMBERS.normalize(number))
    except DecimalException:
        return UNSTORABLE_NUMBER


def _load(text: str) -> object:
    try:
        return json.loads(
            text,
            object_pairs_hook=_json_object,
            parse_int=exact_number,
            parse_float=exact_number,
            parse_constant=_not_a_number,
        )
    except json.JSONDecodeError as error:
        raise NotJsonError(f"the body is not JSON: character {error.pos} is not what JSON allows there") from error


def _cut_below(text: str, levels: int) -> str:
    """Return `text` with `[]` in place of each array and object that is nested below so many levels."""
    kept: list[str] = []
    level, start = 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in {"[", "{"}:
            level += 1
            if level == levels + 1:
                kept.append(text[start : token.start()])
        elif token[0] in {"]", "}"}:
            if level == levels + 1:
                kept.append("[]")
                start = token.end()
            level -= 1
    # Brackets that are never closed are no JSON, and do not become any: what they stand in stays open, too.
    kept.append(text[start:] if level <= levels else "")
    return "".join(kept)


def _one_form(normalized: Decimal) -> int | Decimal:
    """Return an integral number of at most 38 digits as `int`, any other as it is."""
    exponent = normalized.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0 and normalized.adjusted() < SIGNIFICANT_DIGITS:
        return int(normalized)
    return normalized


def _json_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    return built if len(built) == len(pairs) else RepeatedKeyObject(pairs)


def _not_a_number(_text: str) -> Decimal:
    return UNSTORABLE_NUMBER


def _dump(value: object, *, ensure_ascii: bool) -> str:
    return simplejson.dumps(value, ensure_ascii=ensure_ascii, sort_keys=True, separators=(",", ":"), use_decimal=True)
