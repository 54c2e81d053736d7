"""What an entry of a catalog must be like, so that nothing else is read than it asks for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import find_alike
from tap_sfbulk_pages.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = frozenset({"FULL_TABLE", "INCREMENTAL"})
# Keys of a stream's metadata that decide what is read of it.
_DECIDING = (
    "selected",
    "selected-by-default",
    "inclusion",
    "forced-replication-method",
    "replication-method",
    "replication-key",
    "valid-replication-keys",
    "table-key-properties",
    "view-key-properties",
)
_FIELD_DEPTH = 2

logger = logging.getLogger(__name__)


def check_metadata(name: str, metadata: Any) -> None:
    """Check the metadata of a stream, selected or not.

    Raises:
        CatalogError: If they are of another form, or if a key is close to one that decides what is
            read.
    """
    if not isinstance(metadata, list) or not all(map(_is_metadata, metadata)):
        raise CatalogError(
            f"The metadata of {name} in the catalog must be a list of objects with a breadcrumb "
            "and metadata."
        )
    for each in metadata:
        where = ".".join([name, *map(str, each["breadcrumb"][1::2])])
        selected = each["metadata"].get("selected")
        if not isinstance(selected, bool | None):
            raise CatalogError(
                f"The metadata of {where} in the catalog: selected must be true or false, not "
                f"{selected!r}."
            )
        for key in each["metadata"].keys() - set(_DECIDING):
            meant = find_alike(key, _DECIDING)
            if meant and len(key) >= len(meant) - 1:
                raise CatalogError(
                    f"The metadata of {where} in the catalog has {key!r}; {meant} was probably "
                    "meant."
                )


def check_entry(entry: Mapping[str, Any]) -> None:
    """Check the entry of a stream that is read.

    Raises:
        CatalogError: If its schema is none, its name is another one, or its replication method is
            not known.
    """
    name, properties = entry["tap_stream_id"], entry["schema"].get("properties", {})
    if not isinstance(properties, dict) or not all(map(_is_schema, properties.values())):
        raise CatalogError(
            f"The schema of {name} in the catalog must have properties, each an object with a type."
        )
    if entry.get("stream") not in (None, name):
        raise CatalogError(
            f"The catalog calls {name} {entry['stream']!r}, too. Give both lines the name {name}, "
            f'and set "stream_maps": {{"{name}": {{"__alias__": "…"}}}} for another name in the '
            "target."
        )
    if entry.get("replication_method") not in (None, "", *METHODS):
        raise CatalogError(
            f"The replication_method of {name} in the catalog must be one of "
            f"{', '.join(sorted(METHODS))}, not {entry['replication_method']!r}."
        )
    unknown = [
        str(each["breadcrumb"][1])
        for each in entry.get("metadata", [])
        if len(each["breadcrumb"]) == _FIELD_DEPTH
        and each["breadcrumb"][1] not in properties
        and each["metadata"].get("selected") is not None
    ]
    if unknown and properties:
        logger.warning(
            "The catalog selects or deselects fields of %s that its schema does not have: %s.",
            name,
            ", ".join(unknown),
        )


def _is_metadata(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and isinstance(each.get("breadcrumb"), list)
        and isinstance(each.get("metadata"), dict)
    )


def _is_schema(each: Any) -> bool:
    if not isinstance(each, dict):
        return False
    types = each.get("type", [])
    return isinstance(types, str) or (
        isinstance(types, list) and all(isinstance(type_, str) for type_ in types)
    )
