"""Catalogs as files, written and read a stream at a time.

The SDK holds a catalog several times over, at some kilobytes a field: that of an org with thousands
of objects would take gigabytes, however few of them are read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from textwrap import indent
from typing import IO, TYPE_CHECKING, Any

import ijson
from singer_sdk.singerlib import MetadataMapping

from tap_sfbulk_pages.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.singerlib import CatalogEntry


def write_catalog(entries: Iterable[CatalogEntry], file: IO[str]) -> None:
    """Write a catalog, once all of it is there.

    Args:
        entries: Made one by one; what making them raises leaves the file untouched.
        file: Where to.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as written:
        separator = '{\n  "streams": [\n'
        for entry in entries:
            written.write(separator + indent(json.dumps(entry.to_dict(), indent=2), "    "))
            separator = ",\n"
        written.write("\n  ]\n}\n" if separator == ",\n" else '{\n  "streams": []\n}\n')
        written.seek(0)
        shutil.copyfileobj(written, file)
    file.flush()


def read_selected(file: IO[bytes]) -> dict[str, Any]:
    """Read a catalog; streams that are not selected are left out.

    Raises:
        CatalogError: If it is not JSON, or has no streams at all.
    """
    is_empty = True
    selected = []
    try:
        for entry in ijson.items(file, "streams.item", use_float=True):
            is_empty = False
            if _is_selected(entry):
                selected.append(entry)
    except ijson.JSONError as error:
        raise CatalogError(f"The catalog is not JSON: {error}") from error
    if is_empty:
        raise CatalogError("The catalog has no streams. Make one with --discover.")
    return {"streams": selected}


def _is_selected(entry: dict[str, Any]) -> bool:
    """Tell, as the SDK does, what the metadata of the stream itself says."""
    root = [each for each in entry.get("metadata", []) if not each["breadcrumb"]]
    return MetadataMapping.from_iterable(root).resolve_selection().get((), True)
