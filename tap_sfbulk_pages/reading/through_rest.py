"""Reading through the REST query resource, for what no query job reads, with the same guarantees.

Each page names the next, which is fetched while it is written. The state holds a cursor: the link
to the first page that has not been written.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import format_literal
from tap_sfbulk_pages.decoding.records import ColumnBlocks
from tap_sfbulk_pages.errors import RecordCountError, RefusedError, UntrustedLinkError
from tap_sfbulk_pages.jobs.fetching import Fetching
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.ledger import Ledger
from tap_sfbulk_pages.reading.rest_pages import RestQuery
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.bookmarks import cap_maximum
from tap_sfbulk_pages.reading.state.saved_reads import SavedRestQuery
from tap_sfbulk_pages.watching import activity
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, MutableMapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.reading.page import PageReading, ReadingContext
    from tap_sfbulk_pages.reading.request import JobRequest
    from tap_sfbulk_pages.reading.rest_pages import RestPage

# REST API guide, "Query": a cursor that has expired, or gave way to newer ones of the same user.
_CURSOR_GONE = "INVALID_QUERY_LOCATOR"

logger = logging.getLogger(__name__)


class RestReading:
    """One query through REST, from where it was left to its end.

    Args:
        context: The org, and what the run does meanwhile.
        request: What is asked, and what is read of the result.
        name: What is read, for messages.
        datetimes: The fields that are datetimes.
        state: Where the cursor is saved, as `JobReading` saves its job.
        on_finished: As of `JobReading`.

    Raises:
        StateError: If the saved cursor is malformed.
    """

    job_id = None

    def __init__(
        self,
        context: ReadingContext,
        request: JobRequest,
        *,
        name: str,
        datetimes: Collection[str],
        state: MutableMapping[str, Any],
        on_finished: Callable[[str | None], None],
    ) -> None:
        org, query = context.org, request.query
        if not isinstance(query, Query):
            raise AssertionError("an existing job is not read through REST")  # noqa: TRY004 - a bug here
        self._context = context
        self._request = request
        self._name = name
        self._state = state
        self._on_finished = on_finished
        self._query = RestQuery(
            org.client,
            org.memory,
            query,
            types=request.types,
            datetimes=datetimes,
            api_version=org.api_version,
        )
        self._fetching: Fetching[RestPage] = Fetching(
            org.threads,
            waiting=context.waiting,
            tend=context.tend,
            discard=lambda page: page.close(),
        )
        saved = saved_reads.saved_rest_query(state)
        if saved and not saved.answers(request.query.fingerprint, request.replication_key):
            logger.info("%s: the saved cursor belongs to another query.", name)
            saved = None
        self._link = saved.next_records_url if saved else None
        self._records = saved.records_done if saved else 0
        self._maximum = saved.maximum if saved else None
        self._asked_at = saved.asked_at if saved else None
        self._first: RestPage | None = None
        self._has_started_over = False
        self._ledger = Ledger(request, org.encoders)
        self._preparation_error: Exception | None = None

    def prepare(
        self,
        made: Callable[[], None],  # noqa: ARG002 - nothing to save before a page is written
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Fetch the first page (`Reading.prepare`)."""
        try:
            with waiting():
                self._first = self._begin()
        except Exception as error:  # noqa: BLE001 - raised by `pages`, on the thread that writes
            self._preparation_error = error
        return self._preparation_error

    def keep(self) -> None:
        """Save the cursor after the last page that has been written, if there is one."""
        if self._link is None:
            return
        query = SavedRestQuery(
            self._request.query.fingerprint,
            self._link,
            self._records,
            self._maximum,
            self._asked_at,
            self._request.replication_key,
        )
        saved_reads.save_rest_query(self._state, query)
        self._context.save()

    def prefetch(self) -> None:
        """Do nothing: the first page is here, and the second is fetched while it is written."""

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`.
        """
        if self._first is None and self._preparation_error is None:
            self.prepare(self.keep, self._context.waiting)
        try:
            if self._preparation_error:
                raise self._preparation_error
            yield from self._read()
        except RecordCountError:
            # The next run must ask again: the pages of this query do not hold every record.
            saved_reads.forget_job(self._state)
            self._context.save()
            raise
        finally:
            self.close()
        self._finish()

    def close(self) -> None:
        """Fetch nothing more."""
        self._fetching.give_up()
        if self._first:
            self._first.close()
            self._first = None

    def _begin(self) -> RestPage:
        """Go on at the saved cursor, or ask the query."""
        if self._link is None:
            return self._ask()
        done = format_count(self._records, "record")
        logger.info("%s: going on at the saved cursor, %s done.", self._name, done)
        try:
            page = self._query.fetch(self._link)
        except (RefusedError, UntrustedLinkError) as error:
            return self._start_over(error)
        if stream := activity.current():
            stream.is_resumed = True
        return page

    def _start_over(self, error: RefusedError | UntrustedLinkError) -> RestPage:
        """Ask the query again after its cursor has expired, or if it is one of another host.

        Raises:
            ExtractionError: The error, if it says something else, or this has been done before.
        """
        is_gone = isinstance(error, UntrustedLinkError) or error.error_code == _CURSOR_GONE
        if self._has_started_over or not is_gone:
            raise error
        logger.warning(
            "%s: the cursor cannot be used any more, so everything is read again. %s",
            self._name,
            error,
        )
        self._has_started_over = True
        self._link, self._records, self._maximum = None, 0, None
        return self._ask()

    def _ask(self) -> RestPage:
        """Ask the query from its start."""
        self._asked_at = format_literal(self._context.org.client.clock.now(), {})
        return self._query.fetch(None)

    def _read(self) -> Iterator[PageReading]:
        """Hand over page after page, the next one on its way meanwhile."""
        page, self._first = self._first, None
        while page:
            if page.next_link:
                self._fetching.start(partial(self._query.fetch, page.next_link))
            yield from self._hand_over(page)
            self.keep()
            page = self._next() if page.next_link else None

    def _next(self) -> RestPage:
        outcome = self._fetching.wait_for_next()
        if isinstance(outcome.error, RefusedError):
            with self._context.waiting():
                return self._start_over(outcome.error)
        return outcome.result()

    def _hand_over(self, page: RestPage) -> Iterator[PageReading]:
        """Hand over a page, and count it when it comes back written.

        Raises:
            RecordCountError: If there are more or fewer records than Salesforce has counted.
        """
        request = self._request
        if self._link is None:
            saved_reads.begin_rest_query(self._state)
        name = self._link or f"{request.query.fingerprint} {page.received_at.isoformat()}"
        blocks = ColumnBlocks(_blocks(page), request.types, request.replication_key)
        self._maximum = yield from self._ledger.hand_over(
            page, name, blocks, maximum=self._maximum, done_before=self._records
        )
        # The page has been written. Had the cursor moved before, a run killed in between would have
        # lost the page.
        self._link = page.next_link
        self._records += page.records
        if self._records > page.total or (self._records < page.total and not page.next_link):
            raise RecordCountError(
                f"The pages of {self._name} hold {format_count(self._records, 'record')}; "
                f"Salesforce counts {page.total:,} (totalSize). The next run asks the query again."
            )

    def _finish(self) -> None:
        self._on_finished(cap_maximum(self._maximum, self._asked_at))
        saved_reads.finish_rest_query(self._state, self._asked_at)
        self._context.save()
        self._ledger.warn_of_nul_characters(self._name)


def _blocks(page: RestPage) -> Iterator[Columns]:
    if page.records:
        yield page.block()
