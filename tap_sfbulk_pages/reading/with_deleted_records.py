"""Records that were deleted, also for good, by the `deleted` resource of an sObject.

REST API guide, "sObject Get Deleted", and SOAP API guide, "getDeleted()": the resource returns the
ids of the records that were deleted in a time span and that the user had access to. The seconds of
the span are ignored, it must be longer than a minute and start no more than 30 days ago, and a
reply holds no more than 600,000 ids. The log goes back 15 days, or less if an administrator has
emptied the recycle bin or very many records were deleted.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from typing_extensions import override

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.columns import Columns
from tap_sfbulk_pages.decoding.records import ColumnBlocks
from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.reading import state as stream_state
from tap_sfbulk_pages.reading.page import PageReading, WrappedReading
from tap_sfbulk_pages.salesforce.schema import DELETED_AT, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from tap_sfbulk_pages.reading.page import Reading, ReadingContext

_LOG_KEEPS = timedelta(days=15)
# A day less than Salesforce accepts, since clocks differ.
_EARLIEST_START = timedelta(days=29)
_SHORTEST_SPAN = timedelta(minutes=2)
# How far this machine's clock may be ahead of Salesforce's when tracking begins.
_CLOCK_DIFFERENCE = timedelta(minutes=5)
_TYPES = {KEY: CellType.TEXT, DELETED_AT: CellType.TEXT}
_RECORDS_A_BLOCK = 50_000
_UTC = re.compile(r"\+00:?00$")

logger = logging.getLogger(__name__)


def begin_tracking(state: MutableMapping[str, Any], replication_key: str | None) -> None:
    """Save from when on deleted records are wanted, before anything is read.

    That is the bookmark that an earlier run has left without tracking. Without one it is the
    present, since no record deleted before then has ever been written.
    """
    if stream_state.deleted_until(state) is None:
        bookmark = stream_state.bookmark(state, replication_key)
        begin = parse_datetime(bookmark) if bookmark else datetime.now(timezone.utc)
        stream_state.set_deleted_until(state, begin - _CLOCK_DIFFERENCE)


@dataclass(frozen=True)
class _Deleted:
    """A reply of the resource.

    Attributes:
        columns: `Id` and `_sdc_deleted_at`, as text columns.
        earliest: Since when the log is complete; None if the reply does not say.
        latest: Until when it is complete; None if the reply does not say.
    """

    columns: Columns
    earliest: datetime | None
    latest: datetime | None


class WithDeletedRecords(WrappedReading):
    """A reading whose own pages are followed by the records that were deleted since the last run.

    They come last, so that a record that was changed and then deleted ends up deleted.

    Args:
        reading: Reads the other records.
        context: The org, and what the run does meanwhile.
        sobject: Name of the object.
        state: The stream's part of the Singer state, in which tracking has begun.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        *,
        sobject: str,
        state: MutableMapping[str, Any],
    ) -> None:
        super().__init__(reading, context)
        self._sobject = sobject
        self._state = state

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over the pages of the other records, then those of the deleted ones.

        Raises:
            ExtractionError: If the stream cannot be read to its end.
        """
        yield from self._reading.pages()
        asked_at = self._context.org.client.clock.now()
        try:
            yield from self._deleted_pages(asked_at)
        except RefusedError as error:
            if error.error_code != "INVALID_REPLICATION_DATE":
                raise
            self._warn_of_gap(f"It said: {error.said}")
            self._mark(asked_at)

    def _deleted_pages(self, asked_at: datetime) -> Iterator[PageReading]:
        """Ask up to the present, in spans that Salesforce answers completely."""
        since = stream_state.deleted_until(self._state) or asked_at
        start = _cut_to_minute(max(since, asked_at - _EARLIEST_START))
        end = _cut_to_minute(asked_at) + timedelta(minutes=1)
        is_first = True
        while start < end:
            deleted, stop = self._fetch_most(start, end)
            known_since = max(asked_at - _LOG_KEEPS, deleted.earliest or start)
            if is_first and since < known_since:
                self._warn_of_gap(f"Its log begins at {known_since:%Y-%m-%dT%H:%MZ}.")
            is_first = False
            if deleted.columns.records:
                page = PageReading(
                    f"deleted-{start.isoformat()}",
                    received_at=datetime.now(timezone.utc),
                    types=_TYPES,
                    blocks=ColumnBlocks(deleted.columns.slices(_RECORDS_A_BLOCK), _TYPES),
                    expected=deleted.columns.records,
                    executor=self._context.org.encoders,
                )
                yield page
                page.check_read()
            # No later than what the reply covers: what it leaves out must be asked for again.
            covered = min(stop, deleted.latest or asked_at, asked_at)
            self._mark(covered)
            if covered < stop:
                return
            start = stop

    def _fetch_most(self, start: datetime, end: datetime) -> tuple[_Deleted, datetime]:
        """Ask about a span, or about as much of its beginning as one reply can hold.

        Returns:
            The reply, and the end of the span that it is for.
        """
        while True:
            begin = min(start, end - _SHORTEST_SPAN)
            try:
                return self._fetch(begin, end), end
            except RefusedError as error:
                if error.error_code != "EXCEEDED_ID_LIMIT" or end - begin <= _SHORTEST_SPAN:
                    raise
            end = max(_cut_to_minute(begin + (end - begin) / 2), begin + _SHORTEST_SPAN)

    def _fetch(self, start: datetime, end: datetime) -> _Deleted:
        span = urlencode({"start": start.isoformat(), "end": end.isoformat()})
        org = self._context.org
        with self._context.waiting():
            return org.client.fetch_json(
                f"/sobjects/{self._sobject}/deleted/?{span}",
                api_version=org.api_version,
                parse=_parse_reply,
            )

    def _mark(self, moment: datetime) -> None:
        """Save that every record deleted before a moment has been written."""
        before = stream_state.deleted_until(self._state)
        stream_state.set_deleted_until(self._state, max(moment, before or moment))
        self._context.save()

    def _warn_of_gap(self, reason: str) -> None:
        logger.warning(
            "Stream %s: Salesforce no longer knows every record that was deleted since %s. %s "
            "Records deleted before that stay in the target. To get rid of them, load the stream "
            "again, without its state and into an empty table.",
            self._sobject,
            stream_state.deleted_until(self._state),
            reason,
        )


def _parse_reply(reply: Any) -> _Deleted:
    deleted = reply["deletedRecords"]
    columns = {
        KEY: [record["id"] for record in deleted],
        # The form in which query jobs write datetimes.
        DELETED_AT: [_UTC.sub("Z", record["deletedDate"]) for record in deleted],
    }
    return _Deleted(
        Columns(columns, len(deleted)),
        earliest=_parse_moment(reply.get("earliestDateAvailable")),
        latest=_parse_moment(reply.get("latestDateCovered")),
    )


def _parse_moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


def _cut_to_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
