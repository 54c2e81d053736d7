"""Columns such as `Account.Name` in a catalog, so that Meltano's `select` can name them.

Its patterns take a dot for a step into an object: `people.Account.Name` is the field `Name` of an
object `Account`. The catalog therefore has metadata for that path, too, beside the column's own.
They are `automatic`: Meltano's patterns change them all the same, and programs that know columns
alone leave them as they are. Records and schemas know the column alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOT = "."


def add_paths(entry: dict[str, Any]) -> None:
    """Add metadata for the paths of an entry's columns.

    Args:
        entry: Of a catalog that is about to be written; changed in place.
    """
    entry["metadata"] += [
        {"breadcrumb": breadcrumb, "metadata": {"inclusion": "automatic"}}
        for breadcrumb in _paths(entry).values()
    ]


def fold_paths(entry: dict[str, Any]) -> None:
    """Let what was chosen for the path of a column count for the column, and drop the path.

    Args:
        entry: Of a catalog that has been read; changed in place.
    """
    columns = {tuple(breadcrumb): name for name, breadcrumb in _paths(entry).items()}
    if not columns:
        return
    metadata = {tuple(each["breadcrumb"]): each["metadata"] for each in entry.get("metadata", [])}
    for breadcrumb in columns.keys() & metadata.keys():
        chosen = metadata.pop(breadcrumb)
        if chosen.get("selected") is not None:
            own = metadata.setdefault(("properties", columns[breadcrumb]), {})
            own["selected"] = chosen["selected"]
    entry["metadata"] = [
        {"breadcrumb": list(breadcrumb), "metadata": each} for breadcrumb, each in metadata.items()
    ]


def _paths(entry: dict[str, Any]) -> dict[str, list[str]]:
    """List the breadcrumbs of paths by the names of their columns."""
    names = entry["schema"].get("properties") or {}
    return {name: list(_breadcrumb(name)) for name in names if _DOT in name}


def _breadcrumb(name: str) -> Iterator[str]:
    for step in name.split(_DOT):
        yield from ("properties", step)
