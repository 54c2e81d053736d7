"""Catalogs that other Salesforce taps have discovered.

Selection, keys and types are the same metadata everywhere. Other taps put the replication method
into the metadata (`replication-method`, which the SDK does not look at) and the reason for a forced
one beside it. The schema stays the catalog's, so that tables keep the columns that they have.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import CatalogError
from tap_sfbulk_pages.inputs.catalog_check import METHODS, check_entry
from tap_sfbulk_pages.inputs.dotted_columns import fold_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


def understand_catalog(catalog: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
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
    without_choice = [entry["tap_stream_id"] for entry in entries if not understand_entry(entry)]
    return catalog, list_warnings(without_choice)


def understand_entry(entry: dict[str, Any]) -> bool:
    """Say in the SDK's way what an entry of a catalog says in another tap's.

    Args:
        entry: Changed in place.

    Returns:
        Whether it is known what is read of the stream; if not, `list_warnings` says so.

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
    _take_over_metadata(entry, root)
    fold_paths(entry)
    check_entry(entry)
    return not (root.get("selected") and _chooses_nothing(entry, root))


def list_warnings(without_choice: Sequence[str]) -> list[str]:
    """Warn of streams whose replication key the catalog leaves open."""
    if not without_choice:
        return []
    return [
        (
            f"The catalog chooses no replication key for {', '.join(without_choice)}: all of "
            "their records are read each time. To read changes alone, add the replication-key "
            "(one of the valid-replication-keys) to the metadata of the stream."
        )
    ]


def _take_over_metadata(entry: dict[str, Any], root: dict[str, Any]) -> None:
    """Let the metadata count where they differ from the entry's own lines.

    Users and Meltano's `metadata` edit the metadata; the SDK looks at the entry's lines first.
    """
    name = entry["tap_stream_id"]
    forced = root.get("forced-replication-method")
    if isinstance(forced, dict):
        root["forced-replication-method"] = forced = forced.get("replication-method")
    # Other taps, and Meltano, write the method that the user has chosen beside a forced one.
    for key in ("forced-replication-method", "replication-method"):
        method = root.get(key)
        if method is None:
            continue
        if method not in METHODS:
            raise CatalogError(
                f"The {key} of {name} in the catalog must be one of "
                f"{', '.join(sorted(METHODS))}, not {method!r}."
            )
        _let_count(entry, "replication_method", method, key)
    if root.get("replication-key"):
        _let_count(entry, "replication_key", root["replication-key"], "replication-key")
    for key in ("view-key-properties", "table-key-properties"):
        if root.get(key) is not None:
            _let_count(entry, "key_properties", root[key], key)
    _check_keys(entry)


def _let_count(entry: dict[str, Any], line: str, value: Any, key: str) -> None:
    """Put what the metadata say in place of the entry's own line."""
    if entry.get(line) not in (None, value):
        logger.warning(
            "The catalog gives %s the %s %r, and its metadata the %s %r: the metadata count.",
            entry["tap_stream_id"],
            line,
            entry[line],
            key,
            value,
        )
    entry[line] = value


def _check_keys(entry: dict[str, Any]) -> None:
    """Check that the keys of a stream are fields of it.

    Raises:
        CatalogError: If they are not: the target would look for them in vain.
    """
    keys = entry.get("key_properties") or []
    known = entry["schema"].get("properties") or {}
    if not isinstance(keys, list | tuple) or (known and not all(key in known for key in keys)):
        raise CatalogError(
            f"The table-key-properties of {entry['tap_stream_id']} in the catalog must be a list "
            f"of its fields, not {keys!r}."
        )


def _chooses_nothing(entry: dict[str, Any], root: dict[str, Any]) -> bool:
    """Return whether keys are offered, and neither one of them nor a method is chosen."""
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
