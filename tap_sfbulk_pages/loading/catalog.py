"""What a catalog of the tap selects, read without the Singer SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import CatalogError
from tap_sfbulk_pages.inputs.catalog_entries import (
    NOTHING_SELECTED,
    is_selected,
    read_selected_entries,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class SelectedStream:
    """A stream that a catalog selects.

    Attributes:
        name: The stream.
        fields: Its selected fields, in order.
        keys: The fields that tell its rows apart; None for the stream's own.
        replication_key: The one that the catalog chooses; None to read everything each time.
    """

    name: str
    fields: tuple[str, ...]
    keys: tuple[str, ...] | None
    replication_key: str | None


def read_catalog(file: IO[bytes]) -> dict[str, SelectedStream]:
    """Read what a catalog selects, by stream.

    Raises:
        CatalogError: If it is not a catalog, or selects nothing.
    """
    selected = {
        entry["tap_stream_id"]: _choices(entry) for entry in read_selected_entries(file, {})
    }
    if not selected:
        raise CatalogError(NOTHING_SELECTED)
    return selected


def _choices(entry: Mapping[str, Any]) -> SelectedStream:
    metadata = {tuple(each["breadcrumb"]): each["metadata"] for each in entry.get("metadata", [])}
    fields = (
        name
        for name in entry["schema"].get("properties") or {}
        if is_selected(metadata.get(("properties", name), {}), otherwise=True)
    )
    keys = entry.get("key_properties")
    is_full_table = entry.get("replication_method") == "FULL_TABLE"
    return SelectedStream(
        name=entry["tap_stream_id"],
        fields=tuple(fields),
        keys=None if keys is None else tuple(keys),
        replication_key=None if is_full_table else entry.get("replication_key") or None,
    )
