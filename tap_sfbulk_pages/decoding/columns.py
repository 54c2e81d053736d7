"""CSV to columns, exactly: the path for every block that is not plain.

A block of a result page becomes columns of text, with the names and order of the stream's fields.
Empty cells are None, booleans are `true` or `false`, and numbers are JSON text with every digit.
The compiled code reads what Salesforce usually writes. This code decides what anything else means,
and refuses what means nothing. It needs only the standard library.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_sfbulk_pages.decoding.cells import CellType, json_boolean, json_integer, json_number
from tap_sfbulk_pages.decoding.scan import LARGEST_RECORD_BYTES
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# A limit of the whole process, 128 KiB by default: less than a field of emoji can hold.
csv.field_size_limit(LARGEST_RECORD_BYTES)

Column = list[str | None]

_JSON: Mapping[CellType, Callable[[str], str | None]] = {
    CellType.BOOLEAN: json_boolean,
    CellType.INTEGER: json_integer,
    CellType.NUMBER: json_number,
    CellType.DECIMAL: json_number,
}


@dataclass(frozen=True)
class Columns:
    """The columns of a block.

    Attributes:
        by_name: The cells of each column, in the order of the records.
        records: The number of records.
    """

    by_name: Mapping[str, Column]
    records: int

    def __getitem__(self, name: str) -> Column:
        return self.by_name[name]

    def select(self, names: Sequence[str]) -> Columns:
        """Return some of the columns, in the given order."""
        return Columns({name: self.by_name[name] for name in names}, self.records)

    def slices(self, records: int) -> Iterator[Columns]:
        """Yield smaller blocks of at most `records` records."""
        for start in range(0, self.records, records):
            yield self.slice(start, min(start + records, self.records))

    def take(self, rows: Sequence[int]) -> Columns:
        """Return some of the records."""
        taken = {name: [cells[row] for row in rows] for name, cells in self.by_name.items()}
        return Columns(taken, len(rows))

    def slice(self, start: int, end: int) -> Columns:
        """Return the records from `start` up to `end`, which is excluded."""
        cut = {name: cells[start:end] for name, cells in self.by_name.items()}
        return Columns(cut, end - start)


def parse_csv(text: bytes, names: Sequence[str], delimiter: str) -> Columns:
    """Parse CSV that has no header line; every cell is text, empty cells are None.

    Args:
        text: Whole records, in UTF-8.
        names: The names of the columns.
        delimiter: The character between cells.

    Raises:
        ResultPageError: If it cannot be parsed.
    """
    # Without newline="", line ends within values would be changed.
    lines = io.StringIO(text.decode(), newline="")
    try:
        # An empty line is a record only where records have a single cell.
        records = [cells or [""] for cells in csv.reader(lines, delimiter=delimiter, strict=True)]
    except csv.Error as error:
        raise ResultPageError(f"The CSV of the page cannot be parsed: {error}.") from error
    for cells in records:
        if len(cells) != len(names):
            raise ResultPageError(
                f"The CSV of the page cannot be parsed: a record has {len(cells)} cells, but the "
                f"header line has {len(names)}."
            )
    columns = zip(*records, strict=True) if records else ((),) * len(names)
    by_name = {
        name: [cell or None for cell in cells] for name, cells in zip(names, columns, strict=True)
    }
    return Columns(by_name, len(records))


def normalize_cells(columns: Columns, types: Mapping[str, CellType]) -> Columns:
    """Turn number and boolean cells into JSON text.

    Args:
        columns: Cells as parsed, empty ones None.
        types: The type of each column.

    Raises:
        ResultPageError: If a value is not of its field's type.
    """
    by_name = {
        name: _write_cells(name, cells, _JSON[types[name]]) if types[name] in _JSON else cells
        for name, cells in columns.by_name.items()
    }
    return Columns(by_name, columns.records)


def _write_cells(name: str, cells: Column, write: Callable[[str], str | None]) -> Column:
    try:
        return [None if cell is None else write(cell) for cell in cells]
    except ResultPageError as error:
        raise ResultPageError(f"Field {name}: {error}") from error
