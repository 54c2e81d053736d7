"""What a catalog of the tap selects, read without the Singer SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import ijson

from tap_sfbulk_pages.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class SelectedStream:
    """A stream that a catalog selects.

    Attributes:
        name: The stream.
        fields: Its selected fields, in order.
        replication_key: The one that the catalog chooses; None for the stream's own.
        is_full_table: Whether everything is read each time.
    """

    name: str
    fields: tuple[str, ...]
    replication_key: str | None
    is_full_table: bool


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
    method = (
        own.get("forced-replication-method")
        or own.get("replication-method")
        or entry.get("replication_method")
    )
    fields = (
        name
        for name in entry["schema"].get("properties", {})
        if _is_selected(by_breadcrumb.get(("properties", name), {}), otherwise=True)
    )
    return SelectedStream(
        name=entry["tap_stream_id"],
        fields=tuple(fields),
        replication_key=own.get("replication-key") or entry.get("replication_key"),
        is_full_table=method == "FULL_TABLE",
    )


def _is_selected(metadata: Mapping[str, Any], *, otherwise: bool) -> bool:
    """Tell, as the Singer SDK does, whether metadata select what they are of."""
    inclusion = metadata.get("inclusion")
    if inclusion in ("unsupported", "automatic"):
        return bool(inclusion == "automatic")
    for name in ("selected", "selected-by-default"):
        if metadata.get(name) is not None:
            return bool(metadata[name])
    return otherwise
