"""Columns to records: one dictionary per row, or finished lines for a whole block."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import compress
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import CellType, typed_values
from tap_sfbulk_pages.decoding.greatest import find_greatest
from tap_sfbulk_pages.decoding.lines import RecordLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_sfbulk_pages.decoding.column_map import ColumnMap
    from tap_sfbulk_pages.decoding.columns import Column, Columns
    from tap_sfbulk_pages.decoding.lines import Envelope

# The cells of other types are JSON already.
_STRINGS = (CellType.TEXT, CellType.DECIMAL)


def convert_rows(columns: Columns, types: Mapping[str, CellType]) -> Iterator[dict[str, Any]]:
    """Convert a block to records, column by column.

    Args:
        columns: As returned by `normalize_cells`.
        types: The type of each column, in the order wanted.

    Yields:
        One dictionary of typed values per record.
    """
    values = (typed_values(columns[name], kind) for name, kind in types.items())
    names = list(types)
    for row in zip(*values, strict=True):
        yield dict(zip(names, row, strict=True))


def encode_lines(
    columns: Columns,
    types: Mapping[str, CellType],
    envelope: Envelope,
    replication_key: str | None,
    column_map: ColumnMap | None = None,
) -> RecordLines:
    """Encode a block of columns as lines.

    Args:
        columns: As returned by `normalize_cells`.
        types: The type of each column, in the order wanted.
        envelope: What surrounds each record.
        replication_key: The column whose greatest value is wanted, or None.
        column_map: What becomes of the records; None to encode them as they are.

    Raises:
        ResultPageError: If the replication key holds a value that is not a date.
        SettingsError: If an expression of the map fails.
    """
    if column_map:
        json_columns = _mapped_cells(columns, types, column_map)
    else:
        json_columns = {name: _json_cells(columns[name], kind) for name, kind in types.items()}
    members = [
        [f"{',' if number else ''}{json.dumps(name)}:{cell}" for cell in cells]
        for number, (name, cells) in enumerate(json_columns.items())
    ]
    before, behind = f"{envelope.before}{{", f"}}{envelope.behind}"
    text = "".join(f"{before}{''.join(record)}{behind}" for record in zip(*members, strict=True))
    greatest = find_greatest(columns[replication_key], replication_key) if replication_key else None
    return RecordLines(text.encode(), columns.records, greatest)


def encode_computed(
    columns: Columns, types: Mapping[str, CellType], column_map: ColumnMap
) -> tuple[list[bytes], bytes | None]:
    """Encode what a map adds to the cells of a block, constants excepted.

    Args:
        columns: The fields that are needed for it, as returned by `normalize_cells`.
        types: The types of the fields.
        column_map: The map.

    Returns:
        For each record, members of its JSON object, each with a comma before it; and a byte for
        each, zero if it does not leave, or None if all do.

    Raises:
        SettingsError: If an expression fails.
    """
    computed = column_map.compute(columns, types)
    added = {
        name: [json_text(value) for value in values]
        for name, values in computed.by_name.items()
        if column_map.expressions[name].fields
    }
    for name, field in column_map.copies.items():
        cells = list(_json_cells(columns[field], types[field]))
        added[name] = list(compress(cells, computed.kept)) if computed.kept else cells
    members = [[f",{json.dumps(name)}:{cell}" for cell in cells] for name, cells in added.items()]
    texts = ("".join(each).encode() for each in zip(*members, strict=True))
    kept = computed.kept or bytes([1]) * columns.records
    return [next(texts, b"") if keep else b"" for keep in kept], computed.kept


def json_text(value: Any) -> str:
    """Encode a value that a map has computed."""
    if isinstance(value, str):
        return encode_basestring(value)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _mapped_cells(
    columns: Columns, types: Mapping[str, CellType], column_map: ColumnMap
) -> Mapping[str, Iterable[str]]:
    computed = column_map.compute(columns, types)
    cells: dict[str, Iterable[str]] = {}
    for name, output in column_map.outputs.items():
        if isinstance(output, str):
            encoded = _json_cells(columns[output], types[output])
            cells[name] = encoded if computed.kept is None else compress(encoded, computed.kept)
        else:
            cells[name] = map(json_text, computed.by_name[name])
    return cells


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

    def lines(
        self, block: Columns, envelope: Envelope, column_map: ColumnMap | None = None
    ) -> RecordLines:
        """Encode a block as lines (`encode_lines`).

        Raises:
            ResultPageError: As for `encode_lines`.
            SettingsError: As for `encode_lines`.
        """
        return encode_lines(block, self._types, envelope, self._replication_key, column_map)
