"""Tasks that run on threads shared by all streams, and the queue on which they come back."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

T = TypeVar("T")

# How often other work gets its turn while pages are waited for.
_TEND_SECONDS = 0.5


class DownloadThreads:
    """Threads that run tasks in the order in which they are given.

    They are daemons, so that a run that has to stop does not wait for a silent connection.

    Args:
        count: How many threads.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started = 0
        self._unfinished = 0
        self._lock = threading.Lock()

    @property
    def are_idle(self) -> bool:
        """Whether a task given now would run at once."""
        return self._unfinished < self.count

    def run(self, task: Callable[[], None]) -> None:
        """Run a task, which must not raise, as soon as a thread is free."""
        with self._lock:
            self._unfinished += 1
        self._tasks.put(task)
        if self._started < self.count:
            threading.Thread(target=self._work, name="sfbulk-download", daemon=True).start()
            self._started += 1

    def _work(self) -> None:
        while True:
            self._tasks.get()()
            with self._lock:
                self._unfinished -= 1


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The outcome of a task: a value or an error."""

    value: T | None = None
    error: BaseException | None = None

    def result(self) -> T:
        """Return the value.

        Raises:
            BaseException: The error, where there is one.
        """
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class Fetching(Generic[T]):
    """The tasks of one job.

    Args:
        threads: Where they run.
        waiting: Entered while there is nothing to do but wait.
        tend: Called now and then during a wait, outside of `waiting`.
        discard: Frees a result that nobody will take.
    """

    def __init__(
        self,
        threads: DownloadThreads,
        *,
        waiting: Callable[[], AbstractContextManager[None]],
        tend: Callable[[], None],
        discard: Callable[[T], None],
    ) -> None:
        self.threads = threads
        self._waiting = waiting
        self._tend = tend
        self._discard = discard
        self._outcomes: SimpleQueue[Outcome[T]] = SimpleQueue()
        self._given_up = threading.Event()
        self.outstanding = 0

    def start(self, task: Callable[[], T]) -> None:
        """Run a task on another thread."""
        self.outstanding += 1

        def run() -> None:
            if self._given_up.is_set():
                return
            try:
                outcome = Outcome(task())
            except BaseException as error:  # noqa: BLE001 - raised by whoever takes it
                outcome = Outcome[T](error=error)
            self._outcomes.put(outcome)
            if self._given_up.is_set():
                self._empty()

        # A page is fetched for the stream that asks for it (`activity.py`).
        context = contextvars.copy_context()
        self.threads.run(lambda: context.run(run))

    def wait_for_next(self) -> Outcome[T]:
        """Wait for a task to end, and return its outcome."""
        while True:
            with self._waiting():
                try:
                    outcome = self._outcomes.get(timeout=_TEND_SECONDS)
                except Empty:
                    outcome = None
            if outcome is not None:
                self.outstanding -= 1
                return outcome
            self._tend()

    def take_ready(self) -> Outcome[T] | None:
        """Return the outcome of a task that has ended; None if there is none yet."""
        try:
            outcome = self._outcomes.get_nowait()
        except Empty:
            return None
        self.outstanding -= 1
        return outcome

    def give_up(self) -> None:
        """Start none of the waiting tasks, and free the results that nobody will take."""
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
