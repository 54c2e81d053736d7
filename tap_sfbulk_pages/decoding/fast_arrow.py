"""CSV straight to Arrow record batches, by compiled code, for blocks that are plain.

`fast_arrow.c` fills Arrow's buffers block by block. As with lines (`fast_lines.py`), a block that
it cannot read exactly goes through columns instead.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

# As in `fast_arrow.c`.
_NO_MEMORY = -3
_LEFT_OUT, _TEXT, _DECIMAL = 0, 1, 4
_TYPES = {
    pa.string(): _TEXT,
    pa.bool_(): 2,
    pa.int64(): 3,
    pa.date32(): 5,
    pa.timestamp("us", "UTC"): 6,
}
_DATETIME_SIZE = 24
# As many as there are downloads at a time, as a rule.
_MOST_SPARE = 5
# As the first fields of `_Column`.
_Type = tuple[int, int, int, bool]


class _Column(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("is_replication_key", ctypes.c_int32),
        ("nulls", ctypes.c_uint64),
        ("validity", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("text_size", ctypes.c_uint64),
        ("text_capacity", ctypes.c_uint64),
    )

    type: int
    nulls: int
    validity: int | None
    offsets: int | None
    values: int | None
    text_size: int


class _Rows(ctypes.Structure):
    _fields_ = (
        ("columns", ctypes.POINTER(_Column)),
        ("column_count", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("capacity", ctypes.c_uint64),
        ("greatest", ctypes.c_uint8 * _DATETIME_SIZE),
    )

    count: int


class _Buffers:
    """The memory of one record batch.

    Args:
        library: The compiled code.
        types: For each column of the CSV: its code, precision and scale, and whether it is the
            replication key.
    """

    def __init__(self, library: ctypes.CDLL, types: Sequence[_Type]) -> None:
        # `library[...]` returns a new function object each time, so that declaring the argument
        # types here does not race with a call on another thread.
        self._clear, self._free = library["sfbulk_clear"], library["sfbulk_free"]
        for function in (self._clear, self._free):
            function.argtypes = (ctypes.POINTER(_Rows),)
            function.restype = None
        self.types = types
        self.columns = (_Column * len(types))(*(_Column(*each) for each in types))
        self.rows = _Rows(columns=self.columns, column_count=len(types))

    def clear(self) -> None:
        """Forget the records, but keep the memory."""
        self._clear(self.rows)

    def __del__(self) -> None:
        self._free(self.rows)


class _Use:
    """What the arrays of a record batch refer to.

    Args:
        buffers: Theirs.
        memory: Where the buffers go when the last array is gone.
    """

    def __init__(self, buffers: _Buffers, memory: ArrowMemory) -> None:
        self._buffers = buffers
        self._memory = memory

    def __del__(self) -> None:
        self._memory.keep(self._buffers)


class ArrowMemory:
    """Keeps the memory of record batches that are gone for those to come, on any thread.

    New memory costs about as much time as filling it.
    """

    def __init__(self) -> None:
        self._spare: list[_Buffers] = []

    def take(self, library: ctypes.CDLL, types: Sequence[_Type]) -> _Buffers:
        """Return empty buffers for columns of these types."""
        with suppress(IndexError):
            buffers = self._spare.pop()
            if buffers.types == types:
                buffers.clear()
                return buffers
        return _Buffers(library, types)

    def keep(self, buffers: _Buffers) -> None:
        """Keep buffers that nobody refers to any more, as long as they are few."""
        if len(self._spare) < _MOST_SPARE:
            self._spare.append(buffers)


class ArrowRows:
    """Appends blocks of a page to record batches.

    Args:
        library: The compiled code.
        names: The names of the CSV's columns, in order.
        schema: The fields to decode, each of which has a column.
        delimiter: The character between cells.
        replication_key: The field whose greatest value is wanted, or None.
        memory: Memory for the batches of this page and others.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        names: Sequence[str],
        schema: pa.Schema,
        *,
        delimiter: str,
        replication_key: str | None,
        memory: ArrowMemory,
    ) -> None:
        self._library = library
        self._memory = memory
        self._append = library["sfbulk_append"]
        self._append.restype = ctypes.c_int64
        self._append.argtypes = (
            ctypes.POINTER(_Rows),
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint8,
        )
        self._names = names
        self._schema = schema
        self._delimiter = ord(delimiter)
        types = dict(zip(schema.names, schema.types, strict=True))
        self._types = [_type_of(types.get(name), name == replication_key) for name in names]
        # Taken with the first block, so that those of the batch before may be free again.
        self._buffers: _Buffers | None = None

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        schema: pa.Schema,
        *,
        delimiter: str,
        replication_key: str | None,
        memory: ArrowMemory,
    ) -> ArrowRows | None:
        """Prepare for a page; return None without compiled code, or if a column is missing."""
        library = compiled.library()
        has_all = {*schema.names, *filter(None, [replication_key])} <= {*names}
        is_known = all(type_ in _TYPES or pa.types.is_decimal128(type_) for type_ in schema.types)
        if library is None or not has_all or not is_known:
            return None
        return cls(
            library,
            names,
            schema,
            delimiter=delimiter,
            replication_key=replication_key,
            memory=memory,
        )

    def append(self, text: bytes) -> bool:
        """Append a block; return False and append nothing if anything in it is not plain.

        Args:
            text: CSV of whole records, in UTF-8.

        Raises:
            MemoryError: If there is not enough memory.
        """
        self._buffers = self._buffers or self._memory.take(self._library, self._types)
        records = self._append(self._buffers.rows, text, len(text), self._delimiter)
        if records == _NO_MEMORY:
            raise MemoryError
        return bool(records >= 0)

    def take(self) -> tuple[pa.RecordBatch, str | None] | None:
        """Return what has been appended and its greatest replication key, and start afresh.

        Returns:
            None if nothing has been appended.
        """
        buffers, self._buffers = self._buffers, None
        if buffers is None:
            return None
        use = _Use(buffers, self._memory)
        columns = dict(zip(self._names, buffers.columns, strict=True))
        arrays = [
            _array(use, buffers.rows.count, columns[field.name], field.type)
            for field in self._schema
        ]
        greatest = bytes(buffers.rows.greatest).rstrip(b"\0").decode() or None
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema), greatest


def read_texts(
    text: bytes, names: Sequence[str], fields: Sequence[str], delimiter: str
) -> Columns | None:
    """Read the cells of some columns of a block as text, empty ones as None.

    Args:
        text: CSV of whole records, in UTF-8.
        names: The names of the CSV's columns, in order.
        fields: The columns to read.
        delimiter: The character between cells.

    Returns:
        The columns; None if anything in the block is not plain, or nothing is compiled.
    """
    schema = pa.schema([(name, pa.string()) for name in fields])
    rows = ArrowRows.of(
        names, schema, delimiter=delimiter, replication_key=None, memory=ArrowMemory()
    )
    if rows is None or not rows.append(text) or not (taken := rows.take()):
        return None
    batch, _ = taken
    by_name = {name: batch.column(name).to_pylist() for name in fields}
    return Columns(by_name, batch.num_rows)


def _type_of(type_: pa.DataType | None, is_replication_key: bool) -> _Type:  # noqa: FBT001 - of a column
    if type_ is None:
        return _LEFT_OUT, 0, 0, False
    if pa.types.is_decimal(type_):
        return _DECIMAL, type_.precision, type_.scale, is_replication_key
    return _TYPES[type_], 0, 0, is_replication_key


def _array(use: _Use, rows: int, column: _Column, type_: pa.DataType) -> pa.Array:
    def buffer(address: int | None, size: int) -> pa.Buffer:
        return pa.foreign_buffer(address, size, use) if address and size else pa.py_buffer(b"")

    bitmap_size = (rows + 7) // 8
    validity = buffer(column.validity, bitmap_size) if column.nulls else None
    if column.type == _TEXT:
        offsets = buffer(column.offsets, 4 * (rows + 1)) if rows else pa.py_buffer(bytes(4))
        content = [offsets, buffer(column.values, column.text_size)]
    elif type_ == pa.bool_():
        content = [buffer(column.values, bitmap_size)]
    else:
        content = [buffer(column.values, rows * type_.byte_width)]
    return pa.Array.from_buffers(type_, rows, [validity, *content], column.nulls)
