"""What the loader asks of a database, and the SQL that they have in common.

One connection, one transaction at a time: whatever is done between two `commit`s becomes visible at
once or not at all, the state among it. Names are quoted, so that they stay as in Salesforce.
"""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType, cast, widest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

logger = logging.getLogger(__name__)

STATE_TABLE = "_sfbulk_state"
# Tells, in a table of records that wait, which job they are from.
SOURCE = "_sfbulk_source"


@dataclass(frozen=True)
class Table:
    """A table as records need it.

    Attributes:
        name: As the stream.
        columns: Their types, in order.
        keys: The columns that tell rows apart; none where nothing does.
        comments: What people call the columns.
    """

    name: str
    columns: Mapping[str, ColumnType]
    keys: Sequence[str] = ()
    comments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedStream:
    """What the state table holds of a stream.

    Attributes:
        state: The stream's part of the state, as JSON; None where only the table is known.
        loading: What the loader has to know to go on, as JSON; None as long as it has not made the
            stream's table.
    """

    state: str | None
    loading: str | None


class DatabaseInUseError(LoadError):
    """A database that another process has opened, or is loading into."""


class Database(ABC):
    """A database that records are loaded into.

    Attributes:
        longest_name: How many bytes of a name the database keeps; None for all.
    """

    longest_name: ClassVar[int | None] = None
    _schema: str
    # What is known of the tables, by name; a transaction that is rolled back empties it.
    _known: dict[str, Mapping[str, ColumnType]]

    # -- What each database does in its own way.

    @abstractmethod
    def execute(self, statement: str, parameters: Sequence[str | None] = ()) -> None:
        """Run a statement.

        Raises:
            LoadError: If the database refuses.
        """

    @abstractmethod
    def fetch(self, query: str, parameters: Sequence[str | None] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows.

        Raises:
            LoadError: If the database refuses.
        """

    @abstractmethod
    def ingest(self, batch: pa.Table, name: str, *, is_temporary: bool) -> None:
        """Add rows to a table of the same columns, as Arrow.

        Raises:
            LoadError: If the database refuses.
        """

    @abstractmethod
    def describe(self, name: str) -> dict[str, ColumnType]:
        """Return the columns of a table in the schema, in order; none where there is no table."""

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction, where that takes a word."""

    @abstractmethod
    def commit(self) -> None:
        """Make what was done since the last commit last, and begin anew.

        Raises:
            LoadError: If the database does not; nothing of it lasts then.
        """

    @abstractmethod
    def rollback(self) -> None:
        """Undo what was done since the last commit, and begin anew."""

    @abstractmethod
    def close(self) -> None:
        """End the connection; what is not committed is undone."""

    def _key_clause(self, keys: Sequence[str]) -> str:
        """Write what a new table says of its key."""
        return f", PRIMARY KEY ({', '.join(map(quote, keys))})" if keys else ""

    def _ready_to_merge(self, stage: str) -> None:  # noqa: B027 - most need no such look
        """Let the database look at what is about to be merged, where its planner needs that."""

    # -- What they have in common.

    def ensure_schema(self) -> None:
        """Make the schema and the table of the state, where they are missing, and commit.

        Raises:
            LoadError: If the database refuses.
        """
        # IF NOT EXISTS would ask for the right to create even what is there.
        schemata = "SELECT 1 FROM information_schema.schemata WHERE schema_name = $1"
        if not self.fetch(schemata, [self._schema]):
            self.execute(f"CREATE SCHEMA {quote(self._schema)}")
        if not self.describe(STATE_TABLE):
            self.execute(
                f"CREATE TABLE {self.qualified(STATE_TABLE)} (stream VARCHAR PRIMARY KEY,"
                " state VARCHAR, loading VARCHAR, saved_at TIMESTAMPTZ)"
            )
        self.commit()

    def saved_streams(self) -> dict[str, SavedStream]:
        """Read the state table."""
        rows = self.fetch(f"SELECT stream, state, loading FROM {self.qualified(STATE_TABLE)}")
        return {stream: SavedStream(state, loading) for stream, state, loading in rows}

    def table_names(self) -> set[str]:
        """List the tables of the schema, in lower case."""
        query = (
            "SELECT CAST(table_name AS VARCHAR) FROM information_schema.tables"
            " WHERE table_schema = $1"
        )
        return {name.lower() for (name,) in self.fetch(query, [self._schema])}

    def save_stream(self, stream: str, saved: SavedStream) -> None:
        """Write a stream's row of the state table, in the transaction of its records."""
        self.execute(
            f"INSERT INTO {self.qualified(STATE_TABLE)} VALUES ($1, $2, $3, current_timestamp) "
            "ON CONFLICT (stream) DO UPDATE SET state = excluded.state,"
            " loading = excluded.loading, saved_at = excluded.saved_at",
            [stream, saved.state, saved.loading],
        )

    def ensure_table(self, table: Table, *, is_own: bool) -> None:
        """Make a table, or make it fit: columns are added and widened.

        Args:
            table: What is needed.
            is_own: Whether the loader has made it, by the state table. What others have made is
                changed no further than by new columns.

        Raises:
            LoadError: If a column cannot hold the records.
        """
        self._check_names([table.name, *table.columns])
        found = self.describe(table.name)
        if not found:
            columns = self._columns_clause(table.columns, table.keys)
            self.execute(f"CREATE TABLE {self.qualified(table.name)} ({columns})")
        else:
            if not is_own:
                logger.warning(
                    "Stream %s: the table was there before its first load; its rows stay, and "
                    "those loaded are merged into it by key, or added where there is none.",
                    table.name,
                )
            self._fit(table, found, is_own=is_own)
        self._comment(table, found)
        self._known.pop(table.name, None)

    def _fit(self, table: Table, found: Mapping[str, ColumnType], *, is_own: bool) -> None:
        named = f"ALTER TABLE {self.qualified(table.name)}"
        spelled = {name.lower(): name for name in found}
        for name, type_ in table.columns.items():
            if name not in found:
                if other := spelled.get(name.lower()):
                    raise LoadError(
                        f"The table {table.name} has a column {other}, which differs from {name} "
                        "in upper and lower case only: rename one of them."
                    )
                self.execute(f"{named} ADD COLUMN {quote(name)} {type_}")
                logger.info("Stream %s: column %s (%s) added.", table.name, name, type_)
                continue
            wider = widest(found[name], type_)
            if wider == found[name]:
                continue
            if wider is None or not is_own:
                raise LoadError(
                    f"Column {name} of table {table.name} is {found[name]} and cannot hold the "
                    f"{type_} that Salesforce has: rename the column or the table, or leave the "
                    "field out in the catalog."
                )
            using = cast(quote(name), found[name], wider)
            self.execute(f"{named} ALTER COLUMN {quote(name)} TYPE {wider} USING {using}")
            logger.info(
                "Stream %s: column %s widened from %s to %s.",
                table.name,
                name,
                found[name],
                wider,
            )

    def _comment(self, table: Table, before: Mapping[str, ColumnType]) -> None:
        """Say what people call the columns; of those that are new, so that others' words stay."""
        for name, text in table.comments.items():
            if name in table.columns and name not in before:
                column = f"{self.qualified(table.name)}.{quote(name)}"
                literal = text.replace("'", "''")
                self.execute(f"COMMENT ON COLUMN {column} IS '{literal}'")

    def columns_of(self, name: str) -> Mapping[str, ColumnType]:
        """Return the columns of a table, asked for once."""
        if name not in self._known:
            self._known[name] = self.describe(name)
        return self._known[name]

    def is_empty(self, name: str) -> bool:
        """Tell whether a table has no rows."""
        return not self.fetch(f"SELECT 1 FROM {self.qualified(name)} LIMIT 1")

    def append(self, batch: pa.Table, name: str) -> None:
        """Add rows to a table; columns that they lack are null.

        Raises:
            LoadError: If the database refuses.
        """
        self._check_fits(batch, name)
        if all(self.columns_of(name)[each.name] == _type(each) for each in batch.schema):
            self.ingest(_as_given(batch), name, is_temporary=False)
            return
        stage = self.stage(batch)
        self._insert_from(stage, batch.schema, name)
        self.drop(stage)

    def stage(self, batch: pa.Table) -> str:
        """Put rows into a temporary table of their own, and return its name."""
        stage = "_sfbulk_stage"
        self.execute(f"DROP TABLE IF EXISTS {quote(stage)}")
        columns = {each.name: _type(each) for each in batch.schema}
        self.execute(f"CREATE TEMPORARY TABLE {quote(stage)} ({self._columns_clause(columns)})")
        self.ingest(_as_given(batch), stage, is_temporary=True)
        return stage

    def drop(self, stage: str) -> None:
        """Drop a temporary table."""
        self.execute(f"DROP TABLE {quote(stage)}")

    def merge(self, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
        """Put rows in the place of those with the same key.

        Args:
            batch: No two rows with the same key.
            name: The table.
            keys: Its key.

        Raises:
            LoadError: If the database refuses.
        """
        self._check_fits(batch, name)
        stage = self.stage(batch)
        self._ready_to_merge(stage)
        self.execute(
            f"DELETE FROM {self.qualified(name)} AS t USING {quote(stage)} AS s WHERE {_same(keys)}"
        )
        self._insert_from(stage, batch.schema, name)
        self.drop(stage)

    def update(self, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
        """Set the other columns of a batch in the rows with the same key; add no rows.

        Raises:
            LoadError: If the database refuses.
        """
        self._check_fits(batch, name)
        stage = self.stage(batch)
        others = [each for each in batch.schema if each.name not in keys]
        values = ", ".join(
            f"{quote(each.name)} = {self._cast_to(name, each, 's.')}" for each in others
        )
        self.execute(
            f"UPDATE {self.qualified(name)} AS t SET {values} FROM {quote(stage)} AS s "
            f"WHERE {_same(keys)}"
        )
        self.drop(stage)

    def remove(self, batch: pa.Table, name: str, keys: Sequence[str]) -> None:
        """Delete the rows with the keys of a batch.

        Raises:
            LoadError: If the database refuses.
        """
        stage = self.stage(batch.select(list(keys)))
        self.execute(
            f"DELETE FROM {self.qualified(name)} AS t USING {quote(stage)} AS s WHERE {_same(keys)}"
        )
        self.drop(stage)

    def ensure_waiting_table(self, table: Table) -> str:
        """Make the table in which records wait until all of them have been read.

        Returns:
            Its name. It lasts, so that a load that was killed goes on.

        Raises:
            LoadError: If the database refuses.
        """
        waiting = waiting_table(table.name)
        found = self.describe(waiting)
        wanted = {**table.columns, SOURCE: ColumnType("VARCHAR")}
        if found and not (wanted.items() <= found.items()):
            # Rows that came with other types are read again: no row of the state names this table.
            self._fit(Table(waiting, wanted), found, is_own=True)
        if not found:
            columns = self._columns_clause(wanted)
            self.execute(f"CREATE TABLE {self.qualified(waiting)} ({columns})")
        self._known.pop(waiting, None)
        return waiting

    def drop_waiting_table(self, table: str) -> None:
        """Drop the table in which the records of another one have waited, if there is one."""
        waiting = waiting_table(table)
        self.execute(f"DROP TABLE IF EXISTS {self.qualified(waiting)}")
        self._known.pop(waiting, None)

    def count_by_source(self, waiting: str) -> dict[str, int]:
        """Count the rows of a waiting table by the job that they are from."""
        query = f"SELECT {SOURCE}, count(*) FROM {self.qualified(waiting)} GROUP BY {SOURCE}"
        return dict(self.fetch(query))

    def discard_source(self, waiting: str, source: str) -> None:
        """Drop the rows of a waiting table that are from one job."""
        self.execute(f"DELETE FROM {self.qualified(waiting)} WHERE {SOURCE} = $1", [source])

    def publish(self, table: str, *, since: tuple[str, str] | None = None) -> None:
        """Move the rows that wait into their table.

        Args:
            table: The table.
            since: A column, and a value of it: rows from there on are replaced. None for all rows.

        Raises:
            LoadError: If the database refuses.
        """
        waiting = waiting_table(table)
        columns = self.columns_of(table)
        where, least = "", []
        if since:
            column, value = since
            where = f" WHERE {quote(column)} >= CAST($1 AS {columns[column]})"
            least = [value]
        self.execute(f"DELETE FROM {self.qualified(table)}{where}", least)
        names = [name for name in self.columns_of(waiting) if name != SOURCE]
        values = [
            cast(quote(name), self.columns_of(waiting)[name], columns[name]) for name in names
        ]
        self.execute(
            f"INSERT INTO {self.qualified(table)} ({', '.join(map(quote, names))}) "
            f"SELECT {', '.join(values)} FROM {self.qualified(waiting)}"
        )
        self.drop_waiting_table(table)

    def qualified(self, name: str) -> str:
        """Write the name of a table with its schema."""
        return f"{quote(self._schema)}.{quote(name)}"

    def _insert_from(self, stage: str, schema: pa.Schema, name: str) -> None:
        names = ", ".join(quote(each.name) for each in schema)
        values = ", ".join(self._cast_to(name, each) for each in schema)
        self.execute(
            f"INSERT INTO {self.qualified(name)} ({names}) SELECT {values} FROM {quote(stage)}"
        )

    def _cast_to(self, name: str, column: pa.Field, prefix: str = "") -> str:
        expression = f"{prefix}{quote(column.name)}"
        return cast(expression, _type(column), self.columns_of(name)[column.name])

    def _check_fits(self, batch: pa.Table, name: str) -> None:
        columns = self.columns_of(name)
        for each in batch.schema:
            if each.name not in columns or widest(columns[each.name], _type(each)) is None:
                raise LoadError(
                    f"Column {each.name} of table {name} is not there or has another type: it was "
                    "changed while it was loaded."
                )

    def _columns_clause(self, columns: Mapping[str, ColumnType], keys: Sequence[str] = ()) -> str:
        clauses = [
            f"{quote(name)} {type_}{' NOT NULL' if name in keys else ''}"
            for name, type_ in columns.items()
        ]
        return ", ".join(clauses) + self._key_clause(keys)

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if self.longest_name is not None and len(name.encode()) > self.longest_name:
                raise LoadError(
                    f"The name {name} is longer than the {self.longest_name} bytes that this "
                    "database keeps of a name."
                )


def quote(name: str) -> str:
    """Quote a name, so that it stays as it is written."""
    return '"' + name.replace('"', '""') + '"'


def waiting_table(table: str) -> str:
    """Name the table in which the records of another one wait."""
    # Short, since PostgreSQL cuts names at 63 bytes.
    return f"_sfbulk_waiting_{hashlib.sha256(table.encode()).hexdigest()[:16]}"


def _type(column: pa.Field) -> ColumnType:
    return ColumnType.of_arrow(column.type)


def _as_given(batch: pa.Table) -> pa.Table:
    """Give a batch the Arrow types that databases take."""
    import pyarrow as pa  # noqa: PLC0415 - for the one call

    schema = pa.schema(pa.field(each.name, _type(each).arrow) for each in batch.schema)
    return batch if batch.schema == schema else batch.cast(schema)


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"t.{quote(key)} = s.{quote(key)}" for key in keys)
