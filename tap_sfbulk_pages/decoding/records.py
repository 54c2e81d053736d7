"""Columns to records: one dictionary per row, or finished lines for a whole block."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import CellType, integer_value, number_value
from tap_sfbulk_pages.decoding.greatest import find_greatest
from tap_sfbulk_pages.decoding.lines import RecordLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_sfbulk_pages.decoding.columns import Column, Columns
    from tap_sfbulk_pages.decoding.lines import Envelope

_VALUES: Mapping[CellType, Callable[[str], Any]] = {
    CellType.BOOLEAN: "true".__eq__,
    CellType.INTEGER: integer_value,
    CellType.NUMBER: number_value,
}
# The cells of all other types are JSON already.
_STRINGS = (CellType.TEXT, CellType.DECIMAL)


def convert_rows(columns: Columns, types: Mapping[str, CellType]) -> Iterator[dict[str, Any]]:
    """Convert a block to records, column by column.

    Args:
        columns: As returned by `normalize_cells`.
        types: The type of each column, in the order wanted.

    Yields:
        One dictionary of typed values per record.
    """
    values = []
    for name, kind in types.items():
        cells: list[Any] = columns[name]
        if convert := _VALUES.get(kind):
            cells = [None if text is None else convert(text) for text in cells]
        values.append(cells)
    names = list(types)
    for row in zip(*values, strict=True):
        yield dict(zip(names, row, strict=True))


def encode_lines(
    columns: Columns,
    types: Mapping[str, CellType],
    envelope: Envelope,
    replication_key: str | None,
) -> RecordLines:
    """Encode a block of columns as lines.

    Args:
        columns: As returned by `normalize_cells`.
        types: The type of each column, in the order wanted.
        envelope: What surrounds each record.
        replication_key: The column whose greatest value is wanted, or None.

    Raises:
        ResultPageError: If the replication key holds a value that is not a date.
    """
    keys = (f"{',' if number else ''}{json.dumps(name)}:" for number, name in enumerate(types))
    members = [
        [key + cell for cell in _json_cells(columns[name], kind)]
        for key, (name, kind) in zip(keys, types.items(), strict=True)
    ]
    before, behind = f"{envelope.before}{{", f"}}{envelope.behind}"
    text = "".join(f"{before}{''.join(record)}{behind}" for record in zip(*members, strict=True))
    greatest = find_greatest(columns[replication_key], replication_key) if replication_key else None
    return RecordLines(text.encode(), columns.records, greatest)


def _json_cells(cells: Column, kind: CellType) -> Iterator[str]:
    if kind in _STRINGS:
        return ("null" if cell is None else encode_basestring(cell) for cell in cells)
    return ("null" if cell is None else cell for cell in cells)


class ColumnBlocks:
    """The blocks of a page that arrive as columns instead of CSV.

    Args:
        blocks: As returned by `normalize_cells`.
        types: The type of each column, in the order wanted.
        replication_key: As for `encode_lines`.
    """

    def __init__(
        self,
        blocks: Iterable[Columns],
        types: Mapping[str, CellType],
        replication_key: str | None = None,
    ) -> None:
        self._blocks = blocks
        self._types = types
        self._replication_key = replication_key

    def __iter__(self) -> Iterator[Columns]:
        return iter(self._blocks)

    def columns(self, block: Columns) -> Columns:
        """Return the block unchanged."""
        return block

    def lines(self, block: Columns, envelope: Envelope) -> RecordLines:
        """Encode a block as lines.

        Raises:
            ResultPageError: As for `encode_lines`.
        """
        return encode_lines(block, self._types, envelope, self._replication_key)
