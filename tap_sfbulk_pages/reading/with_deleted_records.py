"""Deleted records and when they were deleted, after the other records of an object.

A mark, which is a record of `Id` and `_sdc_deleted_at`, says that a record was deleted. The log of
the object has those that are new (`delete_log.py`).

A record in the recycle bin is still read (`queryAll`): by the lookback, by a full read, by a job
that is resumed. It comes as every other record, without `_sdc_deleted_at`, so a target that merges
by key forgets the mark, and the log does not tell of it again. Its mark is therefore written once
more whenever it may have been rewritten. What is rewritten is noted in the state first, since a run
can be killed before it comes to the marks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.columns import Columns
from tap_sfbulk_pages.decoding.records import ColumnBlocks
from tap_sfbulk_pages.jobs.query import SHORT_ID, Query
from tap_sfbulk_pages.reading.delete_log import LOG_KEEPS, DeleteLog
from tap_sfbulk_pages.reading.page import PageReading, WrappedReading
from tap_sfbulk_pages.reading.request import JobRequest
from tap_sfbulk_pages.reading.state import entry as stream_state
from tap_sfbulk_pages.reading.through_rest import RestReading
from tap_sfbulk_pages.salesforce.schema import DELETED_AT, KEY, replication_key
from tap_sfbulk_pages.soql.conditions import has_relative_date
from tap_sfbulk_pages.soql.select import select

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, MutableMapping

    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext

# The log may be written a little later than the record is gone.
_LATE_ENTRIES = timedelta(minutes=5)
_IS_DELETED = "IsDeleted"
# The one stamp that deleting a record does not move.
_FIXED_STAMP = "CreatedDate"
_TYPES = {KEY: CellType.TEXT, DELETED_AT: CellType.TEXT}
_RECORDS_A_BLOCK = 50_000

logger = logging.getLogger(__name__)


def begin_tracking(
    state: MutableMapping[str, Any], replication_key: str | None, now: datetime
) -> None:
    """Save from when on deleted records are wanted, before anything is read.

    That is the bookmark that an earlier run has left without tracking. Without one it is the
    present, since no record deleted before then has ever been written.

    Args:
        state: The stream's part of the Singer state.
        replication_key: The key of its bookmark; None for none.
        now: By Salesforce's clock; UTC.
    """
    until = stream_state.deleted_until(state)
    if until is None:
        bookmark = stream_state.bookmark(state, replication_key)
        until = (parse_datetime(bookmark) if bookmark else now) - _LATE_ENTRIES
        stream_state.begin_delete_tracking(state, since=until, until=until)
    elif stream_state.deletes_tracked_since(state) is None:
        # The state of an earlier release. It may have tracked all that is still in the bin.
        stream_state.begin_delete_tracking(state, since=until - LOG_KEEPS, until=until)


@dataclass(frozen=True)
class Rewritten:
    """The records in the recycle bin that a reading may write without their marks.

    Attributes:
        condition: Finds them, as SOQL.
        since: The log has them from here on, should they leave the bin meanwhile; UTC.
    """

    condition: str
    since: datetime

    @classmethod
    def find(cls, question: ObjectQuestion, tracked_since: datetime) -> Rewritten | None:
        """Find out which records a reading may rewrite; None if it reads no deleted ones.

        Args:
            question: What is read.
            tracked_since: Records that were deleted earlier have never had a mark; UTC.
        """
        query, sobject = question.query, question.selection.sobject
        stamp = replication_key(sobject)
        if not query.include_deleted or _IS_DELETED not in sobject.field_names or stamp is None:
            return None
        conditions = [stream_state.IN_BIN]
        if stamp != _FIXED_STAMP:
            conditions.append(f"{stamp} >= {format_literal(tracked_since, {})}")
        if query.range_field and (within := query.range_field.condition(query.whole)):
            conditions.append(within)
        # One that depends on the day may have found others when they were read.
        if query.condition and not has_relative_date(query.condition):
            conditions.append(f"({query.condition})")
        bound = query.whole.start
        since = max(tracked_since, parse_datetime(bound)) if bound else tracked_since
        return cls(" AND ".join(conditions), since)


class WithDeletedRecords(WrappedReading):
    """A reading whose own pages are followed by the marks of deleted records.

    They come last, so that a record that was changed and then deleted ends up deleted.

    Args:
        reading: Reads the other records.
        context: The org, and what the run does meanwhile.
        question: What it reads.
        state: The stream's part of the Singer state, in which tracking has begun.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        question: ObjectQuestion,
        state: MutableMapping[str, Any],
    ) -> None:
        super().__init__(reading, context)
        self._sobject = question.selection.sobject
        self._state = state
        # Read here, so that nothing is asked in spite of a broken one.
        self._due = stream_state.marks_due(state)
        tracked_since = stream_state.deletes_tracked_since(state)
        self._rewritten = Rewritten.find(question, tracked_since) if tracked_since else None
        self._log = DeleteLog(context.org, self._sobject.name, context.waiting)

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over the pages of the other records, then the marks.

        Raises:
            ExtractionError: If the stream cannot be read to its end.
        """
        due = self._due
        own = self._rewritten.condition if self._rewritten else None
        if due is not None and due != own:
            # Of another reading that was broken off, which may not be gone on with.
            yield from self._mark_rewritten(due, logged=())
        stream_state.set_marks_due(self._state, own)
        yield from self._reading.pages()
        is_resumed = due is not None and due == own
        logged: set[str] = set()
        yield from self._mark_logged(logged, is_resumed=is_resumed)
        if own is not None:
            yield from self._mark_rewritten(own, logged)
            stream_state.set_marks_due(self._state, None)
            self._context.save()

    def _mark_logged(self, logged: set[str], *, is_resumed: bool) -> Iterator[PageReading]:
        """Hand over the marks of the records that the log has.

        Args:
            logged: Their ids are added here, as long as no case makes them differ.
            is_resumed: Whether an earlier run has read a part of the records. Some of these may
                have left the bin since then, where only the log knows them.
        """
        now = self._context.org.client.clock.now()
        until = stream_state.deleted_until(self._state) or now
        since = min(until, self._rewritten.since) if is_resumed and self._rewritten else until
        is_first = True
        for span in self._log.read(since, now):
            if is_first and until < span.begins_at:
                self._warn_of_gap(until, span.begins_at)
            is_first = False
            if span.columns.records:
                name = f"deleted-{span.covered_until.isoformat()}"
                yield from self._hand_over(name, span.columns.slices(_RECORDS_A_BLOCK))
            logged.update(each[:SHORT_ID] for each in span.columns[KEY] if each)
            # No later than what the log covers: what it leaves out must be asked for again.
            stream_state.set_deleted_until(self._state, max(span.covered_until, until))
            self._context.save()

    def _mark_rewritten(self, condition: str, logged: Collection[str]) -> Iterator[PageReading]:
        """Hand over the marks of the records in the bin that were written without them.

        Args:
            condition: Finds them, as SOQL.
            logged: Ids, in their short form, whose marks have just been written.
        """
        stamp = replication_key(self._sobject)
        if stamp is None:
            return
        types = {KEY: CellType.TEXT, stamp: CellType.TEXT}
        soql = select(self._sobject.name, tuple(types), within=condition)
        reading = RestReading(
            self._context,
            JobRequest(Query(soql, include_deleted=True), types, replication_key=None),
            name=f"Deleted records of {self._sobject.name}",
            datetimes={stamp},
            # A walk that is broken off begins again.
            state={},
            on_finished=lambda _: None,
        )
        for page in reading.pages():
            marks = (_make_marks(block, stamp, logged) for block in page.columns())
            yield from self._hand_over(page.name, marks)

    def _hand_over(self, name: str, blocks: Iterable[Columns]) -> Iterator[PageReading]:
        page = PageReading(
            name,
            received_at=datetime.now(timezone.utc),
            types=_TYPES,
            blocks=ColumnBlocks(blocks, _TYPES),
            expected=None,
            executor=self._context.org.encoders,
        )
        yield page
        page.check_read()

    def _warn_of_gap(self, until: datetime, begins_at: datetime) -> None:
        logger.warning(
            "Stream %s: Salesforce no longer knows every record that was deleted since %s. Its log "
            "begins at %s. Records deleted before that stay in the target. To get rid of them, "
            "load the stream again, without its state and into an empty table.",
            self._sobject.name,
            until.isoformat(timespec="seconds"),
            f"{begins_at:%Y-%m-%dT%H:%MZ}",
        )


def _make_marks(block: Columns, stamp: str, logged: Collection[str]) -> Columns:
    """Make marks of deleted records; the moment is when they were changed last, by deleting."""
    found = [
        (each, moment)
        for each, moment in zip(block[KEY], block[stamp], strict=True)
        if (each or "")[:SHORT_ID] not in logged
    ]
    columns = {KEY: [each for each, _ in found], DELETED_AT: [moment for _, moment in found]}
    return Columns(columns, len(found))
