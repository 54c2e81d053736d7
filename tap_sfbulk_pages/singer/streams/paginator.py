"""The SDK's form of the way through the lists of result pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlparse

from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_sfbulk_pages.jobs.page_lists import PageListCursor, ResultPageList

if TYPE_CHECKING:
    from urllib.parse import ParseResult

    import requests


class ResultPagesPaginator(BaseHATEOASPaginator):
    """Follows `nextRecordsUrl` from list to list; its tokens are those links.

    It has no place of its own, but shows where its cursor stands, whoever moves that on: the
    reading of a stream, or the SDK with a reply (`advance`).

    Attributes:
        cursor: The place in the lists.

    Args:
        begin: The link to begin at, from a saved state; None for the job's first list.
    """

    def __init__(self, begin: str | None = None) -> None:
        super().__init__()
        self.cursor = PageListCursor(begin)

    @override
    @property
    def current_value(self) -> ParseResult | None:
        return urlparse(self.cursor.link) if self.cursor.link else None

    @override
    @property
    def finished(self) -> bool:
        return self.cursor.is_finished

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        """Move on by a reply, and return the link to the next list; None where there is none.

        Raises:
            ListingError: If the reply has an unknown form, or leads back to an earlier list.
        """
        self.cursor.advance(ResultPageList.parse(response.json()))
        return None if self.cursor.is_finished else self.cursor.link
