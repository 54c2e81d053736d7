"""Rows that wait in a table of their own until all of a read are there.

The table lasts, so that a load that was killed goes on. Each row says what it is from: its job, or
its version.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

import pyarrow as pa

from tap_sfbulk_pages.loading.databases import rows
from tap_sfbulk_pages.loading.databases.column_types import ColumnType, cast
from tap_sfbulk_pages.loading.databases.database import quote
from tap_sfbulk_pages.loading.databases.tables import Table, create_table, widen_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.loading.databases.database import Database

_SOURCE = "_sfbulk_source"


def waiting_table(table: str) -> str:
    """Name the table in which the records of another one wait."""
    # Short, since PostgreSQL cuts names at 63 bytes.
    return f"_sfbulk_waiting_{hashlib.sha256(table.encode()).hexdigest()[:16]}"


def ensure_waiting_table(database: Database, table: Table) -> None:
    """Make the table in which the records of another one wait, or make it fit them.

    Raises:
        LoadError: If the database refuses.
    """
    name = waiting_table(table.name)
    wanted = Table(name, {**table.columns, _SOURCE: ColumnType("VARCHAR")})
    found = database.describe(name)
    if not found:
        create_table(database, wanted)
    elif not wanted.columns.items() <= found.items():
        widen_columns(database, wanted, may_widen=True)
    database.forget(name)


def has_waiting_table(database: Database, table: str) -> bool:
    """Return whether there is a table in which records of another one wait."""
    return bool(database.describe(waiting_table(table)))


def drop_waiting_table(database: Database, table: str) -> None:
    """Drop the table in which the records of another one have waited, if there is one."""
    name = waiting_table(table)
    database.execute(f"DROP TABLE IF EXISTS {database.qualified(name)}")
    database.forget(name)


def let_wait(
    database: Database, batch: pa.Table, table: str, source: str, *, keys: Sequence[str] = ()
) -> None:
    """Add rows to those that wait.

    Args:
        database: Where they wait.
        batch: No two rows with the same key.
        table: The table that they are for.
        source: What they are from.
        keys: Rows with the same key are replaced; none to keep all.

    Raises:
        LoadError: If the database refuses.
    """
    name = waiting_table(table)
    if keys:
        rows.remove(database, batch, name, keys)
    sources = _repeat(source, len(batch))
    rows.append(database, batch.append_column(_SOURCE, sources), name)


def count_by_source(database: Database, table: str) -> dict[str, int]:
    """Count the rows that wait for a table by what they are from."""
    name = database.qualified(waiting_table(table))
    return dict(database.fetch(f"SELECT {_SOURCE}, count(*) FROM {name} GROUP BY {_SOURCE}"))


def discard_source(database: Database, table: str, source: str) -> None:
    """Drop the rows that wait for a table and are from one source."""
    name = database.qualified(waiting_table(table))
    database.execute(f"DELETE FROM {name} WHERE {_SOURCE} = $1", [source])


def _repeat(text: str, count: int) -> pa.Array:
    """Make a column of one text; pyarrow's own way loads pandas where that is installed."""
    encoded = text.encode()
    offsets = array("i", range(0, len(encoded) * (count + 1), len(encoded)))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(encoded * count))


def publish(database: Database, table: str, *, since: tuple[str, str] | None = None) -> None:
    """Move the rows that wait into their table.

    Args:
        database: Where they are.
        table: The table.
        since: A column, and a value of it: rows from there on are replaced. None for all rows.

    Raises:
        LoadError: If the database refuses.
    """
    waiting = waiting_table(table)
    columns = database.columns_of(table)
    where, least = "", []
    if since:
        column, value = since
        where = f" WHERE {quote(column)} >= CAST($1 AS {columns[column]})"
        least = [value]
    database.execute(f"DELETE FROM {database.qualified(table)}{where}", least)
    waiting_columns = {
        name: type_ for name, type_ in database.columns_of(waiting).items() if name != _SOURCE
    }
    names = ", ".join(map(quote, waiting_columns))
    values = ", ".join(
        cast(quote(name), type_, columns[name]) for name, type_ in waiting_columns.items()
    )
    with database.moving_rows():
        database.execute(
            f"INSERT INTO {database.qualified(table)} ({names}) "
            f"SELECT {values} FROM {database.qualified(waiting)}"
        )
    drop_waiting_table(database, table)
