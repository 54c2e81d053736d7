"""A result page as blocks of columns.

Everything that leaves the tap leaves from here: rows, RECORD lines, files. A block is a Polars
frame of text columns, named and ordered as the stream's fields, in which empty cells are null,
booleans are `true` or `false`, and numbers are JSON text with every digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk_pages.ahead import ahead
from tap_sfbulk_pages.cells import (
    JSON_INTEGER,
    JSON_NUMBER,
    CellType,
    json_boolean,
    json_integer,
    json_number,
)
from tap_sfbulk_pages.errors import ResultPageError
from tap_sfbulk_pages.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from tap_sfbulk_pages.page_download import ResultPage

# Whether cells are JSON already, and what makes them so.
_JSON: Mapping[CellType, tuple[Callable[[pl.Expr], pl.Expr], Callable[[str], str | None]]] = {
    CellType.BOOLEAN: (lambda cell: (cell == "true") | (cell == "false"), json_boolean),
    CellType.INTEGER: (lambda cell: cell.str.contains(JSON_INTEGER), json_integer),
    CellType.NUMBER: (lambda cell: cell.str.contains(JSON_NUMBER), json_number),
}


def blocks(
    page: ResultPage, types: Mapping[str, CellType], executor: Executor | None = None
) -> Iterator[pl.DataFrame]:
    """Decode a page.

    Args:
        page: Received whole.
        types: The fields to hand over, in order; columns beside them are left out.
        executor: Decodes blocks ahead; None to decode each when it is asked for.

    Yields:
        Frames of about `csv_scan.BLOCK_BYTES` of CSV each.

    Raises:
        ResultPageError: If the CSV cannot be read, or a value is not of its field's type.
    """
    if not page.records:
        return
    names = _canonical(page.columns, types)

    def decode(text: bytes) -> pl.DataFrame:
        return typed(_parsed(text, names, page.delimiter).select(list(types)), types)

    texts = _record_blocks(page)
    decoded = 0
    for frame in ahead(executor, decode, texts) if executor else map(decode, texts):
        decoded += frame.height
        yield frame
    if decoded != page.records:
        raise ResultPageError(
            f"Result page {page.locator} was counted as {counted(page.records, 'record')}, but "
            f"decodes to {decoded:,}."
        )


def _canonical(columns: tuple[str, ...], types: Mapping[str, CellType]) -> list[str]:
    """Name the page's columns as the fields are spelled; others get names that clash with none."""
    spelled = {name.lower(): name for name in types}
    return [spelled.pop(column.lower(), f"\0{index}") for index, column in enumerate(columns)]


def _record_blocks(page: ResultPage) -> Iterator[bytes]:
    """Cut the page's text where the scan found ends of records, the header line left out."""
    ends = iter(page.cuts)
    end = next(ends)
    held: list[bytes] = []
    position = 0
    in_header = True
    for piece in page.text_pieces():
        rest = piece
        while position + len(rest) >= end:
            held.append(rest[: end - position])
            rest = rest[end - position :]
            if not in_header:
                yield _without_nul(b"".join(held), page)
            held, position, in_header = [], end, False
            following = next(ends, None)
            if following is None:
                return
            end = following
        held.append(rest)
        position += len(rest)


def _without_nul(text: bytes, page: ResultPage) -> bytes:
    return text.replace(b"\0", b"") if page.nul_characters else text


def _parsed(text: bytes, names: list[str], delimiter: str) -> pl.DataFrame:
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
        raise ResultPageError(f"The CSV of the page cannot be read: {reason}") from error


def typed(frame: pl.DataFrame, types: Mapping[str, CellType]) -> pl.DataFrame:
    """Make number and boolean cells JSON text.

    Args:
        frame: Text columns, empty cells null.
        types: Of its columns.

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
        raise ResultPageError(f"The field {column.name}: {error}") from error
    return pl.Series(column.name, texts, dtype=pl.String)
