"""Query jobs that run at Salesforce ahead of the stream that is being written.

Streams are handed over in the order in which their jobs end, so that a hundred small objects take
as long as their slowest jobs, not as long as all of them one after another.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.streams import BulkStream


@dataclass(frozen=True)
class _Event:
    """The job of a stream has been made, or has ended."""

    stream: BulkStream
    has_ended: bool


class JobSchedule:
    """Prepares streams ahead, each on a thread that waits for its job.

    Args:
        streams: In the order in which their jobs are made.
        most_ahead: How many jobs may run, or wait to be read, at a time.
        waiting: Entered while there is nothing to do but wait.
    """

    def __init__(
        self,
        streams: Iterable[BulkStream],
        *,
        most_ahead: int,
        waiting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._to_begin = deque(streams)
        self._most_ahead = most_ahead
        self._waiting = waiting
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._running = 0
        self._ready: deque[BulkStream] = deque()

    def __iter__(self) -> Iterator[BulkStream]:
        """Hand over each stream when its job has ended, well or not."""
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
        """Do what can be done without waiting: begin jobs, save those made, fetch pages ahead."""
        self.keep_jobs()
        while self._to_begin and self._running + len(self._ready) < self._most_ahead:
            self._begin(self._to_begin.popleft())
        for stream in self._ready:
            stream.prefetch()

    def keep_jobs(self) -> None:
        """Take note of jobs that have been made, and save them, or have ended."""
        try:
            while True:
                self._take(self._events.get_nowait())
        except Empty:
            return

    def begin_no_more(self) -> list[BulkStream]:
        """Leave out the streams that have no job yet, and return them."""
        left_out = [stream for stream in self._to_begin if not stream.has_saved_job]
        self._to_begin = deque(stream for stream in self._to_begin if stream.has_saved_job)
        return left_out

    def _take(self, event: _Event) -> None:
        if event.has_ended:
            self._running -= 1
            self._ready.append(event.stream)
        else:
            event.stream.keep_job()

    def _begin(self, stream: BulkStream) -> None:
        """Prepare a stream; one whose request is wrong is handed over to tell so itself."""
        prepare = stream.preparation(lambda: self._events.put(_Event(stream, has_ended=False)))
        if prepare is None:
            self._ready.append(stream)
            return
        self._running += 1

        def run() -> None:
            try:
                prepare()
            finally:
                self._events.put(_Event(stream, has_ended=True))

        threading.Thread(target=run, name=f"sfbulk-job-{stream.name}", daemon=True).start()
