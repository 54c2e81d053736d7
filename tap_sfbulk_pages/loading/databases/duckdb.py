"""DuckDB: a file of this machine, given Arrow in memory.

No index is kept for the key: deleting by a hash join and inserting is faster than any statement
that needs one (MERGE INTO, INSERT OR REPLACE), and the file is a fifth smaller.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
from typing_extensions import override

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.database import STAGE, Database, DatabaseInUseError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

_MEMORY_MB = 128
# DuckDB works on so many rows at a time, all of which have to be in memory. Usual ones are small
# beside its limit; those with the longest texts of Salesforce fill it alone.
_VECTOR_ROWS = 2_048
_SMALL_VECTOR_MB = 32
# A row group has 122,880 rows. After a commit, DuckDB packs those that are not full and those with
# rows that are gone. Behind many added rows that would write most of them again, for little.
_MANY_ROWS = 12_288
_HELD_BY = re.compile(r"Conflicting lock is held in (.+?)(?:\. |$)")


class DuckDBDatabase(Database):
    """A DuckDB file.

    Args:
        path: The file; made where there is none.
        schema: In which the tables are.

    Raises:
        DatabaseInUseError: If another process has opened it.
        LoadError: If it cannot be opened.
    """

    has_key_index: ClassVar[bool] = False
    ignores_case: ClassVar[bool] = True

    def __init__(self, path: Path, schema: str | None) -> None:
        super().__init__(schema or "main")
        if not path.absolute().parent.is_dir():
            raise LoadError(f"There is no folder {path.absolute().parent} for {path.name}.")
        try:
            self._connection = duckdb.connect(
                str(path),
                config={"memory_limit": f"{_MEMORY_MB}MB", "preserve_insertion_order": False},
            )
            self._memory_mb = _MEMORY_MB
            self._with_room: set[str] = set()
            self._connection.execute("SET TimeZone = 'UTC'")
            self._added_rows, self._has_replaced_rows = 0, False
        except duckdb.Error as error:
            if held := _HELD_BY.search(str(error)):
                raise DatabaseInUseError(f"{path} is in use by {held[1]}.") from None
            raise LoadError(f"{path} cannot be opened: {_first_line(error)}") from error
        self._connection.begin()

    @override
    def execute(self, statement: str, parameters: Sequence[str | None] = ()) -> None:
        with _errors(statement):
            self._connection.execute(statement, list(parameters))
            if statement.startswith(("DELETE", "UPDATE")):
                ((count,),) = self._connection.fetchall()
                self._has_replaced_rows |= count > 0

    @override
    def fetch(self, query: str, parameters: Sequence[str | None] = ()) -> list[tuple[Any, ...]]:
        with _errors(query):
            return self._connection.execute(query, list(parameters)).fetchall()

    @override
    def ingest(self, batch: pa.Table, name: str) -> None:
        self._make_room(batch.nbytes, batch.num_rows)
        names = ", ".join(map(quote, batch.column_names))
        with self.stage(batch):
            self.execute(f"INSERT INTO {self.qualified(name)} ({names}) FROM {STAGE}")
        self._added_rows += batch.num_rows

    @override
    @contextmanager
    def stage(self, batch: pa.Table) -> Iterator[None]:
        # Statements read Arrow where it lies: no row is written for it.
        with _errors(STAGE):
            self._connection.register(STAGE, batch)
        yield
        with _errors(STAGE):
            self._connection.unregister(STAGE)

    @override
    @contextmanager
    def moving_rows(self) -> Iterator[None]:
        # Each thread packs a row group of its own, which the memory limit does not count: with
        # two, 400,000 accounts took 40 MB more, and no less time.
        self.execute("SET threads = 1")
        yield
        self.execute("RESET threads")

    @override
    def describe(self, name: str) -> dict[str, ColumnType]:
        rows = self.fetch(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = $1"
            " AND lower(table_name) = lower($2) AND database_name = current_database()"
            " ORDER BY column_index",
            [self._schema, name],
        )
        if rows and name not in self._with_room:
            self._with_room.add(name)
            self._make_room_for_table(name)
        return {column: ColumnType.parse(type_) for column, type_ in rows}

    def _make_room_for_table(self, name: str) -> None:
        """Make room for the rows of a table, which are read when it is packed."""
        query = (
            "SELECT estimated_size FROM duckdb_tables() WHERE schema_name = $1"
            " AND lower(table_name) = lower($2) AND database_name = current_database()"
        )
        # Views have none.
        for (count,) in self.fetch(query, [self._schema, name]):
            found = self.fetch(
                "SELECT stats FROM pragma_storage_info($1) WHERE segment_type = 'VARCHAR'",
                [self.qualified(name)],
            )
            # Older versions have a text in place of the figures.
            figures = [stats for (stats,) in found if isinstance(stats, dict)]
            self._make_room(sum(each.get("total_string_length") or 0 for each in figures), count)

    def _make_room(self, size: int, rows: int) -> None:
        """Raise the limit of memory if rows are so large that DuckDB would fail with it.

        Args:
            size: Bytes of all rows.
            rows: How many there are.
        """
        vector_mb = _VECTOR_ROWS * size // max(rows, 1) // 1_000_000
        needed = _MEMORY_MB + 3 * vector_mb // 2
        if vector_mb > _SMALL_VECTOR_MB and needed > self._memory_mb:
            self._memory_mb = needed
            self.execute(f"SET memory_limit = '{needed}MB'")

    @override
    def commit(self) -> None:
        packs = self._has_replaced_rows or self._added_rows < _MANY_ROWS
        self.execute("RESET max_vacuum_tasks" if packs else "SET max_vacuum_tasks = 0")
        with _errors("COMMIT"):
            self._connection.commit()
        self._added_rows, self._has_replaced_rows = 0, False
        self._connection.begin()

    @override
    def rollback(self) -> None:
        self._known.clear()
        self._added_rows, self._has_replaced_rows = 0, False
        with _errors("ROLLBACK"):
            self._connection.rollback()
        self._connection.begin()

    @override
    def close(self) -> None:
        self._connection.close()


@contextmanager
def _errors(statement: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise LoadError(
            f"DuckDB: {_first_line(error)} ({statement.split(' (', maxsplit=1)[0]})"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
