"""Reading an object through one query job, or a huge one through several side by side.

Salesforce tries a query fifteen times, each time with a file of 1 GB (Bulk API guide, limits): some
ten million records of 1.5 kB. An object with more is cut into ranges before its first load, and a
job that takes too long all the same is cut then. Each range is a `JobReading` with a state of its
own, so a run that was killed goes on in each of them and repeats none that is finished.

No change is missed although ranges are read at different times. A stamp only moves forward, to the
present, and so into the last range. A change made after that range was read is later than the
moment of the cut, which the bookmark does not pass.
"""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import QueryJobTooLongError, RefusedError
from tap_sfbulk_pages.reading.schedule import JobSchedule
from tap_sfbulk_pages.reading.state import saved_ranges, saved_reads
from tap_sfbulk_pages.reading.state.saved_ranges import SavedRanges, range_of
from tap_sfbulk_pages.reading.through_job import JobReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.page import PageReading, ReadingContext
    from tap_sfbulk_pages.reading.state.saved_ranges import PartState
    from tap_sfbulk_pages.soql.ranges import Range

HUGE = 10_000_000
RECORDS_A_RANGE = 2_500_000
# How many pieces a range is cut into when its job takes too long.
_PIECES = 4
# Keeps an org in which every query times out from using up its jobs.
_MOST_RANGES = 1000

logger = logging.getLogger(__name__)


def ranges_for(records: int) -> int:
    """Return how many ranges an object of this size is cut into at most; 1 if it is not huge."""
    return min(math.ceil(records / RECORDS_A_RANGE), _MOST_RANGES) if records > HUGE else 1


class RangePart:
    """A range that is read through a query job of its own.

    Args:
        state: The part, as saved.
        reading: Reads its job.
    """

    has_saved_job = True

    def __init__(self, state: PartState, reading: JobReading) -> None:
        self.state = state
        self.reading = reading
        self.keep_job = reading.keep
        self.prefetch = reading.prefetch

    @property
    def name(self) -> str:
        """Its bounds, for people."""
        part = range_of(self.state)
        return f"from {part.start or 'the first'} until {part.stop or 'the last'}"

    def preparation(self, made: Callable[[], None]) -> Callable[[], object]:
        """Return what prepares the job on another thread."""
        return partial(self.reading.prepare, made)


class SplitReading:
    """One object, from where it was left to its end.

    Args:
        context: The org, and what the run does meanwhile.
        question: What is asked; it is finished when everything has been written.
        state: The stream's part of the Singer state, changed in place.
        may_cut: Whether a query may be cut into ranges when its job takes too long.
        may_cut_by_size: Whether it is cut before any job is made if the object is huge.
    """

    def __init__(
        self,
        context: ReadingContext,
        question: ObjectQuestion,
        *,
        state: MutableMapping[str, Any],
        may_cut: bool,
        may_cut_by_size: bool,
    ) -> None:
        self._outer_tend = context.tend
        self._context = replace(context, tend=self._tend)
        self._org = context.org
        self._question = question
        self._query = question.query
        self._state = state
        self._may_cut = may_cut
        self._may_cut_by_size = may_cut_by_size
        self._error: Exception | None = None
        self._is_decided = False
        self._schedule: JobSchedule[RangePart] | None = None
        self._current: JobReading | None = None
        self._ranges = self._load_ranges()
        self._whole = self._job_reading(self._query.whole, state, self._finish_whole)

    @property
    def job_id(self) -> str | None:
        """The job that is being read, where it is known."""
        return (self._current or self._whole).job_id

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Cut the object if it is huge; wait for its one job if it is not."""
        self._decide(waiting)
        if self._error:
            return self._error
        if self._ranges is None:
            return self._whole.prepare(made, waiting)
        made()
        return None

    def keep(self) -> None:
        """Save how far the object has been read."""
        if self._ranges is None:
            self._whole.keep()
        else:
            self._begin_ranges().keep_jobs()

    def prefetch(self) -> None:
        """Create the jobs of ranges and fetch pages ahead, without waiting."""
        if self._ranges is not None:
            self._begin_ranges().tend()
        elif self._error is None:
            self._whole.prefetch()

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`.
        """
        if not self._is_decided:
            self._decide(self._context.waiting)
        if self._error:
            raise self._error
        if self._ranges is None:
            try:
                yield from self._whole.pages()
            except QueryJobTooLongError as error:
                pieces = self._cut_late(self._query.whole, error)
                self._ranges = self._new_ranges(pieces)
            else:
                return
        yield from self._pages_of_ranges(self._ranges, self._begin_ranges())
        # Every range has been read to its end, or an error would have been raised. The bookmark
        # moves first: without the ranges and with the old bookmark, all would be read again.
        self._question.finish(self._ranges.maximum, self._ranges.cut_at)
        self._ranges.finish(self._state)
        self._context.save()

    def close(self) -> None:
        """Fetch nothing more."""
        (self._current or self._whole).close()

    def _finish_whole(self, maximum: str | None) -> None:
        """Note that the one job has been read; ranges that a merged state holds are over too."""
        self._question.finish(maximum)
        saved_reads.forget_ranges(self._state)

    def _load_ranges(self) -> SavedRanges | None:
        """Read the ranges of an earlier run, if they belong to this query."""
        saved = SavedRanges.load(self._state)
        if saved and not self._query.is_answered_by(saved):
            logger.info("The saved ranges of %s belong to another query.", self._query.sobject)
            saved_reads.forget_ranges(self._state)
            return None
        return saved

    def _new_ranges(self, ranges: Iterable[Range]) -> SavedRanges:
        query = self._query.write().fingerprint
        return SavedRanges.of(query, self._query.range_name, self._org.client.clock.now(), ranges)

    def _decide(self, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        """Cut a huge object, before anything of it has been asked for."""
        try:
            if self._may_cut_by_size:
                with waiting():
                    self._ranges = self._cut_by_size()
        except Exception as error:  # noqa: BLE001 - raised by `pages`, on the thread that writes
            self._error = error
        self._is_decided = True

    def _cut_by_size(self) -> SavedRanges | None:
        name, whole = self._query.sobject, self._query.whole
        records = self._org.record_counts().get(name, 0)
        pieces = ranges_for(records)
        if pieces == 1:
            return None
        try:
            ranges = whole.cut(self._query.find_bounds(self._org, whole, pieces))
        except RefusedError as error:
            logger.warning("%s is huge, but cannot be cut into ranges: %s", name, error)
            return None
        if len(ranges) == 1:
            return None
        logger.info("%s has about %d records: read in %d ranges.", name, records, len(ranges))
        return self._new_ranges(ranges)

    def _begin_ranges(self) -> JobSchedule[RangePart]:
        """Begin to read the ranges, unless that has begun."""
        if self._schedule is None:
            if self._ranges is None:
                raise AssertionError("nothing has been cut into ranges")
            # Saved before the first job is created: a run killed after that finds the same bounds,
            # and goes on in the jobs that were created for them.
            self._ranges.save(self._state)
            self._context.save()
            left = [part for part in self._ranges.parts if not saved_ranges.is_done(part)]
            self._schedule = JobSchedule(
                self._make_parts(left),
                most_ahead=self._org.settings.max_concurrent_jobs,
                slots=self._org.job_slots,
                waiting=self._context.waiting,
            )
        return self._schedule

    def _pages_of_ranges(
        self, ranges: SavedRanges, schedule: JobSchedule[RangePart]
    ) -> Iterator[PageReading]:
        """Hand over the pages of each range as soon as its job has ended."""
        for part in schedule:
            self._current = part.reading
            try:
                for page in part.reading.pages():
                    yield page
                    schedule.tend()
            except QueryJobTooLongError as error:
                pieces = self._cut_late(range_of(part.state), error, already=len(ranges.parts))
                added = ranges.replace(part.state, pieces)
                ranges.save(self._state)
                self._context.save()
                schedule.add(self._make_parts(added))

    def _cut_late(
        self, part: Range, error: QueryJobTooLongError, *, already: int = 0
    ) -> list[Range]:
        """Cut a range whose job took too long.

        Args:
            part: The range.
            error: What is raised if it cannot be cut.
            already: How many ranges there are.
        """
        if not self._may_cut or already > _MOST_RANGES:
            raise error
        try:
            with self._context.waiting():
                pieces = part.cut(self._query.find_bounds(self._org, part, _PIECES))
        except RefusedError as refusal:
            logger.warning("%s cannot be cut into ranges: %s", self._query.sobject, refusal)
            raise error from refusal
        if len(pieces) == 1:
            raise error
        logger.warning(
            "Stream %s (job %s): %s It is read in %d parts instead.",
            self._query.sobject,
            self.job_id,
            error,
            len(pieces),
        )
        return pieces

    def _make_parts(self, states: Iterable[PartState]) -> list[RangePart]:
        parts = []
        for state in states:
            on_finished = partial(saved_ranges.finish, state)
            reading = self._job_reading(range_of(state), state, on_finished)
            parts.append(RangePart(state, reading))
        return parts

    def _job_reading(
        self,
        part: Range,
        state: MutableMapping[str, Any],
        on_finished: Callable[[str | None], None],
    ) -> JobReading:
        return JobReading(
            self._context,
            self._question.request(part),
            state=state,
            on_finished=on_finished,
            is_divisible=self._may_cut,
        )

    def _tend(self) -> None:
        if self._schedule:
            self._schedule.tend()
        self._outer_tend()
