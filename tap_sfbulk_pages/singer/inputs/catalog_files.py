"""Catalogs as files, written and read a stream at a time.

The SDK holds a catalog several times over, at some kilobytes a field: that of an org with thousands
of objects would take gigabytes, however few of them are read.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from textwrap import indent
from typing import IO, TYPE_CHECKING, Any

import ijson
from singer_sdk.singerlib import CatalogEntry, MetadataMapping

from tap_sfbulk_pages.errors import CatalogError, explain_temporary_files
from tap_sfbulk_pages.singer.inputs.dotted_columns import add_paths
from tap_sfbulk_pages.singer.inputs.input_files import open_as_utf_8, read_json
from tap_sfbulk_pages.singer.inputs.moving_in.catalogs import understand, warnings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

logger = logging.getLogger(__name__)


def write_catalog(entries: Iterable[CatalogEntry], file: IO[str]) -> None:
    """Write a catalog, once all of it is there.

    Args:
        entries: Made one by one; what making them raises leaves the file untouched.
        file: Where to.
    """
    with explain_temporary_files(), tempfile.TemporaryFile("w+", encoding="utf-8") as written:
        separator = '{\n  "streams": [\n'
        for entry in entries:
            content = entry.to_dict()
            add_paths(content)
            written.write(separator + indent(json.dumps(content, indent=2), "    "))
            separator = ",\n"
        written.write("\n  ]\n}\n" if separator == ",\n" else '{\n  "streams": []\n}\n')
        written.seek(0)
        shutil.copyfileobj(written, file)
    file.flush()


class SelectedEntries(Mapping[str, CatalogEntry]):
    """The entries of a catalog that are selected, by stream; they wait on disk.

    A context manager, behind which they are gone.

    Args:
        file: The catalog, of this tap or another (`moving_in/catalogs.py`).

    Attributes:
        known: All streams of the catalog, selected or not, in its order; the values mean nothing.

    Raises:
        CatalogError: If it is not JSON, has no streams at all, or asks for something that would be
            read otherwise here.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._places: dict[str, int] = {}
        self._name = getattr(file, "name", "")
        self.known: dict[str, None] = {}
        with ExitStack() as opened:
            with explain_temporary_files():
                self._written = opened.enter_context(tempfile.TemporaryFile())
            self._read(file)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __getitem__(self, name: str) -> CatalogEntry:
        """Read the entry of a stream."""
        self._written.seek(self._places[name])
        return CatalogEntry.from_dict(json.loads(self._written.readline()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _read(self, file: IO[bytes]) -> None:
        without_choice = []
        try:
            for entry in ijson.items(open_as_utf_8(file), "streams.item", use_float=True):
                self._check(entry)
                self.known[entry["tap_stream_id"]] = None
                if not _is_selected(entry):
                    continue
                if not understand(entry):
                    without_choice.append(entry["tap_stream_id"])
                self._keep(entry)
        except ijson.JSONError:
            # The words of its parser repeat the text.
            if file.seekable():
                file.seek(0)
                read_json(file.read(), f"catalog {self._name}")
            raise CatalogError(f"The catalog {self._name} is not JSON.") from None
        if not self.known:
            raise CatalogError("The catalog has no streams. Make one with --discover.")
        for warning in warnings_of(without_choice):
            logger.warning("%s", warning)

    def _check(self, entry: Any) -> None:
        """Check what everything else rests upon.

        Raises:
            CatalogError: If it is not the entry of a stream, or the stream has another one.
        """
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        number = len(self.known) + 1
        if not isinstance(name, str) or not isinstance(entry.get("schema"), dict):
            raise CatalogError(f"Entry {number} of the catalog has no tap_stream_id and schema.")
        if name in self.known:
            raise CatalogError(f"The catalog has two entries for {name}: keep one.")
        metadata = entry.get("metadata", [])
        if not isinstance(metadata, list) or not all(map(_is_metadata, metadata)):
            raise CatalogError(
                f"The metadata of {name} in the catalog must be a list of objects with a "
                "breadcrumb and metadata."
            )

    def _keep(self, entry: dict[str, Any]) -> None:
        with explain_temporary_files():
            self._places[entry["tap_stream_id"]] = self._written.tell()
            self._written.write(json.dumps(entry).encode() + b"\n")


def _is_metadata(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and isinstance(each.get("breadcrumb"), list)
        and isinstance(each.get("metadata"), dict)
    )


def _is_selected(entry: dict[str, Any]) -> bool:
    """Tell, as the SDK does, what the metadata of the stream itself says."""
    root = [each for each in entry.get("metadata", []) if not each["breadcrumb"]]
    return MetadataMapping.from_iterable(root).resolve_selection().get((), True)
