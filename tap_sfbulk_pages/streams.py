"""The stream of one sObject, as the Singer SDK knows it.

It paginates with `nextRecordsUrl` as its paginator token: each list of result pages is what the
SDK calls a page of the API, and the CSV pages behind its links hold the records.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import ParseResult, urlparse

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import Metadata
from singer_sdk.streams import RESTStream
from typing_extensions import override

from tap_sfbulk_pages import stream_state
from tap_sfbulk_pages.ahead import ahead
from tap_sfbulk_pages.batch_files import BatchFiles
from tap_sfbulk_pages.catalog import json_schema, primary_keys, replication_key, unsupported_fields
from tap_sfbulk_pages.cells import CellType, cell_type
from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.query_jobs import Query
from tap_sfbulk_pages.records import record_lines, rows
from tap_sfbulk_pages.replication import literal, lower_bound
from tap_sfbulk_pages.restricted_objects import RESTRICTED_OBJECTS
from tap_sfbulk_pages.result_pages import ResultPagesPaginator
from tap_sfbulk_pages.soql import select
from tap_sfbulk_pages.stream_reading import StreamReading, StreamRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from datetime import datetime

    import polars as pl
    import requests
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import MetadataMapping

    from tap_sfbulk_pages.describe import SObject
    from tap_sfbulk_pages.errors import RefusedError
    from tap_sfbulk_pages.tap import TapSFBulkPages

_BOUND_FORMATS = frozenset({"date", "date-time"})


class SObjectStream(RESTStream[ParseResult | None]):
    """Records of one sObject.

    Args:
        tap: The tap.
        sobject: From the describe.
        refusal: What Salesforce said instead of a describe; reading the stream raises it.
    """

    # Values are typed by column before they become records.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _tap: TapSFBulkPages

    def __init__(
        self, tap: TapSFBulkPages, sobject: SObject, *, refusal: RefusedError | None = None
    ) -> None:
        self._sobject = sobject
        self._refusal = refusal
        self.selected_by_default = sobject.name not in RESTRICTED_OBJECTS
        super().__init__(tap, schema=json_schema(sobject), name=sobject.name)
        self.primary_keys = primary_keys(sobject)
        self.replication_key = replication_key(sobject)
        self._reading: StreamReading | None = None

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""
        return self._reading.job.id if self._reading and self._reading.job else None

    @property
    def has_saved_job(self) -> bool:
        """Whether the state holds a query job that can be read on."""
        return stream_state.has_job(self.stream_state)

    @override
    @property
    def url_base(self) -> str:
        return f"/services/data/v{self._tap.org.api_version}"

    @override
    @property
    def metadata(self) -> MetadataMapping:
        """Selection metadata; what no query job returns is `unsupported`."""
        is_own = self._metadata is None
        metadata: MetadataMapping = super().metadata
        if is_own:
            for name in unsupported_fields(self._sobject):
                metadata["properties", name].inclusion = Metadata.InclusionType.UNSUPPORTED
        return metadata

    @override
    def get_new_paginator(self) -> ResultPagesPaginator:
        """Make a paginator that stands at the first list of result pages."""
        return ResultPagesPaginator()

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        """Not used: records are behind the links of a list, not in it (see `request_records`)."""
        raise NotImplementedError

    @override
    def request_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Yield records one by one: the row path, for stream maps and record limits."""
        types = self._wanted.types
        for reading in self._prepared_reading().pages():
            for block in reading.blocks():
                self._tap.safe_point()
                yield from rows(block, types)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write whole blocks where records leave as the page has them, else one by one."""
        if not write_messages or not self._leaves_as_it_comes:
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        with self.get_record_counter() as counter, self.get_sync_timer():
            for reading in self._prepared_reading().pages():
                encode = partial(self._encoded, reading.page.received_at)
                for lines, count in ahead(self._tap.org.encoders, encode, reading.blocks()):
                    self._tap.safe_point()
                    self._tap.write_lines(lines)
                    counter.increment(count)
        yield from ()

    def _encoded(self, received_at: datetime, block: pl.DataFrame) -> tuple[bytes, int]:
        """Make the RECORD lines of a block, and count its records."""
        lines = record_lines(
            block,
            self._wanted.types,
            stream=self.name,
            time_extracted=received_at,
            version=self._stream_version,
        )
        return lines, block.height

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write each page as files; it is done once its BATCH message is out.

        Raises:
            SettingsError: If stream maps or flattening would change the records.
        """
        if not self._leaves_as_it_comes:
            message = "batch_config writes records as the page has them"
            raise SettingsError([f"{message}: {self.name} has stream maps or flattening"])
        with self.get_record_counter() as counter, self.get_sync_timer():
            reading = self._prepared_reading()
            files: BatchFiles | None = None
            for page in reading.pages():
                self._tap.safe_point()
                files = files or self._batch_files(batch_config)
                manifest, records = files.write(page)
                counter.increment(records)
                if manifest:
                    yield batch_config.encoding, manifest

    def _batch_files(self, config: BatchConfig) -> BatchFiles:
        return BatchFiles(
            config,
            stream=self.name,
            job_id=self.job_id or "",
            types=self._wanted.types,
            properties=self._properties,
        )

    @property
    def _leaves_as_it_comes(self) -> bool:
        """Whether neither stream maps nor a record limit look at single records."""
        maps = self.stream_maps
        return (
            self.ABORT_AT_RECORD_COUNT is None
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
        )

    @override
    def _increment_stream_state(
        self, latest_record: dict[str, Any], *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: it is the maximum of a finished job (`stream_reading.py`)."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone, as above."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Set no signpost, as above."""

    def preparation(self, made: Callable[[], None]) -> Callable[[], None] | None:
        """Make ready to prepare the stream's job on another thread.

        Args:
            made: Called there when the job is known; `keep_job` is then due on this thread.

        Returns:
            What that thread calls; None if there is no job to be made, for a reason that reading
            the stream tells.
        """
        try:
            reading = self._prepared_reading()
        except ExtractionError:
            return None
        return partial(reading.prepare, made)

    def keep_job(self) -> None:
        """Save the job that has been made ahead."""
        if self._reading:
            self._reading.keep_job()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting, while another stream is written."""
        if self._reading:
            self._reading.prefetch()

    def _prepared_reading(self) -> StreamReading:
        if self._reading is None:
            self._reading = StreamReading(
                self._tap.org,
                self._wanted,
                state=self.stream_state,
                save=self._save_state,
                new_paginator=self._paginator_at,
                waiting=self._tap.stop_signal.waiting,
                tend=self._tap.tend,
            )
        return self._reading

    def _paginator_at(self, link: str | None) -> ResultPagesPaginator:
        return ResultPagesPaginator(urlparse(link)) if link else self.get_new_paginator()

    def _save_state(self) -> None:
        self.state_manager.is_flushed = False
        self._write_state_message()

    @cached_property
    def _wanted(self) -> StreamRequest:
        """What to read, by selection, state and settings.

        Raises:
            ExtractionError: If nothing is selected, or the replication key cannot be one.
        """
        if self._refusal:
            raise self._refusal
        settings = self._tap.org.settings
        fields = self._fields
        key = self.replication_key if self.replication_method != "FULL_TABLE" else None
        schema = self._replication_schema(key) if key else {}
        bound = None
        if key:
            bound = lower_bound(
                stream_state.bookmark(self.stream_state, key),
                start_date=settings.start_date,
                lookback_seconds=settings.lookback_seconds,
            )
        soql = select(
            self.name,
            list(fields),
            replication_key=key,
            lower_bound=literal(bound, schema) if bound else None,
            condition=settings.filters.get(self.name),
            limit=self.ABORT_AT_RECORD_COUNT,
        )
        self.logger.debug("%s", soql)
        return StreamRequest(
            query=Query(soql, include_deleted=settings.include_deleted),
            types=fields,
            replication_key=key,
            replication_schema=schema,
        )

    @property
    def _fields(self) -> Mapping[str, CellType]:
        """The fields to read: selected, supported, and still in the org."""
        properties = self._properties
        needed = {*self.primary_keys, *filter(None, [self.replication_key])}
        selected = [
            name
            for name in properties
            if name in needed or self.mask.get(("properties", name), True)
        ]
        lost = [name for name in selected if name not in self._sobject.field_names]
        if lost:
            self.logger.warning(
                "Stream %s: the org no longer shows the fields %s to this user; they are left "
                "out until it does.",
                self.name,
                ", ".join(lost),
            )
        fields = {name: cell_type(properties[name]) for name in selected if name not in set(lost)}
        if not fields:
            raise ExtractionError("None of the selected fields can be read.")
        return fields

    @property
    def _properties(self) -> Mapping[str, Any]:
        """The schema that is announced: the catalog's, where there is one."""
        properties: Mapping[str, Any] = (self._input_schema or self.schema)["properties"]
        return properties

    def _replication_schema(self, key: str) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = self._properties.get(key, {})
        if key not in self._sobject.field_names or schema.get("format") not in _BOUND_FORMATS:
            raise ExtractionError(
                f"The replication key {key} is no date or datetime field of {self.name}. Choose "
                "another in the catalog, or FULL_TABLE."
            )
        return schema
