"""Announced types compared with today's: no record may hold what its schema forbids.

A catalog keeps the types of the day on which it was discovered. Salesforce lets administrators
change the type of a field meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import SINGER_DECIMAL
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.salesforce.schema import property_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NUMBERS = {"integer": {"integer", "number"}, "number": {"number"}, "boolean": {"boolean"}}


def check_announced_types(
    stream: str,
    fields: Iterable[str],
    schemas: Mapping[str, Mapping[str, Any]],
    described: Mapping[str, str],
) -> None:
    """Check that the announced types take every value of today's.

    Args:
        stream: Its name, for messages.
        fields: Those that are read.
        schemas: JSON schemas by field, as they are announced.
        described: The describe's types by field, in any case of letters.

    Raises:
        ExtractionError: If one does not.
    """
    today = {name.lower(): type_ for name, type_ in described.items()}
    drifted = [
        f"{name} ({_show(schemas[name])} in the catalog, {today[name.lower()]} in Salesforce)"
        for name in fields
        if not _takes(schemas[name], today[name.lower()])
    ]
    if drifted:
        raise ExtractionError(
            f"The types of fields of {stream} have changed since the catalog was made, and their "
            f"values would contradict its schema: {', '.join(drifted)}. Discover again."
        )


def _takes(announced: Mapping[str, Any], described: str) -> bool:
    """Return whether a schema takes every value of a type; more than it needs does no harm."""
    today = property_schema(described)
    types, form = _types(announced), announced.get("format")
    (kind,) = _types(today)
    if not types:
        return True
    if kind != "string":
        is_text = "string" in types and form in (None, SINGER_DECIMAL)
        is_text &= not (kind == "boolean" and form == SINGER_DECIMAL)
        return is_text or bool(types & _NUMBERS[kind])
    # Catalogs of other taps announce dates as date-times, those of earlier releases times as times.
    forms = {"date": ("date", "date-time"), "datetime": ("date-time",), "time": ("time",)}
    return "string" in types and form in (None, *forms.get(described, ()))


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type") or ()
    return ({types} if isinstance(types, str) else set(types)) - {"null"}


def _show(schema: Mapping[str, Any]) -> str:
    return schema.get("format") or " or ".join(sorted(_types(schema)))
