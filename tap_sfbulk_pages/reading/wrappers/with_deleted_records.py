"""Deleted records and when they were deleted, beside the other records of an object.

The log of the object has the ids of those that were deleted since the last run (`delete_log.py`).
For each comes a record of `Id` and `_sdc_deleted_at`, after all others.

A record in the recycle bin is still read (`queryAll`): by the lookback, by a full read, by a job
that is resumed. Salesforce sends it as every other record, without `_sdc_deleted_at`, so a target
that merges by key would forget that it is deleted, and the log does not tell of it again. It
therefore carries its mark itself (`decoding/deleted.py`): nothing has to be remembered for that,
and nothing asked, for by then the record may have left the bin and the log.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.columns import Column, Columns
from tap_sfbulk_pages.decoding.deleted import DELETED_AT, DeletedRecords
from tap_sfbulk_pages.decoding.records import ColumnBlocks
from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.jobs.query import SHORT_ID, QueryJob
from tap_sfbulk_pages.reading.page import PageReading, WrappedReading
from tap_sfbulk_pages.reading.state import entry as stream_state
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.bookmarks import parse_bookmark
from tap_sfbulk_pages.reading.state.saved_ranges import SavedRanges
from tap_sfbulk_pages.reading.wrappers.delete_log import LOG_KEEPS, DeleteLog
from tap_sfbulk_pages.salesforce.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from tap_sfbulk_pages.reading.page import Reading, ReadingContext

# The log may be written a little later than the record is gone.
_LATE_ENTRIES = timedelta(minutes=5)
# Deleting a record does not move them, so they do not say when that was.
_FIXED_STAMPS = ("CreatedDate", "LoginTime")
_TYPES = {KEY: CellType.TEXT, DELETED_AT: CellType.TEXT}
_RECORDS_A_BLOCK = 50_000

logger = logging.getLogger(__name__)


def begin_tracking(
    context: ReadingContext, state: MutableMapping[str, Any], stamp: str | None
) -> DeletedRecords | None:
    """Save from when on deleted records are wanted, before anything is read.

    That is the bookmark that an earlier run has left without tracking, or when the read began that
    it was in the middle of. Without either it is the present, since no record deleted before then
    has ever been written.

    Args:
        context: The org, and what the run does meanwhile.
        state: The stream's part of the Singer state.
        stamp: The field of `DeletedRecords`.

    Returns:
        What marks deleted records that have had a mark; None if no deleted ones are read.

    Raises:
        StateError: If the state is malformed.
        ExtractionError: If Salesforce cannot be asked when the job under way was created.
    """
    until = stream_state.deleted_until(state)
    if until is None:
        began = _find_earlier_read(context, state) or context.org.client.clock.now()
        until = began - _LATE_ENTRIES
        stream_state.begin_delete_tracking(state, since=until, until=until)
    if stamp is None:
        return None
    if stamp in _FIXED_STAMPS:
        return DeletedRecords(stamp)
    return DeletedRecords(stamp, since=_tracked_since(state, until), until=until)


def _tracked_since(state: MutableMapping[str, Any], until: datetime) -> datetime:
    # An earlier release does not say. It may have tracked all that is still in the bin.
    return stream_state.deletes_tracked_since(state) or until - LOG_KEEPS


def _find_earlier_read(context: ReadingContext, state: MutableMapping[str, Any]) -> datetime | None:
    """Find out since when there may be records in the target that were deleted later."""
    if bookmark := stream_state.any_bookmark(state):
        return min(parse_bookmark(bookmark), context.org.client.clock.now())
    if ranges := SavedRanges.load(state):
        return ranges.cut_at
    if rest := saved_reads.saved_rest_query(state):
        return parse_datetime(rest.asked_at) if rest.asked_at else None
    saved = saved_reads.saved_job(state)
    if saved is None:
        return None
    try:
        with context.waiting():
            job = context.org.jobs.refresh(QueryJob(saved.id, saved.api_version, state=""))
    except RefusedError as error:
        if not error.is_about_the_resource:
            raise
        # It is gone, and will be read anew by another one.
        return None
    return parse_datetime(job.created) if job.created else None


class WithDeletedRecords(WrappedReading):
    """A reading whose own pages are followed by the ids of deleted records.

    They come last, so that a record that was changed and then deleted ends up deleted.

    Args:
        reading: Reads the other records.
        context: The org, and what the run does meanwhile.
        sobject: Name of the object.
        state: The stream's part of the Singer state, in which tracking has begun.
        deleted: What marks the deleted ones among the records that are read; None for none.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        *,
        sobject: str,
        state: MutableMapping[str, Any],
        deleted: DeletedRecords | None,
    ) -> None:
        super().__init__(reading, context)
        self._sobject = sobject
        self._state = state
        self._unmarked = deleted.unmarked if deleted else {}
        self._marked = deleted.marked if deleted else set()
        self._log = DeleteLog(context.org, sobject, context.waiting)

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over the pages of the other records, then the ids of deleted ones.

        Raises:
            ExtractionError: If the stream cannot be read to its end.
        """
        yield from self._reading.pages()
        yield from self._hand_over_logged()
        if self._unmarked:
            # Those in the bin that the log does not have, or not yet.
            columns: dict[str, Column] = {
                KEY: [*self._unmarked],
                DELETED_AT: [*self._unmarked.values()],
            }
            deleted = Columns(columns, len(self._unmarked))
            yield from self._hand_over("deleted", self._log.drop_restored(deleted))

    def _hand_over_logged(self) -> Iterator[PageReading]:
        now = self._context.org.client.clock.now()
        until = stream_state.deleted_until(self._state) or now
        is_tracked = stream_state.deletes_tracked_since(self._state) is not None
        # An earlier release forgot deletes when it read the records again. The log has them still.
        since = until if is_tracked else _tracked_since(self._state, until)
        is_first = True
        for span in self._log.read(since, now):
            if is_first and until < span.begins_at:
                self._warn_of_gap(until, span.begins_at)
            is_first = False
            name = f"deleted-{span.covered_until.isoformat()}"
            yield from self._hand_over(name, self._without_marked(span.columns))
            logged = {each[:SHORT_ID] for each in span.columns[KEY] if each}
            for record_id in [each for each in self._unmarked if each[:SHORT_ID] in logged]:
                del self._unmarked[record_id]
            # No later than what the log covers: what it leaves out must be asked for again.
            stream_state.set_deleted_until(self._state, max(span.covered_until, until))
            self._context.save()
        if not (is_first or is_tracked):
            stream_state.set_deletes_tracked_since(self._state, since)
            self._context.save()

    def _without_marked(self, logged: Columns) -> Columns:
        """Leave out what has left with its mark and all its fields in this run.

        Spans begin with a full minute, so the log repeats the end of what the last run has read.
        """
        known = {each[:SHORT_ID] for each in self._marked}
        rows = [n for n, each in enumerate(logged[KEY]) if (each or "")[:SHORT_ID] not in known]
        return logged.take(rows) if known else logged

    def _hand_over(self, name: str, deleted: Columns) -> Iterator[PageReading]:
        if not deleted.records:
            return
        page = PageReading(
            name,
            received_at=datetime.now(timezone.utc),
            types=_TYPES,
            blocks=ColumnBlocks(deleted.slices(_RECORDS_A_BLOCK), _TYPES),
            expected=deleted.records,
            executor=self._context.org.encoders,
        )
        yield page
        page.check_read()

    def _warn_of_gap(self, until: datetime, begins_at: datetime) -> None:
        logger.warning(
            "Stream %s: Salesforce no longer knows every record that was deleted since %s. Its log "
            "begins at %s. Records deleted before that stay in the target. To get rid of them, "
            "load the stream again, without its state and into an empty table.",
            self._sobject,
            until.isoformat(timespec="seconds"),
            f"{begins_at:%Y-%m-%dT%H:%MZ}",
        )
