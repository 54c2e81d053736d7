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
from array import array
from dataclasses import dataclass
from itertools import accumulate
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


class _Additions(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint64),
        ("kept", ctypes.c_char_p),
        ("members", ctypes.c_char_p),
        ("offsets", ctypes.c_void_p),
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
    ctypes.POINTER(_Additions),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.c_char_p,
)


@dataclass(frozen=True)
class Additions:
    """What is known of each record of a block beside its cells.

    Attributes:
        members: More members of its JSON object, each with a comma before it, in UTF-8.
        kept: A byte for each record, zero if it has no line; None if each has one.
    """

    members: Sequence[bytes]
    kept: bytes | None = None


class CsvLines:
    """Encodes the blocks of one page as lines.

    Args:
        library: The compiled code.
        names: The names of the CSV's columns, in order.
        types: The type of each column to write.
        delimiter: The character between cells.
        replication_key: The field whose greatest value is wanted, or None.
        keys: What a record calls its columns; those that are missing are left out.
        constants: Members of every record, each with a comma behind it.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        names: Sequence[str],
        types: Mapping[str, CellType],
        *,
        delimiter: str,
        replication_key: str | None,
        keys: Mapping[str, str],
        constants: str,
    ) -> None:
        # `library[...]` returns a new function object each time, so that declaring the argument
        # types here does not race with a call on another thread.
        self._make = library["sfbulk_lines"]
        self._make.restype = ctypes.c_int64
        self._make.argtypes = _ARGUMENTS
        self._delimiter = ord(delimiter)
        self._columns = (_Column * len(names))()
        before = constants
        for column, name in zip(self._columns, names, strict=True):
            column.is_replication_key = name == replication_key
            if name not in keys:
                column.type = _LEFT_OUT
                continue
            column.key = f"{before}{json.dumps(keys[name])}:".encode()
            column.key_size = len(column.key)
            column.type = _CELL_TYPES[types[name]]
            before = ","

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        types: Mapping[str, CellType],
        *,
        delimiter: str,
        replication_key: str | None,
        keys: Mapping[str, str] | None = None,
        constants: str = "",
    ) -> CsvLines | None:
        """Prepare for a page; return None if nothing is compiled or a column is missing."""
        library = compiled.library()
        has_all = types.keys() <= set(names) and (not replication_key or replication_key in types)
        if library is None or not has_all:
            return None
        return cls(
            library,
            names,
            types,
            delimiter=delimiter,
            replication_key=replication_key,
            keys=dict(zip(types, types, strict=True)) if keys is None else keys,
            constants=constants,
        )

    def lines(
        self, text: bytes, envelope: Envelope, additions: Additions | None = None
    ) -> RecordLines | None:
        """Encode a block; return None if anything in it is not written the usual way.

        Args:
            text: CSV of whole records, in UTF-8.
            envelope: What surrounds each record.
            additions: What is known of each record beside its cells.
        """
        added = _Additions(0, None, None, None)
        if additions:
            offsets = array("Q", accumulate(map(len, additions.members), initial=0))
            added.count = len(additions.members)
            added.kept, added.members = additions.kept, b"".join(additions.members)
            added.offsets = offsets.buffer_info()[0]
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
                ctypes.byref(added) if additions else None,
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
