"""Reading an object through one query job, or a huge one through several side by side.

A query is done in fifteen tries of a file of 1 GB each (Bulk API guide, limits), which is some ten
million records of 1.5 kB. An object with more is cut into ranges before its first load; a job that
is not done in time all the same is cut then. Each range is a `JobReading` with a state of its own,
so that a run that was killed goes on in each of them and makes no finished one again.

No change is missed while the ranges are read at different times. A stamp moves forward only, to the
present, and so into the last range. What changes after that was read is later than the moment of
the cut, which the bookmark does not pass.
"""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import QueryJobTooLongError, RefusedError
from tap_sfbulk_pages.reading import saved_ranges
from tap_sfbulk_pages.reading.saved_ranges import SavedRanges, range_of
from tap_sfbulk_pages.reading.schedule import JobSchedule
from tap_sfbulk_pages.reading.through_job import JobReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.page import PageReading, ReadingContext
    from tap_sfbulk_pages.reading.saved_ranges import PartState
    from tap_sfbulk_pages.soql.ranges import Range

HUGE = 10_000_000
RECORDS_A_RANGE = 2_500_000
# Of a range whose job was not done in time.
_PIECES = 4
# So that an org that lets every query time out does not use up its jobs.
_MOST_RANGES = 1000

logger = logging.getLogger(__name__)


def ranges_for(records: int) -> int:
    """Tell into how many ranges an object is cut for its size, at the most; 1 if it is not huge."""
    return min(math.ceil(records / RECORDS_A_RANGE), _MOST_RANGES) if records > HUGE else 1


class RangePart:
    """A range that is read through a query job of its own.

    Args:
        state: Where it is kept.
        reading: Of the job.
    """

    has_saved_job = True

    def __init__(self, state: PartState, reading: JobReading) -> None:
        self.state = state
        self.reading = reading
        self.keep_job = reading.keep
        self.prefetch = reading.prefetch

    @property
    def name(self) -> str:
        """From where to where it reaches."""
        part = range_of(self.state)
        return f"from {part.start or 'the first'} until {part.stop or 'the last'}"

    def preparation(self, made: Callable[[], None]) -> Callable[[], object]:
        """Make ready to prepare the job on another thread."""
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
        self._ranges = self._saved()
        self._whole = self._job_reading(self._query.whole, state, question.finish)

    @property
    def job_id(self) -> str | None:
        """The job that is being read, where it is known."""
        return (self._current or self._whole).job_id

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Decide whether there is anything to cut; wait for the one job if there is not."""
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
            self._begun().keep_jobs()

    def prefetch(self) -> None:
        """Make the jobs of ranges and fetch pages ahead, without waiting."""
        if self._ranges is not None:
            self._begun().tend()
        elif self._error is None:
            self._whole.prefetch()

    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done; each must be written before the next is taken.

        Raises:
            ExtractionError: If the object cannot be read to its end. The state then leads a later
                run to every record that is missing.
        """
        if not self._is_decided:
            self._decide(self._context.waiting)
        if self._error:
            raise self._error
        if self._ranges is None:
            try:
                yield from self._whole.pages()
            except QueryJobTooLongError as error:
                pieces = self._pieces(self._query.whole, error)
                self._ranges = SavedRanges.of(self._fingerprint, pieces)
            else:
                return
        yield from self._pages_of_ranges(self._ranges, self._begun())
        self._question.finish(self._ranges.maximum, self._ranges.cut_at)
        saved_ranges.forget(self._state)
        self._context.save()

    def close(self) -> None:
        """Fetch nothing more."""
        (self._current or self._whole).close()

    def _saved(self) -> SavedRanges | None:
        """Read the ranges of an earlier run, if they are of this query."""
        saved = SavedRanges.load(self._state)
        if saved and saved.query != self._fingerprint:
            logger.info("The saved ranges of %s are of another query.", self._query.sobject)
            saved_ranges.forget(self._state)
            return None
        return saved

    @property
    def _fingerprint(self) -> str:
        return self._query.write().fingerprint

    def _decide(self, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        """Cut an object that is huge, before anything of it has been asked for."""
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
        return SavedRanges.of(self._fingerprint, ranges)

    def _begun(self) -> JobSchedule[RangePart]:
        """Begin with the ranges, if that has not begun: keep them, and see to their jobs."""
        if self._schedule is None:
            if self._ranges is None:
                raise AssertionError("there are ranges to begin with")
            self._ranges.save(self._state)
            self._context.save()
            left = [part for part in self._ranges.parts if not saved_ranges.is_done(part)]
            self._schedule = JobSchedule(
                self._parts(left),
                most_ahead=self._org.settings.max_concurrent_jobs,
                slots=self._org.job_slots,
                waiting=self._context.waiting,
            )
        return self._schedule

    def _pages_of_ranges(
        self, ranges: SavedRanges, schedule: JobSchedule[RangePart]
    ) -> Iterator[PageReading]:
        """Hand over the pages of each range when its job has ended."""
        for part in schedule:
            self._current = part.reading
            try:
                for page in part.reading.pages():
                    yield page
                    schedule.tend()
            except QueryJobTooLongError as error:
                pieces = self._pieces(range_of(part.state), error, already=len(ranges.parts))
                added = ranges.replace(part.state, pieces)
                ranges.save(self._state)
                self._context.save()
                schedule.add(self._parts(added))

    def _pieces(self, part: Range, error: QueryJobTooLongError, *, already: int = 0) -> list[Range]:
        """Cut a range whose job took too long.

        Raises:
            QueryJobTooLongError: The same, if it cannot be cut.
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

    def _parts(self, states: Iterable[PartState]) -> list[RangePart]:
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
