"""The life of a query job: created, waited for, deleted.

Bulk API 2.0 guide, "Query Jobs". Every call on a job uses the API version that created it:
Salesforce answers any other with 409.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import (
    ExtractionError,
    QueryJobError,
    QueryJobGoneError,
    QueryJobTooLongError,
    RefusedError,
    end_sentence,
)
from tap_sfbulk_pages.jobs.query import JobState, QueryJob
from tap_sfbulk_pages.jobs.running_jobs import RunningJobs
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.salesforce.advice import TOO_LONG, advise_on_call
from tap_sfbulk_pages.salesforce.transport import LARGEST_LIST_BYTES
from tap_sfbulk_pages.watching import activity
from tap_sfbulk_pages.watching.activity import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.jobs.query import Query
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

SHORTEST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 30.0
# Share of the time waited so far: no job's end goes unnoticed for longer than that.
_POLL_SHARE = 0.15

_LONGEST_STATE = 60

# In a row; then the job itself is asked, in case the list lags behind.
_MOST_LISTED_POLLS = 7

# QUERY_TIMEOUT, "Retried more than fifteen times" (Bulk API guide, "How Bulk Queries Are
# Processed").
_TOOK_TOO_LONG = re.compile(r"time[d_ ]*out|retried more than", re.IGNORECASE)

_ID = re.compile(r"[0-9A-Za-z]{1,18}")

_PHASES: Mapping[str, Phase] = {JobState.QUEUED: Phase.QUEUED, JobState.RUNNING: Phase.RUNNING}
_STATES_IN_WORDS: Mapping[str, str] = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
    JobState.COMPLETE: "complete",
}

_STOPPING = "The run stops, so that no job is created any more."

logger = logging.getLogger(__name__)


class QueryJobs:
    """Creates, follows and deletes query jobs.

    Args:
        client: The org.
        timeout_seconds: How long to wait for a job; one that this tap created is then aborted.
    """

    def __init__(self, client: SalesforceClient, *, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._running = RunningJobs(client)
        # Jobs that are being created, on any thread.
        self._in_creation = 0
        self._creation_ended = threading.Condition()
        self._is_stopping = False

    def create(self, query: Query, api_version: str) -> QueryJob:
        """Create a job.

        Args:
            query: The query to run.
            api_version: The version that creates the job, as `62.0`.

        Raises:
            RefusedError: If Salesforce refuses the query, as it does for errors in the SOQL.
            QueryJobError: If the run stops meanwhile (`stop_creating`).
            ExtractionError: As `SalesforceClient.call`.
        """
        body = {"operation": query.operation, "query": query.soql}
        with self._creating():
            job = self._client.fetch_json(
                "/jobs/query",
                api_version=api_version,
                parse=partial(parse_job, api_version=api_version),
                method="POST",
                json=body,
                largest=LARGEST_LIST_BYTES,
            )
            if self._is_stopping:
                logger.info("Job %s is aborted: the run stops, and nobody would read it.", job.id)
                self._abort(job)
                raise QueryJobError(_STOPPING)
        _note_job(job)
        return job

    def stop_creating(self, *, within: float) -> None:
        """Create no job any more, and abort those that are being created: no state names them.

        Args:
            within: Seconds to wait for Salesforce's replies.
        """
        with self._creation_ended:
            self._is_stopping = True
            self._creation_ended.wait_for(lambda: not self._in_creation, timeout=within)

    @contextmanager
    def _creating(self) -> Iterator[None]:
        with self._creation_ended:
            if self._is_stopping:
                raise QueryJobError(_STOPPING)
            self._in_creation += 1
        try:
            yield
        finally:
            with self._creation_ended:
                self._in_creation -= 1
                self._creation_ended.notify_all()

    def refresh(self, job: QueryJob) -> QueryJob:
        """Fetch a job as Salesforce describes it now.

        Raises:
            RefusedError: If it is gone (404), or was created with another version (409).
            ExtractionError: As `SalesforceClient.call`.
        """
        parse = partial(parse_job, api_version=job.api_version, created_by_tap=job.created_by_tap)
        job = self._client.fetch_json(
            job.path, api_version=job.api_version, parse=parse, largest=LARGEST_LIST_BYTES
        )
        _note_job(job)
        return job

    def wait_until_complete(
        self, job: QueryJob, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> QueryJob:
        """Wait until a job is complete, polling at growing intervals.

        Args:
            job: New or resumed.
            waiting: Entered while there is nothing to do but wait.

        Returns:
            The job, complete.

        Raises:
            QueryJobTooLongError: If Salesforce gave up on it, or it ran for longer than allowed and
                was aborted.
            QueryJobError: If it failed otherwise, was aborted, or is not this tap's to abort.
            ExtractionError: As `refresh`.
        """
        _note_job(job)
        begun = time.monotonic()
        deadline = begun + self._timeout_seconds
        listed_polls = 0
        with self._running.waiting_for(job.id):
            while not job.is_complete:
                if not job.is_running:
                    raise _end_error(job)
                now = time.monotonic()
                if now >= deadline:
                    self._give_up(job)
                pause = (now - begun) * _POLL_SHARE
                pause = min(max(pause, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS)
                with waiting():
                    time.sleep(min(pause, deadline - now))
                state = (
                    self._find_listed_state(job, pause)
                    if listed_polls < _MOST_LISTED_POLLS
                    else None
                )
                if state:
                    listed_polls += 1
                    job = replace(job, state=state)
                    _note_job(job)
                else:
                    listed_polls = 0
                    job = self.refresh(job)
        return job

    def _find_listed_state(self, job: QueryJob, pause: float) -> str | None:
        """Look a running job up in a list of jobs that is not much older than now."""
        since = time.monotonic() - pause / 2
        return self._running.find_state(job.id, api_version=job.api_version, since=since)

    def check_still_there(self, job: QueryJob, error: ExtractionError) -> None:
        """Find out whether a refusal means that the job is gone, or has lost its result.

        Args:
            job: Whose page, or list of pages, was refused.
            error: The refusal.

        Raises:
            QueryJobGoneError: If it is gone.
            QueryJobError: If it still exists, but is not complete (any more).
            ExtractionError: As `SalesforceClient.call`.
        """
        try:
            found = self.refresh(job)
        except RefusedError as refused:
            if refused.is_about_the_resource:
                raise QueryJobGoneError(f"The job is no longer there: {refused}") from error
            return
        if not found.is_complete:
            raise QueryJobError(_describe_end(found)) from error

    def delete(self, job: QueryJob) -> None:
        """Delete a finished job and its result, if they still exist.

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
        if not job.created_by_tap:
            raise QueryJobError(f"{said} It was left running; try again later.")
        aborted = "It was aborted."
        try:
            self._abort(job)
        except ExtractionError as error:
            aborted = f"It could not be aborted: {error}"
        raise QueryJobTooLongError(
            f"{said} {aborted} Narrow the query with filters or start_date, or allow more time."
        )

    def _abort(self, job: QueryJob) -> None:
        body = {"state": JobState.ABORTED}
        self._client.perform("PATCH", job.path, api_version=job.api_version, json=body)


def parse_job(reply: Any, api_version: str, *, created_by_tap: bool = True) -> QueryJob:
    """Read a job from a reply.

    Args:
        reply: A JSON object.
        api_version: The version that created the job.
        created_by_tap: Whether this tap created it.

    Raises:
        LookupError, TypeError, ValueError: If the reply does not describe a job.
    """
    records, created = reply.get("numberRecordsProcessed"), reply.get("createdDate")
    return QueryJob(
        id=_require_id(reply["id"]),
        api_version=api_version,
        state=_require_string(reply["state"]),
        records=None if records is None else int(records),
        error=str(reply["errorMessage"]).strip() if reply.get("errorMessage") else None,
        column_delimiter=reply.get("columnDelimiter") or "COMMA",
        created=created if isinstance(created, str) else None,
        sobject=reply.get("object"),
        created_by_tap=created_by_tap,
    )


def _note_job(job: QueryJob) -> None:
    """Report how a job is doing, for the stream that this thread works for."""
    if stream := activity.current():
        stream.note_job(
            job.id,
            _STATES_IN_WORDS.get(job.state) or quote(job.state, limit=_LONGEST_STATE),
            phase=_PHASES.get(job.state),
            records=(job.records or 0) if job.is_complete else None,
        )


def _require_string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected a string that is not empty, got {value!r}")
    return value


def _require_id(value: Any) -> str:
    """Let nothing into paths and states that no id contains."""
    job_id = _require_string(value)
    if not _ID.fullmatch(job_id):
        raise ValueError("the id of the job is not one")
    return job_id


def _end_error(job: QueryJob) -> QueryJobError:
    if job.state == JobState.FAILED and _TOOK_TOO_LONG.search(job.error or ""):
        return QueryJobTooLongError(_describe_end(job))
    return QueryJobError(_describe_end(job))


def _describe_end(job: QueryJob) -> str:
    if job.state not in (JobState.FAILED, JobState.ABORTED):
        return f"The job is in an unknown state: {job.state!r}."
    if job.error:
        said = end_sentence(f"The job is {job.state}. Salesforce said: {job.error}")
        advice = advise_on_call("", job.error)
        if not advice and _TOOK_TOO_LONG.search(job.error):
            advice = TOO_LONG
        return f"{said} {advice}".rstrip()
    return (
        f"The job is {job.state}, and Salesforce gave no reason. Setup > Environments > Jobs > "
        "Bulk Data Load Jobs shows more."
    )
