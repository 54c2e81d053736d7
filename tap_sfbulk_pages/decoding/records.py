"""Records out of columns: one dictionary a row, or finished lines for a whole block."""

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
    """Make the records of a block, converted by column.

    Args:
        block: Columns as `columns.py` makes them.
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


def encode_lines(
    block: pl.DataFrame,
    types: Mapping[str, CellType],
    envelope: Envelope,
    replication_key: str | None,
) -> RecordLines:
    """Make lines of a block of columns, without a Python object for each record.

    Text columns are JSON-encoded by column; the other cells are JSON text already.

    Args:
        block: Columns as `columns.py` makes them.
        types: Of its columns.
        envelope: Around each record.
        replication_key: The column whose greatest value is told; None for none.

    Raises:
        ResultPageError: If the replication key holds no date.
    """
    parts = [pl.lit(envelope.before), *_json_record(types), pl.lit(envelope.behind)]
    # As binary, since text would be decoded on its way to Python, and encoded again.
    text: bytes = block.select(pl.concat_str(parts).str.join("").cast(pl.Binary)).item()
    greatest = find_greatest(block[replication_key]) if replication_key else None
    return RecordLines(text, block.height, greatest)


class FrameBlocks:
    """Blocks of a page that are columns already.

    Args:
        frames: As `columns.py` makes them.
        types: Of their columns, in order.
        replication_key: As of `encode_lines`.
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
        """Give the block as it is."""
        return block

    def lines(self, block: pl.DataFrame, envelope: Envelope) -> RecordLines:
        """Make a block lines.

        Raises:
            ResultPageError: As `encode_lines`.
        """
        return encode_lines(block, self._types, envelope, self._replication_key)


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
