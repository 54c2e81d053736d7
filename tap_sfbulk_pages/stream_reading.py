"""Reading one stream through one query job: made or resumed, its pages accounted for, the state.

Free of the Singer SDK, so that whoever takes the pages decides how their records leave. A page is
done when the next one is asked for: by then the taker has written it.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages import stream_state
from tap_sfbulk_pages.columns import blocks
from tap_sfbulk_pages.errors import (
    ExtractionError,
    ListingError,
    QueryJobError,
    QueryJobGoneError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.fetching import Fetching
from tap_sfbulk_pages.job_pages import ParallelPages, SerialPages, check_total
from tap_sfbulk_pages.job_progress import JobProgress
from tap_sfbulk_pages.page_download import PageDownload, ResultPage
from tap_sfbulk_pages.query_jobs import QueryJob
from tap_sfbulk_pages.replication import bookmark_after, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping
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
    """

    def __init__(self, page: ResultPage, request: StreamRequest, maximum: str | None) -> None:
        self.page = page
        self.maximum = maximum
        self.is_read = False
        self._request = request

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the records as blocks of columns (`columns.blocks`), keeping the maximum.

        Raises:
            ResultPageError: If the page cannot be decoded.
        """
        key = self._request.replication_key
        for block in blocks(self.page, self._request.types):
            if key:
                self.maximum = later(self.maximum, block[key])
            yield block
        self.is_read = True


class StreamReading:
    """One reading of a stream.

    Args:
        org: Where from.
        request: What.
        state: The stream's part of the Singer state, changed in place.
        save: Writes the state; called when it has changed.
        new_paginator: Makes a paginator that stands at a link, or at the first list.
        waiting: Entered while there is nothing to do but wait.
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
    ) -> None:
        self._org = org
        self._request = request
        self._state = state
        self._save = save
        self._new_paginator = new_paginator
        self._waiting = waiting
        self._started_at = datetime.now(timezone.utc)
        self._nul_characters = 0
        self.job: QueryJob | None = None

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done; each must be written before the next is taken.

        Raises:
            ExtractionError: If the stream cannot be read to its end. The state then leads a
                later run to every record that is missing.
        """
        saved = stream_state.saved_job(self._state)
        if saved and (job := self._resumable(saved)):
            try:
                yield from self._read(job, saved.progress, in_series=saved.in_series)
            except (QueryJobError, ListingError, RecordCountError) as error:
                logger.warning("Job %s cannot be read on: %s A new job is made.", job.id, error)
            else:
                return
        stream_state.forget_job(self._state)
        self._org.job_allowance.take_job()
        job = self._org.jobs.create(self._request.query, self._org.api_version)
        logger.info("Job %s was created (API %s).", job.id, job.api_version)
        try:
            yield from self._read(job, JobProgress(), in_series=False)
        except (QueryJobError, RecordCountError):
            stream_state.forget_job(self._state)
            self._save()
            raise

    def _resumable(self, saved: stream_state.SavedJob) -> QueryJob | None:
        """Ask for a saved job; None, with the reason in the log, if it is of no use any more."""
        if saved.fingerprint != self._request.query.fingerprint:
            logger.info("The saved job %s answers another query; a new one is made.", saved.id)
            return None
        job = QueryJob(saved.id, saved.api_version, state="UploadComplete")
        try:
            with self._waiting():
                job = self._org.jobs.info(job)
        except RefusedError as error:
            if not error.is_about_the_resource:
                raise
            logger.warning("The saved job cannot be used: %s A new one is made.", error)
            return None
        logger.info("Going on in job %s: %d records done.", job.id, saved.progress.records)
        return job

    def _read(
        self, job: QueryJob, progress: JobProgress, *, in_series: bool
    ) -> Iterator[PageReading]:
        """Read a job to its end."""
        self.job = job
        self._keep(job, progress, in_series=in_series)
        with self._waiting():
            job = self._org.jobs.completed(job)
        try:
            if not in_series:
                try:
                    yield from self._walked(job, progress, in_series=False)
                except ResultPagesNotOfferedError as error:
                    logger.warning(
                        "The org does not list the result pages of job %s; they are read one "
                        "after another. %s",
                        job.id,
                        error,
                    )
                    progress, in_series = JobProgress(), True
            if in_series:
                yield from self._walked(job, progress, in_series=True)
        except (RefusedError, ListingError) as error:
            self._check_still_there(job, error)
            raise
        self._finish(job, progress)

    def _walked(
        self, job: QueryJob, progress: JobProgress, *, in_series: bool
    ) -> Iterator[PageReading]:
        """Hand over the pages, and keep account of those that come back written."""
        for page in self._pages(job, progress, in_series=in_series):
            self._nul_characters += page.nul_characters
            with closing(page):
                reading = PageReading(page, self._request, progress.maximum)
                yield reading
            if not reading.is_read:
                raise AssertionError("a page was given back before its blocks were read")
            progress.finish(page.locator, records=page.records, maximum=reading.maximum)
            self._org.job_allowance.take_volume(page.text_bytes)
            self._keep(job, progress, in_series=in_series)

    def _pages(
        self, job: QueryJob, progress: JobProgress, *, in_series: bool
    ) -> Iterator[ResultPage]:
        fetch = PageDownload(
            self._org.client, self._org.memory, job, frozenset(self._request.types)
        ).fetch
        fetching: Fetching[ResultPage | requests.Response] = Fetching(
            self._org.threads, waiting=self._waiting, discard=lambda result: result.close()
        )
        try:
            if in_series:
                yield from SerialPages(job, progress=progress, fetch=fetch, fetching=fetching)
            else:
                yield from ParallelPages(
                    self._org.client,
                    job,
                    paginator=self._new_paginator(progress.start),
                    progress=progress,
                    fetch=fetch,
                    fetching=fetching,
                )
        finally:
            fetching.give_up()

    def _check_still_there(self, job: QueryJob, error: ExtractionError) -> None:
        """Find out whether a refusal means that the job has gone.

        Raises:
            QueryJobGoneError: If it has.
        """
        try:
            self._org.jobs.info(job)
        except RefusedError as refused:
            if refused.is_about_the_resource:
                raise QueryJobGoneError(
                    f"The job is no longer there: {refused} The next run makes a new one."
                ) from error

    def _finish(self, job: QueryJob, progress: JobProgress) -> None:
        """Hold the job's total against its pages, then move the bookmark."""
        try:
            check_total(job, progress)
        except RecordCountError:
            check_total(self._org.jobs.info(job), progress)
        request = self._request
        if request.replication_key:
            bookmark = bookmark_after(
                stream_state.bookmark(self._state, request.replication_key),
                progress.maximum,
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

    def _keep(self, job: QueryJob, progress: JobProgress, *, in_series: bool) -> None:
        stream_state.save_job(
            self._state, job, self._request.query, in_series=in_series, progress=progress
        )
        self._save()
