"""The databases that targets write to, and how Salesforce's values and types look there."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import psycopg
from psycopg import sql
from salesforce_data import expected_records, fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sfbulk_sandbox import SandboxServer

SCHEMA = "salesforce"
_INTEGERS = {"int", "long"}
_NUMBERS = {"double", "currency", "percent"}


class Database(Protocol):
    """A target's database.

    Attributes:
        target: The target's name.
        config: Its settings.
    """

    target: str
    config: dict[str, Any]

    def column(self, field: str) -> str:
        """Return the name of a field's column."""

    def stored(self, value: Any, type_: str) -> Any:
        """Return what a value of a Salesforce type is, when it is read back."""

    def column_types(self, stream: str) -> dict[str, str]:
        """Return the types of a table's columns."""

    def column_type(self, type_: str) -> str:
        """Return the type that a column of a Salesforce type must have."""

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column; the target's own columns are left out."""


class DuckDB:
    """A DuckDB file. Names are in lower case, a number is a double, a date a text."""

    target = "target-duckdb"

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "warehouse.duckdb")
        self.config = {"filepath": self._path, "default_target_schema": SCHEMA}

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return field.lower()

    def stored(self, value: Any, type_: str) -> Any:
        """Return what a value of a Salesforce type is, when it is read back."""
        if value is None:
            return None
        if type_ in _NUMBERS:
            return float(value)
        return _moment(value, type_) if type_ in {"datetime", "time"} else value

    def column_types(self, stream: str) -> dict[str, str]:
        """Return the types of a table's columns."""
        table = f"DESCRIBE {SCHEMA}.{stream.lower()}"
        with duckdb.connect(self._path, read_only=True) as connection:
            return {name: type_ for name, type_, *_ in connection.execute(table).fetchall()}

    def column_type(self, type_: str) -> str:
        """Return the type that a column of a Salesforce type must have."""
        types = {"boolean": "BOOLEAN", "datetime": "TIMESTAMP", "time": "TIME"}
        types |= dict.fromkeys(_INTEGERS, "HUGEINT") | dict.fromkeys(_NUMBERS, "DOUBLE")
        return types.get(type_, "VARCHAR")

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column."""
        with duckdb.connect(self._path, read_only=True) as connection:
            table = connection.table(f"{SCHEMA}.{stream.lower()}")
            return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]


class Postgres:
    """A database of a PostgreSQL server. A number is a decimal with every digit.

    Args:
        connection: How to connect.
    """

    target = "target-postgres"

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        with psycopg.connect(**connection) as server:
            server.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        settings = {name: value for name, value in connection.items() if name != "dbname"}
        self.config = {
            **settings,
            "database": connection["dbname"],
            "default_target_schema": SCHEMA,
            "load_method": "upsert",
            "use_copy": False,
        }

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return field

    def stored(self, value: Any, type_: str) -> Any:
        """Return what a value of a Salesforce type is, when it is read back."""
        if value is None:
            return None
        if type_ in _NUMBERS:
            return Decimal(value)
        return _moment(value, type_) if type_ != "time" else value

    def column_types(self, stream: str) -> dict[str, str]:
        """Return the types of a table's columns."""
        columns = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = %s AND column_name NOT LIKE '\\_sdc\\_%%'"
        )
        with psycopg.connect(**self._connection) as server:
            types = dict(server.execute(columns, [stream]).fetchall())
        # A text of a known length.
        return {
            name: "text" if type_ == "character varying" else type_ for name, type_ in types.items()
        }

    def column_type(self, type_: str) -> str:
        """Return the type that a column of a Salesforce type must have."""
        types = {
            "boolean": "boolean",
            "date": "date",
            "datetime": "timestamp without time zone",
        }
        types |= dict.fromkeys(_INTEGERS, "bigint") | dict.fromkeys(_NUMBERS, "numeric")
        return types.get(type_, "text")

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column."""
        names = list(self.column_types(stream))
        select = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(SCHEMA, stream)
        )
        with psycopg.connect(**self._connection) as server:
            return [dict(zip(names, row, strict=True)) for row in server.execute(select)]


class JsonLines:
    """A folder of JSON lines files, which keep every digit; the last line of a record counts."""

    target = "target-jsonl"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "jsonl"
        self.config = {"destination_path": str(self._folder), "do_timestamp_file": False}

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return field

    def stored(self, value: Any, type_: str) -> Any:
        """Return what a value of a Salesforce type is, when it is read back."""
        return Decimal(value) if type_ in _NUMBERS and value is not None else value

    def column_types(self, stream: str) -> dict[str, str]:
        """Return the names of the values; JSON lines have no types except the values' own."""
        return dict.fromkeys(self.rows(stream)[0], "")

    def column_type(self, type_: str) -> str:  # noqa: ARG002 - no types
        """Return nothing: there are no types."""
        return ""

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return the last line of each record."""
        lines = (self._folder / f"{stream}.jsonl").read_text(encoding="utf-8").split("\n")
        records = [json.loads(line, parse_float=Decimal) for line in lines if line]
        by_id = {record["Id"]: record for record in records}
        return list(by_id.values())


def _moment(value: str, type_: str) -> Any:
    """Parse text as databases with a time type store it, which is without a time zone."""
    if type_ == "date":
        return date.fromisoformat(value)
    if type_ == "datetime":
        return datetime.fromisoformat(value.removesuffix("Z"))
    return time.fromisoformat(value.removesuffix("Z")) if type_ == "time" else value


def assert_holds(
    database: Database, server: SandboxServer, stream: str, fields: Sequence[str] | None = None
) -> None:
    """Compare a table with the sandbox's records: each one, each value, each type.

    Args:
        database: Where the table is.
        server: The sandbox.
        stream: The sObject.
        fields: Those that were selected, where it was not all.
    """
    types = fields_of(server, stream)
    types = {name: types[name] for name in fields or types}
    expected_types = {database.column(n): database.column_type(t) for n, t in types.items()}
    assert database.column_types(stream) == expected_types
    rows = {row[database.column("Id")]: row for row in database.rows(stream)}
    expected = {
        record["Id"]: {
            database.column(name): database.stored(value, types[name])
            for name, value in record.items()
        }
        for record in expected_records(server, stream, fields=fields)
    }
    assert len(rows) == len(database.rows(stream))
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        assert row == expected[key]
        kinds = {name: _kind(value) for name, value in row.items()}
        assert kinds == {name: _kind(value) for name, value in expected[key].items()}


def _kind(value: Any) -> type:
    """Return a value's type, since True is 1 in Python; JSON knows one type of number."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return Decimal if is_integer else type(value)
