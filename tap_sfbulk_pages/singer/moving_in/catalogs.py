"""Catalogs that other Salesforce taps have discovered.

Selection, keys and types are the same metadata everywhere. Other taps put the replication method
into the metadata (`replication-method`, which the SDK does not look at) and the reason for a forced
one beside it. The schema stays the catalog's, so that tables keep the columns that they have.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Sequence

_METHODS = frozenset({"FULL_TABLE", "INCREMENTAL"})


def understood(catalog: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Say in the SDK's way what a catalog of another tap says in its own.

    Args:
        catalog: The parsed file; left as it is.

    Returns:
        A catalog that says the same, and warnings.

    Raises:
        CatalogError: If an entry asks for something that would be read otherwise here.
    """
    catalog = copy.deepcopy(catalog)
    entries = catalog.get("streams", [])
    without_choice = [entry["tap_stream_id"] for entry in entries if not understand(entry)]
    return catalog, warnings_of(without_choice)


def understand(entry: dict[str, Any]) -> bool:
    """Say in the SDK's way what an entry of a catalog says in another tap's.

    Args:
        entry: Changed in place.

    Returns:
        Whether it is known what is read of the stream; if not, `warnings_of` tells the user.

    Raises:
        CatalogError: If it asks for something that would be read otherwise here.
    """
    root = _root_metadata(entry)
    if entry.get("stream_alias"):
        raise CatalogError(
            f"The catalog gives {entry['tap_stream_id']} the stream_alias "
            f"{entry['stream_alias']!r}. Remove it, and set "
            f'"stream_maps": {{"{entry["tap_stream_id"]}": '
            f'{{"__alias__": "{entry["stream_alias"]}"}}}} instead.'
        )
    forced = root.get("forced-replication-method")
    if isinstance(forced, dict):
        root["forced-replication-method"] = forced.get("replication-method")
    # The SDK announces the key of the entry alone.
    entry.setdefault("key_properties", root.get("table-key-properties"))
    _take_over_method(entry, root)
    return not (root.get("selected") and _chooses_nothing(entry, root))


def warnings_of(without_choice: Sequence[str]) -> list[str]:
    """Tell of streams whose replication key the catalog leaves open."""
    if not without_choice:
        return []
    return [
        (
            f"The catalog chooses no replication key for {', '.join(without_choice)}: all of "
            "their records are read each time. To read changes alone, add the replication-key "
            "(one of the valid-replication-keys) to the metadata of the stream."
        )
    ]


def _take_over_method(entry: dict[str, Any], root: dict[str, Any]) -> None:
    """Let the method of the metadata count, and the key beside it."""
    method = root.get("replication-method")
    if method is None:
        return
    if method not in _METHODS:
        raise CatalogError(
            f"The replication-method of {entry['tap_stream_id']} in the catalog must be one of "
            f"{', '.join(sorted(_METHODS))}, not {method!r}."
        )
    entry["replication_method"] = method
    if root.get("replication-key"):
        entry["replication_key"] = root["replication-key"]


def _chooses_nothing(entry: dict[str, Any], root: dict[str, Any]) -> bool:
    """Tell whether keys are offered, and neither one of them nor a method is chosen."""
    chosen = (
        entry.get("replication_key"),
        entry.get("replication_method"),
        root.get("replication-key"),
        root.get("forced-replication-method"),
    )
    return bool(root.get("valid-replication-keys")) and not any(chosen)


def _root_metadata(entry: dict[str, Any]) -> dict[str, Any]:
    for each in entry.get("metadata", []):
        if not each["breadcrumb"]:
            root: dict[str, Any] = each["metadata"]
            return root
    return {}
