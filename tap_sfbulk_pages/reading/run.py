"""A run over streams: each is read when its job has ended, and none that fails stops the others."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tap_sfbulk_pages.errors import AllowanceError, ExtractionError, IncompleteRunError
from tap_sfbulk_pages.reading.schedule import JobSchedule, Scheduled
from tap_sfbulk_pages.reading.stop_signal import RunStopped
from tap_sfbulk_pages.watching.activity import READ, on_behalf_of
from tap_sfbulk_pages.watching.watch import watch_run
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.stop_signal import StopSignal
    from tap_sfbulk_pages.watching.activity import RunActivity, StreamActivity

# How long a run that is stopped by a signal waits for the replies that name its new jobs.
# Kubernetes, Docker and the like kill it after ten seconds or more.
_SECONDS_FOR_NEW_JOBS = 5.0

logger = logging.getLogger(__name__)


@dataclass
class RunOutcome:
    """The streams of a run.

    Attributes:
        read: Those read to their end.
        failed: Those that were not, and why.
        not_begun: Those that were left for a later run.
    """

    read: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    not_begun: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every stream was read to its end."""
        return not self.failed and not self.not_begun

    def summary(self) -> list[str]:
        """Say what was and what was not read; the failures come last, where they are seen."""
        count = len(self.read) + len(self.failed) + len(self.not_begun)
        unread = count - len(self.read)
        verb, end = ("was", "its end") if unread == 1 else ("were", "their end")
        lines = [f"{unread} of {format_count(count, 'stream')} {verb} not read to {end}."]
        if self.read:
            lines.append(f"Read: {', '.join(self.read)}")
        if self.not_begun:
            lines.append(f"Not begun: {', '.join(self.not_begun)}")
        lines += [f"Failed: {name}: {reason}" for name, reason in self.failed.items()]
        return lines


class ScheduledStream(Scheduled, Protocol):
    """A stream that a run reads when its job has ended."""

    @property
    def activity(self) -> StreamActivity:
        """What the run does for it."""

    @property
    def is_left_out(self) -> bool:
        """Whether the org does not offer it; known when its preparation has begun."""

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""

    def read(self) -> None:
        """Read the stream to its end.

        Raises:
            Exception: Whatever went wrong with this stream.
        """

    def forget(self) -> None:
        """Free what the stream holds, the pages fetched ahead among it."""


class StreamRun:
    """Reads streams.

    Args:
        streams: In the order in which their jobs are made.
        org: Where from.
        activity: What the run does is noted there.
        stop_signal: Ends the run early.
        write_state: Writes the state as it is.
        measure: Called at the end of the run, however it ends.
    """

    def __init__(
        self,
        streams: Sequence[ScheduledStream],
        *,
        org: Org,
        activity: RunActivity,
        stop_signal: StopSignal,
        write_state: Callable[[], None],
        measure: Callable[[RunActivity], None] = lambda _: None,
    ) -> None:
        self._names = [stream.name for stream in streams]
        self._org = org
        self._activity = activity
        self._stop_signal = stop_signal
        self._write_state = write_state
        self._measure = measure
        self._outcome = RunOutcome()
        self._schedule = JobSchedule(
            streams,
            most_ahead=org.settings.max_concurrent_jobs,
            slots=org.job_slots,
            waiting=stop_signal.waiting,
        )

    def read(self) -> None:
        """Read the streams to their ends.

        Raises:
            IncompleteRunError: If some could not be read, after the others.
            SystemExit: If a signal has stopped the run, at a safe point and with a true state.
        """
        watched = watch_run(
            self._activity,
            self._names,
            calls_made=lambda: self._org.calls.made,
            report_path=self._org.settings.report_path,
        )
        with watched:
            try:
                with self._stop_signal.writing():
                    self._read_as_jobs_end()
            except RunStopped as stopped:
                self._org.jobs.stop_creating(within=_SECONDS_FOR_NEW_JOBS)
                self._schedule.keep_jobs()
                self._write_state()
                logger.warning("Stopped by %s.", signal.Signals(stopped.signal_number).name)
                sys.exit(stopped.exit_code)
            finally:
                self._measure(self._activity)
        if not self._outcome.read and self._outcome.is_whole:
            raise IncompleteRunError(
                "No stream was left to read: Salesforce describes none of the objects to this user."
            )
        if not self._outcome.is_whole:
            raise IncompleteRunError(*self._outcome.summary())

    def tend(self) -> None:
        """Look after the jobs ahead (`JobSchedule.tend`)."""
        self._schedule.tend()

    def _read_as_jobs_end(self) -> None:
        for stream in self._schedule:
            self._stop_signal.check()
            if stream.is_left_out:
                continue
            try:
                stream.read()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other streams go on
                self._note_failure(stream, error)
            else:
                self._outcome.read.append(stream.name)
                stream.activity.outcome = READ
            stream.forget()

    def _note_failure(self, stream: ScheduledStream, error: Exception) -> None:
        job = f" (job {stream.job_id})" if stream.job_id else ""
        is_known = isinstance(error, ExtractionError)
        reason = str(error) if is_known else f"{type(error).__name__}: {error}"
        with on_behalf_of(stream.activity):
            trace = None if is_known else error
            logger.error("Stream %s%s: %s", stream.name, job, reason, exc_info=trace)
        self._outcome.failed[stream.name] = f"{reason}{job}"
        stream.activity.outcome = reason
        stream.activity.note(f"Failed: {reason}")
        if isinstance(error, AllowanceError):
            self._outcome.not_begun += [left.name for left in self._schedule.begin_no_more()]
