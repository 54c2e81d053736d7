"""What a cell's text means, by the type of its field.

Salesforce writes numbers as Java's `Double.toString` does (`9.9213206E7`), integers sometimes as
`47.0`, and formulas can come to `NaN`. Number texts are kept: a float has fewer digits.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# A number as JSON writes it; most of Salesforce's texts are just that.
JSON_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
JSON_INTEGER = r"^-?(?:0|[1-9][0-9]*)$"

_NOT_A_NUMBER = frozenset({"nan", "infinity", "-infinity", "inf", "-inf"})
# Beyond any number that Salesforce stores; written out it would fill the memory.
_MOST_DIGITS = 400


class CellType(Enum):
    """How the text of a cell becomes a JSON value."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"


def cell_type(schema: Mapping[str, Any]) -> CellType:
    """Tell the cell type of a property from its JSON schema."""
    types = schema.get("type", [])
    names = {types} if isinstance(types, str) else set(types)
    for kind in (CellType.BOOLEAN, CellType.INTEGER, CellType.NUMBER):
        if kind.value in names and "string" not in names:
            return kind
    return CellType.TEXT


def json_number(text: str) -> str | None:
    """Write a number as JSON does, every digit kept.

    Returns:
        JSON text; None for a value that is no number (NaN, Infinity).

    Raises:
        ResultPageError: If the text is none of that.
    """
    if re.fullmatch(JSON_NUMBER, text):
        return text
    if text.strip().lower() in _NOT_A_NUMBER:
        return None
    return str(_decimal(text))


def json_integer(text: str) -> str | None:
    """Write an integer without fraction or exponent: `47.0` is `47`.

    Returns:
        JSON text, with its fraction if there is one other than zero; None as `json_number`.

    Raises:
        ResultPageError: If the text is no number.
    """
    if re.fullmatch(JSON_INTEGER, text):
        return text
    if text.strip().lower() in _NOT_A_NUMBER:
        return None
    number = _decimal(text)
    if abs(number.adjusted()) > _MOST_DIGITS or number != number.to_integral_value():
        return str(number)
    return str(int(number))


def json_boolean(text: str) -> str:
    """Write a boolean.

    Raises:
        ResultPageError: If the text is neither true nor false.
    """
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ResultPageError(f"A boolean field holds {text[:100]!r}.")
    return lower


def number_value(json_text: str) -> float | Decimal:
    """Make a Python number that is written with the digits of its text.

    Returns:
        A float where it says the same, since stream maps calculate with floats; else a Decimal.
    """
    exact = Decimal(json_text)
    value = float(json_text)
    return value if Decimal(repr(value)) == exact else exact


def integer_value(json_text: str) -> int | float | Decimal:
    """Make a Python integer; a number where the text has a fraction."""
    return int(json_text) if re.fullmatch(JSON_INTEGER, json_text) else number_value(json_text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation as error:
        raise ResultPageError(f"A number field holds {text[:100]!r}.") from error
    if not number.is_finite():
        raise ResultPageError(f"A number field holds {text[:100]!r}.")
    return number
