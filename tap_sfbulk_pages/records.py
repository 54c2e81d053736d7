"""Records out of blocks: one dictionary a row, or finished RECORD lines for a whole block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from tap_sfbulk_pages.cells import CellType, integer_value, number_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

_VALUES: Mapping[CellType, Callable[[str], Any]] = {
    CellType.BOOLEAN: "true".__eq__,
    CellType.INTEGER: integer_value,
    CellType.NUMBER: number_value,
}


def rows(block: pl.DataFrame, types: Mapping[str, CellType]) -> Iterator[dict[str, Any]]:
    """Make the records of a block, converted by column.

    Args:
        block: From `columns.blocks`.
        types: Of its columns, in order.

    Yields:
        One dictionary of typed values a record.
    """
    values = []
    for name, kind in types.items():
        column = block[name].to_list()
        if convert := _VALUES.get(kind):
            column = [None if text is None else convert(text) for text in column]
        values.append(column)
    names = list(types)
    for row in zip(*values, strict=True):
        yield dict(zip(names, row, strict=True))


def record_lines(
    block: pl.DataFrame,
    types: Mapping[str, CellType],
    *,
    stream: str,
    time_extracted: datetime,
    version: int | None,
) -> bytes:
    """Make the RECORD messages of a block, without a Python object for each record.

    Text columns are JSON-encoded by column; the other cells are JSON text already.

    Args:
        block: From `columns.blocks`.
        types: Of its columns.
        stream: Name of the stream.
        time_extracted: When the page was received.
        version: The table version, where the stream has one.

    Returns:
        UTF-8 lines, each with its line end.
    """
    ending = "" if version is None else f', "version": {version}'
    return _joined(
        block,
        pl.lit(f'{{"type": "RECORD", "stream": {json.dumps(stream)}, "record": '),
        *_json_record(types),
        pl.lit(f'{ending}, "time_extracted": "{time_extracted.isoformat()}"}}\n'),
    )


def json_lines(block: pl.DataFrame, types: Mapping[str, CellType]) -> bytes:
    """Make a line of JSON for each record of a block: its bare values.

    Args:
        block: From `columns.blocks`.
        types: Of its columns.

    Returns:
        UTF-8 lines, each with its line end.
    """
    return _joined(block, *_json_record(types), pl.lit("\n"))


def _json_record(types: Mapping[str, CellType]) -> list[pl.Expr]:
    """Write a record's JSON object, in parts: text columns encoded together, others as they are."""
    texts = [name for name, kind in types.items() if kind is CellType.TEXT]
    others = [name for name, kind in types.items() if kind is not CellType.TEXT]
    parts: list[pl.Expr] = []
    for index, name in enumerate(others):
        before = "," if index else "{"
        parts += [pl.lit(f"{before}{json.dumps(name)}:"), pl.col(name).fill_null("null")]
    if not texts:
        return [*parts, pl.lit("}")]
    encoded = pl.struct(texts).struct.json_encode()
    # Without its first character a text is a view of itself; without its last one, a copy.
    return [*parts, pl.lit(","), encoded.str.slice(1)] if others else [encoded]


def _joined(block: pl.DataFrame, *parts: pl.Expr) -> bytes:
    # As binary, since text would be decoded on its way to Python, and encoded again.
    lines: bytes = block.select(pl.concat_str(parts).str.join("").cast(pl.Binary)).item()
    return lines
