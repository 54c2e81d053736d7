"""What a catalog of the tap selects, read without the Singer SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import ijson

from tap_sfbulk_pages.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHODS = ("FULL_TABLE", "INCREMENTAL")


@dataclass(frozen=True)
class SelectedStream:
    """A stream that a catalog selects.

    Attributes:
        name: The stream.
        fields: Its selected fields, in order.
        replication_key: The one that the catalog chooses; None for the stream's own.
        is_full_table: Whether everything is read each time.
        keys: The fields of the key that the catalog chooses; None for the stream's own.
    """

    name: str
    fields: tuple[str, ...]
    replication_key: str | None
    is_full_table: bool
    keys: tuple[str, ...] | None


def read_catalog(file: IO[bytes]) -> dict[str, SelectedStream]:
    """Read what a catalog selects, by stream.

    Raises:
        CatalogError: If it is not a catalog, or selects nothing.
    """
    selected = {}
    is_empty = True
    try:
        for entry in ijson.items(file, "streams.item", use_float=True):
            is_empty = False
            if stream := _read_entry(entry):
                selected[stream.name] = stream
    except (ijson.JSONError, LookupError, TypeError, AttributeError) as error:
        raise CatalogError(f"The catalog is not one that the tap has written: {error}") from error
    if is_empty:
        raise CatalogError("The catalog has no streams. Make one with tap-sfbulk-pages --discover.")
    if not selected:
        raise CatalogError("The catalog selects no stream.")
    return selected


def _read_entry(entry: Mapping[str, Any]) -> SelectedStream | None:
    by_breadcrumb = {tuple(each["breadcrumb"]): each["metadata"] for each in entry["metadata"]}
    own = by_breadcrumb.get((), {})
    if by_breadcrumb and not _is_selected(own, otherwise=False):
        return None
    name, properties = entry["tap_stream_id"], entry["schema"].get("properties", {})
    fields = (
        field
        for field in properties
        if _is_selected(by_breadcrumb.get(("properties", field), {}), otherwise=True)
    )
    return SelectedStream(
        name=name,
        fields=tuple(fields),
        replication_key=own.get("replication-key") or entry.get("replication_key"),
        is_full_table=_choose_method(name, own, entry) == "FULL_TABLE",
        keys=_choose_keys(name, own, entry),
    )


def _choose_method(name: str, own: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """Choose the replication method: metadata count more than the entry's own line.

    Raises:
        CatalogError: If it is unknown.
    """
    # Meltano writes the method that a user has chosen beside the forced one.
    method = (
        own.get("replication-method")
        or own.get("forced-replication-method")
        or entry.get("replication_method")
    )
    if method not in (None, *_METHODS):
        raise CatalogError(
            f"The replication method of {name} in the catalog must be one of "
            f"{', '.join(_METHODS)}, not {method!r}."
        )
    return method


def _choose_keys(
    name: str, own: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[str, ...] | None:
    """Choose the key, if the catalog says anything of it.

    Raises:
        CatalogError: If a field of it is not in the catalog.
    """
    lines = (own.get("table-key-properties"), entry.get("key_properties"))
    keys = next((line for line in lines if line is not None), None)
    if keys is None:
        return None
    if not isinstance(keys, list) or not set(keys) <= entry["schema"].get("properties", {}).keys():
        raise CatalogError(
            f"The table-key-properties of {name} in the catalog must be a list of its fields, "
            f"not {keys!r}."
        )
    return tuple(keys)


def _is_selected(metadata: Mapping[str, Any], *, otherwise: bool) -> bool:
    """Tell, as the Singer SDK does, whether metadata select what they are of."""
    inclusion = metadata.get("inclusion")
    if inclusion in ("unsupported", "automatic"):
        return bool(inclusion == "automatic")
    for name in ("selected", "selected-by-default"):
        if metadata.get(name) is not None:
            return bool(metadata[name])
    return otherwise
