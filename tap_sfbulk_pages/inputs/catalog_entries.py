"""The entries of a catalog, read one at a time from a file in any encoding, and checked."""

from __future__ import annotations

import json
import logging
from typing import IO, TYPE_CHECKING, Any

import ijson

from tap_sfbulk_pages.errors import CatalogError
from tap_sfbulk_pages.inputs.catalog_check import check_metadata
from tap_sfbulk_pages.inputs.earlier_catalogs import list_warnings, understand_entry
from tap_sfbulk_pages.inputs.input_files import open_as_utf_8, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING_SELECTED = (
    'The catalog selects no stream, so nothing is read. Set "selected": true in the metadata of '
    "the streams that you want, or `select` in Meltano."
)

# Of these fields, whatever is selected.
_NO_CHOICE = ("unsupported", "automatic")
_LONGEST = 100

logger = logging.getLogger(__name__)


def read_selected_entries(file: IO[bytes], known: dict[str, None]) -> Iterator[dict[str, Any]]:
    """Read the entries of a catalog that are selected, in today's form.

    Args:
        file: The catalog, of this tap or another (`earlier_catalogs`).
        known: The names of all its streams, selected or not, are added in its order.

    Yields:
        Each entry, whose lines say what its metadata say.

    Raises:
        CatalogError: If it is not JSON, has no streams at all, or asks for something that would be
            read otherwise here.
    """
    without_choice = []
    name = getattr(file, "name", "")
    try:
        for entry in _parse_entries(file):
            _check(entry, known)
            known[entry["tap_stream_id"]] = None
            root = _root_metadata(entry)
            is_read = root is None or is_selected(root, otherwise=False)
            _check_selected(entry, is_read=is_read)
            if not is_read:
                continue
            if not understand_entry(entry):
                without_choice.append(entry["tap_stream_id"])
            yield entry
    except ijson.JSONError:
        # The words of its parser repeat the text.
        if file.seekable():
            file.seek(0)
            read_json(file.read(), f"catalog {name}")
        raise CatalogError(f"The catalog {name} is not JSON.") from None
    if not known:
        raise CatalogError("The catalog has no streams. Make one with --discover.")
    for warning in list_warnings(without_choice):
        logger.warning("%s", warning)


def _parse_entries(file: IO[bytes]) -> Iterator[Any]:
    """Parse the entries of a catalog, one at a time.

    Raises:
        CatalogError: If a key stands twice in an object, so that it is open what counts.
        ijson.JSONError: If it is not JSON.
    """
    twice: list[str] = []
    # Entries are changed later on.
    is_parsing = True

    class Members(dict[str, Any]):
        """An object, which takes note of keys that come again."""

        def __setitem__(self, key: str, value: Any) -> None:
            if is_parsing and key in self:
                twice.append(key)
            super().__setitem__(key, value)

    entries = ijson.items(open_as_utf_8(file), "streams.item", use_float=True, map_type=Members)
    while True:
        is_parsing = True
        entry = next(entries, None)
        is_parsing = False
        if twice:
            raise CatalogError(
                f"The catalog has the key {twice[0][:_LONGEST]!r} twice in one object."
            )
        if entry is None:
            return
        yield entry


def _check_selected(entry: Mapping[str, Any], *, is_read: bool) -> None:
    """Check that nothing selects otherwise where nobody looks for it.

    Raises:
        CatalogError: If an entry, its schema or a property does.
    """
    name, schema = entry["tap_stream_id"], entry["schema"]
    by_field = {
        each["breadcrumb"][-1]: each["metadata"]
        for each in entry.get("metadata", [])
        if each["breadcrumb"]
    }
    found = [(name, entry, is_read), (name, schema, is_read)]
    properties = schema.get("properties")
    if is_read and isinstance(properties, dict):
        found += [
            (f"{name}.{field}", each, is_selected(by_field.get(field, {}), otherwise=True))
            for field, each in properties.items()
            if isinstance(each, dict) and by_field.get(field, {}).get("inclusion") not in _NO_CHOICE
        ]
    for where, place, counts in found:
        if (selected := place.get("selected")) is not None and selected is not counts:
            raise CatalogError(
                f'The catalog has "selected": {json.dumps(selected)} for {where} outside of its '
                "metadata, which say otherwise: set it in the metadata, where it counts."
            )


def is_selected(metadata: Mapping[str, Any], *, otherwise: bool) -> bool:
    """Return, as the Singer SDK does, whether metadata select what they are of.

    Args:
        metadata: Of a stream, or of a field of one that is selected.
        otherwise: What counts where they do not say.
    """
    inclusion = metadata.get("inclusion")
    if inclusion in _NO_CHOICE:
        return bool(inclusion == "automatic")
    for name in ("selected", "selected-by-default"):
        if metadata.get(name) is not None:
            return bool(metadata[name])
    return otherwise


def _root_metadata(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = (each["metadata"] for each in entry.get("metadata", []) if not each["breadcrumb"])
    return next(found, None)


def _check(entry: Any, known: Mapping[str, None]) -> None:
    """Check what everything else rests upon.

    Raises:
        CatalogError: If it is not the entry of a stream, or the stream has another one.
    """
    name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not isinstance(entry.get("schema"), dict):
        number = len(known) + 1
        raise CatalogError(
            f"Entry {number} of the catalog must have a tap_stream_id (a string) and a schema (an "
            "object)."
        )
    if name in known:
        raise CatalogError(f"The catalog has two entries for {name}: keep one.")
    check_metadata(name, entry.get("metadata", []))
