"""Pages on their way out: what every kind of reading hands over.

A reading finds the records of one stream, wherever they come from, and hands them over page by
page. Whoever takes a page decides how its records leave. The page is done when the next one is
asked for, because by then it has been written, and not before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tap_sfbulk_pages.decoding.ahead import run_ahead
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.deleted import DELETED_AT, DeletedRecords
from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.decoding.greatest import find_greatest, pick_later
from tap_sfbulk_pages.decoding.page import check_count
from tap_sfbulk_pages.decoding.records import encode_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager
    from datetime import datetime

    from tap_sfbulk_pages.decoding.column_map import ColumnMap
    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.decoding.lines import Envelope, RecordLines
    from tap_sfbulk_pages.jobs.page_lists import PageListCursor
    from tap_sfbulk_pages.jobs.page_sink import PageSink
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.request import JobRequest

Block = TypeVar("Block")


class PageSinks(Protocol):
    """Makes what takes the records of pages while they arrive (`PageSink`)."""

    def begin(
        self,
        locator: str,
        columns: Sequence[str],
        delimiter: str,
        *,
        job_id: str,
        request: JobRequest,
    ) -> PageSink:
        """Begin a page, on the thread that receives it.

        Args:
            locator: The page's.
            columns: Names in its header line, in order.
            delimiter: The character between cells.
            job_id: The job that it belongs to.
            request: Says which fields to take, whose maximum is kept, and what no record may hold.
        """


@dataclass(frozen=True)
class ReadingContext:
    """What a reading needs from the run.

    Attributes:
        org: The org that is read.
        save: Writes the state; called when it has changed.
        new_cursor: Makes a cursor at a link, or at a job's first list of result pages.
        waiting: Entered while there is nothing to do but wait.
        tend: Called now and then during a wait, to look after the jobs that run ahead.
        sinks: For pages of query jobs whose records are taken while they arrive; None if pages are
            decoded when they are written.
    """

    org: Org
    save: Callable[[], None]
    new_cursor: Callable[[str | None], PageListCursor]
    waiting: Callable[[], AbstractContextManager[None]]
    tend: Callable[[], None]
    sinks: PageSinks | None = None


class Reading(Protocol):
    """How one stream is read.

    Made and used on the thread that writes; only `prepare` may run on another.
    """

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages; None where there is none (yet)."""

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Do what takes time at Salesforce.

        Args:
            made: Called when there is something to save: `keep` is then due on the thread that
                writes.
            waiting: Entered while there is nothing to do but wait.

        Returns:
            What went wrong, which `pages` raises; None if nothing did.
        """

    def keep(self) -> None:
        """Save in the state how far the reading has come."""

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting, while another stream is written."""

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done; each must be written before the next is taken.

        Raises:
            ExtractionError: If the stream cannot be read to its end. With the state, a later run
                finds every record that is missing.
        """

    def close(self) -> None:
        """Fetch nothing more."""


class NothingToRead:
    """The reading of a stream that an earlier run has read to its end."""

    job_id = None

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Do nothing."""

    def keep(self) -> None:
        """Do nothing: the state is as it was."""

    def prefetch(self) -> None:
        """Do nothing."""

    def pages(self) -> Iterator[PageReading]:
        """Hand over nothing."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""


class WrappedReading(ABC):
    """A reading that changes the pages of another one, and leaves everything else to it.

    Args:
        reading: The other one.
        context: The org, and what the run does meanwhile.
    """

    def __init__(self, reading: Reading, context: ReadingContext) -> None:
        self._reading = reading
        self._context = context

    @property
    def job_id(self) -> str | None:
        """The query job that is being read; None where there is none (yet)."""
        return self._reading.job_id

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Prepare the other reading."""
        return self._reading.prepare(made, waiting)

    def keep(self) -> None:
        """Save in the state how far the reading has come."""
        self._reading.keep()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""
        self._reading.prefetch()

    @abstractmethod
    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`)."""

    def close(self) -> None:
        """Fetch nothing more."""
        self._reading.close()


class PageBlocks(Protocol[Block]):
    """The records of a page, block by block, in whatever form they arrived."""

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks; once only, and on the thread that writes."""

    def columns(self, block: Block) -> Columns:
        """Decode a block into columns, on any thread.

        Raises:
            ResultPageError: If it cannot be decoded.
        """

    def lines(
        self, block: Block, envelope: Envelope, column_map: ColumnMap | None = None
    ) -> RecordLines:
        """Encode a block as lines, on any thread.

        Args:
            block: The block.
            envelope: What surrounds each record.
            column_map: What becomes of the records; None if they leave as they come.

        Raises:
            ResultPageError: If it cannot be decoded.
            SettingsError: If an expression of the map fails on a record.
        """


class PageReading:
    """A page that is handed over to be written.

    Args:
        name: Of the page in its stream: its locator, if it has one.
        received_at: When it was complete, UTC.
        types: Its fields, in order, and how their cells are read.
        blocks: Its records.
        expected: How many there are; None if nobody has counted.
        executor: Decodes a few blocks ahead.
        replication_key: The field whose maximum is kept; None for none.
        maximum: The greatest replication key value of the pages before it; None for none.
        done_before: How many records of the same job or query were done before it; 0 after it has
            started over, whatever was written earlier.
        sink: What has taken the records already; None if `blocks` has them.
        forbidden: What no record may hold; None for nothing.
        deleted: Marks the deleted ones among the records; None for none.
    """

    def __init__(
        self,
        name: str,
        *,
        received_at: datetime,
        types: Mapping[str, CellType],
        blocks: PageBlocks[Any],
        expected: int | None,
        executor: Executor,
        replication_key: str | None = None,
        maximum: str | None = None,
        done_before: int = 0,
        sink: PageSink | None = None,
        forbidden: ForbiddenValues | None = None,
        deleted: DeletedRecords | None = None,
    ) -> None:
        self.name = name
        self.received_at = received_at
        self.types = {**types, DELETED_AT: CellType.TEXT} if deleted else types
        self.maximum = maximum
        self.done_before = done_before
        self.is_read = False
        self.records = 0
        self._blocks = blocks
        self._expected = expected
        self._executor = executor
        self._replication_key = replication_key
        self._sink = sink
        self._forbidden = forbidden or ForbiddenValues()
        self._deleted = deleted

    def check_read(self) -> None:
        """Make sure that every block was taken; else records would be lost once the page is done.

        Raises:
            AssertionError: If the page came back before its blocks were read.
        """
        if not self.is_read:
            raise AssertionError("a page came back before all of its blocks were read")

    def take_sink(self) -> PageSink | None:
        """Return what has taken the records already, keeping the maximum; None if nothing has.

        Raises:
            ResultPageError: If it has not taken as many records as were counted.
        """
        if self._sink:
            if self._replication_key:
                self._keep(self._sink.greatest, self._replication_key)
            self.records = self._sink.records
            self._end()
        return self._sink

    def columns(self) -> Iterator[Columns]:
        """Yield the records as columns, block by block, keeping the maximum.

        Raises:
            ResultPageError: If the page cannot be decoded to as many records as were counted.
            ForbiddenValueError: If a record holds what none may.
        """
        for columns in run_ahead(self._executor, self._blocks.columns, self._blocks):
            if key := self._replication_key:
                self._keep(find_greatest(columns[key], key), key)
            self._forbidden.check_columns(columns)
            self.records += columns.records
            yield self._deleted.mark_columns(columns) if self._deleted else columns
        self._end()

    def lines(
        self, envelope: Envelope, column_map: ColumnMap | None = None
    ) -> Iterator[RecordLines]:
        """Yield the records as finished lines, block by block, keeping the maximum.

        Args:
            envelope: What surrounds each record.
            column_map: What becomes of the records; None if they leave as they come.

        Raises:
            ResultPageError: If the page cannot be decoded to as many records as were counted.
            ForbiddenValueError: If a record holds what none may.
            SettingsError: If an expression of the map fails on a record.
        """
        if self._deleted and column_map:
            # The map sees the marks as it sees the fields.
            for columns in self.columns():
                yield encode_lines(columns, self.types, envelope, None, column_map)
            return
        encode = partial(self._blocks.lines, envelope=envelope, column_map=column_map)
        forbidden = self._forbidden
        if column_map:
            forbidden = forbidden.rename(column_map.names)
        for lines in run_ahead(self._executor, encode, self._blocks):
            if self._replication_key:
                self._keep(lines.greatest, self._replication_key)
            forbidden.check_lines(lines.text)
            self.records += lines.records
            yield self._deleted.mark_lines(lines, envelope) if self._deleted else lines
        self._end()

    def _keep(self, greatest: str | None, replication_key: str) -> None:
        self.maximum = pick_later(self.maximum, greatest, replication_key=replication_key)

    def _end(self) -> None:
        if self._expected is not None:
            check_count(self.name, self._expected, self.records)
        self.is_read = True
