"""What targets make of each Salesforce type, in the words of the table in docs/targets.md."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import closing
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# The Salesforce types that a column of the table is about; text is all the others.
_KINDS: Mapping[str, frozenset[str]] = {
    "boolean": frozenset({"boolean"}),
    "int, long": frozenset({"int", "long"}),
    "double, currency, percent": frozenset({"double", "currency", "percent"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "time": frozenset({"time"}),
}
_TEXT = "text"
COLUMNS = ("records", _TEXT, *_KINDS)
_EXACT, _AS_TEXT, _CHANGED = "exact", "as text", "changed"
_LONGEST_CELL = 1 << 20


class Landed(NamedTuple):
    """A table as a target has left it.

    Attributes:
        rows: Values by the column's name.
        types: The column's types by name; empty for files without types.
    """

    rows: list[dict[str, Any]]
    types: dict[str, str]


def read_csv(path: Path) -> Landed:
    """Read a file of target-csv."""
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding="utf-8", newline="") as file:
        return Landed(list(csv.DictReader(file)), {})


def read_json_lines(path: Path) -> Landed:
    """Read a file of target-jsonl."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return Landed([json.loads(line, parse_float=Decimal) for line in lines if line], {})


def read_sqlite(path: Path, table: str) -> Landed:
    """Read a table of a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]  # noqa: S608 - our own
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    return Landed(rows, {column["name"]: column["type"] for column in columns})


def read_duckdb(path: Path, table: str) -> Landed:
    """Read a table of a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return _read_relation(connection.table(table))


def read_parquet(files: str) -> Landed:
    """Read Parquet files, named by a pattern."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return _read_relation(connection.read_parquet(files))


def _read_relation(relation: duckdb.DuckDBPyRelation) -> Landed:
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    # By Arrow, since DuckDB makes Python's zoned datetimes with a library of its own choice.
    table: Any = relation.to_arrow_table()
    return Landed(table.to_pylist(), types)


def read_postgres(connection: Mapping[str, Any], schema: str, table: str) -> Landed:
    """Read a table of a PostgreSQL server."""
    with psycopg.connect(**connection, row_factory=psycopg.rows.dict_row) as server:
        rows = server.execute(
            psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(schema, table))
        ).fetchall()
        columns = server.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s",
            [schema, table],
        ).fetchall()
    return Landed(rows, {column["column_name"]: column["data_type"] for column in columns})


def describe_landed(
    landed: Landed, expected: Sequence[Mapping[str, Any]], types: Mapping[str, str]
) -> list[str]:
    """Compare a table with the org's records.

    Args:
        landed: The table; names of columns are compared without regard to case and underscores.
        expected: The org's records.
        types: Salesforce types of the fields.

    Returns:
        The cells of the table's row: one for each of `COLUMNS`.
    """
    rows = {row["id"]: row for row in map(_fold_names, landed.rows)}
    assert len(rows) == len(landed.rows)
    missing = sum(record["Id"] not in rows for record in expected)
    assert len(rows) == len(expected) - missing
    cells = [f"{missing} of {len(expected)} lost" if missing else "all"]
    column_types = _fold_names(landed.types)
    for kind in (_TEXT, *_KINDS):
        fields = [name for name, type_ in types.items() if _kind_of(type_) == kind]
        verdicts = {
            _compare(kind, record[name], rows[record["Id"]][_fold(name)])
            for record in expected
            if record["Id"] in rows
            for name in fields
        }
        differences = sorted(verdicts - {_EXACT}) or [_EXACT]
        stored = sorted(
            {_without_length(column_types.get(_fold(name), "")) for name in fields} - {""}
        )
        shown = f" (`{'`, `'.join(stored)}`)" if stored else ""
        cells.append(f"{', '.join(differences)}{shown}")
    return cells


def _fold_names(row: Mapping[str, Any]) -> dict[str, Any]:
    return {_fold(name): value for name, value in row.items()}


def _fold(name: str) -> str:
    return name.lower().replace("_", "")


def _without_length(type_: str) -> str:
    return re.sub(r"\(\d+\)", "(n)", type_)


def _kind_of(type_: str) -> str:
    return next((kind for kind, types in _KINDS.items() if type_ in types), _TEXT)


def _compare(kind: str, expected: Any, found: Any) -> str:
    if expected is None or found is None:
        if expected is found:
            return _EXACT
        return "null is empty" if found == "" else "some nulls are wrong"
    if kind in _COMPARISONS:
        return _COMPARISONS[kind](expected, found)
    return _EXACT if found == expected else _CHANGED


def _compare_booleans(expected: bool, found: Any) -> str:  # noqa: FBT001 - a value
    if found is expected:
        return _EXACT
    return {str(expected): _AS_TEXT, expected: "as 0 and 1"}.get(found, _CHANGED)


def _compare_numbers(expected: Any, found: Any) -> str:
    exact = Decimal(expected)
    if isinstance(found, str):
        return _AS_TEXT if Decimal(found) == exact else _CHANGED
    # A double stands for the shortest number that is nearest to it.
    if Decimal(repr(found) if isinstance(found, float) else found) == exact:
        return _EXACT
    return "rounded to doubles" if float(found) == float(exact) else _CHANGED


def _compare_moments(expected: str, found: Any) -> str:
    moment = _parse_moment(found) if isinstance(found, str) else found
    if not moment.tzinfo:
        moment = moment.replace(tzinfo=timezone.utc)
    return _EXACT if moment == _parse_moment(expected) else _CHANGED


def _parse_moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _compare_dates(expected: str, found: Any) -> str:
    return _EXACT if found in (expected, date.fromisoformat(expected)) else _CHANGED


def _compare_times(expected: str, found: Any) -> str:
    as_time = time.fromisoformat(expected.removesuffix("Z"))
    return _EXACT if found in (expected, as_time) else _CHANGED


_COMPARISONS: Mapping[str, Callable[[Any, Any], str]] = {
    "boolean": _compare_booleans,
    "int, long": _compare_numbers,
    "double, currency, percent": _compare_numbers,
    "date": _compare_dates,
    "datetime": _compare_moments,
    "time": _compare_times,
}
