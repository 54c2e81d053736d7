"""Result pages and lists of them as values, and a cache of the pages that have been made."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Key = tuple[str, Hashable, bool]

_MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Page:
    """One result page, as its headers and its lines will be.

    Args:
        start: First row.
        stop: Row after the last.
        count: Rows according to the count header; None sends no such header.
        locator: Of the next page, or ``null``; None sends no such header.
        header: Whether there is a line of column names.
        repeated_rows: How many rows are written again, from the first on.
        missing_column: Position of a column that is left out, from 0; -1 is the last.
    """

    start: int
    stop: int
    count: int | None
    locator: str | None
    header: bool = True
    repeated_rows: int = 0
    missing_column: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that only result pages have."""
        count = {} if self.count is None else {"Sforce-NumberOfRecords": str(self.count)}
        return count if self.locator is None else {**count, "Sforce-Locator": self.locator}


@dataclass(frozen=True)
class Listing:
    """One reply before it has a form.

    Args:
        locators: Of the pages listed.
        start: Locator of this reply's first page.
        continuation: Locator of the next reply's first page, None on the last.
        done: Whether there is no further reply.
        other_origin: Origin that all links get instead of the org's.
    """

    locators: tuple[str, ...]
    start: str
    continuation: str | None
    done: bool
    other_origin: str | None = None


class PageCache:
    """The pages used last, up to a number of bytes. A page is made once, in a separate thread.

    Keys begin with the id of the job.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pages: OrderedDict[Key, bytes] = OrderedDict()
        self._under_way: dict[Key, asyncio.Task[bytes]] = {}
        self._bytes = 0

    async def get(self, key: Key, make: Callable[[], bytes]) -> bytes:
        """Return a page, making it unless it is cached or being made."""
        if key in self._pages:
            self._pages.move_to_end(key)
            return self._pages[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, make))
            self._under_way[key] = task
        return await asyncio.shield(task)

    def forget(self, job_id: str) -> None:
        """Drop the pages of a job."""
        for key in [key for key in self._pages if key[0] == job_id]:
            self._bytes -= len(self._pages.pop(key))

    async def _make(self, key: Key, make: Callable[[], bytes]) -> bytes:
        try:
            page: Any = await asyncio.to_thread(make)
        finally:
            del self._under_way[key]
        self._pages[key] = page
        self._bytes += len(page)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._pages.popitem(last=False)[1])
        return bytes(page)
