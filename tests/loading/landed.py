"""What a load has left in a database, read by other means than the loader's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Landed(Protocol):
    """A database that is loaded into.

    Attributes:
        address: What the loader connects to.
        schema: The schema that it is given.
        ignores_case: Whether names that differ in upper and lower case only are one.
    """

    address: str
    schema: str
    ignores_case: bool

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column."""

    def types(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns, as the database spells them."""

    def comments(self, table: str) -> dict[str, str]:
        """Return the comments of a table's columns, where there are any."""

    def table_comment(self, table: str) -> str | None:
        """Return the comment of a table."""

    def execute(self, statement: str) -> None:
        """Run a statement, with the schema as the one where names are looked up."""


class LandedDuckDB:
    """A DuckDB file."""

    schema = "main"
    ignores_case = True

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self.address = f"duckdb:///{path}"

    def _fetch(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self._path) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(query, list(parameters)).fetchall()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column."""
        names = list(self.types(table))
        return [
            dict(zip(names, row, strict=True))
            for row in self._fetch(f'FROM "{table}"' if names else "SELECT 1 WHERE false")
        ]

    def types(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns."""
        query = (
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1"
            " AND NOT internal ORDER BY column_index"
        )
        return dict(self._fetch(query, table))

    def comments(self, table: str) -> dict[str, str]:
        """Return the comments of a table's columns."""
        query = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = $1"
        return {name: text for name, text in self._fetch(query, table) if text}

    def table_comment(self, table: str) -> str | None:
        """Return the comment of a table."""
        query = "SELECT comment FROM duckdb_tables() WHERE table_name = $1"
        ((comment,),) = self._fetch(query, table)
        return comment if comment is None else str(comment)

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with duckdb.connect(self._path) as connection:
            connection.execute(statement)


class LandedPostgreSQL:
    """A schema of its own in a PostgreSQL database."""

    ignores_case = False

    def __init__(self, connection: Mapping[str, Any], schema: str) -> None:
        self._connection = connection
        self.schema = schema
        host = f"{connection['user']}@{connection['host']}:{connection['port']}"
        self.address = f"postgresql://{host}/{connection['dbname']}"

    def _fetch(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self._connection) as server:
            return server.execute(query.encode(), parameters).fetchall()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column."""
        names = list(self.types(table))
        if not names:
            return []
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(self.schema, table))
        with psycopg.connect(**self._connection, options="-c TimeZone=UTC") as server:
            return [dict(zip(names, row, strict=True)) for row in server.execute(query)]

    def types(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns."""
        query = (
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "JOIN pg_class ON pg_class.oid = attrelid "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum"
        )
        return dict(self._fetch(query, self.schema, table))

    def comments(self, table: str) -> dict[str, str]:
        """Return the comments of a table's columns."""
        query = (
            "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
            "JOIN pg_class ON pg_class.oid = attrelid "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname = %s AND relname = %s AND attnum > 0"
        )
        found = self._fetch(query, self.schema, table)
        return {name: text for name, text in found if text}

    def table_comment(self, table: str) -> str | None:
        """Return the comment of a table."""
        query = (
            "SELECT obj_description(pg_class.oid) FROM pg_class JOIN pg_namespace "
            "ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relname = %s"
        )
        ((comment,),) = self._fetch(query, self.schema, table)
        return comment if comment is None else str(comment)

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with psycopg.connect(**self._connection) as server:
            server.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self.schema))
            )
            server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(self.schema)))
            server.execute(statement.encode())
