"""How the records of a stream become rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.arrow import arrow_type
from tap_sfbulk_pages.loading.arrow_pages import TIME
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.loading.arrow_pages import ArrowPages


@dataclass(frozen=True)
class LandingPlan:
    """How the records of a stream become rows.

    Attributes:
        stream: Its name, and that of its table.
        schemas: JSON schemas of the fields that are read, in order.
        keys: The fields that tell records apart; none where nothing does.
        waits: Whether records wait until all have been read.
        since: The replication key, and the least value that is read, where not everything is; rows
            from there on are replaced.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.
        pages: Has the records of pages as Arrow.
        label: What people call the stream; empty for nothing.
    """

    stream: str
    schemas: Mapping[str, Mapping[str, Any]]
    keys: tuple[str, ...]
    waits: bool
    since: tuple[str, str] | None
    removes_deleted: bool
    pages: ArrowPages
    label: str = ""

    @property
    def table(self) -> Table:
        """The table that the records need."""
        comments = {
            name: schema["description"]
            for name, schema in self.schemas.items()
            if schema.get("description")
        }
        columns = {name: _column_type(schema) for name, schema in self.schemas.items()}
        return Table(self.stream, columns, self.keys, comments, self.label)


def _column_type(schema: Mapping[str, Any]) -> ColumnType:
    """Choose the type of a field's column; times, which Arrow has as text, have their own."""
    is_time = schema.get("format") == "time"
    return ColumnType.of_arrow(TIME if is_time else arrow_type(schema))
