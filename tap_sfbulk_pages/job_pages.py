"""All pages of a job: listed ahead, fetched in parallel, handed over as they arrive.

The next list is asked for before the pages listed last are fetched, and pages are handed over in
the order in which they are whole, so that a slow one holds up neither the others nor their state.
Where an org does not offer Get Parallel Results, its pages are walked one after another by
`Sforce-Locator`. The one who takes a page tells the progress that it is written before taking the
next.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from tap_sfbulk_pages.errors import (
    ListingError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.links import locator_of
from tap_sfbulk_pages.page_download import ResultPage
from tap_sfbulk_pages.result_pages import ResultPageList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from tap_sfbulk_pages.client import SalesforceClient
    from tap_sfbulk_pages.fetching import Fetching
    from tap_sfbulk_pages.job_progress import JobProgress
    from tap_sfbulk_pages.query_jobs import QueryJob
    from tap_sfbulk_pages.result_pages import ResultPagesPaginator

# Groups that wait behind a slow page; bounds the saved state and the finished pages on disk.
MOST_OPEN_GROUPS = 40
# Pages that are walked one after another are asked for smaller than the server's own choice: very
# large replies have been seen to fall silent.
RECORDS_A_PAGE_IN_SERIES = 50_000

logger = logging.getLogger(__name__)


class ParallelPages:
    """The pages that Get Parallel Results lists.

    Args:
        client: The org.
        job: Complete.
        paginator: Stands at the link that the listing begins at.
        progress: What is done already.
        fetch: Fetches the page behind a link.
        fetching: Where it does so.
    """

    def __init__(
        self,
        client: SalesforceClient,
        job: QueryJob,
        *,
        paginator: ResultPagesPaginator,
        progress: JobProgress,
        fetch: Callable[[str], ResultPage],
        fetching: Fetching[ResultPage | requests.Response],
    ) -> None:
        self._client = client
        self._job = job
        self._paginator = paginator
        self._progress = progress
        self._fetch = fetch
        self._fetching = fetching
        self._links: deque[str] = deque()
        self._is_listing = False
        # A continuation beside `done: true`; followed only if records are missing.
        self._leftover: str | None = None

    def __iter__(self) -> Iterator[ResultPage]:
        """Hand over every page that is not done.

        Raises:
            ResultPagesNotOfferedError: If the org refuses the first list, or its form is unknown.
            ListingError: If a later list is refused, or leads in a circle.
            ExtractionError: As `PageDownload.fetch`.
        """
        while True:
            self._fetch_ahead()
            if not self._fetching.outstanding and not self._follow_leftover():
                return
            result = self._fetching.next()
            if isinstance(result, ResultPage):
                yield result
            else:
                self._take_list(result)

    def _fetch_ahead(self) -> None:
        """Start whatever there is room for, lists before pages."""
        wants_links = len(self._links) < self._fetching.most_outstanding
        if (
            wants_links
            and not self._is_listing
            and not self._paginator.finished
            and self._leftover is None
            and self._progress.open_groups < MOST_OPEN_GROUPS
        ):
            self._is_listing = True
            self._fetching.start(self._list)
        while self._links and self._fetching.has_room:
            link = self._links.popleft()
            self._fetching.start(partial(self._fetch, link))

    def _list(self) -> requests.Response:
        """Ask for the list that the paginator stands at."""
        token = self._paginator.current_value
        link = token.geturl() if token else f"{self._job.path}/resultPages"
        try:
            return self._client.get_response(link, api_version=self._job.api_version)
        except RefusedError as error:
            if token and error.is_about_the_resource:
                raise ListingError(
                    f"The list of result pages cannot be continued: {error}"
                ) from error
            if error.status != HTTPStatus.CONFLICT and error.is_about_the_resource:
                raise ResultPagesNotOfferedError(str(error)) from error
            raise

    def _take_list(self, response: requests.Response) -> None:
        """Take note of the pages of a list, and of what follows it."""
        token = self._paginator.current_value
        try:
            listed = ResultPageList.parse(response.json())
        except ListingError as error:
            if token:
                raise
            raise ResultPagesNotOfferedError(str(error)) from error
        self._paginator.advance(response)
        self._is_listing = False
        continuation = listed.continuation
        if listed.done and continuation:
            self._leftover, continuation = continuation, None
        links = {locator_of(link): link for link in listed.links}
        wanted = self._progress.list_group(
            token.geturl() if token else None, list(links), continuation
        )
        self._links.extend(links[locator] for locator in wanted)

    def _follow_leftover(self) -> bool:
        """Follow a continuation that `done: true` denied, if records are missing."""
        if self._leftover is None or self._progress.records == self._job.records:
            return False
        self._progress.extend(self._leftover)
        self._leftover = None
        self._fetch_ahead()
        return True


class SerialPages:
    """The pages of a job, each of which names the next.

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

    def __iter__(self) -> Iterator[ResultPage]:
        """Hand over every page that is not done; the next is fetched while one is written.

        Raises:
            ListingError: If the locators lead in a circle.
            ExtractionError: As `PageDownload.fetch`.
        """
        asked = self._progress.start or self._link(None)
        announced = self._progress.records
        followed = {asked}
        self._fetching.start(partial(self._fetch, asked))
        while self._fetching.outstanding:
            page = self._fetching.next()
            assert isinstance(page, ResultPage)  # noqa: S101 - nothing else was asked for
            following = self._link(page.next_locator) if page.next_locator else None
            if following in followed:
                raise ListingError(f"The result pages lead in a circle: {following} came before.")
            is_new = bool(self._progress.list_group(asked, [page.locator], following))
            announced += page.records if is_new else 0
            if following and announced != self._job.records:
                followed.add(following)
                asked = following
                self._fetching.start(partial(self._fetch, following))
            if is_new:
                yield page
            else:
                page.close()

    def _link(self, locator: str | None) -> str:
        following = f"&locator={quote(locator, safe='')}" if locator else ""
        return f"{self._job.path}/results?maxRecords={RECORDS_A_PAGE_IN_SERIES}{following}"


def check_total(job: QueryJob, progress: JobProgress) -> None:
    """Hold the records of all pages against what Salesforce says the job processed.

    Raises:
        RecordCountError: If they differ, or pages are missing.
    """
    if job.records is None:
        logger.warning(
            "Salesforce does not say how many records job %s has; its pages hold %d.",
            job.id,
            progress.records,
        )
    elif progress.records != job.records or not progress.is_finished:
        raise RecordCountError(
            f"The result pages hold {progress.records} records, but Salesforce processed "
            f"{job.records}. The next run makes a new job."
        )
