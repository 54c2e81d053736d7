"""Reading through one query job: created or resumed, each page accounted for, the state saved."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.page import CsvBlocks
from tap_sfbulk_pages.errors import (
    ExtractionError,
    ListingError,
    QueryJobError,
    QueryJobTooLongError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
    UntrustedLinkError,
)
from tap_sfbulk_pages.jobs.page_download import PageDownload
from tap_sfbulk_pages.jobs.pages import JobPages, PageSource, verify_total
from tap_sfbulk_pages.jobs.parallel_pages import ParallelPages
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.jobs.query import ExistingJob, QueryJob
from tap_sfbulk_pages.jobs.serial_pages import SerialPages
from tap_sfbulk_pages.reading.existing_jobs import find_existing_job
from tap_sfbulk_pages.reading.ledger import Ledger
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.bookmarks import cap_maximum
from tap_sfbulk_pages.watching import activity
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.reading.page import PageReading, ReadingContext
    from tap_sfbulk_pages.reading.request import JobRequest

logger = logging.getLogger(__name__)


class JobReading:
    """One query job, from where it was left to its end.

    Args:
        context: The org, and what the run does meanwhile.
        request: What is asked, and what is read of the result.
        state: Where the job is saved while it is read, changed in place: the stream's part of the
            Singer state, or one of its ranges.
        on_finished: Called with the greatest replication key value when every record of the job has
            been written and their number is right. The job is then dropped from `state`.
        is_divisible: Whether a saved job that took too long raises `QueryJobTooLongError`, so that
            less can be asked, instead of being created again.
    """

    def __init__(
        self,
        context: ReadingContext,
        request: JobRequest,
        *,
        state: MutableMapping[str, Any],
        on_finished: Callable[[str | None], None],
        is_divisible: bool = False,
    ) -> None:
        self._context = context
        self._org = context.org
        self._request = request
        self._state = state
        self._on_finished = on_finished
        self._is_divisible = is_divisible
        self._saved = saved_reads.saved_job(state)
        self._progress = JobProgress()
        self._in_series = False
        self._is_resumed = False
        self._is_prepared = False
        self._has_read = False
        self._pages_ahead: JobPages | None = None
        self._preparation_error: Exception | None = None
        self._prefetch_error: Exception | None = None
        self._ledger = Ledger(request, context.org.encoders)
        self.job: QueryJob | None = None

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Create or resume the job and wait for it (`Reading.prepare`)."""
        try:
            self._resume(made, waiting)
            if not self._is_resumed:
                self._create(made, waiting)
        except Exception as error:  # noqa: BLE001 - raised by `pages`, on the thread that writes
            self._preparation_error = error
        self._is_prepared = True
        return self._preparation_error

    @property
    def job_id(self) -> str | None:
        """The job, where it is known."""
        return self.job.id if self.job else None

    def keep(self) -> None:
        """Save the job, and how far it has been read."""
        if self.job is None:
            return
        saved_reads.save_job(
            self._state,
            self.job,
            self._request.query,
            replication_key=self._request.replication_key,
            in_series=self._in_series,
            progress=self._progress,
        )
        self._context.save()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting, while another stream is written."""
        if self._preparation_error is None and self._prefetch_error is None:
            try:
                self._job_pages().prefetch()
            except Exception as error:  # noqa: BLE001 - raised by `pages`, for this stream alone
                self._prefetch_error = error

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`.
        """
        if not self._is_prepared:
            self.prepare(self.keep, self._context.waiting)
        try:
            if self._preparation_error:
                raise self._preparation_error
            try:
                yield from self._read()
            except (
                QueryJobError,
                ListingError,
                RecordCountError,
                RefusedError,
                UntrustedLinkError,
            ) as error:
                if not self._is_resumed or not _is_about_the_job(error):
                    raise
                logger.warning("The saved job cannot be read on: %s %s", error, self._instead)
                yield from self._read_new_job()
            if self._may_have_been_over:
                logger.warning(
                    "Job %s had no page left to read, and an earlier release may have finished it. "
                    "%s",
                    self.job_id,
                    self._instead,
                )
                yield from self._read_new_job()
        except (QueryJobError, RecordCountError):
            # The next run must not go on in this job: its pages do not hold every record.
            saved_reads.forget_job(self._state)
            self._context.save()
            raise

    @property
    def _may_have_been_over(self) -> bool:
        """Whether a saved job was read on that may have been finished before.

        Its records are those of that day, so that to take its end for this run's would lose
        everything since.
        """
        may_be_over = self._saved is not None and self._saved.may_be_over
        return self._is_resumed and may_be_over and not self._has_read and self._creates_job

    def _read_new_job(self) -> Iterator[PageReading]:
        self._start_over()
        self._create(self.keep, self._context.waiting)
        yield from self._read()

    def close(self) -> None:
        """Fetch nothing more."""
        if self._pages_ahead:
            self._pages_ahead.close()
            self._pages_ahead = None

    def _resume(
        self, made: Callable[[], None], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Go on in the saved job, if there is one that can be read."""
        with waiting():
            job = self._find_job(self._saved) if self._saved else None
        if job is None or self._saved is None:
            return
        self.job, self._progress = job, self._saved.progress
        self._in_series = self._saved.in_series
        done = format_count(self._progress.records, "record")
        logger.info("Going on in job %s: %s done.", job.id, done)
        try:
            self.job = self._org.jobs.wait_until_complete(job, waiting)
        except QueryJobError as error:
            if self._is_divisible and isinstance(error, QueryJobTooLongError):
                raise
            logger.warning("The saved job cannot be used: %s %s", error, self._instead)
            self._start_over()
            return
        self._is_resumed = True
        if stream := activity.current():
            stream.is_resumed = True
        made()

    def _find_job(self, saved: saved_reads.SavedJob) -> QueryJob | None:
        """Ask for a saved job; None, with the reason in the log, if it can no longer be used."""
        # A job that answers another query holds other records than those asked for now.
        if not saved.answers(self._request.query.fingerprint, self._request.replication_key):
            logger.info("The saved job %s answers another query. %s", saved.id, self._instead)
            return None
        job = QueryJob(saved.id, saved.api_version, state="", created_by_tap=self._creates_job)
        try:
            return self._org.jobs.refresh(job)
        except RefusedError as error:
            if not error.is_about_the_resource:
                raise
            logger.warning("The saved job cannot be used: %s %s", error, self._instead)
            return None

    def _create(
        self, made: Callable[[], None], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Create a job, or take the existing one, and wait for it."""
        query = self._request.query
        if isinstance(query, ExistingJob):
            with waiting():
                self.job = find_existing_job(self._org, query.id)
        else:
            with waiting():
                self._org.job_allowance().take_job()
                self.job = self._org.jobs.create(query, self._org.api_version)
            logger.info("Job %s was created (API %s).", self.job.id, self.job.api_version)
        made()
        self.job = self._org.jobs.wait_until_complete(self.job, waiting)

    @property
    def _creates_job(self) -> bool:
        return not isinstance(self._request.query, ExistingJob)

    @property
    def _instead(self) -> str:
        """Say what happens instead when a saved job cannot be read on."""
        return "A new one is created." if self._creates_job else "It is read from its start."

    def _start_over(self) -> None:
        """Count no page as done: they were pages of another job, or were found in another way."""
        self.close()
        self._progress, self._in_series, self._is_resumed = JobProgress(), False, False

    def _read(self) -> Iterator[PageReading]:
        """Read the job to its end, in series if the org does not list its pages."""
        error, self._prefetch_error = self._prefetch_error, None
        try:
            if error:
                raise error
            yield from self._hand_over_pages()
        except ResultPagesNotOfferedError as refusal:
            with self._context.waiting():
                self._org.jobs.check_still_there(self._completed_job, refusal)
            logger.warning(
                "The org does not list the result pages of job %s; they are read one after "
                "another. %s",
                self._completed_job.id,
                refusal,
            )
            self._start_over()
            self._in_series = True
            yield from self._hand_over_pages()
        except (RefusedError, ListingError) as refusal:
            with self._context.waiting():
                self._org.jobs.check_still_there(self._completed_job, refusal)
            raise
        finally:
            is_doubtful = self._pages_ahead is not None and self._pages_ahead.is_doubtful
            self.close()
        self._finish(is_doubtful=is_doubtful)

    def _hand_over_pages(self) -> Iterator[PageReading]:
        """Hand over the pages, and save which have come back written."""
        for page in self._job_pages():
            self._has_read = True
            blocks = CsvBlocks(page, self._request.types, self._request.replication_key)
            maximum = yield from self._ledger.hand_over(
                page,
                page.locator,
                blocks,
                maximum=self._progress.maximum,
                done_before=self._progress.records,
                sink=page.sink,
            )
            # The page has been written. Had it been marked as done before, a run killed in between
            # would have lost it.
            self._progress.finish(page.locator, records=page.records, maximum=maximum)
            # A signal that has come ends the run at the next wait, so this comes first.
            self.keep()
            with self._context.waiting():
                self._org.job_allowance().take_volume(page.text_bytes)

    def _job_pages(self) -> JobPages:
        """Begin to fetch pages, unless that has begun."""
        if self._pages_ahead is None:
            job = self._completed_job
            fields = frozenset(self._request.types)
            new_sink = None
            if self._context.sinks:
                new_sink = partial(
                    self._context.sinks.begin,
                    job_id=job.id,
                    request=self._request,
                )
            download = PageDownload(
                self._org.client,
                self._org.memory,
                job,
                fields,
                self._request.by_place,
                new_sink=new_sink,
            )
            source = PageSource(
                job,
                self._progress,
                download.fetch,
                self._org.threads,
                waiting=self._context.waiting,
                tend=self._context.tend,
            )
            if self._in_series:
                self._pages_ahead = SerialPages(source)
            else:
                cursor = self._context.new_cursor(self._progress.start)
                self._pages_ahead = ParallelPages(source, client=self._org.client, cursor=cursor)
        return self._pages_ahead

    @property
    def _completed_job(self) -> QueryJob:
        if self.job is None:
            raise AssertionError("only a job that has been prepared has pages")
        return self.job

    def _finish(self, *, is_doubtful: bool) -> None:
        """Compare the pages with the job's total, then finish.

        Args:
            is_doubtful: Whether the pages ended although something said that more follow.
        """
        job = self._completed_job
        with self._context.waiting():
            verify_total(self._org.jobs, job, self._progress, is_doubtful=is_doubtful)
        # Only now is it known that no page is missing: a bookmark moved before the check would hide
        # what is. It moves before the job is dropped, since a run killed in between would otherwise
        # read everything again.
        self._on_finished(cap_maximum(self._progress.maximum, job.created))
        if self._creates_job:
            saved_reads.finish_job(self._state, job)
        else:
            saved_reads.forget_job(self._state)
        self._context.save()
        self._ledger.warn_of_nul_characters(f"job {job.id}")
        if self._org.settings.delete_finished_jobs and job.created_by_tap:
            self._delete(job)

    def _delete(self, job: QueryJob) -> None:
        try:
            # The state calls it done, so that a signal may end this.
            with self._context.waiting():
                self._org.jobs.delete(job)
        except ExtractionError as error:
            logger.warning("Job %s is done but could not be deleted: %s", job.id, error)


def _is_about_the_job(error: ExtractionError) -> bool:
    """Return whether a new job can help when a saved one cannot be read on."""
    return not isinstance(error, RefusedError) or error.is_about_the_resource
