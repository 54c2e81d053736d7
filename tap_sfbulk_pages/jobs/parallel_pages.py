"""The pages that Get Parallel Results lists, many of them fetched at a time.

The next list is asked for before the pages listed last are fetched.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.errors import ListingError
from tap_sfbulk_pages.jobs.page_download import ResultPage
from tap_sfbulk_pages.jobs.pages import JobPages
from tap_sfbulk_pages.salesforce.addresses import locator_of

if TYPE_CHECKING:
    from tap_sfbulk_pages.jobs.fetching import Outcome
    from tap_sfbulk_pages.jobs.page_lists import PageListCursor, ResultPageList
    from tap_sfbulk_pages.jobs.pages import Fetched, PageSource
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

# Groups that wait for a slow page; bounds the saved state and the finished pages on disk.
MOST_OPEN_GROUPS = 40


class ParallelPages(JobPages):
    """The pages that the lists name.

    Args:
        source: As `JobPages`.
        client: Asks for the lists, on the threads of the pages.
        cursor: Stands where the progress begins.
    """

    def __init__(
        self, source: PageSource, *, client: SalesforceClient, cursor: PageListCursor
    ) -> None:
        super().__init__(source)
        self._client = client
        self._cursor = cursor
        self._links: deque[str] = deque()
        self._is_listing = False
        # A list that contradicts itself: its continuation is followed if records are missing.
        self._contradiction: ResultPageList | None = None
        # Ended the listing early; raised if records are missing.
        self._error: ListingError | None = None

    @override
    def _fetch_ahead(self) -> None:
        """Start lists before pages; as many pages may wait to be written as are fetched."""
        most = 2 * self._fetching.threads.count
        wants_links = len(self._links) < most and self._progress.open_groups < MOST_OPEN_GROUPS
        if wants_links and self._may_list:
            self._is_listing = True
            self._fetching.start(partial(self._cursor.fetch, self._client, self._job))
        while self._links and self._fetching.outstanding + len(self._arrived) < most:
            self._fetching.start(partial(self._fetch, self._links.popleft()))

    @property
    def _may_list(self) -> bool:
        return not (
            self._is_listing or self._cursor.is_finished or self._contradiction or self._error
        )

    @override
    def _take(self, outcome: Outcome[Fetched]) -> None:
        if isinstance(outcome.error, ListingError):
            self._is_listing = False
            # Not raised yet: the pages listed so far are good, and may be all there are.
            self._error = outcome.error
        elif outcome.error is not None:
            raise outcome.error
        elif isinstance(outcome.value, ResultPage):
            self._arrived.append(outcome.value)
        elif outcome.value is not None:
            self._is_listing = False
            self._take_list(outcome.value)

    def _take_list(self, listed: ResultPageList) -> None:
        """Take note of the pages of a list, and of what follows it."""
        link = self._cursor.link
        if listed.contradicts_itself:
            # The group must stay without a continuation until it is clear that more follows: with
            # one it would collapse into a link that perhaps leads nowhere, and take the locators
            # that are done along.
            self._contradiction, continuation = listed, None
        else:
            continuation = self._advance(listed)
        links = {locator_of(each): each for each in listed.links}
        wanted = self._progress.list_group(link, list(links), continuation)
        self._links.extend(links[locator] for locator in wanted)

    def _advance(self, listed: ResultPageList) -> str | None:
        """Move on to the next list.

        Returns:
            The link to it; None where there is none, or where it leads in a circle.
        """
        try:
            self._cursor.advance(listed)
        except ListingError as error:
            self._error = error
            return None
        return None if self._cursor.is_finished else self._cursor.link

    @override
    def _find_more(self) -> bool:
        self.is_doubtful = self._contradiction is not None or self._error is not None
        total_fits = self._progress.records == self._job.records
        if total_fits or not self.is_doubtful:
            return False
        # Records are missing, or nothing says how many there should be: to end quietly here would
        # lose whatever the rest of the lists names.
        if self._error:
            raise self._error
        listed, self._contradiction = self._contradiction, None
        if listed and (continuation := self._advance(listed)):
            self._progress.extend(continuation)
        return True
