"""CSV straight to lines of JSON, by compiled code, for CSV written the way Salesforce writes it.

Salesforce quotes every cell and writes most numbers as JSON does, so a line of JSON is little more
than a copy of the CSV with field names in between. `fast_lines.c` makes that copy ten times as fast
as going through columns. A block that contains anything else goes through columns instead: they
alone decide what a value means and report what is wrong with it. Without a C compiler, every block
goes that way.
"""

from __future__ import annotations

import ctypes
import json
import threading
from typing import TYPE_CHECKING

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.lines import RecordLines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.decoding.lines import Envelope

# As in `fast_lines.c`.
_TOO_SMALL = -2
_LEFT_OUT = 0
_CELL_TYPES = {
    CellType.TEXT: 1,
    CellType.BOOLEAN: 2,
    CellType.INTEGER: 3,
    CellType.NUMBER: 4,
    CellType.DECIMAL: 5,
}
_DATETIME_SIZE = 24
# A larger buffer is for a huge record, and is not kept.
_LARGEST_KEPT_BYTES = 16 << 20
# Each line repeats the field names, but is rarely more than three times as long as its CSV.
_TIMES_THE_CSV = 4

# The buffer in which each thread makes its lines, reused from block to block.
_scratch = threading.local()


class _Column(ctypes.Structure):
    _fields_ = (
        ("key", ctypes.c_char_p),
        ("key_size", ctypes.c_size_t),
        ("type", ctypes.c_int32),
        ("is_replication_key", ctypes.c_int32),
    )


_ARGUMENTS = (
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_uint8,
    ctypes.POINTER(_Column),
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.c_char_p,
)


class CsvLines:
    """Encodes the blocks of one page as lines.

    Args:
        library: The compiled code.
        names: The names of the CSV's columns, in order.
        types: The type of each column to write.
        delimiter: The character between cells.
        replication_key: The field whose greatest value is wanted, or None.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        names: Sequence[str],
        types: Mapping[str, CellType],
        *,
        delimiter: str,
        replication_key: str | None,
    ) -> None:
        # `library[...]` returns a new function object each time, so that declaring the argument
        # types here does not race with a call on another thread.
        self._make = library["sfbulk_lines"]
        self._make.restype = ctypes.c_int64
        self._make.argtypes = _ARGUMENTS
        self._delimiter = ord(delimiter)
        self._columns = (_Column * len(names))()
        written = 0
        for column, name in zip(self._columns, names, strict=True):
            if name not in types:
                column.type = _LEFT_OUT
                continue
            column.key = f"{',' if written else ''}{json.dumps(name)}:".encode()
            column.key_size = len(column.key)
            column.type = _CELL_TYPES[types[name]]
            column.is_replication_key = name == replication_key
            written += 1

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        types: Mapping[str, CellType],
        *,
        delimiter: str,
        replication_key: str | None,
    ) -> CsvLines | None:
        """Prepare for a page; return None if nothing is compiled or a column is missing."""
        library = compiled.library()
        has_all = types.keys() <= set(names) and (not replication_key or replication_key in types)
        if library is None or not has_all:
            return None
        return cls(library, names, types, delimiter=delimiter, replication_key=replication_key)

    def lines(self, text: bytes, envelope: Envelope) -> RecordLines | None:
        """Encode a block; return None if anything in it is not written the usual way.

        Args:
            text: CSV of whole records, in UTF-8.
            envelope: What surrounds each record.
        """
        before, behind = f"{envelope.before}{{".encode(), f"}}{envelope.behind}".encode()
        greatest = ctypes.create_string_buffer(_DATETIME_SIZE)
        scratch = _scratch_of(_TIMES_THE_CSV * len(text))
        while True:
            size = ctypes.c_size_t(len(scratch))
            records = self._make(
                text,
                len(text),
                self._delimiter,
                self._columns,
                len(self._columns),
                before,
                len(before),
                behind,
                len(behind),
                (ctypes.c_char * len(scratch)).from_buffer(scratch),
                ctypes.byref(size),
                greatest,
            )
            if records != _TOO_SMALL:
                break
            scratch = _scratch_of(2 * len(scratch))
        if records < 0:
            return None
        lines = bytes(memoryview(scratch)[: size.value])
        return RecordLines(lines, records, greatest.raw.decode() if greatest.raw[0] else None)


def _scratch_of(size: int) -> bytearray:
    """Return this thread's buffer, with room for at least `size` bytes."""
    scratch: bytearray = getattr(_scratch, "memory", bytearray())
    if len(scratch) < size:
        scratch = bytearray(size)
        if size <= _LARGEST_KEPT_BYTES:
            _scratch.memory = scratch
    return scratch
