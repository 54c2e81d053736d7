"""Columns to records: one dictionary per row, or finished lines for a whole block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from tap_sfbulk_pages.decoding.cells import CellType, integer_value, number_value
from tap_sfbulk_pages.decoding.greatest import find_greatest
from tap_sfbulk_pages.decoding.lines import RecordLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_sfbulk_pages.decoding.lines import Envelope

_VALUES: Mapping[CellType, Callable[[str], Any]] = {
    CellType.BOOLEAN: "true".__eq__,
    CellType.INTEGER: integer_value,
    CellType.NUMBER: number_value,
}


def convert_rows(block: pl.DataFrame, types: Mapping[str, CellType]) -> Iterator[dict[str, Any]]:
    """Convert a block to records, column by column.

    Args:
        block: Columns as returned by `normalize_cells`.
        types: The type of each column, in the order wanted.

    Yields:
        One dictionary of typed values per record.
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


def encode_lines(
    block: pl.DataFrame,
    types: Mapping[str, CellType],
    envelope: Envelope,
    replication_key: str | None,
) -> RecordLines:
    """Encode a block of columns as lines, without creating a Python object per record.

    Text columns are JSON-encoded as a whole; the other cells are JSON text already.

    Args:
        block: Columns as returned by `normalize_cells`.
        types: The type of each column.
        envelope: What surrounds each record.
        replication_key: The column whose greatest value is wanted, or None.

    Raises:
        ResultPageError: If the replication key holds a value that is not a date.
    """
    parts = [pl.lit(envelope.before), *_json_record(types), pl.lit(envelope.behind)]
    # As binary: text would be decoded on its way to Python, only to be encoded again.
    text: bytes = block.select(pl.concat_str(parts).str.join("").cast(pl.Binary)).item()
    greatest = find_greatest(block[replication_key]) if replication_key else None
    return RecordLines(text, block.height, greatest)


class FrameBlocks:
    """The blocks of a page that arrive as columns instead of CSV.

    Args:
        frames: Columns as returned by `normalize_cells`.
        types: The type of each column, in order.
        replication_key: As for `encode_lines`.
    """

    def __init__(
        self,
        frames: Iterable[pl.DataFrame],
        types: Mapping[str, CellType],
        replication_key: str | None = None,
    ) -> None:
        self._frames = frames
        self._types = types
        self._replication_key = replication_key

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter(self._frames)

    def frame(self, block: pl.DataFrame) -> pl.DataFrame:
        """Return the block unchanged."""
        return block

    def lines(self, block: pl.DataFrame, envelope: Envelope) -> RecordLines:
        """Encode a block as lines.

        Raises:
            ResultPageError: As for `encode_lines`.
        """
        return encode_lines(block, self._types, envelope, self._replication_key)


def _json_record(types: Mapping[str, CellType]) -> list[pl.Expr]:
    """Return the parts of a record's JSON object: text columns encoded together, others as is."""
    texts = [name for name, kind in types.items() if kind is CellType.TEXT]
    others = [name for name, kind in types.items() if kind is not CellType.TEXT]
    parts: list[pl.Expr] = []
    for index, name in enumerate(others):
        before = "," if index else "{"
        parts += [pl.lit(f"{before}{json.dumps(name)}:"), pl.col(name).fill_null("null")]
    if not texts:
        return [*parts, pl.lit("}")]
    encoded = pl.struct(texts).struct.json_encode()
    # Cutting off the first character leaves a view; cutting off the last would make a copy.
    return [*parts, pl.lit(","), encoded.str.slice(1)] if others else [encoded]
