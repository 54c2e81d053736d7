"""A stream of Singer messages on its way into its table.

Records of the version that queries see are merged as they come. Those of another one wait until it
is activated, and then replace the table in one step. Many taps activate a version before its first
record: then it is complete when the input has ended, or when it is activated again.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_sfbulk_pages.decoding.arrow import MOMENT
from tap_sfbulk_pages.decoding.deleted import DELETED_AT
from tap_sfbulk_pages.errors import LoadError, UnfitNumberError
from tap_sfbulk_pages.loading.databases import rows
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.tables import Table, ensure_table, widen_columns
from tap_sfbulk_pages.loading.databases.waiting import (
    count_by_source,
    discard_source,
    ensure_waiting_table,
    has_waiting_table,
    let_wait,
    publish,
    waiting_table,
)
from tap_sfbulk_pages.loading.exact_numbers import fit_numbers, keep_decimals
from tap_sfbulk_pages.loading.landing import was_own
from tap_sfbulk_pages.loading.singer_batches import read_batch_file
from tap_sfbulk_pages.loading.singer_records import (
    UNFIT,
    arrow_type_of,
    converter_of,
    records_as_arrow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_sfbulk_pages.loading.databases.database import Database

_RECORDS_AT_A_TIME = 20_000

logger = logging.getLogger(__name__)


class SingerStream:
    """Takes the messages of one stream; its caller commits.

    Args:
        database: Where to.
        name: Of the stream, and of its table.
        loading: What an earlier load has left (`loading`); None where the loader has not made the
            table.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.

    Attributes:
        total: How many records have been loaded.
    """

    def __init__(
        self, database: Database, name: str, *, loading: str | None, removes_deleted: bool
    ) -> None:
        saved = json.loads(loading) if loading else None
        self.total = 0
        self._database = database
        self._name = name
        self._removes_deleted = removes_deleted
        self._is_own = was_own(saved)
        self._announced: Mapping[str, Any] | None = None
        self._table = Table(name, {})
        self._types: dict[str, pa.DataType] = {}
        self._key_converters: list[tuple[str, Callable[[Any], Any]]] = []
        self._unknown: set[str] = set()
        # Of the table; of the records that are held; and one that was activated too soon.
        self._active_version: int | None = saved.get("version") if saved else None
        self._version: int | None = None
        self._pending_version: int | None = None
        self._has_batches = False
        self._records: list[dict[str, Any]] = []

    @property
    def loading(self) -> str:
        """What a later load has to know, as JSON."""
        return json.dumps({"version": self._active_version, "is_own": self._is_own})

    def announce(self, message: Mapping[str, Any]) -> bool:
        """Make the table fit a SCHEMA message.

        Returns:
            Whether there is anything new in it.

        Raises:
            LoadError: If a column cannot hold what is announced.
        """
        if message == self._announced:
            return False
        self.flush()
        schema = message["schema"]
        # In JSON Schema, `true` is a schema, too.
        properties = {
            name: each if isinstance(each, dict) else {}
            for name, each in (schema.get("properties") or {}).items()
        }
        keys = tuple(dict.fromkeys(message.get("key_properties") or ()))
        if missing := [key for key in keys if key not in properties]:
            raise LoadError(
                f"Stream {self._name}: its SCHEMA message has the key_properties "
                f"{', '.join(missing)}, which are none of its properties."
            )
        self._types = {name: self._type_of(name, each) for name, each in properties.items()}
        self._key_converters = [(key, converter_of(self._types[key])) for key in keys]
        self._table = Table(
            self._name,
            {name: ColumnType.of_arrow(type_) for name, type_ in self._types.items()},
            keys,
            {name: text for name, each in properties.items() if (text := _description(each))},
            _description(schema),
        )
        self._is_own = ensure_table(self._database, self._table, was_own=self._is_own)
        self._table = keep_decimals(self._table, self._database.columns_of(self._name))
        if has_waiting_table(self._database, self._name):
            ensure_waiting_table(self._database, self._table)
        self._announced = message
        return True

    def take_record(self, message: Mapping[str, Any]) -> None:
        """Take a RECORD message.

        Raises:
            LoadError: If records cannot be loaded.
        """
        version = message.get("version", self._pending_version)
        if version != self._version or len(self._records) >= _RECORDS_AT_A_TIME:
            self.flush()
            self._turn_to(version)
        record = message["record"]
        self._check_names(record.keys())
        self._records.append(record)

    def take_file(self, uri: str, encoding: Mapping[str, Any]) -> int:
        """Take a file of a BATCH message.

        Returns:
            How many records it has.

        Raises:
            LoadError: If it cannot be loaded.
        """
        self.flush()
        self._turn_to(self._pending_version)
        self._has_batches = True
        before = self.total
        files = read_batch_file(
            self._name, uri, encoding, self._types, check_names=self._check_names
        )
        for part in files:
            if isinstance(part, pa.Table):
                if len(part):
                    self._load_arrow(part)
                self.total += len(part)
            else:
                self._check_names(set().union(*part))
                self._load_records(part)
        return self.total - before

    def activate(self, version: int) -> None:
        """Let a version of the table take the place of all others.

        Raises:
            LoadError: If the database refuses.
        """
        self.flush()
        if version == self._active_version:
            return
        self._discard_others(version)
        if self._waiting_versions():
            self._publish(version)
        elif self._has_batches:
            logger.warning(
                "Stream %s: files have no version, so that rows which are no longer in the source "
                "stay.",
                self._name,
            )
            self._active_version = version
        elif version == self._pending_version:
            # Nothing has come between: the source is empty.
            self._publish(version)
        else:
            self._pending_version = version

    def finish(self) -> None:
        """Take note that the input has ended.

        Raises:
            LoadError: If the database refuses.
        """
        self.flush()
        if self._pending_version is not None:
            self._publish(self._pending_version)

    def flush(self) -> None:
        """Hand the records that are held to the database.

        Raises:
            LoadError: If they cannot be loaded.
        """
        held, self._records = self._records, []
        if held:
            self._load_records(held)

    def _type_of(self, name: str, schema: Mapping[str, Any]) -> pa.DataType:
        try:
            return arrow_type_of(schema)
        except TypeError as error:
            raise LoadError(
                f"Stream {self._name}: its SCHEMA message has no JSON schema for {name}: {error}."
            ) from error

    def _turn_to(self, version: int | None) -> None:
        if version is not None and version != self._version:
            self._discard_others(version)
        self._version = version

    def _publish(self, version: int) -> None:
        ensure_waiting_table(self._database, self._table)
        publish(self._database, self._name)
        self._active_version, self._pending_version = version, None

    def _waiting_versions(self) -> list[str]:
        if not has_waiting_table(self._database, self._name):
            return []
        return list(count_by_source(self._database, self._name))

    def _discard_others(self, version: int) -> None:
        """Drop what waits of other versions, which will never be activated."""
        for source in self._waiting_versions():
            if source != str(version):
                discard_source(self._database, self._name, source)

    def _load_arrow(self, records: pa.Table) -> None:
        """Load records as files of columns have them."""
        keys, names = self._table.keys, set(records.column_names)
        self._check_keys(records)
        # A file of nothing but marks has no other columns.
        has_marks = DELETED_AT in names and (self._removes_deleted or names == {*keys, DELETED_AT})
        if keys and has_marks:
            records = _keep_last(records, keys)
            is_deleted = pc.is_valid(records[DELETED_AT])
            self._load_marks(records.filter(is_deleted).select([*keys, DELETED_AT]))
            records = records.filter(pc.invert(is_deleted))
        self._load(records)

    def _load_records(self, records: Sequence[dict[str, Any]]) -> None:
        """Load records as messages and lines have them."""
        self.total += len(records)
        whole, deleted = self._part(records)
        if whole:
            self._load(self._gather(whole, list(self._types)))
        if deleted:
            self._load_marks(self._gather(deleted, [*self._table.keys, DELETED_AT]))

    def _part(
        self, records: Sequence[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Part records from the marks of deleted ones; of each key, what has come last counts."""
        keys = self._table.keys
        if not keys:
            return list(records), []
        whole: dict[Any, dict[str, Any]] = {}
        deleted: dict[Any, dict[str, Any]] = {}
        for record in records:
            key = self._key_of(record)
            if self._is_mark(record):
                deleted[key] = record
            else:
                whole[key] = record
                deleted.pop(key, None)
        return list(whole.values()), list(deleted.values())

    def _key_of(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the key as its columns hold it: the integer 1 and true are two texts."""
        values = [(record.get(name), convert) for name, convert in self._key_converters]
        try:
            return tuple(None if value is None else convert(value) for value, convert in values)
        except UNFIT:
            # Said where the records are gathered.
            return tuple(repr(value) for value, _ in values)

    def _is_mark(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record says no more than that it was deleted, or need say no more."""
        if not record.get(DELETED_AT):
            return False
        return self._removes_deleted or record.keys() <= {*self._table.keys, DELETED_AT}

    def _gather(self, records: Sequence[Mapping[str, Any]], names: Iterable[str]) -> pa.Table:
        """Gather records into columns; where a decimal does not hold a number, as text."""
        types = {name: self._types[name] for name in names}
        try:
            return records_as_arrow(self._name, records, types)
        except UnfitNumberError as error:
            self._hold_as_text(error)
            return self._gather(records, names)

    def _hold_as_text(self, error: UnfitNumberError) -> None:
        logger.warning("%s Its column becomes text, which keeps every digit.", error)
        self._change_column(error.field, pa.string())

    def _change_column(self, name: str, type_: pa.DataType) -> None:
        """Add a column, or widen it, although no SCHEMA message says so."""
        self._types[name] = type_
        self._fit_column(name, ColumnType.of_arrow(type_))

    def _fit_column(self, name: str, type_: ColumnType) -> None:
        columns = {**self._table.columns, name: type_}
        self._table = replace(self._table, columns=columns)
        widen_columns(self._database, self._table, may_widen=self._is_own)
        if has_waiting_table(self._database, self._name):
            ensure_waiting_table(self._database, self._table)

    def _load(self, records: pa.Table) -> None:
        """Put records into the table, or where they wait; of each key, the last one."""
        name, keys = self._name, self._table.keys
        self._check_keys(records)
        # Keys may be equal that were not as they came, such as moments in two time zones.
        records = fit_numbers(_keep_last(records, keys), self._table.columns)
        for each in records.schema:
            if pa.types.is_string(each.type) and self._table.columns[each.name].name == "DECIMAL":
                self._fit_column(each.name, ColumnType("VARCHAR"))
        if self._waits:
            ensure_waiting_table(self._database, self._table)
            let_wait(self._database, records, name, str(self._version), keys=keys)
        elif keys:
            rows.merge(self._database, records, name, keys)
        else:
            rows.append(self._database, records, name)

    def _load_marks(self, records: pa.Table) -> None:
        """Mark or remove the rows of deleted records, in the table or where they wait."""
        name, keys = self._name, self._table.keys
        self._check_keys(records)
        if self._waits and has_waiting_table(self._database, name):
            name = waiting_table(name)
        if self._removes_deleted:
            rows.remove(self._database, records, name, keys)
        else:
            rows.update(self._database, records, name, keys)

    @property
    def _waits(self) -> bool:
        """Whether the records that come are of a version that is not activated yet."""
        return self._version is not None and self._version != self._active_version

    def _check_keys(self, records: pa.Table) -> None:
        for key in self._table.keys:
            if key not in records.column_names or records[key].null_count:
                raise LoadError(
                    f"Stream {self._name}: {key} is null in a record, and part of the key, so that "
                    "such records cannot be told apart. Choose another key in the tap's catalog."
                )

    def _check_names(self, names: Collection[str]) -> None:
        """Warn of fields that were not announced, which are left out."""
        if self._types.keys() >= set(names):
            return
        if DELETED_AT in names and DELETED_AT not in self._types:
            # Without its column, a mark would be a record without values.
            self._change_column(DELETED_AT, MOMENT)
        if new := set(names) - self._types.keys() - self._unknown:
            self._unknown |= new
            logger.warning(
                "Stream %s: its records have %s, which its SCHEMA message does not: left out.",
                self._name,
                ", ".join(sorted(new)),
            )


def _description(schema: Mapping[str, Any]) -> str:
    text = schema.get("description")
    return text if isinstance(text, str) else ""


def _keep_last(records: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keep the last record of each key."""
    if not keys:
        return records
    first, *others = (records[key] for key in keys)
    if not others and pc.count_distinct(first, mode="all").as_py() == len(records):
        return records
    places = pa.table(
        [*(records[key] for key in keys), pa.array(range(len(records)))],
        names=[*(str(number) for number in range(len(keys))), "place"],
    )
    last = places.group_by(places.column_names[:-1]).aggregate([("place", "max")])["place_max"]
    return records.take(last.combine_chunks().sort())
