"""One result page: received whole, counted, and only then handed on.

`GET …/jobs/query/{id}/results?locator=…` answers CSV with `Sforce-NumberOfRecords` (records of
the page, the header line not counted) and `Sforce-Locator` (the next page, the text `null` on the
last one): Bulk API 2.0 guide, "Get Results for a Query Job".
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_sfbulk_pages.decoding.scan import CsvScan
from tap_sfbulk_pages.errors import ResultPageError, UnavailableError
from tap_sfbulk_pages.jobs.page_body import PageBody
from tap_sfbulk_pages.jobs.page_sink import SinkFeed
from tap_sfbulk_pages.quoting import holds_secret
from tap_sfbulk_pages.salesforce.addresses import locator_of
from tap_sfbulk_pages.salesforce.transport import decode_body, is_framed
from tap_sfbulk_pages.watching import activity
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

    from tap_sfbulk_pages.jobs.page_body import PageMemory
    from tap_sfbulk_pages.jobs.page_sink import PageSink
    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

    # Makes what takes the records of a page, from its locator, columns and delimiter.
    NewSink = Callable[[str, tuple[str, ...], str], PageSink]

_DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}


@dataclass(frozen=True)
class ResultPage:
    """A page that has been received whole.

    Attributes:
        locator: Names the page in the state.
        columns: Names in the header line, in order; empty for a body without one.
        delimiter: The character between cells.
        records: The number of records, counted.
        text_bytes: Length of the decoded CSV in bytes.
        cuts: Where its blocks of whole records end (`CountedText.cuts`).
        nul_characters: The number of NUL characters in the values.
        next_locator: Locator of the page after it in a serial walk; None on the last page.
        received_at: When it was whole, UTC.
        body: The bytes as received; none if a sink has taken the records.
        encoding: Their `Content-Encoding`.
        sink: What has taken the records; None if the body is kept.
    """

    locator: str
    columns: tuple[str, ...]
    delimiter: str
    records: int
    text_bytes: int
    cuts: tuple[int, ...] = field(repr=False)
    nul_characters: int
    next_locator: str | None
    received_at: datetime
    body: PageBody = field(repr=False)
    encoding: str | None
    sink: PageSink | None = field(default=None, repr=False)

    def text_pieces(self) -> Iterator[bytes]:
        """Yield the decoded CSV from the start."""
        return decode_body(self.body.chunks(), self.encoding)

    def close(self) -> None:
        """Free what the page holds."""
        self.body.close()
        if self.sink:
            self.sink.discard()


class PageDownload:
    """Fetches the pages of one job.

    Args:
        client: The org.
        memory: Shared by all pages.
        job: The job that they belong to.
        fields: Names of the columns that each page must have, in any order and case.
        by_place: Names of the columns that are known by their place, counted from 0, whatever
            the header line calls them.
        new_sink: Makes what takes the records of a page while it arrives; None to keep the body.

    Raises:
        ResultPageError: If the job has an unknown column delimiter.
    """

    def __init__(
        self,
        client: SalesforceClient,
        memory: PageMemory,
        job: QueryJob,
        fields: frozenset[str],
        by_place: Mapping[int, str] | None = None,
        *,
        new_sink: NewSink | None = None,
    ) -> None:
        self._client = client
        self._memory = memory
        self._job = job
        self._fields = {name.lower() for name in fields}
        self._by_place = by_place or {}
        self._new_sink = new_sink
        if job.column_delimiter not in _DELIMITERS:
            raise ResultPageError(
                f"The columns of job {job.id} are separated by {job.column_delimiter}, which is no "
                f"known delimiter: create the job with one of {', '.join(_DELIMITERS)}."
            )
        self._delimiter = _DELIMITERS[job.column_delimiter]

    def fetch(self, link: str) -> ResultPage:
        """Fetch the page at a result link, again and again until it is whole.

        Raises:
            ExtractionError: As `SalesforceClient.call`.
        """
        with activity.during(activity.Phase.DOWNLOADING):
            page = self._client.call(
                "GET",
                link,
                api_version=self._job.api_version,
                read=partial(self._receive, link),
                headers={"Accept": "text/csv"},
            )
        if stream := activity.current():
            stream.note_page_received(page.body.size)
        return page

    def _receive(
        self, link: str, response: requests.Response, chunks: Iterator[bytes]
    ) -> ResultPage:
        _check_kind(response)
        locator, encoding = locator_of(link), response.headers.get("Content-Encoding")
        scan = CsvScan(
            self._delimiter.encode(),
            _announced_records(response),
            in_small_blocks=self._new_sink is not None,
        )
        with ExitStack() as undo:
            body, feed = PageBody(self._memory), None
            undo.callback(body.close)
            if self._new_sink:
                feed = SinkFeed(scan, partial(self._begin_sink, self._new_sink, locator, scan))
                undo.callback(feed.discard)
            try:
                kept = _count(chunks, body) if feed else _keep(chunks, body)
                for piece in decode_body(kept, encoding):
                    scan.feed(piece)
                    if feed:
                        feed.take(piece)
                text = scan.finish()
            except UnavailableError as error:
                raise UnavailableError(f"Result page {locator}: {error}") from error
            columns = self._fields_of(text.columns)
            if not text.ends_with_line and not is_framed(response):
                raise UnavailableError(f"Result page {locator} ends within a line.")
            self._check(locator, response, columns, text.records)
            if feed:
                feed.finish()
            next_locator = _parse_next_locator(response)
            undo.pop_all()
        return ResultPage(
            locator=locator,
            columns=columns,
            delimiter=self._delimiter,
            records=text.records,
            text_bytes=text.size,
            cuts=text.cuts,
            nul_characters=text.nul_characters,
            next_locator=next_locator,
            received_at=datetime.now(timezone.utc),
            body=body,
            encoding=encoding,
            sink=feed.sink if feed else None,
        )

    def _fields_of(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Name the columns of a header line, some of them by their place."""
        return tuple(self._by_place.get(place, name) for place, name in enumerate(columns))

    def _missing(self, columns: tuple[str, ...]) -> set[str]:
        return self._fields - {column.lower() for column in columns}

    def _begin_sink(self, new_sink: NewSink, locator: str, scan: CsvScan) -> PageSink | None:
        columns = self._fields_of(scan.columns())
        # What is missing is said by the check of the whole page.
        return None if self._missing(columns) else new_sink(locator, columns, self._delimiter)

    def _check(
        self, locator: str, response: requests.Response, columns: tuple[str, ...], records: int
    ) -> None:
        """Compare a received page with what Salesforce announced, and with what was asked."""
        announced = response.headers.get("Sforce-NumberOfRecords")
        if announced is not None and announced.strip() != str(records):
            raise UnavailableError(
                f"Result page {locator} holds {format_count(records, 'record')}; "
                f"Salesforce announced {announced}."
            )
        if not columns and announced is None and self._job.records != 0:
            raise UnavailableError(
                f"Result page {locator} is empty, and Salesforce announced no number of records."
            )
        missing = self._missing(columns)
        if missing and (records or columns):
            raise UnavailableError(
                f"Result page {locator} lacks columns of its query: {sorted(missing)}."
            )


def _check_kind(response: requests.Response) -> None:
    """Reject a reply that is not a page.

    By older editions of the guide, 204 means that the result is not ready; HTML is a maintenance or
    login page.
    """
    kind = response.headers.get("Content-Type", "text/csv")
    if response.status_code == HTTPStatus.NO_CONTENT:
        if response.headers.get("Sforce-NumberOfRecords") != "0":
            raise UnavailableError("Salesforce answered 204, no content, for a result page.")
    elif "html" in kind or "json" in kind:
        raise UnavailableError(f"Salesforce answered {kind} instead of a result page.")


def _announced_records(response: requests.Response) -> int | None:
    """Read how many records a page is said to have; None where that is no number."""
    text = response.headers.get("Sforce-NumberOfRecords", "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _keep(chunks: Iterator[bytes], body: PageBody) -> Iterator[bytes]:
    for chunk in chunks:
        body.write(chunk)
        yield chunk


def _count(chunks: Iterator[bytes], body: PageBody) -> Iterator[bytes]:
    for chunk in chunks:
        body.size += len(chunk)
        yield chunk


def _parse_next_locator(response: requests.Response) -> str | None:
    locator = response.headers.get("Sforce-Locator", "").strip()
    # The state, which holds locators, must not hold a secret.
    if holds_secret(locator):
        raise UnavailableError("The locator of the next result page repeats a secret.")
    return None if locator in ("", "null") else locator
