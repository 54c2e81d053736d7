"""An object as a stream of query jobs, each of which holds what has changed since the last.

Knows no engine. `JobStream` tells the offset that the next batch ends at, and cuts the way between
two offsets into the partitions that `job_partitions.py` reads. An offset names the job as soon as
it is made, so that an engine that keeps each offset before it uses it makes no job twice.

A job reads from `lookback_seconds` before the one before it was made, by Salesforce's clock: rows
become visible a little after their stamp.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.errors import (
    ListingError,
    QueryJobError,
    QueryJobGoneError,
    RefusedError,
    SettingsError,
)
from tap_sfbulk_pages.jobs.query import QueryJob
from tap_sfbulk_pages.salesforce.addresses import locator_of
from tap_sfbulk_pages.workers.offset import JobStreamOffset
from tap_sfbulk_pages.workers.partitions import JobPartition, trusted_lists, warn_of_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.workers.options import JobOptions

_DATETIME = {"format": "date-time"}

logger = logging.getLogger(__name__)


class JobStream:
    """One run over a stream of query jobs.

    Args:
        options: Which object, and where.
        fields: The columns to ask for.
        job_interval_seconds: The shortest time between two jobs, where the run has no end.

    Raises:
        SettingsError: If it is not an object that is read.
    """

    def __init__(
        self, options: JobOptions, fields: Sequence[str], *, job_interval_seconds: int
    ) -> None:
        if options.sobject is None or options.job_id is not None:
            raise SettingsError("a stream reads an object: set object, not soql or job")
        self._sobject = options.sobject
        self._options = options
        self._fields = fields
        self._job_interval = timedelta(seconds=job_interval_seconds)
        self._ends_with_one_job = False
        # Whether this run has read or made a job.
        self._has_job = False
        self._made: str | None = None
        self._listed: _ListedPages | None = None

    def initial(self) -> JobStreamOffset:
        """Stand before the first job."""
        return JobStreamOffset(self._sobject)

    def end_with_one_job(self) -> None:
        """Read one job to its end and no other: the one that an earlier run left, or a new one."""
        self._ends_with_one_job = True

    def latest(self, start: JobStreamOffset, *, most_pages: int | None) -> JobStreamOffset:
        """Tell where the next batch ends, having made a job or waited for it where needed.

        A new job makes a batch of its own without any page.

        Args:
            start: Where it begins.
            most_pages: More pages are left to the batches after it, as far as lists of pages can
                be told apart; None to read everything at once.

        Returns:
            `start` itself if there is nothing to read.

        Raises:
            SettingsError: If the offset is of another object, or the object cannot be followed.
            QueryJobError: If the job fails, or is gone after a part of it has been read.
            ListingError: If the list of its pages breaks off after a part of it has been read.
            ExtractionError: If the org cannot be asked.
        """
        self._check_object(start)
        if start.is_read and not self._is_due(start):
            return start
        self._has_job = True
        job = None if start.is_read else self._found(start)
        if job is None:
            start = self._new_job(start)
            if most_pages is not None:
                return start
            job = self._completed(start)
        try:
            listed = self._pages_from(start, job)
        except ListingError as refusal:
            if start.pages:
                raise self._lost_place(start, refusal) from refusal
            warn_of_series(job, refusal)
            return start.at_the_end_in_series()
        wanted = None if most_pages is None else start.pages + most_pages
        return start.at(*listed.stop(wanted))

    def partitions(self, start: JobStreamOffset, end: JobStreamOffset) -> list[JobPartition]:
        """Cut a batch into partitions: the same ones whenever it is asked, while the job exists.

        Args:
            start: Where the batch begins.
            end: As `latest` told.

        Raises:
            QueryJobGoneError: If the job is gone.
            ListingError: If the list of its pages has changed.
            ExtractionError: If the org cannot be asked.
        """
        self._check_object(start)
        self._has_job = True
        if start == end or end.is_unread:
            return []
        job = self._completed(end)
        if end.in_series:
            return [JobPartition(job, None, is_whole=True)]
        begin = start if start.job_id == end.job_id else end.at_the_start()
        try:
            return self._pages_from(begin, job).partitions(begin.pages, end.pages)
        except ListingError as refusal:
            raise self._lost_place(begin, refusal) from refusal

    def _check_object(self, offset: JobStreamOffset) -> None:
        """Refuse the offsets of another object."""
        if offset.sobject != self._sobject:
            raise SettingsError(
                f"the checkpoint is of {offset.sobject}, not of {self._sobject}: each "
                "object needs a checkpoint of its own"
            )

    def _is_due(self, last: JobStreamOffset) -> bool:
        """Tell whether this run may make a job after the last one."""
        if self._ends_with_one_job:
            return not self._has_job
        now = datetime.now(timezone.utc)
        return last.until is None or now - parse_datetime(last.until) >= self._job_interval

    def _new_job(self, before: JobStreamOffset) -> JobStreamOffset:
        """Make the job after another one, or in place of one that nothing has been read of."""
        key = self._options.replication_key()
        since = before.since
        if before.is_read and before.until is not None:
            lookback = timedelta(seconds=self._options.access.org().settings.lookback_seconds)
            since = format_literal(parse_datetime(before.until) - lookback, _DATETIME)
        now = datetime.now(timezone.utc)
        job = self._options.make_job(self._fields, [f"{key} >= {since}"] if since else [])
        self._made = job.id
        until = format_literal(_made_at(job) or now, _DATETIME)
        return JobStreamOffset.of_new_job(before.sobject, job, since=since, until=until)

    def _found(self, offset: JobStreamOffset) -> QueryJob | None:
        """Wait for the job of an offset; None if an earlier run left one to be made anew."""
        try:
            return self._completed(offset)
        except QueryJobError as error:
            if not offset.is_unread or offset.job_id == self._made:
                raise
            logger.warning("The job of an earlier run cannot be read: %s A new one is made.", error)
            return None

    def _completed(self, offset: JobStreamOffset) -> QueryJob:
        """Wait for the job of an offset.

        Raises:
            QueryJobError: If it has failed.
            QueryJobGoneError: If it is gone; the message says what can be done.
        """
        if self._listed is not None and self._listed.job.id == offset.job_id:
            return self._listed.job
        jobs = self._options.access.org().jobs
        job = QueryJob(offset.job_id, offset.api_version, state="")
        try:
            return jobs.wait_until_complete(jobs.refresh(job))
        except RefusedError as refusal:
            if not refusal.is_missing:
                raise
            raise QueryJobGoneError(
                f"The checkpoint stands inside query job {job.id} of {offset.sobject}, which is "
                "not there any more: Salesforce keeps jobs for seven days. What the table has "
                f"stays right, the rest of the job cannot be read. {self._way_out(offset)} "
                f"{refusal}"
            ) from refusal

    def _pages_from(self, offset: JobStreamOffset, job: QueryJob) -> _ListedPages:
        """List the pages of a job from an offset on; once a run, and again where it was killed."""
        listed = self._listed
        if listed is None or listed.job.id != job.id or listed.begin > offset.pages:
            self._listed = listed = _listed_pages(self._options.access.org(), job, offset)
        return listed

    def _lost_place(self, offset: JobStreamOffset, refusal: ListingError) -> ListingError:
        return ListingError(
            f"The result pages of query job {offset.job_id} of {offset.sobject} are not listed as "
            f"they were when the checkpoint was made. {refusal} {self._way_out(offset)}"
        )

    def _way_out(self, offset: JobStreamOffset) -> str:
        start = self._options.access.org().settings.start_date
        since = offset.since or (format_literal(start, _DATETIME) if start else None)
        option = f"the option start_date={since}" if since else "the same options"
        return (
            f"Start again with a new checkpoint, {option} and, where the sink is a folder of "
            "files, a new folder: records that are in the table already come once more."
        )


@dataclass(frozen=True)
class _ListedPages:
    """The pages of a job, as far as they have been listed.

    Attributes:
        job: The job.
        begin: How many of its pages come before them.
        links: Result links, in order; one that is listed twice is there twice.
        stops: Where a list ends: how many pages come before, and the link that leads on.
    """

    job: QueryJob
    begin: int
    links: list[str]
    stops: list[tuple[int, str | None]]

    def stop(self, wanted: int | None) -> tuple[int, str | None]:
        """Return the first stop at or after so many pages; without a number, the last."""
        last = self.stops[-1]
        return last if wanted is None else next((s for s in self.stops if s[0] >= wanted), last)

    def partitions(self, start: int, end: int) -> list[JobPartition]:
        """Cut a part of the pages into partitions; one that was listed before is left out.

        Raises:
            ListingError: If there are not so many.
        """
        if end > self.begin + len(self.links):
            raise ListingError(
                f"There are {self.begin + len(self.links)} of them, where there were {end}."
            )
        first: dict[str, int] = {}
        for place, link in enumerate(self.links, self.begin):
            first.setdefault(locator_of(link), place)
        is_whole = self.begin == 0 and len(first) == 1
        return [
            JobPartition(self.job, self.links[place - self.begin], is_whole=is_whole)
            for place in first.values()
            if start <= place < end
        ]


def _listed_pages(org: Org, job: QueryJob, offset: JobStreamOffset) -> _ListedPages:
    """List the pages of a job from an offset on.

    Raises:
        ExtractionError: As `trusted_lists`.
    """
    links: list[str] = []
    stops: list[tuple[int, str | None]] = []
    for listed in trusted_lists(org, job, offset.begin):
        links += listed.links
        stops.append((offset.pages + len(links), listed.continuation))
    return _ListedPages(job, offset.pages, links, stops)


def _made_at(job: QueryJob) -> datetime | None:
    """Tell when a job was made, by Salesforce's clock; None if it does not say."""
    try:
        return parse_datetime(job.created or "")
    except ValueError:
        return None
