"""Requests of one job on threads that all streams share, and the queue on which they come back."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

T = TypeVar("T")


class DownloadThreads:
    """Threads that run tasks in the order in which they are given.

    They are daemons: a run that is told to stop does not wait for a connection that is silent.

    Args:
        count: How many threads.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started = 0

    def run(self, task: Callable[[], None]) -> None:
        """Run a task, which must not raise, as soon as a thread is free."""
        self._tasks.put(task)
        if self._started < self.count:
            self._started += 1
            threading.Thread(target=self._work, name="sfbulk-download", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._tasks.get()()


@dataclass(frozen=True)
class _Outcome(Generic[T]):
    value: T | None = None
    error: BaseException | None = None


class Fetching(Generic[T]):
    """The tasks of one job.

    Args:
        threads: Where they run.
        waiting: Entered while there is nothing to do but wait.
        discard: Frees a result that nobody takes any more.
    """

    def __init__(
        self,
        threads: DownloadThreads,
        *,
        waiting: Callable[[], AbstractContextManager[None]],
        discard: Callable[[T], None],
    ) -> None:
        self._threads = threads
        self._waiting = waiting
        self._discard = discard
        self._outcomes: SimpleQueue[_Outcome[T]] = SimpleQueue()
        self._given_up = threading.Event()
        # As many results may wait to be taken as tasks run at a time.
        self.most_outstanding = 2 * threads.count
        self.outstanding = 0

    @property
    def has_room(self) -> bool:
        """Whether another task may start."""
        return self.outstanding < self.most_outstanding

    def start(self, task: Callable[[], T]) -> None:
        """Run a task on another thread."""
        self.outstanding += 1

        def run() -> None:
            if self._given_up.is_set():
                return
            try:
                outcome = _Outcome(task())
            except BaseException as error:  # noqa: BLE001 - raised again by next()
                outcome = _Outcome[T](error=error)
            self._outcomes.put(outcome)
            if self._given_up.is_set():
                self._empty()

        self._threads.run(run)

    def next(self) -> T:
        """Wait for a task to end, and give its result or raise its error."""
        with self._waiting():
            outcome = self._outcomes.get()
        self.outstanding -= 1
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]  # a task without an error has a value

    def give_up(self) -> None:
        """Start no task that still waits, and free the results that nobody will take."""
        self._given_up.set()
        self._empty()

    def _empty(self) -> None:
        try:
            while True:
                outcome = self._outcomes.get_nowait()
                if outcome.value is not None:
                    self._discard(outcome.value)
        except Empty:
            return
