"""PostgreSQL, through ADBC: rows go in as binary COPY."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from typing_extensions import override

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.database import STAGE, Database, DatabaseInUseError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HOLDER = """
    SELECT a.pid::text, a.usename::text, coalesce(host(a.client_addr), 'the same machine'),
        to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
    FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = {} AND l.objid::bigint = {}
"""
_COLUMNS = """
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
_PRIMARY_KEY = """
    SELECT o.conname::text, a.attname::text
    FROM pg_constraint AS o
        JOIN pg_class AS c ON c.oid = o.conrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (o.conkey)
    WHERE n.nspname = $1 AND c.relname = $2 AND o.contype = 'p'
"""


class PostgreSQLDatabase(Database):
    """A PostgreSQL database, or one that speaks its protocol.

    Args:
        address: As libpq takes it: `postgresql://user@host:port/database`. What it leaves out libpq
            takes from its environment variables (`PGPASSWORD`) and files.
        schema: In which the tables are.

    Raises:
        DatabaseInUseError: If another load is going on in this schema.
        LoadError: If it cannot be reached.
    """

    # NAMEDATALEN, less the zero at the end.
    longest_name: ClassVar[int | None] = 63

    def __init__(self, address: str, schema: str | None) -> None:
        super().__init__(schema or "public")
        with self._errors("cannot be reached"):
            self._connection = dbapi.connect(address, autocommit=False)
        self._cursor = self._connection.cursor()
        try:
            self.execute("SET application_name = 'sfbulk-load'")
            self.execute("SET TIME ZONE 'UTC'")
            self._lock()
            self.commit()
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        """Keep other loads out of the schema as long as this connection lasts."""
        hashed = hashlib.sha256(f"sfbulk-load {self._schema}".encode()).digest()
        first, second = (int.from_bytes(hashed[n : n + 4], "big") >> 1 for n in (0, 4))
        if self.fetch(f"SELECT pg_try_advisory_lock({first}, {second})")[0][0]:
            return
        holders = self.fetch(_HOLDER.format(first, second))
        whose = "; ".join(
            f"process {pid} of the server, for user {user} on {host}, since {since}"
            for pid, user, host, since in holders
        )
        raise DatabaseInUseError(
            f"Another load into schema {self._schema} of this database is going on"
            f" ({whose or 'it has just ended'})."
        )

    @override
    def execute(self, statement: str, parameters: Sequence[str | None] = ()) -> None:
        with self._errors(statement.split(" (", maxsplit=1)[0]):
            self._cursor.execute(statement, _bound(parameters))

    @override
    def fetch(self, query: str, parameters: Sequence[str | None] = ()) -> list[tuple[Any, ...]]:
        with self._errors(query):
            self._cursor.execute(query, _bound(parameters))
            rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    @override
    def ingest(self, batch: pa.Table, name: str) -> None:
        self._copy(batch, name, db_schema_name=self._schema)

    @override
    @contextmanager
    def stage(self, batch: pa.Table) -> Iterator[None]:
        columns = (f"{quote(each.name)} {ColumnType.of_arrow(each.type)}" for each in batch.schema)
        self.execute(f"CREATE TEMPORARY TABLE {STAGE} ({', '.join(columns)}) ON COMMIT DROP")
        self._copy(batch, STAGE, temporary=True)
        self.execute(f"ANALYZE {STAGE}")
        yield
        self.execute(f"DROP TABLE {STAGE}")

    def _copy(self, batch: pa.Table, name: str, **where: Any) -> None:
        with self._errors(f"COPY {name}"):
            self._cursor.adbc_ingest(name, batch, mode="append", **where)

    @override
    @contextmanager
    def joining_by_key(self, name: str, keys: Sequence[str]) -> Iterator[None]:
        columns = self.fetch(_PRIMARY_KEY, [self._schema, name])
        if {column for _, column in columns} != set(keys):
            yield
            return
        # While a table is filled, the planner knows too little of it to look its rows up in the
        # index, and reads all of them for each batch.
        for join in ("hashjoin", "mergejoin"):
            self.execute(f"SET LOCAL enable_{join} = off")
        yield
        for join in ("hashjoin", "mergejoin"):
            self.execute(f"SET LOCAL enable_{join} = on")

    @override
    def describe(self, name: str) -> dict[str, ColumnType]:
        rows = self.fetch(_COLUMNS, [self._schema, name])
        return {column: ColumnType.parse(type_) for column, type_ in rows}

    @override
    def commit(self) -> None:
        with self._errors("COMMIT"):
            self._connection.commit()

    @override
    def rollback(self) -> None:
        self._known.clear()
        with self._errors("ROLLBACK"):
            self._connection.rollback()

    @override
    def close(self) -> None:
        self._cursor.close()
        self._connection.close()

    @override
    def drop_key(self, name: str) -> None:
        columns = self.fetch(_PRIMARY_KEY, [self._schema, name])
        for constraint in {constraint for constraint, _ in columns}:
            self.execute(f"ALTER TABLE {self.qualified(name)} DROP CONSTRAINT {quote(constraint)}")

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except adbc_driver_manager.Error as error:
            said = str(error).split("\n", 1)[0]
            raise LoadError(f"PostgreSQL: {said} ({what})") from None


def _bound(parameters: Sequence[str | None]) -> pa.RecordBatch | None:
    """Give parameters the type of text, which a null among them would lack."""
    if not parameters:
        return None
    columns = [pa.array([each], pa.string()) for each in parameters]
    return pa.record_batch(columns, [str(number) for number in range(len(parameters))])
