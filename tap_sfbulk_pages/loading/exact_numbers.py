"""Numbers for columns of another decimal type: exact, or as text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from tap_sfbulk_pages.loading.databases.column_types import ColumnType, widest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from tap_sfbulk_pages.loading.databases.tables import Table

    Records = TypeVar("Records", pa.Table, pa.RecordBatch)

# Of 64 bits.
_INTEGER = pa.decimal128(19, 0)


def keep_decimals(table: Table, columns: Mapping[str, ColumnType]) -> Table:
    """Return what records need with the decimals that their table has, where those stay.

    Args:
        table: What is needed.
        columns: What the table has, after it was made to fit (`ensure_table`).
    """
    kept = {
        name: columns[name]
        for name, type_ in table.columns.items()
        if _is_kept(columns[name], type_)
    }
    return replace(table, columns={**table.columns, **kept})


def fit_numbers(records: Records, columns: Mapping[str, ColumnType]) -> Records:
    """Give numbers the decimals of their columns.

    Args:
        records: What is to be loaded.
        columns: The types of the table's columns.

    Returns:
        The records. Where a number would lose a digit, all numbers of the field are text.
    """
    for place, field in enumerate(records.schema):
        column = columns.get(field.name)
        if column is not None and _is_kept(column, ColumnType.of_arrow(field.type)):
            numbers = records.column(place)
            records = records.set_column(place, field.name, _fit(numbers, column.arrow))
    return records


def _is_kept(column: ColumnType, numbers: ColumnType) -> bool:
    """Return whether a column keeps its decimal, although it does not hold all of a type."""
    are_numbers = column.name == "DECIMAL" and numbers.name in ("DECIMAL", "BIGINT")
    return are_numbers and widest(column, numbers) != column


def _fit(numbers: pa.Array | pa.ChunkedArray, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_integer(numbers.type):
        numbers = numbers.cast(_INTEGER)
    try:
        return numbers.cast(type_)
    except pa.ArrowInvalid:
        return pa.array([_write(each) for each in numbers.to_pylist()], pa.string())


def _write(number: Decimal | None) -> str | None:
    """Write a number as Salesforce does: without zeros at the end."""
    if number is None:
        return None
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
