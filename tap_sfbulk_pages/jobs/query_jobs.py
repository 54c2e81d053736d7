"""The life of a query job: created, waited for, read with its own version, ended.

Bulk API 2.0 guide, "Query Jobs". Every call on a job uses the API version that made it, or
Salesforce answers 409.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import (
    ExtractionError,
    QueryJobError,
    QueryJobGoneError,
    QueryJobTooLongError,
    RefusedError,
)
from tap_sfbulk_pages.jobs.query import JobState, QueryJob
from tap_sfbulk_pages.jobs.running_jobs import RunningJobs
from tap_sfbulk_pages.watching import activity
from tap_sfbulk_pages.watching.activity import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.jobs.query import Query
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

SHORTEST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 30.0
# Of the time waited so far: a job is noticed at the latest that much after its end.
_POLL_SHARE = 0.15

# In a row; then the job itself is asked, in case the list lags behind.
_MOST_LISTED_POLLS = 7

# QUERY_TIMEOUT, "Retried more than fifteen times" (Bulk API guide, "How Bulk Queries Are
# Processed").
_TOOK_TOO_LONG = re.compile(r"time[d_ ]*out|retried more than", re.IGNORECASE)

_PHASES: Mapping[str, Phase] = {JobState.QUEUED: Phase.QUEUED, JobState.RUNNING: Phase.RUNNING}
_STATES_IN_WORDS: Mapping[str, str] = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
    JobState.COMPLETE: "complete",
}

logger = logging.getLogger(__name__)


class QueryJobs:
    """Makes and follows query jobs.

    Args:
        client: The org.
        timeout_seconds: How long a job of ours may run.
    """

    def __init__(self, client: SalesforceClient, *, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._running = RunningJobs(client)

    def create(self, query: Query, api_version: str) -> QueryJob:
        """Create a job.

        Raises:
            RefusedError: If Salesforce refuses the query; errors in SOQL come here.
            ExtractionError: As `SalesforceClient.call`.
        """
        body = {"operation": query.operation, "query": query.soql}
        return self._client.fetch_json(
            "/jobs/query",
            api_version=api_version,
            parse=partial(job_in, api_version=api_version),
            method="POST",
            json=body,
        )

    def info(self, job: QueryJob) -> QueryJob:
        """Ask how a job is doing.

        Raises:
            RefusedError: If it is gone (404), or was made with another version (409).
            ExtractionError: As `SalesforceClient.call`.
        """
        return self._client.fetch_json(
            job.path,
            api_version=job.api_version,
            parse=partial(job_in, api_version=job.api_version, is_ours=job.is_ours),
        )

    def completed(
        self, job: QueryJob, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> QueryJob:
        """Wait until a job is complete, asking at growing intervals.

        Args:
            job: Made or resumed.
            waiting: Entered while nothing is done but wait.

        Raises:
            QueryJobTooLongError: If Salesforce was not done with it in time, or it ran longer than
                allowed (one of ours is then aborted).
            QueryJobError: If it failed otherwise, or was aborted.
            ExtractionError: As `info`.
        """
        begun = time.monotonic()
        deadline = begun + self._timeout_seconds
        listed_polls = 0
        with self._running.waiting_for(job.id):
            while not job.is_complete:
                if not job.is_running:
                    raise _failure(job)
                now = time.monotonic()
                if now >= deadline:
                    self._give_up(job)
                pause = (now - begun) * _POLL_SHARE
                pause = min(max(pause, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS)
                with waiting():
                    time.sleep(min(pause, deadline - now))
                state = (
                    self._listed_state(job, pause) if listed_polls < _MOST_LISTED_POLLS else None
                )
                if state:
                    listed_polls += 1
                    job = _noted(replace(job, state=state))
                else:
                    listed_polls = 0
                    job = self.info(job)
        return job

    def _listed_state(self, job: QueryJob, pause: float) -> str | None:
        """Tell what the list of jobs, not much older than now, says of a job that runs."""
        since = time.monotonic() - pause / 2
        return self._running.state(job.id, api_version=job.api_version, since=since)

    def check_still_there(self, job: QueryJob, error: ExtractionError) -> None:
        """Find out whether an error means that a job has gone, or has lost its result.

        Args:
            job: Whose page, or list of pages, was refused.
            error: The refusal.

        Raises:
            QueryJobGoneError: If it has gone.
            QueryJobError: If it is there, but not complete (any more).
            ExtractionError: As `SalesforceClient.call`.
        """
        try:
            found = self.info(job)
        except RefusedError as refused:
            if refused.is_about_the_resource:
                raise QueryJobGoneError(f"The job is no longer there: {refused}") from error
            return
        if not found.is_complete:
            raise QueryJobError(_ended(found)) from error

    def delete(self, job: QueryJob) -> None:
        """Delete a finished job and its result; one that is gone already is as good.

        Raises:
            ExtractionError: As `SalesforceClient.call`.
        """
        try:
            self._client.perform("DELETE", job.path, api_version=job.api_version)
        except RefusedError as error:
            if not error.is_missing:
                raise

    def _give_up(self, job: QueryJob) -> None:
        said = (
            f"The job was still {job.state} after {self._timeout_seconds:.0f} s "
            "(job_timeout_seconds)."
        )
        if not job.is_ours:
            raise QueryJobError(f"{said} It was left running; try again later.")
        aborted = "It was aborted."
        try:
            body = {"state": JobState.ABORTED}
            self._client.perform("PATCH", job.path, api_version=job.api_version, json=body)
        except ExtractionError as error:
            aborted = f"It could not be aborted: {error}"
        raise QueryJobTooLongError(
            f"{said} {aborted} Narrow the query with filters or start_date, or allow more time."
        )


def job_in(reply: Any, api_version: str, *, is_ours: bool = True) -> QueryJob:
    """Read a job from a reply.

    Args:
        reply: A JSON object.
        api_version: The version that made the job.
        is_ours: Whether it was made here.

    Raises:
        LookupError, TypeError, ValueError: If the reply is none of a job.
    """
    records, created = reply.get("numberRecordsProcessed"), reply.get("createdDate")
    return _noted(
        QueryJob(
            id=_text(reply["id"]),
            api_version=api_version,
            state=_text(reply["state"]),
            records=None if records is None else int(records),
            error=reply.get("errorMessage"),
            column_delimiter=reply.get("columnDelimiter") or "COMMA",
            created=created if isinstance(created, str) else None,
            sobject=reply.get("object"),
            is_ours=is_ours,
        )
    )


def _noted(job: QueryJob) -> QueryJob:
    """Note how a job is doing for the stream that it is made for."""
    if stream := activity.current():
        stream.note_job(
            job.id,
            _STATES_IN_WORDS.get(job.state, job.state),
            phase=_PHASES.get(job.state),
            records=(job.records or 0) if job.is_complete else None,
        )
    return job


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    return value


def _failure(job: QueryJob) -> QueryJobError:
    if job.state == JobState.FAILED and _TOOK_TOO_LONG.search(job.error or ""):
        return QueryJobTooLongError(
            f"{_ended(job)} Narrow the query with filters, or choose fewer fields."
        )
    return QueryJobError(_ended(job))


def _ended(job: QueryJob) -> str:
    if job.state not in (JobState.FAILED, JobState.ABORTED):
        return f"The job is in a state that is not known: {job.state!r}."
    if job.error:
        return f"The job is {job.state}. Salesforce said: {job.error}"
    return (
        f"The job is {job.state}, and Salesforce gave no reason. Setup > Environments > Jobs > "
        "Bulk Data Load Jobs shows more."
    )
