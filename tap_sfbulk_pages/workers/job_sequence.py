"""An object as a stream of query jobs, each of which holds what has changed since the last one.

Knows no engine. `JobStream` returns the offset at which the next batch ends, and cuts what lies
between two offsets into the partitions that `partitions.py` reads. An offset names its job as soon
as that is created, so an engine that saves each offset before it uses it creates no job twice.

A job starts `lookback_seconds` before the previous one was created, by Salesforce's clock, because
rows become visible a little after their timestamp.
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
from tap_sfbulk_pages.reading.existing_jobs import fetch_result_columns
from tap_sfbulk_pages.salesforce.addresses import locator_of
from tap_sfbulk_pages.workers.offset import JobStreamOffset
from tap_sfbulk_pages.workers.partitions import (
    JobPartition,
    job_partitions,
    walk_trusted_lists,
    warn_of_series,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.workers.options import JobOptions

_DATETIME = {"format": "date-time"}

logger = logging.getLogger(__name__)


class JobStream:
    """One run over a stream of query jobs.

    Args:
        options: Which object to read, and from which org.
        fields: The columns to ask for.
        job_interval_seconds: The shortest time between two jobs of a run that does not end.

    Raises:
        SettingsError: If the options name a query or a job instead of an object.
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
        # Whether this run has read or created a job.
        self._has_job = False
        self._created_id: str | None = None
        # Whether jobs of earlier runs have all columns, by the job's id.
        self._is_usable: dict[str, bool] = {}
        self._listed: _ListedPages | None = None

    def initial(self) -> JobStreamOffset:
        """Return the offset before the first job."""
        return JobStreamOffset(self._sobject)

    def end_with_one_job(self) -> None:
        """Read one job to its end and no other: the one that an earlier run left, or a new one."""
        self._ends_with_one_job = True

    def latest(self, start: JobStreamOffset, *, most_pages: int | None) -> JobStreamOffset:
        """Return the offset at which the next batch ends; create a job and wait for it if needed.

        A new job is a batch of its own, without any page.

        Args:
            start: Where the batch begins.
            most_pages: About how many pages the batch may have: a batch ends where a list of pages
                does. None to read everything at once.

        Returns:
            `start` itself if there is nothing to read.

        Raises:
            SettingsError: If the offset belongs to another object or org, or the object has no
                replication key.
            QueryJobError: If the job fails, or is gone after part of it has been read.
            ListingError: If the list of its pages breaks off after part of it has been read.
            ExtractionError: If the org cannot be reached.
        """
        self._check_object(start)
        if start.is_read and not self._is_due(start):
            return start
        self._check_org(start)
        self._has_job = True
        job = None if start.is_read else self._wait_or_discard(start)
        if job is None:
            start = self._new_job(start)
            if most_pages is not None:
                return start
            job = self._wait_for(start)
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
        """Cut a batch into partitions, always the same ones as long as the job exists.

        Args:
            start: Where the batch begins.
            end: Where it ends, as returned by `latest`.

        Raises:
            QueryJobGoneError: If the job is gone.
            ListingError: If the list of its pages has changed.
            ExtractionError: If the org cannot be reached.
        """
        self._check_object(start)
        self._has_job = True
        if start == end or end.is_unread:
            return []
        job = self._wait_for(end)
        if not self._has_all_columns(job):
            # The batch is a whole job, since the next one may be read from this one's end.
            org = self._options.access.org()
            again = org.jobs.wait_until_complete(self._create_job(end.since))
            return job_partitions(org, again)
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
                f"the checkpoint belongs to {offset.sobject}, not to {self._sobject}: each object "
                "needs its own checkpoint"
            )

    def _check_org(self, offset: JobStreamOffset) -> None:
        """Refuse the offsets of another org: its changes are not those since this one's last."""
        if offset.org_id is None:
            return
        org_id = self._options.access.org().find_id()
        if org_id not in (None, offset.org_id):
            raise SettingsError(
                f"the checkpoint belongs to the org {offset.org_id}, and the sign-in leads to "
                f"{org_id}: each org needs its own checkpoint"
            )

    def _is_due(self, last: JobStreamOffset) -> bool:
        """Return whether this run may create a job after the last one."""
        if self._ends_with_one_job:
            return not self._has_job
        now = datetime.now(timezone.utc)
        return last.until is None or now - parse_datetime(last.until) >= self._job_interval

    def _new_job(self, before: JobStreamOffset) -> JobStreamOffset:
        """Create the job after another one, or in place of one of which nothing has been read."""
        since = before.since
        if before.is_read and before.until is not None:
            lookback = timedelta(seconds=self._options.access.org().settings.lookback_seconds)
            since = format_literal(parse_datetime(before.until) - lookback, _DATETIME)
        now = datetime.now(timezone.utc)
        job = self._create_job(since)
        self._created_id = job.id
        until = format_literal(_creation_time(job) or now, _DATETIME)
        org_id = self._options.access.org().id
        return JobStreamOffset.of_new_job(
            before.sobject, job, since=since, until=until, org_id=org_id
        )

    def _create_job(self, since: str | None) -> QueryJob:
        """Create a job for what has changed since a moment; None for everything."""
        key = self._options.replication_key()
        return self._options.make_job(self._fields, [f"{key} >= {since}"] if since else [])

    def _wait_or_discard(self, offset: JobStreamOffset) -> QueryJob | None:
        """Wait for the job of an offset.

        Returns:
            None if it failed before it was read at all, or if it lacks columns, so that its records
            have to be read again.
        """
        try:
            job = self._wait_for(offset)
        except QueryJobError as error:
            if not offset.is_unread or offset.job_id == self._created_id:
                raise
            logger.warning("Cannot read the job of an earlier run: %s Creating a new one.", error)
            return None
        return job if self._has_all_columns(job) else None

    def _has_all_columns(self, job: QueryJob) -> bool:
        """Return whether a job has the stream's columns; one of an earlier run may lack fields.

        Raises:
            ExtractionError: If the org cannot be reached.
        """
        if job.id == self._created_id:
            return True
        if job.id not in self._is_usable:
            found = fetch_result_columns(self._options.access.org(), job)
            known = {name.lower() for name in found}
            missing = [name for name in self._fields if name.lower() not in known]
            if missing:
                logger.warning(
                    "Job %s of an earlier run lacks %s, which may have been hidden when it was "
                    "created. A new job reads its records again.",
                    job.id,
                    ", ".join(missing),
                )
            self._is_usable[job.id] = not missing
        return self._is_usable[job.id]

    def _wait_for(self, offset: JobStreamOffset) -> QueryJob:
        """Wait for the job of an offset.

        Raises:
            QueryJobError: If it has failed.
            QueryJobGoneError: If it is gone; the message says what to do.
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
                f"The checkpoint points into query job {job.id} of {offset.sobject}, which no "
                "longer exists: Salesforce keeps jobs for seven days. The records in the table are "
                f"correct, but the rest of the job cannot be read. {self._way_out(offset)} "
                f"{refusal}"
            ) from refusal

    def _pages_from(self, offset: JobStreamOffset, job: QueryJob) -> _ListedPages:
        """List the pages of a job from an offset on, once per run."""
        listed = self._listed
        if listed is None or listed.job.id != job.id or listed.begin > offset.pages:
            self._listed = listed = _list_pages(self._options.access.org(), job, offset)
        return listed

    def _lost_place(self, offset: JobStreamOffset, refusal: ListingError) -> ListingError:
        return ListingError(
            f"The result pages of query job {offset.job_id} of {offset.sobject} are no longer "
            f"listed as they were when the checkpoint was written. {refusal} "
            f"{self._way_out(offset)}"
        )

    def _way_out(self, offset: JobStreamOffset) -> str:
        start = self._options.access.org().settings.start_date
        since = offset.since or (format_literal(start, _DATETIME) if start else None)
        option = f"the option start_date={since}" if since else "the same options"
        return (
            f"Start again with a new checkpoint, {option} and, if the sink is a folder of files, a "
            "new folder. Records that are already in the table will be read again."
        )


@dataclass(frozen=True)
class _ListedPages:
    """The pages of a job, from an offset on.

    Attributes:
        job: The job.
        begin: The number of pages before the first of these.
        links: Result links, in order, duplicates included.
        stops: Where each list ends: the number of pages up to there, and the link to the next list.
    """

    job: QueryJob
    begin: int
    links: list[str]
    stops: list[tuple[int, str | None]]

    def stop(self, wanted: int | None) -> tuple[int, str | None]:
        """Return the first stop at or after `wanted` pages, or the last stop for None."""
        last = self.stops[-1]
        return last if wanted is None else next((s for s in self.stops if s[0] >= wanted), last)

    def partitions(self, start: int, end: int) -> list[JobPartition]:
        """Return partitions for some of the pages, leaving out duplicates.

        Raises:
            ListingError: If there are fewer pages than that.
        """
        if end > self.begin + len(self.links):
            raise ListingError(f"There are only {self.begin + len(self.links)} of the {end} pages.")
        first: dict[str, int] = {}
        for place, link in enumerate(self.links, self.begin):
            first.setdefault(locator_of(link), place)
        is_whole = self.begin == 0 and len(first) == 1
        return [
            JobPartition(self.job, self.links[place - self.begin], is_whole=is_whole)
            for place in first.values()
            if start <= place < end
        ]


def _list_pages(org: Org, job: QueryJob, offset: JobStreamOffset) -> _ListedPages:
    """List the pages of a job from an offset on.

    Raises:
        ExtractionError: As for `walk_trusted_lists`.
    """
    links: list[str] = []
    stops: list[tuple[int, str | None]] = []
    for listed in walk_trusted_lists(org, job, offset.begin):
        links += listed.links
        stops.append((offset.pages + len(links), listed.continuation))
    return _ListedPages(job, offset.pages, links, stops)


def _creation_time(job: QueryJob) -> datetime | None:
    """Return when a job was created, by Salesforce's clock; None if that is not known."""
    try:
        return parse_datetime(job.created or "")
    except ValueError:
        return None
