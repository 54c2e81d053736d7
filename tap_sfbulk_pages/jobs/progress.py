"""Which pages of a query job are done: the bookkeeping that must never be wrong.

Pages are listed in groups (the replies of Get Parallel Results, or single pages of a serial walk),
each reached by a link and leading to the next by its continuation. Groups that are done collapse
into that link, so that the saved form stays small however many pages there are: the link to the
first group that is not done, and the locators of the pages done in it and after it. Those of the
group before it are kept too: should its list change, and name one of them again, it would be
counted twice, and the total could fit although another page is missing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ListingError, StateError
from tap_sfbulk_pages.salesforce.addresses import is_address, strip_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class _Group:
    """Pages listed together.

    Attributes:
        link: Lists them again; None for the job's first list.
        locators: All of them, without those of an earlier group.
        remaining: The ones that are not done.
        continuation: Lists the next group; None as long as none is known.
    """

    link: str | None
    locators: tuple[str, ...]
    remaining: set[str]
    continuation: str | None


class JobProgress:
    """How far the reading of one job has come.

    Attributes:
        records: Number of records in the pages that are done.
        maximum: The greatest replication key value in them; None if they have none.
        start: The link that the listing begins at; None for the job's first list.
    """

    def __init__(self) -> None:
        self.records = 0
        self.maximum: str | None = None
        self.start: str | None = None
        self._groups: deque[_Group] = deque()
        self._done: set[str] = set()
        self._before: tuple[str, ...] = ()
        self._listed: set[str] = set()

    @property
    def open_groups(self) -> int:
        """The number of groups that are listed and not collapsed."""
        return len(self._groups)

    def is_done(self, locator: str) -> bool:
        """Return whether a page is done, unless its group has collapsed."""
        return locator in self._done

    @property
    def is_finished(self) -> bool:
        """Whether every page that was listed is done."""
        return all(not group.remaining for group in self._groups)

    def list_group(
        self, link: str | None, locators: Sequence[str], continuation: str | None
    ) -> list[str]:
        """Take note of a list of pages.

        Args:
            link: Leads to the list; None for the job's first.
            locators: The pages, in order.
            continuation: Leads to the next list; None if none follows, as far as is known.

        Returns:
            The locators to fetch: those not done and not listed before.
        """
        # A page that an earlier group lists must not be fetched again: counted twice, it could make
        # the total fit although another page is missing.
        own = tuple(dict.fromkeys(one for one in locators if one not in self._listed))
        self._listed.update(own)
        wanted = [locator for locator in own if locator not in self._done]
        self._groups.append(_Group(link, own, set(wanted), continuation))
        self._collapse()
        return wanted

    def extend(self, continuation: str) -> None:
        """Take note that more pages follow the last group after all.

        Raises:
            ListingError: If nothing has been listed.
        """
        if not self._groups:
            raise ListingError("There is no list of result pages to continue.")
        # The groups before the last have their continuations: they would have ended the listing.
        self._groups[-1].continuation = continuation
        self._collapse()

    def finish(self, locator: str, *, records: int, maximum: str | None) -> None:
        """Take note that every record of a page has been written.

        A page that is reported before it has been written is lost when the run is killed.

        Args:
            locator: The page.
            records: Its number of records.
            maximum: The greatest replication key value of the page and those before it.

        Raises:
            ListingError: If the page is not listed, or is done already.
        """
        for group in self._groups:
            if locator in group.remaining:
                break
        else:
            raise ListingError(
                f"Result page {locator} was reported as done, but was not outstanding."
            )
        group.remaining.discard(locator)
        self._done.add(locator)
        self.records += records
        self.maximum = maximum
        self._collapse()

    def save(self) -> dict[str, Any]:
        """Return the saved form: JSON values, of bounded size."""
        first = self._groups[0] if self._groups else None
        return {
            # The first group that is not collapsed, never a later one: the next run lists from
            # here on, and skips nothing but `locators_done`.
            "next_records_url": first.link if first else self.start,
            "locators_done": sorted(self._done),
            "locators_before": list(self._before),
            "records_done": self.records,
            "replication_key_maximum": self.maximum,
        }

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> JobProgress:
        """Restore a saved form.

        Raises:
            StateError: If it is not one; nothing of it is used.
        """
        link, maximum = saved.get("next_records_url"), saved.get("replication_key_maximum")
        records, done = saved.get("records_done"), saved.get("locators_done")
        # Earlier releases do not name those of the group before.
        before = saved.get("locators_before", [])
        if (
            not isinstance(link, str | None)
            or (link is not None and not is_address(link))
            or not isinstance(maximum, str | None)
            or not isinstance(records, int)
            or isinstance(records, bool)
            or records < 0
            or not isinstance(done, list)
            or not isinstance(before, list)
            or not all(isinstance(locator, str) for locator in (*done, *before))
        ):
            raise StateError(
                "The saved progress of the query job is broken: remove query_job from the state "
                "to read the stream from its bookmark."
            )
        progress = cls()
        progress.start = strip_host(link) if link else None
        progress.records = records
        progress.maximum = maximum
        progress._done = set(done)
        progress._before, progress._listed = tuple(before), set(before)
        return progress

    def _collapse(self) -> None:
        """Forget groups that are done, as long as a link leads on from them.

        From the front only: a group that is done after one that is not could not be reached by the
        saved link, so its locators must stay. The last group stays, too: with no link to what
        follows, only its locators say that it is done.
        """
        while self._groups and not self._groups[0].remaining and self._groups[0].continuation:
            group = self._groups.popleft()
            self._done.difference_update(group.locators)
            self._before = group.locators or self._before
            self.start = group.continuation
