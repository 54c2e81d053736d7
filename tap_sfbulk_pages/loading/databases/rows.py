"""Rows, as Arrow, into tables: appended, merged, updated, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType, cast, widest
from tap_sfbulk_pages.loading.databases.database import STAGE, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.loading.databases.database import Database

# What is handed to a database at a time: enough that a statement's own cost does not count and that
# DuckDB uses both of two cores for it, and little enough that it is held in memory.
BYTES_AT_A_TIME = 32_000_000


def append(database: Database, batch: pa.Table, name: str) -> None:
    """Add rows to a table; columns that they lack are null.

    Raises:
        LoadError: If the database refuses.
    """
    _check_fits(database, batch, name)
    columns = database.columns_of(name)
    if all(columns[each.name] == _type(each) for each in batch.schema):
        database.ingest(_as_given(batch), name)
        return
    names = ", ".join(quote(each.name) for each in batch.schema)
    values = ", ".join(_cast_to(database, name, each) for each in batch.schema)
    with database.stage(_as_given(batch)):
        database.execute(
            f"INSERT INTO {database.qualified(name)} ({names}) SELECT {values} FROM {STAGE}"
        )


def merge(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
    """Put rows in the place of those with the same key.

    Args:
        database: Where the table is.
        batch: No two rows with the same key.
        name: The table.
        keys: Its key.

    Raises:
        LoadError: If the database refuses.
    """
    # Only the keys are staged: what is to be kept is written once.
    remove(database, batch, name, keys)
    append(database, batch, name)


def update(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
    """Set the other columns of a batch in the rows with the same key; add no rows.

    Raises:
        LoadError: If the database refuses.
    """
    _check_fits(database, batch, name)
    values = ", ".join(
        f"{quote(each.name)} = {_cast_to(database, name, each, 's.')}"
        for each in batch.schema
        if each.name not in keys
    )
    with database.stage(_as_given(batch)), database.joining_by_key(name, keys):
        database.execute(
            f"UPDATE {database.qualified(name)} AS t SET {values} FROM {STAGE} AS s "
            f"WHERE {_same(database, batch, name, keys)}"
        )


def remove(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
    """Delete the rows with the keys of a batch.

    Raises:
        LoadError: If the database refuses.
    """
    batch = batch.select(list(keys))
    _check_fits(database, batch, name)
    with database.stage(_as_given(batch)), database.joining_by_key(name, keys):
        database.execute(
            f"DELETE FROM {database.qualified(name)} AS t USING {STAGE} AS s "
            f"WHERE {_same(database, batch, name, keys)}"
        )


def remove_where_filled(database: Database, name: str, column: str) -> None:
    """Delete the rows that have a value in a column.

    Raises:
        LoadError: If the database refuses.
    """
    database.execute(f"DELETE FROM {database.qualified(name)} WHERE {quote(column)} IS NOT NULL")


def _cast_to(database: Database, name: str, column: pa.Field, prefix: str = "") -> str:
    expression = f"{prefix}{quote(column.name)}"
    return cast(expression, _type(column), database.columns_of(name)[column.name])


def _check_fits(database: Database, batch: pa.Table, name: str) -> None:
    columns = database.columns_of(name)
    for each in batch.schema:
        column = columns.get(each.name)
        if column is None or widest(column, _type(each)) != column:
            raise LoadError(
                f"Column {each.name} of table {name} is gone or has another type: somebody changed "
                "the table during the load. Load again."
            )


def _type(column: pa.Field) -> ColumnType:
    return ColumnType.of_arrow(column.type)


def _as_given(batch: pa.Table) -> pa.Table:
    """Give a batch the Arrow types that databases take."""
    schema = pa.schema(pa.field(each.name, _type(each).arrow) for each in batch.schema)
    return batch if batch.schema == schema else batch.cast(schema)


def _same(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> str:
    # Compared as what the table has: as numbers, the texts 1 and 01 would be one key.
    return " AND ".join(
        f"t.{quote(key)} = {_cast_to(database, name, batch.field(key), 's.')}" for key in keys
    )
