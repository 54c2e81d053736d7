"""A stream of a run that is there only from when its job is due until it has been read.

The SDK's stream takes some kilobytes a field, with its catalog entry and its stream map: those of
an org with thousands of objects would take gigabytes, and describing them all would take hundreds
of calls before the first job is made.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.reading.plan import StreamPlan
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.singer.inputs.states import find_unused_bookmark
from tap_sfbulk_pages.watching.activity import on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream


class StreamInTurn:
    """A stream that is to be read, made when its turn comes (`reading.schedule.Scheduled`).

    Args:
        tap: The tap, which has its state.
        name: Of the stream.
        make: Makes the stream and forgets it at the end of the context; None where the org does
            not offer it after all.

    Attributes:
        name: Of the stream.
        activity: What the run does for it.
        has_saved_job: Whether the state holds a job of it.
    """

    def __init__(
        self,
        tap: RunningTap,
        name: str,
        make: Callable[[], AbstractContextManager[BulkStream | None]],
    ) -> None:
        self.name = name
        self.activity = tap.activity.stream(name)
        self.has_saved_job = has_saved_job(tap, name)
        self._make = make
        self._lifetime = ExitStack()
        self._stream: BulkStream | None = None
        self._error: Exception | None = None

    @classmethod
    def of(cls, tap: RunningTap, stream: BulkStream) -> StreamInTurn:
        """Take a stream that is there already, and stays."""
        return cls(tap, stream.name, lambda: nullcontext(stream))

    @property
    def is_left_out(self) -> bool:
        """Whether the org does not offer it; known when its preparation has begun."""
        return self._stream is None and self._error is None

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""
        return self._stream.job_id if self._stream else None

    def preparation(self, made: Callable[[], None]) -> Callable[[], None] | None:
        """Make the stream, and make it ready to prepare its job (`BulkStream.preparation`)."""
        try:
            with on_behalf_of(self.activity):
                self._stream = self._lifetime.enter_context(self._make())
        except Exception as error:  # noqa: BLE001 - `read` raises it, for this stream alone
            self._error = error
        if self._stream is None:
            return None
        is_incremental = self._stream.replication_method != "FULL_TABLE"
        key = self._stream.replication_key if is_incremental else None
        if warning := find_unused_bookmark(self.name, self._stream.stream_state, key):
            self._stream.logger.warning("%s", warning)
        return self._stream.preparation(made)

    def keep_job(self) -> None:
        """Save the job that has been made."""
        if self._stream:
            self._stream.keep_job()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""
        if self._stream:
            self._stream.prefetch()

    def read(self) -> None:
        """Write the records of the stream, once its job has ended, and forget the stream.

        Raises:
            Exception: Whatever went wrong with this stream.
        """
        if self._error:
            raise self._error
        if self._stream:
            with on_behalf_of(self.activity):
                self._stream.sync()
            self._stream.finalize_state_progress_markers()

    def forget(self) -> None:
        """Let the stream go, with the pages that it has fetched ahead."""
        if self._stream:
            self._stream.close()
        self._stream = self._error = None
        self._lifetime.close()

    def plan(self) -> StreamPlan | None:
        """Return what reading the stream would take; None where the org does not offer it."""
        try:
            with self._make() as stream:
                return stream.plan() if stream else None
        except ExtractionError as error:
            return StreamPlan(self.name, trouble=str(error))


def has_saved_job(tap: RunningTap, name: str) -> bool:
    """Return whether the state holds a job of a stream that may be read on."""
    return saved_reads.has_job(tap.state.get("bookmarks", {}).get(name, {}))
