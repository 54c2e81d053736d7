"""The list of a job's result pages (Get Parallel Results), in every form it comes in.

`GET …/jobs/query/{id}/resultPages` answers up to five result links and a continuation. The Bulk
API 2.0 guide prints `resultPages`/`resultUrl` with versioned links; live clients received
`resultChunks`/`resultLink` with links that lack the version, and a rendering of the guide mixes
both. The continuation is `nextRecordsUrl` in the guide's example and `nextRecordUrl` in its table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_sfbulk_pages.errors import ListingError
from tap_sfbulk_pages.salesforce.addresses import is_address

if TYPE_CHECKING:
    from urllib.parse import ParseResult

    import requests

_LIST_KEYS = ("resultChunks", "resultPages")
_LINK_KEYS = ("resultLink", "resultUrl")
_CONTINUATION_KEYS = ("nextRecordsUrl", "nextRecordUrl")


@dataclass(frozen=True)
class ResultPageList:
    """One reply.

    Attributes:
        links: Result links as they came, in order.
        continuation: The link to the next reply; None where there is none.
        done: What `done` says; None where it is missing.
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
            raise ListingError(f"The list of result pages is a {type(reply).__name__}, no object.")
        entries = _first_of(reply, _LIST_KEYS)
        if not isinstance(entries, list):
            raise ListingError(
                f"The list of result pages has a form that is not known: keys {sorted(reply)}."
            )
        continuation = _first_of(reply, _CONTINUATION_KEYS)
        if continuation and not is_address(str(continuation)):
            raise ListingError(f"The list of result pages leads to no address: {continuation!r}.")
        done = reply.get("done")
        return cls(
            links=tuple(_link(entry) for entry in entries),
            continuation=str(continuation) if continuation else None,
            done=done if isinstance(done, bool) else None,
        )


class ResultPagesPaginator(BaseHATEOASPaginator):
    """Follows `nextRecordsUrl` from reply to reply; its tokens are those links.

    Whether a contradiction between `done` and the continuation matters is decided by the number
    of records, once the pages are counted: the paginator follows every continuation it is given.

    Args:
        start: The link to begin at, from a saved state; None for the first reply.
    """

    def __init__(self, start: ParseResult | None = None) -> None:
        super().__init__()
        self._value = start
        self._seen = {start.geturl()} if start else set()

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        """Take the continuation from a reply.

        Raises:
            ListingError: If the reply has no known form, or leads back to an earlier one.
        """
        link = ResultPageList.parse(response.json()).continuation
        if link in self._seen:
            raise ListingError(f"The list of result pages leads in a circle: {link} came before.")
        if link:
            self._seen.add(link)
        return link


def _link(entry: Any) -> str:
    link = _first_of(entry, _LINK_KEYS) if isinstance(entry, dict) else None
    if not isinstance(link, str) or not link:
        found = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
        raise ListingError(f"A result page is listed without a link that is known: {found}.")
    return link


def _first_of(mapping: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)
