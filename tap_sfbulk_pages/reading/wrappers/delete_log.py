"""The log of an object's deleted records, as the `deleted` resource returns it.

REST API guide, "sObject Get Deleted", and SOAP API guide, "getDeleted()": the resource returns the
ids of the records that were deleted in a time span and that the user had access to. The seconds of
the span are ignored, it must be longer than a minute and start no more than 30 days ago, and a
reply holds no more than 600,000 ids. The log goes back 15 days, or less if an administrator has
emptied the recycle bin or very many records were deleted.

`INVALID_REPLICATION_DATE` has several causes, and no reply says which: the span starts before what
the log still has, ends after what it has so far (`latestDateCovered`), or is too short. What the
log can answer is therefore found by asking.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.columns import Columns
from tap_sfbulk_pages.decoding.deleted import DELETED_AT
from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.jobs.query import SHORT_ID
from tap_sfbulk_pages.salesforce.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.org import Org

LOG_KEEPS = timedelta(days=15)
# A day less than Salesforce accepts, for runs that take long.
_EARLIEST_START = timedelta(days=29)
_SHORTEST_SPAN = timedelta(minutes=2)
_MINUTE = timedelta(minutes=1)
_REFUSED_DATES = "INVALID_REPLICATION_DATE"
_TOO_MANY = "EXCEEDED_ID_LIMIT"
# REST API guide, "Query Options Header": no page of a query has to be smaller.
_IDS_A_QUERY = 200
_UTC = re.compile(r"\+00:?00$")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoggedDeletes:
    """What the log has of a time span.

    Attributes:
        columns: `Id` and `_sdc_deleted_at`, as text columns.
        begins_at: Since when the log is complete; UTC.
        covered_until: Until when it is complete; UTC.
    """

    columns: Columns
    begins_at: datetime
    covered_until: datetime


@dataclass(frozen=True)
class _Reply:
    columns: Columns
    earliest: datetime | None
    latest: datetime | None


class DeleteLog:
    """The log of one object.

    Args:
        org: Asked.
        sobject: Name of the object.
        waiting: Entered while a call is under way.
    """

    def __init__(
        self, org: Org, sobject: str, waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._org = org
        self._sobject = sobject
        self._waiting = waiting

    def read(self, since: datetime, now: datetime) -> Iterator[LoggedDeletes]:
        """Read which records were deleted, in spans that Salesforce answers completely.

        A record that has been restored is left out, even if the log still lists it.

        Args:
            since: Where to begin, as far as the log goes back; UTC.
            now: Where to end, by Salesforce's clock; UTC.

        Returns:
            Spans in order of time, each covering at least what `since` and the one before leave.
            Nothing if Salesforce refuses every span, which may be otherwise the next time.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        start = _cut_to_minute(max(since, now - _EARLIEST_START))
        end = _cut_to_minute(now) + _MINUTE
        is_narrowed = False
        while start < end:
            try:
                reply, stop = self._fetch_most(start, end)
            except RefusedError as error:
                if error.error_code != _REFUSED_DATES or is_narrowed:
                    raise
                found = self._find_answered_span(start, end, error)
                if found is None:
                    return
                (start, end), is_narrowed = found, True
                continue
            begins_at = max(now - LOG_KEEPS, start, reply.earliest or start)
            covered = min(stop, reply.latest or now, now)
            yield LoggedDeletes(self.drop_restored(reply.columns), begins_at, covered)
            if covered < stop:
                # The rest is not complete yet. To go on behind it would lose it.
                return
            start = stop

    def _fetch_most(self, start: datetime, end: datetime) -> tuple[_Reply, datetime]:
        """Ask about a span, or about as much of its beginning as one reply can hold.

        Returns:
            The reply, and the end of the span that it is for.
        """
        while True:
            begin = min(start, end - _SHORTEST_SPAN)
            try:
                return self._fetch(begin, end), end
            except RefusedError as error:
                if error.error_code != _TOO_MANY or end - begin <= _SHORTEST_SPAN:
                    raise
            end = max(_cut_to_minute(begin + (end - begin) / 2), begin + _SHORTEST_SPAN)

    def _find_answered_span(
        self, start: datetime, end: datetime, error: RefusedError
    ) -> tuple[datetime, datetime] | None:
        """Find the longest part of a refused span that Salesforce answers; None if there is none.

        Short spans show where the log ends, then where it begins.
        """
        logger.info(
            "Stream %s: Salesforce refuses the time span in which records may have been deleted "
            "(%s). What its log has of the span is looked for.",
            self._sobject,
            error.said,
        )
        step, last = _SHORTEST_SPAN, end
        while not self._is_answered(last - _SHORTEST_SPAN):
            last, step = end - step, step * 2
            if last <= start:
                logger.warning(
                    "Stream %s: Salesforce does not say which records were deleted since %s: %s "
                    "The next run asks again.",
                    self._sobject,
                    f"{start:%Y-%m-%dT%H:%MZ}",
                    error,
                )
                return None
        refused, first = start, last - _SHORTEST_SPAN
        if first <= start or self._is_answered(start):
            return start, last
        while first - refused > _MINUTE:
            middle = _cut_to_minute(refused + (first - refused) / 2)
            if self._is_answered(middle):
                first = middle
            else:
                refused = middle
        return first, last

    def _is_answered(self, start: datetime) -> bool:
        try:
            self._fetch(start, start + _SHORTEST_SPAN)
        except RefusedError as error:
            if error.error_code not in {_REFUSED_DATES, _TOO_MANY}:
                raise
            return error.error_code == _TOO_MANY
        return True

    def _fetch(self, start: datetime, end: datetime) -> _Reply:
        span = urlencode({"start": start.isoformat(), "end": end.isoformat()})
        with self._waiting():
            return self._org.client.fetch_json(
                f"/sobjects/{self._sobject}/deleted/?{span}",
                api_version=self._org.api_version,
                parse=_parse_reply,
            )

    def drop_restored(self, records: Columns) -> Columns:
        """Leave out the records that are there again."""
        restored: set[str] = set()
        ids = iter(_short_ids(records))
        while batch := list(islice(ids, _IDS_A_QUERY)):
            restored |= self._find_alive(batch)
        if not restored:
            return records
        kept = [number for number, each in enumerate(_short_ids(records)) if each not in restored]
        return records.take(kept)

    def _find_alive(self, ids: list[str]) -> set[str]:
        listed = ",".join(f"'{each}'" for each in ids)
        soql = f"SELECT {KEY} FROM {self._sobject} WHERE {KEY} IN ({listed})"  # noqa: S608 - SOQL only reads

        def parse(reply: Any) -> set[str]:
            if not reply["done"]:
                raise ValueError("a page of so few ids has another one behind it")
            return {record[KEY][:SHORT_ID] for record in reply["records"]}

        with self._waiting():
            return self._org.client.fetch_json(
                f"/query?q={quote(soql, safe='')}", api_version=self._org.api_version, parse=parse
            )


def _parse_reply(reply: Any) -> _Reply:
    deleted = reply["deletedRecords"]
    columns = {
        KEY: [record["id"] for record in deleted],
        # The form in which query jobs write datetimes.
        DELETED_AT: [_UTC.sub("Z", record["deletedDate"]) for record in deleted],
    }
    return _Reply(
        Columns(columns, len(deleted)),
        earliest=_parse_moment(reply.get("earliestDateAvailable")),
        latest=_parse_moment(reply.get("latestDateCovered")),
    )


def _parse_moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


def _short_ids(records: Columns) -> list[str]:
    return [(each or "")[:SHORT_ID] for each in records[KEY]]


def _cut_to_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
