"""Working on the next items while the last one is being written.

The code that decodes and encodes blocks releases Python's global lock, so threads use all cores.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough to keep the cores busy; each item is held in memory.
_ITEMS_AHEAD = 2


def run_ahead(
    executor: Executor, task: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Run a task for each item, a few items ahead of whoever takes the results.

    Args:
        executor: Where the task runs.
        task: Turns an item into a result.
        items: Iterated on the calling thread.

    Yields:
        The results, in the order of the items. An error is raised in place of its result.
    """
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(task, item))
        if len(waiting) > _ITEMS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
