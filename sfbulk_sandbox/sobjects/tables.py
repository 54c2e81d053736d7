"""The records of one object: the generated ones, and what has been changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.sobjects.generated_data import GeneratedData
    from sfbulk_sandbox.sobjects.schema import SObject


@dataclass(frozen=True)
class TableSnapshot:
    """What differs from the generated records."""

    added: list[dict[str, str | None]]
    changes: dict[str, dict[int, str | None]]
    removed: set[int]


class Table:
    """All records of an object, as columns of text; null is an empty cell.

    Columns that were handed out never change: a change makes new ones.

    Args:
        sobject: The object.
        generated: The records that it begins with.
    """

    def __init__(self, sobject: SObject, generated: GeneratedData) -> None:
        self._sobject = sobject
        self._generated = generated
        self._added: list[dict[str, str | None]] = []
        self._changes: dict[str, dict[int, str | None]] = {}
        self._removed: set[int] = set()
        self._stored_names: dict[str, str] = {}
        self._current: dict[str, pl.Series] = {}
        self._row_of_id: dict[str, int] | None = None
        self._ids_given = 0

    def __len__(self) -> int:
        generated = self._generated.rows(self._sobject.name)
        return generated + len(self._added) - len(self._removed)

    def column(self, field: str) -> pl.Series:
        """Return a field of all records, those in the recycle bin included."""
        name = self._stored_names.get(field, field)
        if name not in self._current:
            self._current[name] = self._without_removed(self._all_rows(name))
        return self._current[name]

    def contains(self, record_id: str) -> bool:
        """Return whether there is a record with this id."""
        return record_id in self._rows_by_id()

    def cell(self, record_id: str, field: str) -> str | None:
        """Return one cell of a record, None if it is empty or there is no such record."""
        cells = self.column(field).filter(self.column("Id") == record_id)
        return None if cells.is_empty() else str(cells[0]) if cells[0] is not None else None

    def new_id(self) -> str:
        """Return an Id that no record of the object has."""
        self._ids_given += 1
        return self._generated.further_id(self._sobject.name, self._ids_given)

    def add(self, record: dict[str, str | None]) -> None:
        """Add a record; fields that it does not name are empty.

        Args:
            record: Its cells by field, `Id` among them.
        """
        rows_by_id = self._rows_by_id()
        rows_by_id[record["Id"] or ""] = self._generated.rows(self._sobject.name) + len(self._added)
        self._added.append({self._stored_names.get(f, f): text for f, text in record.items()})
        self._current.clear()

    def change(self, record_id: str, cells: dict[str, str | None]) -> None:
        """Set some cells of a record.

        Raises:
            KeyError: There is no record with this id.
        """
        row = self._rows_by_id()[record_id]
        for field, text in cells.items():
            name = self._stored_names.get(field, field)
            self._changes.setdefault(name, {})[row] = text
            self._current.pop(name, None)

    def remove(self, record_id: str) -> None:
        """Take a record away for good.

        Raises:
            KeyError: There is no record with this id.
        """
        self._removed.add(self._rows_by_id().pop(record_id))
        self._current.clear()

    def rename(self, field: str, new_name: str) -> None:
        """Give a field another name; its values stay."""
        self._stored_names[new_name] = self._stored_names.pop(field, field)

    def convert(self, field: str, convert: Callable[[str | None], str | None]) -> None:
        """Convert every cell of a field."""
        name = self._stored_names.get(field, field)
        cells = self._all_rows(name).to_list()
        self._changes[name] = {row: convert(text) for row, text in enumerate(cells)}
        self._current.pop(name, None)

    def snapshot(self) -> TableSnapshot:
        """Return what has been changed so far."""
        changes = {field: dict(cells) for field, cells in self._changes.items()}
        return TableSnapshot(list(self._added), changes, set(self._removed))

    def restore(self, snapshot: TableSnapshot) -> None:
        """Undo all changes since a snapshot."""
        self._added, self._changes = list(snapshot.added), snapshot.changes
        self._removed = set(snapshot.removed)
        self._current.clear()
        self._row_of_id = None

    def _all_rows(self, field: str) -> pl.Series:
        if self._generated.has_field(self._sobject.name, field):
            values = self._generated.column(self._sobject.name, field)
        else:
            rows = self._generated.rows(self._sobject.name)
            values = pl.repeat(None, rows, dtype=pl.String, eager=True).alias(field)
        if self._added:
            added = [record.get(field) for record in self._added]
            values = pl.concat([values, pl.Series(field, added, dtype=pl.String)])
        if changes := self._changes.get(field):
            new_values = pl.Series(list(changes.values()), dtype=pl.String)
            values = values.clone().scatter(list(changes), new_values)
        return values

    def _without_removed(self, values: pl.Series) -> pl.Series:
        if not self._removed:
            return values
        rows = pl.int_range(len(values), eager=True)
        return values.filter(~rows.is_in(sorted(self._removed)))

    def _rows_by_id(self) -> dict[str, int]:
        """Return where each record stands among all rows, removed ones included."""
        if self._row_of_id is None:
            ids = [
                *self._generated.column(self._sobject.name, "Id"),
                *(record["Id"] for record in self._added),
            ]
            self._row_of_id = {
                record_id: row for row, record_id in enumerate(ids) if row not in self._removed
            }
        return self._row_of_id
