"""Work on the next items while the last one is being written.

What decodes and encodes blocks lets go of Python's lock, so that threads use all cores.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough for the cores to be busy; each item is held in memory.
_ITEMS_AHEAD = 2


def run_ahead(
    executor: Executor, task: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Do a task for each item, a few items ahead of whoever takes the results.

    Args:
        executor: Where the task runs.
        task: Makes a result of an item.
        items: Taken on the calling thread.

    Yields:
        The results, in the order of the items. An error of the task is raised in its place.
    """
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(task, item))
        if len(waiting) > _ITEMS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
