"""The lists of a job's result pages (Get Parallel Results): asked for, parsed once, walked through.

`GET …/jobs/query/{id}/resultPages` answers up to five result links and a continuation. The Bulk
API 2.0 guide prints `resultPages`/`resultUrl` with versioned links; live clients received
`resultChunks`/`resultLink` with links that lack the version, and a rendering of the guide mixes
both. The continuation is `nextRecordsUrl` in the guide's example and `nextRecordUrl` in its table.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ListingError, RefusedError, ResultPagesNotOfferedError
from tap_sfbulk_pages.quoting import holds_secret
from tap_sfbulk_pages.salesforce.addresses import is_address
from tap_sfbulk_pages.salesforce.transport import LARGEST_LIST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

_LIST_KEYS = ("resultChunks", "resultPages")
_LINK_KEYS = ("resultLink", "resultUrl")
_CONTINUATION_KEYS = ("nextRecordsUrl", "nextRecordUrl")


@dataclass(frozen=True)
class ResultPageList:
    """One list.

    Attributes:
        links: Result links as they came, in order.
        continuation: The link to the next list; None where there is none.
        done: The value of `done`; None where it is missing.
    """

    links: tuple[str, ...]
    continuation: str | None
    done: bool | None

    @classmethod
    def parse(cls, reply: Any) -> ResultPageList:
        """Read a reply of any known form.

        Raises:
            ListingError: If the form is not known; the message names the keys received.
        """
        if not isinstance(reply, dict):
            raise ListingError(
                f"The list of result pages must be an object, got {type(reply).__name__}."
            )
        entries = _first_of(reply, _LIST_KEYS)
        if not isinstance(entries, list):
            raise ListingError(
                f"The list of result pages has an unknown form: keys {sorted(reply)}."
            )
        continuation = _first_of(reply, _CONTINUATION_KEYS)
        if continuation and not is_address(str(continuation)):
            raise ListingError(
                "The list of result pages is continued by something that is not a link: "
                f"{continuation!r}."
            )
        links = tuple(_parse_link(entry) for entry in entries)
        # The state, which holds links, must not hold a secret.
        if any(map(holds_secret, [*links, str(continuation)])):
            raise ListingError("A link in the list of result pages repeats a secret.")
        done = reply.get("done")
        return cls(
            links=links,
            continuation=str(continuation) if continuation else None,
            done=done if isinstance(done, bool) else None,
        )

    @property
    def contradicts_itself(self) -> bool:
        """Whether it says both that it is the last list and what follows."""
        return self.done is True and self.continuation is not None

    @property
    def breaks_off(self) -> bool:
        """Whether it says that more follows, but not where."""
        return self.done is False and self.continuation is None


class PageListCursor:
    """A place in the lists of a job's result pages.

    Attributes:
        link: Leads to the list that the cursor stands at; None for the job's first list.
        is_finished: Whether nothing follows the list that was taken last.

    Args:
        begin: The link to begin at, from a saved state; None for the job's first list.
    """

    def __init__(self, begin: str | None = None) -> None:
        self.link = begin or None
        self.is_finished = False
        self._seen = {self.link}

    def fetch(self, client: SalesforceClient, job: QueryJob) -> ResultPageList:
        """Ask for the list that the cursor stands at, without moving on.

        Args:
            client: The org.
            job: Complete.

        Raises:
            ResultPagesNotOfferedError: If the first list is refused, or has an unknown form.
            ListingError: If a later one is refused, or has an unknown form.
            ExtractionError: As `SalesforceClient.call`.
        """
        try:
            return client.fetch_json(
                self.link or f"{job.path}/resultPages",
                api_version=job.api_version,
                parse=ResultPageList.parse,
                largest=LARGEST_LIST_BYTES,
            )
        except ListingError as error:
            if self.link is None:
                raise ResultPagesNotOfferedError(str(error)) from error
            raise
        except RefusedError as error:
            if not error.is_about_the_resource:
                raise
            if self.link is not None:
                message = f"The list of result pages cannot be continued: {error}"
                raise ListingError(message) from error
            # 409 is about the job's version or state, not about what the org offers.
            if error.status == HTTPStatus.CONFLICT:
                raise
            raise ResultPagesNotOfferedError(str(error)) from error

    def advance(self, listed: ResultPageList) -> None:
        """Move on to the list that follows, whatever `done` says; finish where none follows.

        Whether `done` or the continuation is right, where they contradict each other, is shown
        only by the number of records in the pages: whoever counts them decides about `advance`.

        Args:
            listed: The list that the cursor stands at.

        Raises:
            ListingError: If it leads back to an earlier list; the cursor then stays where it is.
        """
        if listed.continuation is None:
            self.is_finished = True
            return
        # A circle is an error, not an end: the pages after it have not been listed, and to finish
        # here would lose their records where no total shows that they are missing.
        if listed.continuation in self._seen:
            raise ListingError(
                f"The list of result pages leads in a circle: {listed.continuation} came before."
            )
        self._seen.add(listed.continuation)
        self.link = listed.continuation


def fetch_page_lists(
    client: SalesforceClient, job: QueryJob, begin: str | None = None
) -> Iterator[ResultPageList]:
    """Walk through the lists of result pages of a job without fetching any page.

    Args:
        client: The org.
        job: Complete.
        begin: The continuation that leads to the first list wanted; None for the job's first.

    Raises:
        ResultPagesNotOfferedError: If the first list is refused, or has an unknown form.
        ListingError: If a later one is, or it leads in a circle, or breaks off.
        ExtractionError: As `SalesforceClient.call`.
    """
    cursor = PageListCursor(begin)
    while not cursor.is_finished:
        listed = cursor.fetch(client, job)
        # No page has been counted yet, so no total would show that pages are missing.
        if listed.breaks_off:
            raise ListingError("The list of result pages ends, but says that more follow.")
        yield listed
        cursor.advance(listed)


def _parse_link(entry: Any) -> str:
    link = _first_of(entry, _LINK_KEYS) if isinstance(entry, dict) else None
    if not isinstance(link, str) or not link:
        found = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
        raise ListingError(f"A result page is listed without a known link: {found}.")
    return link


def _first_of(mapping: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)
