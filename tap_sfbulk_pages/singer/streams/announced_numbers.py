"""Numbers in the schemas that are announced: their digits, and decimals in strings.

The SDK's catalogs have no place for digits (`precision` and `scale`), so those of the describe are
added to a schema that has been through a catalog. Its targets ask for them: without them, a
`DECIMAL` of Snowflake would hold whole numbers only. No describe is asked for an existing job that
a catalog selects, so the catalog's file keeps the digits of its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import ANY_DECIMAL, SINGER_DECIMAL, CellType, cell_type
from tap_sfbulk_pages.salesforce.schema import MOST_DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    Properties = Mapping[str, Mapping[str, Any]]


def write_numbers_as_strings(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema whose numbers are decimals in strings (the SDK's `use_singer_decimal`)."""
    properties = {
        name: {**definition, "type": ["string", "null"], "format": SINGER_DECIMAL}
        if cell_type(definition) is CellType.NUMBER
        else definition
        for name, definition in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def complete_decimals(properties: Properties, own: Properties) -> dict[str, Any]:
    """Add the digits that are missing in decimals (`x-singer.decimal`).

    Args:
        properties: JSON schemas of fields, as a catalog has them.
        own: Those that the describe results in.
    """
    return {
        name: {**ANY_DECIMAL, **_find_digits(own, name), **definition}
        if definition.get("format") == SINGER_DECIMAL
        else definition
        for name, definition in properties.items()
    }


def complete_numbers(properties: Properties, own: Properties) -> dict[str, Any]:
    """Add the digits that are missing in numbers (arguments as of `complete_decimals`)."""
    return {
        name: {**_find_digits(own, name), **definition}
        if cell_type(definition) is CellType.NUMBER
        else definition
        for name, definition in properties.items()
    }


def keep_digits(schema: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that has been through the SDK's catalog with the digits that it has lost.

    Args:
        schema: As the SDK has it.
        kept: The same schema as it was before; digits that no decimal can have are left out.
    """
    properties = {
        name: {**definition, **_find_digits(kept.get("properties") or {}, name)}
        for name, definition in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def _find_digits(own: Properties, name: str) -> dict[str, int]:
    """Return the digits of a number; none where there are none, or no decimal can have them."""
    definition = own.get(name, {})
    precision, scale = definition.get("precision"), definition.get("scale")
    if not isinstance(precision, int) or not isinstance(scale, int):
        return {}
    is_decimal = 0 <= scale <= precision <= MOST_DIGITS and precision > 0
    return {"precision": precision, "scale": scale} if is_decimal else {}
