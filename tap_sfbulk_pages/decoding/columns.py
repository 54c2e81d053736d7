"""CSV to columns.

A block of a result page becomes a Polars frame of text columns, with the names and order of the
stream's fields. Empty cells are null, booleans are `true` or `false`, and numbers are JSON text
with every digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk_pages.decoding.cells import (
    JSON_INTEGER,
    JSON_NUMBER,
    CellType,
    json_boolean,
    json_integer,
    json_number,
)
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# For each type: whether cells are JSON already, and the function that converts a cell that is not.
_JSON: Mapping[CellType, tuple[Callable[[pl.Expr], pl.Expr], Callable[[str], str | None]]] = {
    CellType.BOOLEAN: (lambda cell: (cell == "true") | (cell == "false"), json_boolean),
    CellType.INTEGER: (lambda cell: cell.str.contains(JSON_INTEGER), json_integer),
    CellType.NUMBER: (lambda cell: cell.str.contains(JSON_NUMBER), json_number),
}


def parse_csv(text: bytes, names: Sequence[str], delimiter: str) -> pl.DataFrame:
    """Parse CSV that has no header line; every cell is text, empty cells are null.

    Args:
        text: Whole records.
        names: The names of the columns.
        delimiter: The character between cells.

    Raises:
        ResultPageError: If it cannot be parsed.
    """
    try:
        return pl.read_csv(
            text,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=delimiter,
            null_values="",
            extra_columns="raise",
            missing_columns="insert",
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ResultPageError(f"The CSV of the page cannot be parsed: {reason}") from error


def normalize_cells(frame: pl.DataFrame, types: Mapping[str, CellType]) -> pl.DataFrame:
    """Turn number and boolean cells into JSON text.

    Args:
        frame: Text columns, empty cells null.
        types: The type of each column.

    Raises:
        ResultPageError: If a value is not of its field's type.
    """
    checks = {
        name: _JSON[kind][0](pl.col(name)).all() for name, kind in types.items() if kind in _JSON
    }
    if not checks:
        return frame
    plain = frame.select(**checks).row(0, named=True)
    rewritten = [
        _rewritten(frame[name], _JSON[types[name]][1])
        for name, is_plain in plain.items()
        if not is_plain
    ]
    return frame.with_columns(rewritten)


def _rewritten(column: pl.Series, write: Callable[[str], str | None]) -> pl.Series:
    try:
        texts = [None if text is None else write(text) for text in column.to_list()]
    except ResultPageError as error:
        raise ResultPageError(f"Field {column.name}: {error}") from error
    return pl.Series(column.name, texts, dtype=pl.String)
