"""Results come in order, a few items ahead of whoever takes them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.decoding.ahead import run_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_results_come_in_the_order_of_the_items(executor: ThreadPoolExecutor) -> None:
    later = threading.Event()

    def task(item: int) -> int:
        if item == 0:
            assert later.wait(20)
        elif item == 2:
            later.set()
        return item * item

    assert list(run_ahead(executor, task, range(10))) == [n * n for n in range(10)]


def test_few_items_are_taken_ahead_and_on_the_calling_thread(executor: ThreadPoolExecutor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            assert threading.current_thread() is threading.main_thread()
            taken.append(item)
            yield item

    results = run_ahead(executor, str, items())
    for n in range(10):
        assert next(results) == str(n)
        assert len(taken) <= n + 3


def test_an_error_comes_in_place_of_its_result(executor: ThreadPoolExecutor) -> None:
    results = run_ahead(executor, lambda item: 6 // item, [2, 1, 0, 3])
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_nothing_comes_of_nothing(executor: ThreadPoolExecutor) -> None:
    assert list(run_ahead(executor, str, [])) == []
