"""All pages of a job: listed ahead, fetched in parallel, handed over as they arrive.

The next list is asked for before the pages listed last are fetched, and pages are handed over in
the order in which they are whole, so that a slow one holds up neither the others nor their state.
Where an org does not offer Get Parallel Results, its pages are walked one after another by
`Sforce-Locator`. The one who takes a page tells the progress that it is written before taking the
next.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from typing_extensions import override

from tap_sfbulk_pages.errors import (
    ListingError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.jobs.page_download import ResultPage
from tap_sfbulk_pages.jobs.page_listing import list_at
from tap_sfbulk_pages.jobs.page_lists import ResultPageList
from tap_sfbulk_pages.salesforce.addresses import locator_of
from tap_sfbulk_pages.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from tap_sfbulk_pages.jobs.fetching import Fetching, Outcome
    from tap_sfbulk_pages.jobs.page_lists import ResultPagesPaginator
    from tap_sfbulk_pages.jobs.progress import JobProgress
    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.jobs.query_jobs import QueryJobs
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

# Groups that wait behind a slow page; bounds the saved state and the finished pages on disk.
MOST_OPEN_GROUPS = 40
# Pages that are walked one after another are asked for smaller than the server's own choice: very
# large replies have been seen to fall silent.
RECORDS_A_PAGE_IN_SERIES = 50_000

logger = logging.getLogger(__name__)


class JobPages(ABC):
    """Pages that are fetched ahead and taken one by one.

    Args:
        job: Complete.
        progress: What is done already.
        fetch: Fetches the page behind a link.
        fetching: Where it does so.
    """

    def __init__(
        self,
        job: QueryJob,
        *,
        progress: JobProgress,
        fetch: Callable[[str], ResultPage],
        fetching: Fetching[ResultPage | requests.Response],
    ) -> None:
        self._job = job
        self._progress = progress
        self._fetch = fetch
        self._fetching = fetching
        self._arrived: deque[ResultPage] = deque()
        # Whether the pages ended although something said that more follow.
        self.is_doubtful = False

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
                self._take(self._fetching.next())
            elif not self._goes_on():
                return

    def prefetch(self) -> None:
        """Fetch ahead without waiting, where a thread has nothing else to do."""
        while not self._arrived and (outcome := self._fetching.next_if_there()):
            self._take(outcome)
        if self._fetching.threads.are_idle:
            self._fetch_ahead()

    def close(self) -> None:
        """Fetch nothing more, and free the pages that nobody has taken."""
        self._fetching.give_up()
        while self._arrived:
            self._arrived.popleft().close()

    @property
    def _total_fits(self) -> bool:
        return self._progress.records == self._job.records

    @abstractmethod
    def _fetch_ahead(self) -> None:
        """Start whatever there is room for."""

    @abstractmethod
    def _take(self, outcome: Outcome[ResultPage | requests.Response]) -> None:
        """Take what came of a task: keep a page, or raise its error."""

    @abstractmethod
    def _goes_on(self) -> bool:
        """Look for more, when everything that was started is done."""


class ParallelPages(JobPages):
    """The pages that Get Parallel Results lists.

    Args:
        client: The org.
        paginator: Stands at the link that the listing begins at.
        rest: As `JobPages`.
    """

    def __init__(
        self, client: SalesforceClient, paginator: ResultPagesPaginator, **rest: Any
    ) -> None:
        super().__init__(**rest)
        self._client = client
        self._paginator = paginator
        self._links: deque[str] = deque()
        self._is_listing = False
        # A list that says both that it is the last and what follows; followed if records miss.
        self._contradiction: requests.Response | None = None
        # What ended the listing early; it matters if records are missing.
        self._error: ListingError | None = None

    @override
    def _fetch_ahead(self) -> None:
        """Start lists before pages; as many pages may wait to be written as are fetched."""
        most = 2 * self._fetching.threads.count
        wants_links = len(self._links) < most and self._progress.open_groups < MOST_OPEN_GROUPS
        if wants_links and self._may_list:
            self._is_listing = True
            self._fetching.start(self._list)
        while self._links and self._fetching.outstanding + len(self._arrived) < most:
            self._fetching.start(partial(self._fetch, self._links.popleft()))

    @property
    def _may_list(self) -> bool:
        return not (
            self._is_listing or self._paginator.finished or self._contradiction or self._error
        )

    def _list(self) -> requests.Response:
        """Ask for the list that the paginator stands at."""
        return list_at(self._client, self._job, self._paginator.current_value)

    @override
    def _take(self, outcome: Outcome[ResultPage | requests.Response]) -> None:
        if isinstance(outcome.error, ListingError):
            self._is_listing = False
            self._error = outcome.error
        elif outcome.error is not None:
            raise outcome.error
        elif isinstance(outcome.value, ResultPage):
            self._arrived.append(outcome.value)
        elif outcome.value is not None:
            self._is_listing = False
            self._take_list(outcome.value)

    def _take_list(self, response: requests.Response) -> None:
        """Take note of the pages of a list, and of what follows it."""
        token = self._paginator.current_value
        try:
            listed = ResultPageList.parse(response.json())
        except ListingError as error:
            if token is None:
                raise ResultPagesNotOfferedError(str(error)) from error
            self._error = error
            return
        continuation = listed.continuation
        if listed.done and continuation:
            self._contradiction, continuation = response, None
        else:
            continuation = self._followed(response)
        links = {locator_of(link): link for link in listed.links}
        wanted = self._progress.list_group(
            token.geturl() if token else None, list(links), continuation
        )
        self._links.extend(links[locator] for locator in wanted)

    def _followed(self, response: requests.Response) -> str | None:
        """Move the paginator on; None where nothing follows, or where it leads in a circle."""
        try:
            self._paginator.advance(response)
        except ListingError as error:
            self._error = error
            return None
        token = self._paginator.current_value
        return token.geturl() if token and not self._paginator.finished else None

    @override
    def _goes_on(self) -> bool:
        self.is_doubtful = self._contradiction is not None or self._error is not None
        if self._total_fits or not self.is_doubtful:
            return False
        if self._error:
            raise self._error
        response, self._contradiction = self._contradiction, None
        continuation = self._followed(response) if response else None
        if continuation:
            self._progress.extend(continuation)
        return True


class SerialPages(JobPages):
    """The pages of a job, each of which names the next."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self._asked = self._progress.start or self._link(None)
        self._followed = {self._asked}
        self._records = self._progress.records
        self._is_begun = False

    @override
    def _fetch_ahead(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._fetching.start(partial(self._fetch, self._asked))

    @override
    def _take(self, outcome: Outcome[ResultPage | requests.Response]) -> None:
        """Take a page, and begin to fetch the one that it names."""
        if isinstance(outcome.error, RefusedError) and outcome.error.is_about_the_resource:
            if self.is_doubtful:
                return
            message = f"The next result page cannot be had: {outcome.error}"
            raise ListingError(message) from outcome.error
        if outcome.error is not None:
            raise outcome.error
        page = outcome.value
        assert isinstance(page, ResultPage)  # noqa: S101 - nothing else was asked for
        if self.is_doubtful and not page.records:
            page.close()
            return
        following = self._link(page.next_locator) if page.next_locator else None
        total_fits = self._records + page.records == self._job.records
        if following in self._followed and not total_fits:
            page.close()
            raise ListingError(f"The result pages lead in a circle: {following} came before.")
        # At the total a locator may lead nowhere: it is followed, but not relied on.
        continuation = None if total_fits else following
        if self._progress.list_group(self._asked, [page.locator], continuation):
            self._arrived.append(page)
            self._records += page.records
        else:
            page.close()
        self.is_doubtful = following is not None and self._records == self._job.records
        if following and following not in self._followed:
            self._asked = following
            self._followed.add(following)
            self._fetching.start(partial(self._fetch, following))

    @override
    def _goes_on(self) -> bool:
        return False

    def _link(self, locator: str | None) -> str:
        following = f"&locator={quote(locator, safe='')}" if locator else ""
        return f"{self._job.path}/results?maxRecords={RECORDS_A_PAGE_IN_SERIES}{following}"


def check_total(
    jobs: QueryJobs, job: QueryJob, progress: JobProgress, *, is_doubtful: bool = False
) -> None:
    """Hold the records of all pages against what Salesforce says the job processed.

    Args:
        jobs: Asks for the total again where there is a doubt, or a difference.
        job: Complete.
        progress: Its pages, all of them done.
        is_doubtful: Whether the pages ended against a sign.

    Raises:
        RecordCountError: If they differ, or pages are missing.
        ExtractionError: As `QueryJobs.info`.
    """
    try:
        _hold_against_total(job, progress)
    except RecordCountError:
        is_doubtful = True
    if is_doubtful:
        _hold_against_total(jobs.info(job), progress)


def _hold_against_total(job: QueryJob, progress: JobProgress) -> None:
    if job.records is None and progress.is_finished:
        logger.warning(
            "Salesforce does not say how many records job %s has; its pages hold %d.",
            job.id,
            progress.records,
        )
    elif progress.records != job.records or not progress.is_finished:
        processed = "more" if job.records is None else f"{job.records:,}"
        raise RecordCountError(
            f"The result pages hold {counted(progress.records, 'record')}, but Salesforce "
            f"processed {processed}. The next run makes a new job."
        )
