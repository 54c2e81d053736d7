"""Tasks come back to whoever started them, and leave nothing behind where nobody takes them."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.jobs import fetching as module
from tap_sfbulk_pages.jobs.fetching import DownloadThreads, Fetching
from tap_sfbulk_pages.watching.activity import RunActivity, current, on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def fetching_on(threads: DownloadThreads, **others: Any) -> Fetching[Any]:
    given: dict[str, Any] = {
        "waiting": nullcontext,
        "tend": lambda: None,
        "discard": lambda _: None,
        **others,
    }
    return Fetching(threads, **given)


def fail() -> None:
    raise OSError("No space left on device")


def test_values_and_errors_come_back() -> None:
    fetching = fetching_on(DownloadThreads(2))
    fetching.start(lambda: "a page")
    fetching.start(fail)
    outcomes = [fetching.wait_for_next(), fetching.wait_for_next()]
    assert {outcome.value for outcome in outcomes} == {"a page", None}
    assert [str(each.error) for each in outcomes if each.error] == ["No space left on device"]
    assert fetching.outstanding == 0
    assert fetching.take_ready() is None


def test_no_more_tasks_run_at_a_time_than_there_are_threads() -> None:
    threads = DownloadThreads(2)
    fetching = fetching_on(threads)
    go_on, both_run = threading.Event(), threading.Barrier(3)
    running: list[int] = []

    def hold() -> None:
        running.append(threading.get_ident())
        if len(running) <= 2:
            both_run.wait(10)
        go_on.wait(10)

    for _ in range(3):
        fetching.start(hold)
    both_run.wait(10)
    assert len(running) == 2
    assert not threads.are_idle
    go_on.set()
    for _ in range(3):
        assert fetching.wait_for_next().error is None
    assert len(running) == 3
    assert len(set(running)) == 2


def test_a_task_works_for_the_stream_that_starts_it() -> None:
    fetching = fetching_on(DownloadThreads(1))
    stream = RunActivity().stream("Account")
    with on_behalf_of(stream):
        fetching.start(current)
    fetching.start(current)
    assert fetching.wait_for_next().value is stream
    assert fetching.wait_for_next().value is None


def test_other_work_gets_its_turn_during_a_long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TEND_SECONDS", 0.001)
    ended = threading.Event()
    seen: list[str] = []

    @contextmanager
    def waiting() -> Iterator[None]:
        seen.append("waiting")
        yield
        seen.append("no longer waiting")

    def tend() -> None:
        seen.append("tended")
        ended.set()

    fetching = fetching_on(DownloadThreads(1), waiting=waiting, tend=tend)
    fetching.start(lambda: ended.wait(10))
    assert fetching.wait_for_next().value
    assert "tended" in seen
    assert all(
        before == "no longer waiting"
        for before, each in itertools.pairwise(seen)
        if each == "tended"
    )


def test_a_result_that_has_come_is_freed_when_nobody_takes_it() -> None:
    discarded: list[str] = []
    fetching = fetching_on(DownloadThreads(1), discard=discarded.append)
    later = threading.Event()
    fetching.start(lambda: "a page")
    # On the only thread: it begins when the page has come.
    fetching.start(later.set)
    assert later.wait(10)
    fetching.give_up()
    assert discarded == ["a page"]


def test_a_result_that_comes_too_late_is_freed() -> None:
    begun, go_on, freed = threading.Event(), threading.Event(), threading.Event()
    discarded: list[str] = []

    def discard(result: str) -> None:
        discarded.append(result)
        freed.set()

    def fetch() -> str:
        begun.set()
        go_on.wait(10)
        return "a page"

    fetching = fetching_on(DownloadThreads(1), discard=discard)
    fetching.start(fetch)
    fetching.start(lambda: "a page that is not fetched any more")
    assert begun.wait(10)
    fetching.give_up()
    go_on.set()
    assert freed.wait(10)
    assert discarded == ["a page"]
