"""Result pages are made once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sfbulk_sandbox.state.result_pages import PageCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_client import StartClient


def made_pages(cache: PageCache, *rounds: list[str]) -> list[str]:
    """Ask for the pages of each round at the same time; return those that had to be made."""
    made: list[str] = []

    def make(page: str) -> Callable[[], bytes]:
        def body() -> bytes:
            made.append(page)
            return page.encode() * 10

        return body

    async def ask() -> None:
        for pages in rounds:
            jobs = [cache.get((page[0], page, False), make(page)) for page in pages]
            assert await asyncio.gather(*jobs) == [page.encode() * 10 for page in pages]

    asyncio.run(ask())
    return made


def test_page_is_made_once_even_when_asked_for_at_the_same_time() -> None:
    assert made_pages(PageCache(), ["a1", "a1", "a2"], ["a1"]) == ["a1", "a2"]


def test_page_used_longest_ago_gives_way() -> None:
    rounds = (["a1"], ["a2"], ["a1"], ["a3"], ["a1"], ["a2"])
    assert made_pages(PageCache(max_bytes=40), *rounds) == ["a1", "a2", "a3", "a2"]


def test_pages_of_a_deleted_job_are_dropped() -> None:
    cache = PageCache()
    assert made_pages(cache, ["a1", "b1"]) == ["a1", "b1"]
    cache.forget("a")
    assert made_pages(cache, ["a1", "b1"]) == ["a1"]


def test_volume_of_results_is_counted_once(start: StartClient) -> None:
    client = start()
    path = f"{client.finished_job()}/results"
    used = []
    for _ in range(2):
        client.get(path)
        used.append(client.get("/_sandbox/state").json()["usage"]["result_bytes"])
    assert used[0] == used[1] > 0
