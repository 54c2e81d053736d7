"""A result page as blocks of columns.

Everything that leaves the tap leaves from here: rows, RECORD lines, files. A block is a Polars
frame of text columns, named and ordered as the stream's fields, in which empty cells are null,
booleans are `true` or `false`, and numbers are JSON text with every digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk_pages.cells import (
    JSON_INTEGER,
    JSON_NUMBER,
    CellType,
    json_boolean,
    json_integer,
    json_number,
)
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_sfbulk_pages.page_download import ResultPage

# Large enough that Polars' fixed costs vanish, small enough to stay in the processor's cache.
BLOCK_BYTES = 1 << 20
# 800 fields of 131,072 characters would still fit.
LARGEST_RECORD_BYTES = 512 << 20

_PATTERNS: Mapping[CellType, tuple[str, Callable[[str], str | None]]] = {
    CellType.BOOLEAN: ("^(?:true|false)$", json_boolean),
    CellType.INTEGER: (JSON_INTEGER, json_integer),
    CellType.NUMBER: (JSON_NUMBER, json_number),
}


def blocks(page: ResultPage, types: Mapping[str, CellType]) -> Iterator[pl.DataFrame]:
    """Decode a page.

    Args:
        page: Received whole.
        types: The fields to hand over, in order; columns beside them are left out.

    Yields:
        Frames of at most about `BLOCK_BYTES` of CSV each.

    Raises:
        ResultPageError: If the CSV cannot be read, or a value is not of its field's type.
    """
    if not page.records:
        return
    names = _canonical(page.columns, types)
    decoded = 0
    for text in _record_blocks(page):
        frame = _parsed(text, names, page.delimiter)
        decoded += frame.height
        yield _typed(frame.select(list(types)), types)
    if decoded != page.records:
        raise ResultPageError(
            f"Result page {page.locator} was counted as {page.records} records, but decodes to "
            f"{decoded}."
        )


def _canonical(columns: tuple[str, ...], types: Mapping[str, CellType]) -> list[str]:
    """Name the page's columns as the fields are spelled; others get names that clash with none."""
    spelled = {name.lower(): name for name in types}
    return [spelled.pop(column.lower(), f"\0{index}") for index, column in enumerate(columns)]


def _record_blocks(page: ResultPage) -> Iterator[bytes]:
    """Cut the page's text behind a record's end, the header line left out."""
    buffer = bytearray()
    in_header = True
    for piece in page.text_pieces():
        buffer += piece.replace(b"\0", b"") if page.nul_characters else piece
        if in_header:
            end = buffer.find(b"\n") + 1
            if not end:
                continue
            del buffer[:end]
            in_header = False
        if len(buffer) >= BLOCK_BYTES and (end := _last_record_end(buffer)):
            yield bytes(buffer[:end])
            del buffer[:end]
        elif len(buffer) > LARGEST_RECORD_BYTES:
            raise ResultPageError(
                f"Result page {page.locator} holds a record of over {LARGEST_RECORD_BYTES} bytes."
            )
    if buffer:
        yield bytes(buffer)


def _last_record_end(buffer: bytearray) -> int:
    """Find the end of the last whole record of a buffer that starts with a record; 0 for none."""
    quotes_before = buffer.count(b'"')
    end = len(buffer)
    while (at := buffer.rfind(b"\n", 0, end)) >= 0:
        quotes_before -= buffer.count(b'"', at, end)
        if quotes_before % 2 == 0:
            return at + 1
        end = at
    return 0


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
    except pl.exceptions.PolarsError as error:
        raise ResultPageError(f"The CSV of the page cannot be read: {error}") from error


def _typed(frame: pl.DataFrame, types: Mapping[str, CellType]) -> pl.DataFrame:
    """Make number and boolean cells JSON text."""
    checks = {
        name: pl.col(name).str.contains(_PATTERNS[kind][0]).all()
        for name, kind in types.items()
        if kind in _PATTERNS
    }
    if not checks:
        return frame
    plain = frame.select(**checks).row(0, named=True)
    rewritten = [
        pl.Series(name, _rewritten(frame[name], _PATTERNS[types[name]][1]), dtype=pl.String)
        for name, is_plain in plain.items()
        if not is_plain
    ]
    return frame.with_columns(rewritten)


def _rewritten(column: pl.Series, write: Callable[[str], str | None]) -> list[str | None]:
    return [None if text is None else write(text) for text in column.to_list()]
