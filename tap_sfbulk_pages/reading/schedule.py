"""Query jobs that run at Salesforce ahead of what is being written, of streams or parts of one.

Streams are handed over in the order in which their jobs end, so that a hundred small objects take
as long as their slowest jobs, not as long as all jobs one after another.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager


class Scheduled(Protocol):
    """Something whose job can be prepared ahead: a stream, or a part of one."""

    @property
    def name(self) -> str:
        """Its name, for people."""

    @property
    def has_saved_job(self) -> bool:
        """Whether the state holds a job of it that may be read on."""

    def preparation(self, made: Callable[[], None]) -> Callable[[], object] | None:
        """Return what prepares the job on another thread; None if reading must say why not.

        Args:
            made: Called on that thread when there is something to save: `keep_job` is then due.
        """

    def keep_job(self) -> None:
        """Save the job that has been created."""

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""


T = TypeVar("T", bound=Scheduled)


@dataclass(frozen=True)
class _Event(Generic[T]):
    """A job has been created, or has ended."""

    of: T
    has_ended: bool


class JobSchedule(Generic[T]):
    """Prepares streams, or parts of one, ahead, each on a thread that waits for its job.

    Args:
        streams: In the order in which their jobs are created.
        most_ahead: How many jobs may run, or wait to be read, at a time.
        slots: One for each job that may run at Salesforce at a time, shared by all schedules.
        waiting: Entered while there is nothing to do but wait.
    """

    def __init__(
        self,
        streams: Iterable[T],
        *,
        most_ahead: int,
        slots: threading.Semaphore,
        waiting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._to_begin = deque(streams)
        self._most_ahead = most_ahead
        self._slots = slots
        self._waiting = waiting
        self._events: SimpleQueue[_Event[T]] = SimpleQueue()
        self._running = 0
        self._ready: deque[T] = deque()

    def __iter__(self) -> Iterator[T]:
        """Hand over each stream when its job has ended, successfully or not."""
        while True:
            self.tend()
            while not self._ready:
                if not self._running:
                    return
                with self._waiting():
                    event = self._events.get()
                self._take(event)
            yield self._ready.popleft()

    def tend(self) -> None:
        """Without waiting, begin jobs, save those that were created, and fetch pages ahead."""
        self.keep_jobs()
        while self._to_begin and self._running + len(self._ready) < self._most_ahead:
            self._begin(self._to_begin.popleft())
        for stream in self._ready:
            stream.prefetch()

    def keep_jobs(self) -> None:
        """Save the jobs that have been created, and note those that have ended."""
        try:
            while True:
                self._take(self._events.get_nowait())
        except Empty:
            return

    def add(self, streams: Iterable[T]) -> None:
        """Add streams, which come before those that have not begun."""
        self._to_begin.extendleft(reversed(list(streams)))

    def begin_no_more(self) -> list[T]:
        """Drop the streams that have no job yet, and return them."""
        left_out = [stream for stream in self._to_begin if not stream.has_saved_job]
        self._to_begin = deque(stream for stream in self._to_begin if stream.has_saved_job)
        return left_out

    def _take(self, event: _Event[T]) -> None:
        if event.has_ended:
            self._running -= 1
            self._ready.append(event.of)
        else:
            event.of.keep_job()

    def _begin(self, stream: T) -> None:
        """Prepare a stream; one that cannot be is handed over at once, and says why when read."""
        prepare = stream.preparation(lambda: self._events.put(_Event(stream, has_ended=False)))
        if prepare is None:
            self._ready.append(stream)
            return
        self._running += 1

        def run() -> None:
            try:
                with self._slots:
                    prepare()
            finally:
                self._events.put(_Event(stream, has_ended=True))

        # A part's job is made for the stream that it is a part of (`activity.py`).
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(run,), name=f"sfbulk-job-{stream.name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # The system has no thread left: late is better than not at all.
            run()
