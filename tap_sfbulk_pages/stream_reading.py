"""Reading one stream through one query job: made or resumed, its pages accounted for, the state.

Free of the Singer SDK, so that whoever takes the pages decides how their records leave. A page is
done when the next one is asked for: by then the taker has written it.
"""

from __future__ import annotations

import logging
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages import stream_state
from tap_sfbulk_pages.columns import blocks
from tap_sfbulk_pages.errors import (
    ExtractionError,
    ListingError,
    QueryJobError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.fetching import Fetching
from tap_sfbulk_pages.job_pages import JobPages, ParallelPages, SerialPages, check_total
from tap_sfbulk_pages.job_progress import JobProgress
from tap_sfbulk_pages.page_download import PageDownload, ResultPage
from tap_sfbulk_pages.query_jobs import QueryJob
from tap_sfbulk_pages.replication import bookmark_after, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    import polars as pl
    import requests

    from tap_sfbulk_pages.cells import CellType
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.query_jobs import Query
    from tap_sfbulk_pages.result_pages import ResultPagesPaginator

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamRequest:
    """What is read of an sObject.

    Attributes:
        query: The query.
        types: The selected fields, in order, and how their cells are read.
        replication_key: The field whose maximum becomes the bookmark; None for a full table.
        replication_schema: Its JSON schema.
    """

    query: Query
    types: Mapping[str, CellType]
    replication_key: str | None
    replication_schema: Mapping[str, Any]


class PageReading:
    """A page that is handed over to be written.

    Args:
        page: Received whole.
        request: What is read of it.
        maximum: The greatest replication key value of the pages before it.
        executor: Decodes blocks ahead.
    """

    def __init__(
        self,
        page: ResultPage,
        request: StreamRequest,
        *,
        maximum: str | None,
        executor: Executor,
    ) -> None:
        self.page = page
        self.maximum = maximum
        self._executor = executor
        self.is_read = False
        self._request = request

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the records as blocks of columns (`columns.blocks`), keeping the maximum.

        Raises:
            ResultPageError: If the page cannot be decoded.
        """
        key = self._request.replication_key
        for block in blocks(self.page, self._request.types, self._executor):
            if key:
                self.maximum = later(self.maximum, block[key])
            yield block
        self.is_read = True


class StreamReading:
    """One reading of a stream.

    Made and read on the thread that writes; only `prepare` may run on another.

    Args:
        org: Where from.
        request: What.
        state: The stream's part of the Singer state, changed in place.
        save: Writes the state; called when it has changed.
        new_paginator: Makes a paginator that stands at a link, or at the first list.
        waiting: Entered while there is nothing to do but wait.
        tend: Called now and then while pages are waited for.
    """

    def __init__(
        self,
        org: Org,
        request: StreamRequest,
        *,
        state: MutableMapping[str, Any],
        save: Callable[[], None],
        new_paginator: Callable[[str | None], ResultPagesPaginator],
        waiting: Callable[[], AbstractContextManager[None]],
        tend: Callable[[], None],
    ) -> None:
        self._org = org
        self._request = request
        self._state = state
        self._save = save
        self._new_paginator = new_paginator
        self._waiting = waiting
        self._tend = tend
        self._started_at = datetime.now(timezone.utc)
        self._saved = stream_state.saved_job(state)
        self._progress = JobProgress()
        self._in_series = False
        self._is_resumed = False
        self._is_prepared = False
        self._pages_ahead: JobPages | None = None
        self._preparation_error: Exception | None = None
        self._prefetch_error: ExtractionError | None = None
        self._nul_characters = 0
        self.job: QueryJob | None = None

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Make or resume the job and wait for it. What goes wrong is raised by `pages`.

        Args:
            made: Called when the job is known, so that the state can be told (`keep_job`).
            waiting: Entered while there is nothing to do but wait.
        """
        try:
            self._resume(made, waiting)
            if not self._is_resumed:
                self._create(made, waiting)
        except Exception as error:  # noqa: BLE001 - raised by `pages`, on the thread that writes
            self._preparation_error = error
        self._is_prepared = True

    def keep_job(self) -> None:
        """Save the job that is made, and how far it has been read."""
        if self.job is None:
            return
        stream_state.save_job(
            self._state,
            self.job,
            self._request.query,
            in_series=self._in_series,
            progress=self._progress,
        )
        self._save()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting, while another stream is written."""
        if self._preparation_error is None and self._prefetch_error is None:
            try:
                self._job_pages().prefetch()
            except ExtractionError as error:
                self._prefetch_error = error

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done; each must be written before the next is taken.

        Raises:
            ExtractionError: If the stream cannot be read to its end. The state then leads a
                later run to every record that is missing.
        """
        if not self._is_prepared:
            self.prepare(self.keep_job, self._waiting)
        try:
            if self._preparation_error:
                raise self._preparation_error
            try:
                yield from self._read()
            except (QueryJobError, ListingError, RecordCountError, RefusedError) as error:
                if not self._is_resumed or not _is_about_the_job(error):
                    raise
                logger.warning("The saved job cannot be read on: %s A new one is made.", error)
                self._start_over()
                self._create(self.keep_job, self._waiting)
                yield from self._read()
        except (QueryJobError, RecordCountError):
            stream_state.forget_job(self._state)
            self._save()
            raise

    def close(self) -> None:
        """Fetch nothing more."""
        if self._pages_ahead:
            self._pages_ahead.close()
            self._pages_ahead = None

    def _resume(
        self, made: Callable[[], None], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Go on in the saved job, if there is one that is of use."""
        job = self._resumable(self._saved) if self._saved else None
        if job is None or self._saved is None:
            return
        self.job, self._progress = job, self._saved.progress
        self._in_series = self._saved.in_series
        logger.info("Going on in job %s: %d records done.", job.id, self._progress.records)
        try:
            self.job = self._org.jobs.completed(job, waiting)
        except QueryJobError as error:
            logger.warning("The saved job is of no use: %s A new one is made.", error)
            self._start_over()
            return
        self._is_resumed = True
        made()

    def _resumable(self, saved: stream_state.SavedJob) -> QueryJob | None:
        """Ask for a saved job; None, with the reason in the log, if it is of no use any more."""
        if saved.fingerprint != self._request.query.fingerprint:
            logger.info("The saved job %s answers another query; a new one is made.", saved.id)
            return None
        try:
            return self._org.jobs.info(QueryJob(saved.id, saved.api_version, state=""))
        except RefusedError as error:
            if not error.is_about_the_resource:
                raise
            logger.warning("The saved job cannot be used: %s A new one is made.", error)
            return None

    def _create(
        self, made: Callable[[], None], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Make a new job and wait for it."""
        self._org.job_allowance().take_job()
        self.job = self._org.jobs.create(self._request.query, self._org.api_version)
        logger.info("Job %s was created (API %s).", self.job.id, self.job.api_version)
        made()
        self.job = self._org.jobs.completed(self.job, waiting)

    def _start_over(self) -> None:
        self.close()
        self._progress, self._in_series, self._is_resumed = JobProgress(), False, False

    def _read(self) -> Iterator[PageReading]:
        """Read the job to its end."""
        error, self._prefetch_error = self._prefetch_error, None
        try:
            if error:
                raise error
            yield from self._walked()
        except ResultPagesNotOfferedError as refusal:
            self._org.jobs.check_still_there(self._completed_job, refusal)
            logger.warning(
                "The org does not list the result pages of job %s; they are read one after "
                "another. %s",
                self._completed_job.id,
                refusal,
            )
            self._start_over()
            self._in_series = True
            yield from self._walked()
        except (RefusedError, ListingError) as refusal:
            self._org.jobs.check_still_there(self._completed_job, refusal)
            raise
        finally:
            is_doubtful = self._pages_ahead is not None and self._pages_ahead.is_doubtful
            self.close()
        self._finish(is_doubtful=is_doubtful)

    def _walked(self) -> Iterator[PageReading]:
        """Hand over the pages, and keep account of those that come back written."""
        for page in self._job_pages():
            self._nul_characters += page.nul_characters
            with closing(page):
                reading = PageReading(
                    page,
                    self._request,
                    maximum=self._progress.maximum,
                    executor=self._org.encoders,
                )
                yield reading
            if not reading.is_read:
                raise AssertionError("a page was given back before its blocks were read")
            self._progress.finish(page.locator, records=page.records, maximum=reading.maximum)
            self._org.job_allowance().take_volume(page.text_bytes)
            self.keep_job()

    def _job_pages(self) -> JobPages:
        """Begin to fetch pages, if that has not begun."""
        if self._pages_ahead is None:
            job = self._completed_job
            fields = frozenset(self._request.types)
            download = PageDownload(self._org.client, self._org.memory, job, fields)
            fetching: Fetching[ResultPage | requests.Response] = Fetching(
                self._org.threads,
                waiting=self._waiting,
                tend=self._tend,
                discard=lambda result: result.close(),
            )
            rest = {
                "job": job,
                "progress": self._progress,
                "fetch": download.fetch,
                "fetching": fetching,
            }
            if self._in_series:
                self._pages_ahead = SerialPages(**rest)
            else:
                paginator = self._new_paginator(self._progress.start)
                self._pages_ahead = ParallelPages(self._org.client, paginator, **rest)
        return self._pages_ahead

    @property
    def _completed_job(self) -> QueryJob:
        if self.job is None:
            raise AssertionError("pages are read of a job that has been prepared")
        return self.job

    def _finish(self, *, is_doubtful: bool) -> None:
        """Hold the job's total against its pages, then move the bookmark.

        Args:
            is_doubtful: Whether the pages ended against a sign, so that the total is asked again.
        """
        job, request = self._completed_job, self._request
        try:
            check_total(job, self._progress)
        except RecordCountError:
            is_doubtful = True
        if is_doubtful:
            check_total(self._org.jobs.info(job), self._progress)
        if request.replication_key:
            bookmark = bookmark_after(
                stream_state.bookmark(self._state, request.replication_key),
                self._progress.maximum,
                now=self._started_at,
                schema=request.replication_schema,
            )
            if bookmark is not None:
                stream_state.set_bookmark(self._state, request.replication_key, bookmark)
        stream_state.forget_job(self._state)
        self._save()
        if self._nul_characters:
            logger.warning(
                "%d NUL characters were dropped from the values of job %s.",
                self._nul_characters,
                job.id,
            )
        if self._org.settings.delete_finished_jobs:
            self._delete(job)

    def _delete(self, job: QueryJob) -> None:
        try:
            self._org.jobs.delete(job)
        except ExtractionError as error:
            logger.warning("Job %s is done but could not be deleted: %s", job.id, error)


def _is_about_the_job(error: ExtractionError) -> bool:
    """Tell whether a new job can help, where a saved one cannot be read on."""
    return not isinstance(error, RefusedError) or error.is_about_the_resource
