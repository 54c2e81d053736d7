"""All pages of a job, fetched ahead and handed over as they arrive, and the check of their total.

Pages are handed over in the order in which they are whole, so that a slow one holds up neither the
others nor their state. Whoever takes a page reports to the progress that it is written before
taking the next. There are two ways to find the pages: Get Parallel Results lists them
(`parallel_pages`); where an org does not offer that, each page names the next (`serial_pages`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tap_sfbulk_pages.errors import RecordCountError
from tap_sfbulk_pages.jobs.fetching import Fetching
from tap_sfbulk_pages.jobs.page_download import ResultPage
from tap_sfbulk_pages.jobs.page_lists import ResultPageList
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.jobs.fetching import DownloadThreads, Outcome
    from tap_sfbulk_pages.jobs.progress import JobProgress
    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.jobs.query_jobs import QueryJobs

Fetched: TypeAlias = ResultPage | ResultPageList

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageSource:
    """What every way of reading a job's pages needs.

    Attributes:
        job: Complete.
        progress: The pages that are done already.
        fetch: Fetches the page at a link.
        threads: Where it does so.
        waiting: Entered while there is nothing to do but wait.
        tend: Called now and then during a wait, outside of `waiting`.
    """

    job: QueryJob
    progress: JobProgress
    fetch: Callable[[str], ResultPage]
    threads: DownloadThreads
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    tend: Callable[[], None] = lambda: None


class JobPages(ABC):
    """Pages that are fetched ahead and taken one by one.

    Attributes:
        is_doubtful: Whether the pages ended although something said that more follow.

    Args:
        source: The job, and what fetches its pages.
    """

    def __init__(self, source: PageSource) -> None:
        self.is_doubtful = False
        self._job = source.job
        self._progress = source.progress
        self._fetch = source.fetch
        self._fetching: Fetching[Fetched] = Fetching(
            source.threads, waiting=source.waiting, tend=source.tend, discard=_discard
        )
        self._arrived: deque[ResultPage] = deque()

    def __iter__(self) -> Iterator[ResultPage]:
        """Hand over every page that is not done.

        Raises:
            ResultPagesNotOfferedError: If the org refuses the first list, or its form is unknown.
            ListingError: If a later list is refused or leads in a circle, and records are missing.
            ExtractionError: As `PageDownload.fetch`.
        """
        while True:
            self._fetch_ahead()
            if self._arrived:
                yield self._arrived.popleft()
            elif self._fetching.outstanding:
                self._take(self._fetching.wait_for_next())
            # Only now is every page that was handed over also counted by the progress: `_find_more`
            # compares that count with the job's total.
            elif not self._find_more():
                return

    def prefetch(self) -> None:
        """Fetch ahead without waiting, where a thread has nothing else to do."""
        while not self._arrived and (outcome := self._fetching.take_ready()):
            self._take(outcome)
        if self._fetching.threads.are_idle:
            self._fetch_ahead()

    def close(self) -> None:
        """Fetch nothing more, and free the pages that nobody has taken."""
        self._fetching.give_up()
        while self._arrived:
            self._arrived.popleft().close()

    @abstractmethod
    def _fetch_ahead(self) -> None:
        """Start whatever there is room for."""

    @abstractmethod
    def _take(self, outcome: Outcome[Fetched]) -> None:
        """Take the outcome of a task: keep a page, or raise its error."""

    @abstractmethod
    def _find_more(self) -> bool:
        """Look for more pages, when everything that was started is done."""


def verify_total(
    jobs: QueryJobs, job: QueryJob, progress: JobProgress, *, is_doubtful: bool = False
) -> None:
    """Compare the records of all pages with the number that the job processed.

    Args:
        jobs: Asks for the total again where there is a doubt, or a difference.
        job: Complete.
        progress: Its pages, all of them done.
        is_doubtful: Whether the pages ended although something said that more follow.

    Raises:
        RecordCountError: If they differ, or pages are missing.
        ExtractionError: As `QueryJobs.refresh`.
    """
    try:
        _compare_with_total(job, progress)
    except RecordCountError:
        is_doubtful = True
    if is_doubtful:
        _compare_with_total(jobs.refresh(job), progress)


def _compare_with_total(job: QueryJob, progress: JobProgress) -> None:
    if job.records is None and progress.is_finished:
        logger.warning(
            "Salesforce does not say how many records job %s has; its pages hold %d.",
            job.id,
            progress.records,
        )
    elif progress.records != job.records or not progress.is_finished:
        processed = "more" if job.records is None else f"{job.records:,}"
        raise RecordCountError(
            f"The result pages hold {format_count(progress.records, 'record')}, but Salesforce "
            f"processed {processed}. The job does not count as read: run again."
        )


def _discard(fetched: Fetched) -> None:
    if isinstance(fetched, ResultPage):
        fetched.close()
