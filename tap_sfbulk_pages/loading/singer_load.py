"""Singer messages from another process into a database: a loader for any tap.

State and records are committed together, and the state is written to stdout after its records have
been committed, as targets do. The state itself is kept by whoever runs the tap, so that records
without a key come again after a kill, as from every Singer target.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import simplejson

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.database import (
    SOURCE,
    SavedStream,
    Table,
    waiting_table,
)
from tap_sfbulk_pages.loading.singer_batches import local_path, read_batch_file
from tap_sfbulk_pages.loading.singer_records import arrow_type_of, records_as_arrow
from tap_sfbulk_pages.salesforce.schema import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tap_sfbulk_pages.loading.databases.database import Database

_RECORDS_AT_A_TIME = 20_000
_RECORDS_A_TRANSACTION = 100_000
_SECONDS_A_TRANSACTION = 10.0

logger = logging.getLogger(__name__)


@dataclass
class SingerStream:
    """A stream that has been announced.

    Attributes:
        table: What its records need.
        types: Arrow types of its columns.
        active_version: The version of the table that queries see; None for none.
        records: Those that wait to be handed to the database, all of one version.
        version: Theirs.
        has_batches: Whether files of this stream, which have no version, have been loaded.
    """

    table: Table
    types: Mapping[str, pa.DataType]
    active_version: int | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    version: int | None = None
    has_batches: bool = False


class SingerLoad:
    """Loads messages.

    Args:
        database: Where to.
        write: Writes a line to stdout.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.
    """

    def __init__(
        self, database: Database, write: Callable[[str], None], *, removes_deleted: bool
    ) -> None:
        self._database = database
        self._write = write
        self._removes_deleted = removes_deleted
        self._saved = database.saved_streams()
        self._streams: dict[str, SingerStream] = {}
        self._state: Any = None
        self._files: list[Path] = []
        self._records = 0
        self._begun = time.monotonic()
        self._total = 0

    def load(self, lines: Iterable[bytes]) -> None:
        """Load all messages, to the end of the input.

        Raises:
            LoadError: If a message cannot be understood, or the database refuses.
        """
        handlers: Mapping[str, Callable[[Any], None]] = {
            "SCHEMA": self._take_schema,
            "RECORD": self._take_record,
            "BATCH": self._take_batch,
            "STATE": self._take_state,
            "ACTIVATE_VERSION": self._activate,
        }
        for line in lines:
            if not line.strip():
                continue
            try:
                message = json.loads(line, parse_float=Decimal)
                kind = message["type"]
            except (ValueError, LookupError, TypeError) as error:
                start = line[:80].decode(errors="replace")
                raise LoadError(f"A line is not a Singer message: {start!r}") from error
            if handle := handlers.get(kind):
                handle(message)
        self._commit()
        logger.info("Loaded %s records of %s streams.", f"{self._total:,}", len(self._streams))

    def _take_schema(self, message: Mapping[str, Any]) -> None:
        name = message["stream"]
        properties = message["schema"].get("properties") or {}
        types = {each: arrow_type_of(schema) for each, schema in properties.items()}
        table = Table(
            name,
            {each: ColumnType.of_arrow(type_) for each, type_ in types.items()},
            tuple(message.get("key_properties") or ()),
            {each: s["description"] for each, s in properties.items() if s.get("description")},
        )
        before = self._streams.get(name)
        if before and before.table == table:
            return
        if before:
            self._flush(before)
        saved = self._saved.get(name)
        is_own = saved is not None and saved.loading is not None
        self._database.ensure_table(table, is_own=is_own)
        stream = SingerStream(table, types, before.active_version if before else None)
        if saved and saved.loading:
            stream.active_version = json.loads(saved.loading).get("version")
        self._streams[name] = stream
        self._save(stream)

    def _take_record(self, message: Mapping[str, Any]) -> None:
        stream = self._stream(message)
        version = message.get("version")
        if version != stream.version or len(stream.records) >= _RECORDS_AT_A_TIME:
            self._flush(stream)
            if version is not None and version != stream.version:
                self._discard_others(stream, version)
            stream.version = version
        stream.records.append(message["record"])
        self._records += 1

    def _take_batch(self, message: Mapping[str, Any]) -> None:
        stream = self._stream(message)
        self._flush(stream)
        encoding = message.get("encoding") or {}
        for uri in message.get("manifest") or ():
            name = stream.table.name
            for records in read_batch_file(name, uri, encoding, stream.types):
                self._records += len(records)
                self._total += len(records)
                self._load(stream, records)
            if encoding.get("format") == "arrow":
                # Files of this format are the loader's to delete.
                self._files.append(local_path(uri))
        stream.has_batches = True

    def _take_state(self, message: Mapping[str, Any]) -> None:
        self._state = message["value"]
        is_due = time.monotonic() - self._begun > _SECONDS_A_TRANSACTION
        if self._records >= _RECORDS_A_TRANSACTION or is_due:
            self._commit()

    def _activate(self, message: Mapping[str, Any]) -> None:
        """Let a version of the table take the place of all others."""
        stream, version = self._stream(message), message["version"]
        self._flush(stream)
        if version == stream.active_version:
            return
        if self._discard_others(stream, version):
            self._database.publish(stream.table.name)
        elif stream.has_batches:
            logger.warning(
                "Stream %s: files have no version, so that rows which are no longer in the source "
                "stay.",
                stream.table.name,
            )
        else:
            self._database.ensure_waiting_table(stream.table)
            self._database.publish(stream.table.name)
        stream.active_version = version
        self._save(stream)

    def _discard_others(self, stream: SingerStream, version: int) -> bool:
        """Drop what waits of other versions, which will never be activated.

        Returns:
            Whether there is a table of records that wait.
        """
        waiting = waiting_table(stream.table.name)
        if not self._database.describe(waiting):
            return False
        for source in self._database.count_by_source(waiting):
            if source != str(version):
                self._database.discard_source(waiting, source)
        return True

    def _stream(self, message: Mapping[str, Any]) -> SingerStream:
        name = message.get("stream", "")
        if name not in self._streams:
            raise LoadError(f"A {message['type']} message came before the SCHEMA of {name!r}.")
        return self._streams[name]

    def _flush(self, stream: SingerStream) -> None:
        """Hand the records of a stream to the database."""
        records, stream.records = stream.records, []
        if not records:
            return
        self._total += len(records)
        name = stream.table.name
        deleted: list[dict[str, Any]] = []
        whole: list[dict[str, Any]] = []
        for record in records:
            is_mark = record.get(DELETED_AT) and len(record) < len(stream.types)
            (deleted if is_mark and stream.table.keys else whole).append(record)
        if whole:
            self._load(stream, records_as_arrow(name, _newest(whole, stream), stream.types))
        if deleted:
            names = [*stream.table.keys, DELETED_AT]
            types = {each: stream.types[each] for each in names}
            self._load(stream, records_as_arrow(name, _newest(deleted, stream), types))

    def _load(self, stream: SingerStream, records: pa.Table) -> None:
        table, keys = stream.table, stream.table.keys
        if keys and set(records.column_names) == {*keys, DELETED_AT}:
            if self._removes_deleted:
                self._database.remove(records, table.name, keys)
            else:
                self._database.update(records, table.name, keys)
        elif stream.version is not None and stream.version != stream.active_version:
            waiting = self._database.ensure_waiting_table(table)
            if keys:
                self._database.remove(records, waiting, keys)
            version = pa.array([str(stream.version)] * len(records), pa.string())
            self._database.append(records.append_column(SOURCE, version), waiting)
        elif keys:
            self._database.merge(records, table.name, keys)
        else:
            self._database.append(records, table.name)

    def _save(self, stream: SingerStream) -> None:
        name = stream.table.name
        before = self._saved.get(name)
        loading = json.dumps({"version": stream.active_version})
        self._saved[name] = SavedStream(before.state if before else None, loading)
        self._database.save_stream(name, self._saved[name])

    def _commit(self) -> None:
        """Commit, and say so with the state."""
        for stream in self._streams.values():
            self._flush(stream)
        self._database.commit()
        self._records, self._begun = 0, time.monotonic()
        for file in self._files:
            file.unlink(missing_ok=True)
        self._files.clear()
        if self._state is not None:
            self._write(simplejson.dumps(self._state, use_decimal=True))
            self._state = None


def _newest(records: list[dict[str, Any]], stream: SingerStream) -> list[dict[str, Any]]:
    """Keep the last record of each key."""
    keys = stream.table.keys
    if not keys:
        return records
    return list({tuple(each.get(key) for key in keys): each for each in records}.values())
