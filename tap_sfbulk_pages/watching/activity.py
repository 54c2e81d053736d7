"""A record of what a run does, for the progress display, the summary and the report.

All work is done for a stream. The thread that does it knows which one (`on_behalf_of`), so a call,
a retry or a page is noted where it happens, and nobody has to pass the stream along. The record
does not grow with the size of a job: periods that touch are merged, and only so many are kept
apart.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How many periods of one phase are kept apart; beyond that, the nearest ones are merged.
_MOST_PERIODS = 120
_MOST_NOTES = 50

# The outcome of a stream that was read to its end.
READ = "read"


class Phase(Enum):
    """What a stream spends its time on; the first two happen at Salesforce."""

    QUEUED = "queued"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    WRITING = "writing"


class Periods:
    """When something was going on. Periods that overlap are merged."""

    def __init__(self) -> None:
        self._periods: list[tuple[float, float]] = []
        self._shortest_gap = 0.0
        self._gaps_filled = 0.0

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return iter(list(self._periods))

    @property
    def seconds(self) -> float:
        """How long it was going on in total."""
        return sum(end - begin for begin, end in self._periods) - self._gaps_filled

    def add(self, begin: float, end: float) -> None:
        """Add a period. Call this in the order in which periods end."""
        while self._periods and begin - self._periods[-1][1] <= self._shortest_gap:
            last_begin, last_end = self._periods.pop()
            self._gaps_filled += max(begin - last_end, 0.0)
            begin = min(begin, last_begin)
        self._periods.append((begin, end))
        if len(self._periods) > _MOST_PERIODS:
            self._join_nearest()

    def _join_nearest(self) -> None:
        """Close the smaller half of the gaps."""
        gaps = sorted(later[0] - earlier[1] for earlier, later in pairwise(self._periods))
        self._shortest_gap = gaps[len(gaps) // 2]
        periods, self._periods = self._periods, []
        for begin, end in periods:
            self.add(begin, end)


@dataclass(frozen=True)
class Note:
    """Something out of the ordinary.

    Attributes:
        at: Seconds since the run began.
        text: What happened.
    """

    at: float
    text: str


@dataclass
class StreamActivity:
    """What is done for one stream.

    Attributes:
        name: The stream.
        clock: Returns the seconds since the run began.
        periods: When each phase was going on, in seconds since the run began.
        notes: Retries and the like, the first `_MOST_NOTES` of them.
        job_states: The last known state of each job, in words, by job id.
        job_records: The number of records of each finished job, by job id.
        is_resumed: Whether it continues where an earlier run ended.
        pages: Result pages written.
        records: Records written.
        wire_bytes: Bytes of result pages as received, before decompression.
        calls: Requests made.
        host: Where the last of them went.
        retries: How many of those were repeats.
        outcome: `READ` or what went wrong; None while it is being read.
    """

    name: str
    clock: Callable[[], float] = field(repr=False)
    periods: dict[Phase, Periods] = field(default_factory=lambda: {p: Periods() for p in Phase})
    notes: list[Note] = field(default_factory=list)
    job_states: dict[str, str] = field(default_factory=dict)
    job_records: dict[str, int] = field(default_factory=dict)
    is_resumed: bool = False
    pages: int = 0
    records: int = 0
    wire_bytes: int = 0
    calls: int = 0
    host: str | None = None
    retries: int = 0
    outcome: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _job_phases: dict[str, tuple[Phase, float]] = field(default_factory=dict, repr=False)
    _under_way: dict[object, tuple[Phase, float]] = field(default_factory=dict, repr=False)

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self.clock()

    @property
    def has_begun(self) -> bool:
        """Whether any request was made for it, or it has failed without one."""
        return bool(self.calls) or self.has_failed

    @property
    def is_going_on(self) -> bool:
        """Whether it has begun and not yet ended."""
        return self.has_begun and self.outcome is None

    @property
    def has_failed(self) -> bool:
        """Whether it has ended with an error."""
        return self.outcome not in (None, READ)

    @property
    def first_period_began(self) -> float:
        """When the first of its periods began; 0 if there is none."""
        return min((begin for each in self.periods.values() for begin, _ in each), default=0.0)

    @property
    def expected_records(self) -> int | None:
        """How many records its jobs have; None until the last of them is complete."""
        if not self.job_states or len(self.job_records) < len(self.job_states):
            return None
        return sum(self.job_records.values())

    def seconds(self, *phases: Phase) -> float:
        """Return how long phases have been going on, including those that still are."""
        with self._lock:
            ended = sum(self.periods[phase].seconds for phase in phases)
            going_on = [self._going_on(phase) for phase in phases]
        begins = [period[0] for period in going_on if period]
        return ended + (self.now - min(begins) if begins else 0.0)

    def all_periods(self, phase: Phase) -> list[tuple[float, float]]:
        """Return the periods of a phase, including one that is still going on."""
        with self._lock:
            going_on = self._going_on(phase)
            return [*self.periods[phase], *([going_on] if going_on else [])]

    def _going_on(self, phase: Phase) -> tuple[float, float] | None:
        """Return the part of what is going on that follows the periods that have ended."""
        under_way = [*self._job_phases.values(), *self._under_way.values()]
        begins = [begin for each, begin in under_way if each is phase]
        if not begins:
            return None
        ends = [end for _, end in self.periods[phase]]
        return max(min(begins), *ends[-1:], 0.0), self.now

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Record how long a phase takes."""
        begin, key = self.now, object()
        with self._lock:
            self._under_way[key] = (phase, begin)
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[key]
                self.periods[phase].add(begin, self.now)

    def note(self, text: str) -> None:
        """Note something out of the ordinary."""
        with self._lock:
            if len(self.notes) < _MOST_NOTES:
                self.notes.append(Note(self.now, text))

    def note_job(
        self, job_id: str, state: str, *, phase: Phase | None = None, records: int | None = None
    ) -> None:
        """Note the state of a job.

        Args:
            job_id: The job.
            state: Its state, in words.
            phase: What it spends its time on; None once Salesforce has finished it.
            records: The number of its records; None unless it is complete.
        """
        now = self.now
        with self._lock:
            self.job_states[job_id] = state
            if records is not None:
                self.job_records[job_id] = records
            before = self._job_phases.pop(job_id, None)
            if phase:
                self._job_phases[job_id] = (phase, now)
            if before and before[0] is phase:
                self._job_phases[job_id] = before
            elif before:
                self.periods[before[0]].add(before[1], now)

    def note_page_written(self, records: int) -> None:
        """Note a page whose records are written."""
        self.pages += 1
        self.records += records

    def note_page_received(self, wire_bytes: int) -> None:
        """Note a page that was received."""
        with self._lock:
            self.wire_bytes += wire_bytes

    def note_call(self, host: str | None = None) -> None:
        """Note a request, and where it goes."""
        with self._lock:
            self.calls += 1
            self.host = host or self.host

    def note_retry(self, reason: str) -> None:
        """Note that a request has to be repeated."""
        with self._lock:
            self.retries += 1
        self.note(reason)


class RunActivity:
    """What a run does.

    Args:
        clock: Returns seconds that only ever grow.

    Attributes:
        began_at: UTC.
        streams: By name, in the order in which they were first mentioned.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.began_at = datetime.now(timezone.utc)
        self.streams: dict[str, StreamActivity] = {}
        self._clock = clock
        self._began = clock()

    def stream(self, name: str) -> StreamActivity:
        """Return the activity of a stream."""
        if name not in self.streams:
            self.streams[name] = StreamActivity(name, lambda: self.seconds)
        return self.streams[name]

    @property
    def begun(self) -> list[StreamActivity]:
        """The streams for which any work was done."""
        # Other threads may begin streams meanwhile.
        return [stream for stream in list(self.streams.values()) if stream.has_begun]

    @property
    def host(self) -> str | None:
        """The host of the org; None before a stream has made a call."""
        return next((stream.host for stream in self.begun if stream.host), None)

    @property
    def slowest_first(self) -> list[StreamActivity]:
        """The streams for which any work was done, the slowest first.

        Those that took as many whole seconds are in the order of their records, since what remains
        is chance.
        """
        return sorted(
            self.begun, key=lambda stream: (-int(stream.seconds(*Phase)), -stream.records)
        )

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return self._clock() - self._began

    @property
    def records(self) -> int:
        """Records written, over all streams."""
        return sum(stream.records for stream in self.streams.values())


_current: ContextVar[StreamActivity | None] = ContextVar("stream_activity", default=None)


def current() -> StreamActivity | None:
    """Return the stream that this thread works for; None for the run as a whole."""
    return _current.get()


@contextmanager
def on_behalf_of(stream: StreamActivity | None) -> Iterator[None]:
    """Let this thread work for a stream, or for none. New threads do not inherit it."""
    token = _current.set(stream)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def during(phase: Phase) -> Iterator[None]:
    """Record how long a phase takes, for the stream that this thread works for."""
    stream = current()
    if stream is None:
        yield
        return
    with stream.during(phase):
        yield
