"""A stream as the Singer SDK knows it: what it reads leaves as RECORD or BATCH messages.

What is read, and from where, is each kind of stream's own (`object_stream.py`, `query_stream.py`,
`job_stream.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_sfbulk_pages.decoding.lines import record_message
from tap_sfbulk_pages.decoding.records import convert_rows
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.reading.page import ReadingContext
from tap_sfbulk_pages.reading.state.origin import note_org
from tap_sfbulk_pages.reading.table_replacement import replace_table
from tap_sfbulk_pages.singer.record_maps import RecordMaps
from tap_sfbulk_pages.singer.streams.announced_numbers import (
    complete_decimals,
    complete_numbers,
    write_numbers_as_strings,
)
from tap_sfbulk_pages.singer.streams.sdk_stream import SDKStream
from tap_sfbulk_pages.watching.activity import Phase, on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import CatalogEntry, RecordMessage

    from tap_sfbulk_pages.reading.page import PageReading, Reading
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.singer.batch_files import BatchFiles
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.watching.activity import StreamActivity


class BulkStream(SDKStream):
    """Records that are read page by page.

    Args:
        tap: The tap.
        name: Of the stream.
        schema: JSON schema of its records.
    """

    def __init__(self, tap: RunningTap, *, name: str, schema: dict[str, Any]) -> None:
        if tap.config.get("use_singer_decimal"):
            schema = write_numbers_as_strings(schema)
        super().__init__(tap, schema=schema, name=name)
        self._reading: Reading | None = None

    @abstractmethod
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the stream, by selection, state and settings.

        Raises:
            ExtractionError: If it cannot be read, whatever Salesforce says.
        """

    @abstractmethod
    def plan(self) -> StreamPlan:
        """Return what reading the stream would take, without asking Salesforce.

        Raises:
            ExtractionError: As `new_reading`.
        """

    @cached_property
    def activity(self) -> StreamActivity:
        """What the run does for this stream."""
        return self._tap.activity.stream(self.name)

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""
        return self._reading.job_id if self._reading else None

    @override
    def request_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Yield records one by one: the row path, for stream maps and record limits."""
        for page in self._pages():
            for columns in page.columns():
                self._tap.safe_point()
                yield from convert_rows(columns, page.types)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write whole blocks where no map has to look at single records, else one by one."""
        if (
            not write_messages
            or self.ABORT_AT_RECORD_COUNT is not None
            or len(self.stream_maps) > 1
        ):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        with self.get_record_counter() as counter, self.get_sync_timer():
            for page in self._pages():
                for records in self._write_page(page):
                    counter.increment(records)
        yield from ()

    def _write_page(self, page: PageReading) -> Iterator[int]:
        """Write a page, and yield how many records of it have been written since."""
        column_map = None
        if self._maps.change_records:
            column_map = self._maps.find(page.types)
            if column_map is None:
                for columns in page.columns():
                    self._tap.safe_point()
                    for record in convert_rows(columns, page.types):
                        self._write_record_message(record)
                    yield columns.records
                return
        message = record_message(
            self.stream_maps[0].stream_alias,
            time_extracted=page.received_at,
            version=self._stream_version,
        )
        for lines in page.lines(message, column_map):
            self._tap.safe_point()
            self._tap.write_lines(lines.text)
            yield lines.records

    @cached_property
    def _maps(self) -> RecordMaps:
        """What stream maps make of the records, once the catalog has been taken over."""
        definitions = self._tap.mapper.stream_maps_dict
        return RecordMaps(self.name, self.stream_maps, definitions, self._properties)

    @override
    def _generate_record_messages(
        self, record: dict[str, Any]
    ) -> Generator[RecordMessage, None, None]:
        """Make the messages of a record, through its stream maps.

        Raises:
            SettingsError: If an expression of theirs fails.
        """
        try:
            yield from super()._generate_record_messages(record)
        except Exception as error:
            if not self._maps.change_records:
                raise
            raise SettingsError(self._maps.describe_failure(record, error)) from error

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        """Return how files are written; a look at a few records needs none."""
        return None if self.ABORT_AT_RECORD_COUNT is not None else super().get_batch_config(config)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write each page as files; it is done once its BATCH message is out."""
        files = self._batch_files
        if files is None:
            raise AssertionError("batches are asked for where batch_config is set")
        with self.get_record_counter() as counter, self.get_sync_timer():
            for page in self._pages():
                self._tap.safe_point()
                manifest, records = files.write(page, job_id=self.job_id or "")
                counter.increment(records)
                if manifest:
                    yield batch_config.encoding, manifest

    @cached_property
    def _batch_files(self) -> BatchFiles | None:
        """What writes the stream's files; None if records leave as messages."""
        config = self.get_batch_config(self.config)
        if config is None:
            return None
        from tap_sfbulk_pages.singer.batch_files import BatchFiles  # noqa: PLC0415 - brings fsspec

        self.check_files()
        return BatchFiles(
            config,
            stream=self.name,
            properties=self._properties,
            file_bytes=self._tap.org.settings.batch_file_bytes,
            maps=self._maps if self._maps.change_records else None,
        )

    def check_files(self) -> None:
        """Check that the records can leave in files, if they are to.

        Raises:
            SettingsError: If stream maps must look at each of them.
        """
        if self.get_batch_config(self.config) and self._maps.change_records:
            self._maps.find_for_files(self._selected)

    def preparation(self, made: Callable[[], None]) -> Callable[[], None] | None:
        """Make ready to prepare the stream's job on another thread.

        Args:
            made: Called there when the job is known; `keep_job` is then due on this thread.

        Returns:
            What that thread calls; None if there is no job to be made, for a reason that reading
            the stream raises.
        """
        try:
            reading = self._prepare_reading()
        except Exception:  # noqa: BLE001 - reading the stream raises it again, for it alone
            return None

        def prepare() -> None:
            with on_behalf_of(self.activity):
                reading.prepare(made)

        return prepare

    def keep_job(self) -> None:
        """Save the job that has been made ahead."""
        if self._reading:
            self._reading.keep()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting, while another stream is written."""
        if self._reading:
            with on_behalf_of(self.activity):
                self._reading.prefetch()

    def close(self) -> None:
        """Fetch nothing more."""
        if self._reading:
            self._reading.close()

    def _pages(self) -> Iterator[PageReading]:
        """Hand over the pages of the stream; each is done when the next is asked for."""
        reading = self._prepare_reading()
        pages: Iterable[tuple[int | None, PageReading]]
        if self._replaces_table:
            pages = replace_table(
                reading,
                stream=self.name,
                state=self.stream_state,
                activate=self.activate_version,
                save=self._save_state,
            )
        else:
            pages = ((None, page) for page in reading.pages())
        for version, page in pages:
            # The SDK's own version is the run's, not that of the read.
            self._stream_version = version
            with self.activity.during(Phase.WRITING):
                yield page
            self.activity.note_page_written(page.records)

    @property
    def _replaces_table(self) -> bool:
        """Whether the target is to drop the rows that a full read does not find again.

        BATCH messages carry no version. Targets leave the version of their rows null, and would
        drop none of them, or drop them among the others.
        """
        is_wanted = (
            self.replication_method == "FULL_TABLE"
            and self.emit_activate_version_messages
            and self.ABORT_AT_RECORD_COUNT is None
        )
        if is_wanted and self._batch_files:
            self.logger.warning(
                "Stream %s: files carry no table version, so the rows that Salesforce no longer "
                "has stay in the target. Without batch_config they are dropped.",
                self.name,
            )
        return is_wanted and self._batch_files is None

    def _prepare_reading(self) -> Reading:
        if self._reading is None:
            files = self._batch_files
            # What maps see of a deleted record has its mark, which a page has that is whole.
            marks_mapped = self._maps.change_records and self._tap.org.settings.track_hard_deletes
            context = ReadingContext(
                self._tap.org,
                save=self._save_state,
                new_cursor=lambda begin: self.get_new_paginator(begin).cursor,
                waiting=self._tap.stop_signal.waiting,
                tend=self._tap.tend,
                sinks=files if files and files.holds_columns and not marks_mapped else None,
            )
            self._reading = self.new_reading(context)
        return self._reading

    def _save_state(self) -> None:
        note_org(self.stream_state, self._tap.org.id)
        self.state_manager.is_flushed = False
        self._write_state_message()

    @property
    def catalog_entry(self) -> CatalogEntry:
        """The stream's entry in a catalog, as the SDK's own `catalog` makes it."""
        return self._singer_catalog_entry

    def describe_for_catalog(self) -> dict[str, Any]:
        """Return the stream's entry as a catalog's file holds it."""
        return self.catalog_entry.to_dict()

    def announce_decimals(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Complete the decimals of a schema of the stream that has been through a catalog.

        A catalog may be older than the setting `use_singer_decimal`.
        """
        if self._tap.config.get("use_singer_decimal"):
            schema = write_numbers_as_strings(schema)
        properties = complete_decimals(schema["properties"], self.schema["properties"])
        return {**schema, "properties": properties}

    @property
    def _properties(self) -> Mapping[str, Any]:
        """The schema that is announced: the catalog's, where there is one."""
        announced = self.announce_decimals(self._input_schema or self.schema)
        return complete_numbers(announced["properties"], self.schema["properties"])

    @property
    def _key_in_use(self) -> str | None:
        """The replication key, which a catalog may have chosen; None to read everything."""
        return self.replication_key if self.replication_method != "FULL_TABLE" else None

    @property
    def _selected(self) -> list[str]:
        """The fields of the schema that are selected, or needed in any case."""
        needed = {*self.primary_keys, *filter(None, [self.replication_key])}
        return [
            name
            for name in self._properties
            if name in needed or self.mask.get(("properties", name), True)
        ]
