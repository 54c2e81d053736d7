"""Lines out of CSV without a detour, by compiled code, where the CSV is as Salesforce writes it.

Salesforce puts every cell in quotes and writes most numbers as JSON does, so that a line of JSON is
little more than a copy with names in between. `fast_lines.c` makes it, ten times as fast as the way
through columns. A block in which anything is written otherwise is left to that way, which also says
what is wrong with it: what values mean is decided there alone. Where nothing is compiled, every
block goes that way.
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
}
_DATETIME_SIZE = 24
# More than that is for a record that is huge, and not kept.
_LARGEST_KEPT_BYTES = 16 << 20
# Lines are rarely more than three times as long as their CSV: names stand in each.
_TIMES_THE_CSV = 4

# The memory in which each thread's lines are made, block after block.
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
    """Makes lines of the blocks of one page.

    Args:
        library: What is compiled.
        names: Of the CSV's columns, in order.
        types: Of the columns that are written.
        delimiter: Between cells.
        replication_key: The field whose greatest value is told; None for none.
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
        # A function of its own: its arguments are declared while others are called.
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
        """Make ready for a page; None if nothing is compiled, or a column is missing."""
        library = compiled.library()
        has_all = types.keys() <= set(names) and (not replication_key or replication_key in types)
        if library is None or not has_all:
            return None
        return cls(library, names, types, delimiter=delimiter, replication_key=replication_key)

    def lines(self, text: bytes, envelope: Envelope) -> RecordLines | None:
        """Make lines of a block; None if anything in it is not written as Salesforce does.

        Args:
            text: CSV of whole records, UTF-8.
            envelope: Around each record.
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
    """Give this thread's memory, of so many bytes at least."""
    scratch: bytearray = getattr(_scratch, "memory", bytearray())
    if len(scratch) < size:
        scratch = bytearray(size)
        if size <= _LARGEST_KEPT_BYTES:
            _scratch.memory = scratch
    return scratch
