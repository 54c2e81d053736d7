"""Cells of a result as values of JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects.fields import ADDRESS_PARTS, NUMBER_TYPES, WHOLE_NUMBER_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _whole_number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else int(float(text))


def _double(text: str) -> Decimal | None:
    """Return a number for JSON, which knows neither NaN nor Infinity, with the digits it has."""
    number = Decimal(text)
    return number if number.is_finite() else None


FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(NUMBER_TYPES, _double),
    **dict.fromkeys(WHOLE_NUMBER_TYPES, _whole_number),
    "boolean": lambda text: text == "true",
}
"""How the text of a cell is read, by the type of its field; other types are texts."""


def join_parts(parts: tuple[str | None, ...]) -> dict[str, Any] | None:
    """Return an address or a location from its parts, null if all of them are empty."""
    if all(part is None for part in parts):
        return None
    names = ADDRESS_PARTS if len(parts) == len(ADDRESS_PARTS) else ("Latitude", "Longitude")
    return {
        name[0].lower() + name[1:]: float(part)
        if part is not None and name in {"Latitude", "Longitude"}
        else part
        for name, part in sorted(zip(names, parts, strict=True))
    }
