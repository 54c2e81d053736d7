"""Keeps result pages that were made, so that fetching one again costs nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Key = tuple[str, Hashable, bool]

_MAX_BYTES = 512 * 1024 * 1024


class PageCache:
    """The pages used last, up to a number of bytes. A page is made once, in a thread of its own.

    Keys begin with the id of the job.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pages: OrderedDict[Key, bytes] = OrderedDict()
        self._under_way: dict[Key, asyncio.Task[bytes]] = {}
        self._bytes = 0

    async def get(self, key: Key, make: Callable[[], bytes]) -> bytes:
        """Return a page, made now if it is not there and nobody is making it."""
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
