"""A connection to a database: what the loader asks of each kind.

One connection, one transaction at a time: whatever is done between two `commit`s becomes visible at
once or not at all, the state among it. Names are quoted, so that they stay as in Salesforce.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from tap_sfbulk_pages.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from tap_sfbulk_pages.loading.databases.column_types import ColumnType

STAGE = "_sfbulk_stage"


class DatabaseInUseError(LoadError):
    """A database that another process has opened, or is loading into."""


class Database(ABC):
    """A connection to a database.

    Args:
        schema: In which the tables are.

    Attributes:
        longest_name: How many bytes of a name the database keeps; None for all.
        has_key_index: Whether tables have a primary key.
        ignores_case: Whether names that differ in upper and lower case only are one.
    """

    longest_name: ClassVar[int | None] = None
    has_key_index: ClassVar[bool] = True
    ignores_case: ClassVar[bool] = False

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._known: dict[str, Mapping[str, ColumnType]] = {}

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
    def ingest(self, batch: pa.Table, name: str) -> None:
        """Add rows to a table of the same columns, as Arrow.

        Raises:
            LoadError: If the database refuses.
        """

    @abstractmethod
    def stage(self, batch: pa.Table) -> AbstractContextManager[None]:
        """Let statements read rows as if they were a table of the name `STAGE`.

        Raises:
            LoadError: If the database refuses.
        """

    def joining_by_key(
        self,
        name: str,  # noqa: ARG002 - most planners need no help
        keys: Sequence[str],  # noqa: ARG002 - as above
    ) -> AbstractContextManager[None]:
        """Let statements find the rows of a table by its key, within a context."""
        return nullcontext()

    def moving_rows(self) -> AbstractContextManager[None]:
        """Let a statement move the rows of a whole table in little memory, within a context."""
        return nullcontext()

    @abstractmethod
    def describe(self, name: str) -> dict[str, ColumnType]:
        """Return the columns of a table in the schema, in order; none where there is no table."""

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

    def drop_key(self, name: str) -> None:
        """Drop the primary key of a table, where tables have one."""
        raise NotImplementedError

    def ensure_schema(self) -> None:
        """Make the schema where it is missing.

        Raises:
            LoadError: If the database refuses.
        """
        # IF NOT EXISTS would ask for the right to create even what is there.
        schemata = "SELECT 1 FROM information_schema.schemata WHERE schema_name = $1"
        if not self.fetch(schemata, [self._schema]):
            self.execute(f"CREATE SCHEMA {quote(self._schema)}")

    def find_missing_tables(self, names: Iterable[str]) -> list[str]:
        """List those of some names that no table of the schema has."""
        query = (
            "SELECT CAST(table_name AS VARCHAR) FROM information_schema.tables"
            " WHERE table_schema = $1"
        )
        found = {name for (name,) in self.fetch(query, [self._schema])}
        if not self.ignores_case:
            return [name for name in names if name not in found]
        found = {name.lower() for name in found}
        return [name for name in names if name.lower() not in found]

    def required_columns(self, name: str) -> set[str]:
        """List the columns of a table that are never null."""
        query = (
            "SELECT CAST(column_name AS VARCHAR) FROM information_schema.columns"
            " WHERE table_schema = $1 AND table_name = $2 AND is_nullable = 'NO'"
        )
        return {column for (column,) in self.fetch(query, [self._schema, name])}

    def columns_of(self, name: str) -> Mapping[str, ColumnType]:
        """Return the columns of a table, asked for once."""
        if name not in self._known:
            self._known[name] = self.describe(name)
        return self._known[name]

    def forget(self, name: str) -> None:
        """Ask for the columns of a table again, since they have changed."""
        self._known.pop(name, None)

    def qualified(self, name: str) -> str:
        """Write the name of a table with its schema."""
        return f"{quote(self._schema)}.{quote(name)}"


def quote(name: str) -> str:
    """Quote a name, so that it stays as it is written."""
    return '"' + name.replace('"', '""') + '"'
