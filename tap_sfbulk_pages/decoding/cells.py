"""What a cell's text means, by the type of its field.

Salesforce writes numbers as Java's `Double.toString` does (`9.9213206E7`) and integers sometimes as
`47.0`; formulas can result in `NaN`. Numbers stay text, because a float has fewer digits.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A number as JSON writes it, as nearly all of Salesforce's numbers are.
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_JSON_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")

# The format of a number that leaves as a string (the SDK's `use_singer_decimal`).
SINGER_DECIMAL = "x-singer.decimal"
# What decimals are where no describe says how many digits they have, as for formulas.
ANY_DECIMAL: Mapping[str, int] = {"precision": 38, "scale": 18}

NOT_A_NUMBER = frozenset({"nan", "infinity", "-infinity", "inf", "-inf"})
# Far beyond any number that Salesforce stores; a larger one, written out, could fill the memory.
_MOST_DIGITS = 400


class CellType(Enum):
    """How the text of a cell becomes a JSON value."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"


def cell_type(schema: Mapping[str, Any]) -> CellType:
    """Return the cell type of a property with this JSON schema."""
    types = schema.get("type", [])
    names = {types} if isinstance(types, str) else set(types)
    for kind in (CellType.BOOLEAN, CellType.INTEGER, CellType.NUMBER):
        if kind.value in names and "string" not in names:
            return kind
    return CellType.DECIMAL if schema.get("format") == SINGER_DECIMAL else CellType.TEXT


def json_number(text: str) -> str | None:
    """Return a number as JSON text, with every digit.

    Returns:
        JSON text; None for NaN and Infinity.

    Raises:
        ResultPageError: If the text is not a number.
    """
    if _JSON_NUMBER.fullmatch(text):
        return text
    if text.strip().lower() in NOT_A_NUMBER:
        return None
    return str(_decimal(text))


def json_integer(text: str) -> str | None:
    """Return an integer as JSON text without fraction or exponent: `47.0` becomes `47`.

    Returns:
        JSON text, with its fraction if that is not zero; None for NaN and Infinity.

    Raises:
        ResultPageError: If the text is not a number.
    """
    if _JSON_INTEGER.fullmatch(text):
        return text
    if text.strip().lower() in NOT_A_NUMBER:
        return None
    number = _decimal(text)
    if abs(number.adjusted()) > _MOST_DIGITS or number != number.to_integral_value():
        return str(number)
    return str(int(number))


def json_boolean(text: str) -> str:
    """Return a boolean as JSON text.

    Raises:
        ResultPageError: If the text is neither true nor false.
    """
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ResultPageError(f"{text[:100]!r} is not a boolean.")
    return lower


def number_value(json_text: str) -> float | Decimal:
    """Return a Python number that keeps all digits.

    Returns:
        A float if it is exact, since stream maps calculate with floats; otherwise a Decimal.

    Raises:
        ResultPageError: If the exponent is beyond those of decimals.
    """
    exact = _decimal(json_text)
    value = float(json_text)
    return value if Decimal(repr(value)) == exact else exact


def integer_value(json_text: str) -> int | float | Decimal:
    """Return a Python integer, or as for `number_value` if the text has a fraction."""
    # Python refuses to parse integers of thousands of digits.
    is_plain = len(json_text) <= _MOST_DIGITS and _JSON_INTEGER.fullmatch(json_text)
    return int(json_text) if is_plain else number_value(json_text)


def typed_values(cells: list[str | None], kind: CellType) -> list[Any]:
    """Convert the cells of a column, as returned by `normalize_cells`, to values of its type."""
    if convert := _VALUES.get(kind):
        return [None if text is None else convert(text) for text in cells]
    return cells


_VALUES: Mapping[CellType, Callable[[str], Any]] = {
    CellType.BOOLEAN: "true".__eq__,
    CellType.INTEGER: integer_value,
    CellType.NUMBER: number_value,
}


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation as error:
        raise ResultPageError(f"{text[:100]!r} is not a number.") from error
    if not number.is_finite():
        raise ResultPageError(f"{text[:100]!r} is not a number.")
    return number
