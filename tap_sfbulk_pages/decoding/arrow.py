"""Blocks with Arrow types, for files and data frames.

One mapping leads from the JSON schema of a field to its Arrow type. Numbers are
`decimal128(38, 18)`: exact with up to twenty digits before and eighteen after the decimal point.
Datetimes are microseconds in UTC.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import polars as pl

from tap_sfbulk_pages.decoding.cells import CellType, cell_type
from tap_sfbulk_pages.errors import ResultPageError
from tap_sfbulk_pages.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = pl.Decimal(38, 18)
MOMENT = pl.Datetime("us", "UTC")

_BY_CELL_TYPE: Mapping[CellType, pl.DataType] = {
    CellType.BOOLEAN: pl.Boolean(),
    CellType.INTEGER: pl.Int64(),
    CellType.NUMBER: NUMBER,
    CellType.TEXT: pl.String(),
}
_BY_FORMAT: Mapping[str, pl.DataType] = {
    "date": pl.Date(),
    "date-time": MOMENT,
    "time": pl.Time(),
}

# No number of at most this many characters has more than 18 digits after the decimal point.
_SHORT = 19

logger = logging.getLogger(__name__)


def arrow_type(schema: Mapping[str, Any]) -> pl.DataType:
    """Return the Arrow type for a property's JSON schema, as a Polars type."""
    kind = cell_type(schema)
    if kind is CellType.TEXT:
        return _BY_FORMAT.get(schema.get("format", ""), _BY_CELL_TYPE[kind])
    return _BY_CELL_TYPE[kind]


def cast_columns(block: pl.DataFrame, properties: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Cast the columns of a block to their Arrow types.

    Args:
        block: Columns as returned by `normalize_cells`.
        properties: JSON schemas by field, at least for the block's columns.

    Raises:
        ResultPageError: If a value does not fit the type of its field.
    """
    types = {name: arrow_type(properties[name]) for name in block.columns}
    converted = block.with_columns(_converted(name, type_) for name, type_ in types.items())
    lost = _lost(block, converted)
    if others := [name for name in lost if types[name] == MOMENT]:
        converted = converted.with_columns(block.select(map(_moment, others)))
        lost = _lost(block, converted)
    if lost:
        name = lost[0]
        example = block.filter(converted[name].is_null() & block[name].is_not_null())[name][0]
        raise ResultPageError(
            f"Field {name} holds {example[:100]!r}, which does not fit {types[name]}. Read the "
            "field as text, or the stream as RECORD messages or jsonl files."
        )
    _warn_of_rounding(block, converted, types)
    return converted


def _converted(name: str, type_: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if type_ == pl.Boolean:
        return column == "true"
    if type_ == pl.Date:
        return column.str.to_date("%Y-%m-%d", strict=False)
    if type_ == pl.Time:
        return column.str.strip_suffix("Z").str.to_time("%H:%M:%S%.f", strict=False)
    if type_ == MOMENT:
        # Nearly every datetime is of whole seconds (SOAP API guide, "Primitive Data Types").
        seconds = column.str.strip_suffix(".000Z")
        moment = seconds.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
        return moment.dt.replace_time_zone("UTC")
    return column.cast(type_, strict=False)


def _moment(name: str) -> pl.Expr:
    """Convert datetimes with fractions of a second or other offsets."""
    zoned = pl.col(name).str.replace("Z$", "+0000").str.replace(r"([+-]\d\d):(\d\d)$", "$1$2")
    return zoned.str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
    )


def _lost(block: pl.DataFrame, converted: pl.DataFrame) -> list[str]:
    """Return the names of the columns in which a value did not fit."""
    nulls = zip(block.null_count().row(0), converted.null_count().row(0), strict=True)
    return [
        name for name, (before, after) in zip(block.columns, nulls, strict=True) if before != after
    ]


def _warn_of_rounding(
    block: pl.DataFrame, converted: pl.DataFrame, types: Mapping[str, pl.DataType]
) -> None:
    """Warn of numbers with more digits after the decimal point than the type keeps."""
    numbers = [name for name, type_ in types.items() if type_ == NUMBER]
    texts = pl.col(numbers)
    may_be_longer = (texts.str.len_bytes() > _SHORT) | texts.str.contains("[eE]-")
    longer = block.select(may_be_longer.any())
    for name in (name for name in numbers if longer[name][0]):
        exact = block[name].cast(pl.Float64, strict=False)
        rounded = (exact != converted[name].cast(pl.Float64)).sum()
        if rounded:
            logger.warning(
                "Rounded %s of %s to 18 digits after the decimal point.",
                counted(int(rounded), "value"),
                name,
            )
