"""The pages of a job one after another, each of which names the next by `Sforce-Locator`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from typing_extensions import override

from tap_sfbulk_pages.errors import ListingError, RefusedError
from tap_sfbulk_pages.jobs.page_download import ResultPage
from tap_sfbulk_pages.jobs.pages import JobPages
from tap_sfbulk_pages.salesforce.addresses import locator_of

if TYPE_CHECKING:
    from tap_sfbulk_pages.jobs.fetching import Outcome
    from tap_sfbulk_pages.jobs.pages import Fetched, PageSource

# Smaller than the server's own choice: very large replies have been seen to fall silent.
RECORDS_A_PAGE_IN_SERIES = 50_000


class SerialPages(JobPages):
    """The pages of a job, each of which names the next."""

    def __init__(self, source: PageSource) -> None:
        super().__init__(source)
        self._link = self._progress.start or self._link_to(None)
        self._followed = {self._link}
        self._records = self._progress.records
        # A run that was killed after the last page, and before it could end the job, leaves all
        # records done. Its last page, where it named no other, is not fetched again; a link that is
        # left may lead nowhere.
        is_at_the_end = self._records == self._job.records
        self._has_begun = is_at_the_end and self._progress.is_done(locator_of(self._link))
        self.is_doubtful = is_at_the_end and self._progress.start is not None

    @override
    def _fetch_ahead(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._fetching.start(partial(self._fetch, self._link))

    @override
    def _take(self, outcome: Outcome[Fetched]) -> None:
        """Take a page, and begin to fetch the one that it names."""
        if isinstance(outcome.error, RefusedError) and outcome.error.is_about_the_resource:
            if self.is_doubtful:
                return
            message = f"The next result page cannot be fetched: {outcome.error}"
            raise ListingError(message) from outcome.error
        page = outcome.result()
        assert isinstance(page, ResultPage)  # noqa: S101 - nothing else was asked for
        if self.is_doubtful and not page.records:
            page.close()
            return
        following = self._link_to(page.next_locator) if page.next_locator else None
        total_fits = self._records + page.records == self._job.records
        leads_back = following in self._followed
        if leads_back and not total_fits:
            page.close()
            raise ListingError(f"The result pages lead in a circle: {following} came before.")
        continuation = None if leads_back else following
        if self._progress.list_group(self._link, [page.locator], continuation):
            self._arrived.append(page)
            self._records += page.records
        else:
            page.close()
        # At the total a locator may lead nowhere. It is followed all the same: were the total too
        # low, to stop here would lose the pages that are left.
        self.is_doubtful = following is not None and self._records == self._job.records
        if continuation:
            self._link = continuation
            self._followed.add(continuation)
            self._fetching.start(partial(self._fetch, continuation))

    @override
    def _find_more(self) -> bool:
        return False

    def _link_to(self, locator: str | None) -> str:
        following = f"&locator={quote(locator, safe='')}" if locator else ""
        return f"{self._job.path}/results?maxRecords={RECORDS_A_PAGE_IN_SERIES}{following}"
