"""Rows, as Arrow, into tables: appended, merged, updated, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType, cast, widest
from tap_sfbulk_pages.loading.databases.database import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.loading.databases.database import Database

_STAGE = "_sfbulk_stage"


def append(database: Database, batch: pa.Table, name: str) -> None:
    """Add rows to a table; columns that they lack are null.

    Raises:
        LoadError: If the database refuses.
    """
    _check_fits(database, batch, name)
    columns = database.columns_of(name)
    if all(columns[each.name] == _type(each) for each in batch.schema):
        database.ingest(_as_given(batch), name, is_temporary=False)
        return
    _stage(database, batch)
    _insert_from_stage(database, batch.schema, name)
    _drop_stage(database)


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
    _check_fits(database, batch, name)
    _stage(database, batch)
    database.get_ready_to_merge(_STAGE)
    _delete_staged(database, name, keys)
    _insert_from_stage(database, batch.schema, name)
    _drop_stage(database)


def update(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
    """Set the other columns of a batch in the rows with the same key; add no rows.

    Raises:
        LoadError: If the database refuses.
    """
    _check_fits(database, batch, name)
    _stage(database, batch)
    values = ", ".join(
        f"{quote(each.name)} = {_cast_to(database, name, each, 's.')}"
        for each in batch.schema
        if each.name not in keys
    )
    database.execute(
        f"UPDATE {database.qualified(name)} AS t SET {values} FROM {quote(_STAGE)} AS s "
        f"WHERE {_same(keys)}"
    )
    _drop_stage(database)


def remove(database: Database, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
    """Delete the rows with the keys of a batch.

    Raises:
        LoadError: If the database refuses.
    """
    _stage(database, batch.select(list(keys)))
    _delete_staged(database, name, keys)
    _drop_stage(database)


def remove_where_filled(database: Database, name: str, column: str) -> None:
    """Delete the rows that have a value in a column.

    Raises:
        LoadError: If the database refuses.
    """
    database.execute(f"DELETE FROM {database.qualified(name)} WHERE {quote(column)} IS NOT NULL")


def _stage(database: Database, batch: pa.Table) -> None:
    """Put rows into a temporary table of their own."""
    columns = ", ".join(f"{quote(each.name)} {_type(each)}" for each in batch.schema)
    database.execute(f"DROP TABLE IF EXISTS {quote(_STAGE)}")
    database.execute(f"CREATE TEMPORARY TABLE {quote(_STAGE)} ({columns})")
    database.ingest(_as_given(batch), _STAGE, is_temporary=True)


def _drop_stage(database: Database) -> None:
    database.execute(f"DROP TABLE {quote(_STAGE)}")


def _delete_staged(database: Database, name: str, keys: Sequence[str]) -> None:
    database.execute(
        f"DELETE FROM {database.qualified(name)} AS t USING {quote(_STAGE)} AS s "
        f"WHERE {_same(keys)}"
    )


def _insert_from_stage(database: Database, schema: pa.Schema, name: str) -> None:
    names = ", ".join(quote(each.name) for each in schema)
    values = ", ".join(_cast_to(database, name, each) for each in schema)
    database.execute(
        f"INSERT INTO {database.qualified(name)} ({names}) SELECT {values} FROM {quote(_STAGE)}"
    )


def _cast_to(database: Database, name: str, column: pa.Field, prefix: str = "") -> str:
    expression = f"{prefix}{quote(column.name)}"
    return cast(expression, _type(column), database.columns_of(name)[column.name])


def _check_fits(database: Database, batch: pa.Table, name: str) -> None:
    columns = database.columns_of(name)
    for each in batch.schema:
        column = columns.get(each.name)
        if column is None or widest(column, _type(each)) != column:
            raise LoadError(
                f"Column {each.name} of table {name} is not there or has another type: it was "
                "changed while it was loaded."
            )


def _type(column: pa.Field) -> ColumnType:
    return ColumnType.of_arrow(column.type)


def _as_given(batch: pa.Table) -> pa.Table:
    """Give a batch the Arrow types that databases take."""
    schema = pa.schema(pa.field(each.name, _type(each).arrow) for each in batch.schema)
    return batch if batch.schema == schema else batch.cast(schema)


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"t.{quote(key)} = s.{quote(key)}" for key in keys)
