"""Numbers in the schemas that are announced: their digits, and decimals in strings.

The SDK's catalogs have no place for digits (`precision` and `scale`), so those of the describe are
added to a schema that has been through a catalog. Its targets ask for them: without them, a
`DECIMAL` of Snowflake would hold whole numbers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import ANY_DECIMAL, SINGER_DECIMAL, CellType, cell_type

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


def _find_digits(own: Properties, name: str) -> dict[str, int]:
    definition = own.get(name, {})
    return {key: definition[key] for key in ("precision", "scale") if key in definition}
