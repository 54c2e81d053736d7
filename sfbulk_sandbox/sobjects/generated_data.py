"""Columns of generated records, made when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sfbulk_sandbox.sobjects.draw import (
    Draw,
    hashed_key,
    live_records,
    place_of_live_record,
    random_bits,
)
from sfbulk_sandbox.sobjects.record_ids import record_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import SObject

_LARGEST_ID_OFFSET = 62**4
_NO_KEY_PREFIX = "000"
_SEQUENCE, _LIVE_IDS = "@sequence", "@live ids"


class GeneratedData:
    """The records that an org starts with, as columns of the text that bulk results carry.

    The same seed, object and number of rows give the same records. They do not stand in the order
    in which they were made, so that no timestamp and no id ascends from row to row.

    Args:
        sobjects: The objects by name.
        seed: Another number gives other records.
        rows: How many records an object has, where that is not its default.
        until: Everything has happened before this moment.
    """

    def __init__(
        self,
        sobjects: Mapping[str, SObject],
        *,
        seed: int,
        rows: Mapping[str, int],
        until: datetime,
    ) -> None:
        self._sobjects = sobjects
        self._seed = seed
        self._rows = rows
        self._until = until
        self._columns: dict[tuple[str, str], pl.Series] = {}

    def rows(self, sobject: str) -> int:
        """Return how many records of an object are made, deleted ones included."""
        return self._rows.get(sobject, self._sobjects[sobject].default_rows)

    def column(self, sobject: str, field: str) -> pl.Series:
        """Return the values of a field of all the object's records, in the order of the table."""
        key = (sobject, field)
        if key not in self._columns:
            values = self._make(self._sobjects[sobject].fields_by_name[field], sobject)
            self._columns[key] = values.alias(field)
        return self._columns[key]

    def has_field(self, sobject: str, field: str) -> bool:
        """Whether the object had the field when its records were made."""
        return field in self._sobjects[sobject].fields_by_name

    def further_id(self, sobject: str, number: int) -> str:
        """Return the Id of a record that is made after the generated ones, counted from 1."""
        place = self.rows(sobject) + number - 1
        return str(self._ids(sobject, pl.Series([place]))[0])

    def _make(self, field: Field, sobject: str) -> pl.Series:
        sequence = self._sequence(sobject)
        if sequence.is_empty():
            return pl.Series(field.name, [], dtype=pl.String)
        if field.name == "Id" and self._sobjects[sobject].unique_ids:
            return self._ids(sobject, sequence)
        return field.values(
            Draw(
                seed=self._seed,
                sobject=sobject,
                field=field.name,
                sequence=sequence,
                until=self._until,
                live_rows_of=self._live_rows,
                live_ids_of=self._live_ids,
                column=lambda other: self.column(sobject, other),
            )
        )

    def _sequence(self, sobject: str) -> pl.Series:
        """Return each row's place in the sequence of creation: every place once, shuffled."""
        key = (sobject, _SEQUENCE)
        if key not in self._columns:
            places = pl.int_range(self.rows(sobject), eager=True)
            shuffled = random_bits(hashed_key(self._seed, sobject, "order"), places).arg_sort()
            self._columns[key] = shuffled.cast(pl.Int64)
        return self._columns[key]

    def _ids(self, sobject: str, places: pl.Series) -> pl.Series:
        offset = hashed_key(self._seed, sobject, "ids") % _LARGEST_ID_OFFSET
        prefix = self._sobjects[sobject].key_prefix or _NO_KEY_PREFIX
        return record_ids(prefix, places, offset)

    def _live_rows(self, sobject: str) -> int:
        rows = self.rows(sobject)
        return live_records(rows) if self._sobjects[sobject].has_recycle_bin else rows

    def _live_ids(self, sobject: str, numbers: pl.Series) -> pl.Series:
        key = (sobject, _LIVE_IDS)
        if key not in self._columns:
            places = pl.int_range(self._live_rows(sobject), eager=True)
            if self._sobjects[sobject].has_recycle_bin:
                places = place_of_live_record(places)
            self._columns[key] = self._ids(sobject, places)
        return self._columns[key].gather(numbers)
