"""Catalogs as files, written and read a stream at a time.

The SDK holds a catalog several times over, at some kilobytes a field: that of an org with thousands
of objects would take gigabytes, however few of them are read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from textwrap import indent
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.singerlib import CatalogEntry

from tap_sfbulk_pages.errors import explain_temporary_files
from tap_sfbulk_pages.inputs.catalog_entries import read_selected_entries
from tap_sfbulk_pages.inputs.dotted_columns import add_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self


def write_catalog(entries: Iterable[dict[str, Any]], file: IO[str]) -> None:
    """Write a catalog, once all of it is there.

    Args:
        entries: Made one by one; what making them raises leaves the file untouched.
        file: Where to.
    """
    with ExitStack() as opened:
        with explain_temporary_files():
            written = opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
        separator = '{\n  "streams": [\n'
        for entry in entries:
            add_paths(entry)
            with explain_temporary_files():
                written.write(separator + indent(json.dumps(entry, indent=2), "    "))
            separator = ",\n"
        with explain_temporary_files():
            written.write("\n  ]\n}\n" if separator == ",\n" else '{\n  "streams": []\n}\n')
            written.seek(0)
        shutil.copyfileobj(written, file)
    file.flush()


class SelectedEntries(Mapping[str, CatalogEntry]):
    """The entries of a catalog that are selected, by stream; they wait on disk.

    A context manager, behind which they are gone.

    Args:
        file: The catalog, of this tap or another.

    Attributes:
        known: All streams of the catalog, selected or not, in its order; the values mean nothing.

    Raises:
        CatalogError: As `read_selected_entries`.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._places: dict[str, int] = {}
        self.known: dict[str, None] = {}
        with ExitStack() as opened:
            with explain_temporary_files():
                self._written = opened.enter_context(tempfile.TemporaryFile())
            for entry in read_selected_entries(file, self.known):
                self._keep(entry)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __getitem__(self, name: str) -> CatalogEntry:
        """Read the entry of a stream."""
        return CatalogEntry.from_dict(self.read_content(name))

    def read_content(self, name: str) -> dict[str, Any]:
        """Read the entry of a stream with all that it has; the SDK's class keeps what it knows."""
        with explain_temporary_files():
            # It writes what is still in memory.
            self._written.seek(self._places[name])
        content: dict[str, Any] = json.loads(self._written.readline())
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _keep(self, entry: dict[str, Any]) -> None:
        with explain_temporary_files():
            self._places[entry["tap_stream_id"]] = self._written.tell()
            self._written.write(json.dumps(entry).encode() + b"\n")
