"""What a stream is in the middle of reading, and what it has read to its end, as saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.reading.state.keys import (
    DONE,
    FINISHED_JOB,
    FINISHED_RANGES,
    FINISHED_REST_QUERY,
    JOB,
    KEY,
    RANGES,
    REST_QUERY,
    TABLE_VERSION,
)
from tap_sfbulk_pages.reading.state.saved_values import (
    is_api_version,
    is_count,
    is_id,
    is_link,
    is_moment,
)
from tap_sfbulk_pages.salesforce.addresses import strip_host

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk_pages.jobs.query import ExistingJob, Query, QueryJob

# The query of a first load is the same for every replication key, but not what is kept of its
# records: the maximum of another field would become the bookmark.
UNKNOWN_KEY = "?"
# What is over is known again by this part of it.
_FINISHED = {
    JOB: (FINISHED_JOB, "id"),
    REST_QUERY: (FINISHED_REST_QUERY, "asked_at"),
    RANGES: (FINISHED_RANGES, "cut_at"),
}


@dataclass
class SavedJob:
    """A query job in the middle of being read.

    Attributes:
        id: The job.
        api_version: The version that made it.
        fingerprint: Identifies its query.
        in_series: Whether its pages are read one after another, each naming the next.
        progress: The pages that are done.
        replication_key: The field whose maximum the progress keeps; None for none, `UNKNOWN_KEY`
            in states of earlier releases.
    """

    id: str
    api_version: str
    fingerprint: str
    in_series: bool
    progress: JobProgress
    replication_key: str | None

    def answers(self, fingerprint: str, replication_key: str | None) -> bool:
        """Return whether it was asked the same, and keeps the maximum of the same field."""
        is_same_key = self.replication_key in (replication_key, UNKNOWN_KEY)
        return self.fingerprint == fingerprint and is_same_key

    @property
    def may_be_over(self) -> bool:
        """Whether it may have been finished before, if no page of it is left to read.

        Earlier releases removed a finished job from the state, and a merge could bring it back.
        """
        return self.replication_key == UNKNOWN_KEY


@dataclass(frozen=True)
class SavedRestQuery:
    """A query through REST in the middle of being read.

    Attributes:
        fingerprint: Identifies the query.
        next_records_url: The page after the last one that is done.
        records_done: Records of the pages that are done.
        maximum: Their greatest replication key value; None for none.
        asked_at: When the query was asked; None if unknown.
        replication_key: The field whose maximum is kept; None for none, `UNKNOWN_KEY` in states
            of earlier releases.
    """

    fingerprint: str
    next_records_url: str
    records_done: int
    maximum: str | None
    asked_at: str | None
    replication_key: str | None

    def answers(self, fingerprint: str, replication_key: str | None) -> bool:
        """Return whether it was asked the same, and keeps the maximum of the same field."""
        is_same_key = self.replication_key in (replication_key, UNKNOWN_KEY)
        return self.fingerprint == fingerprint and is_same_key


def has_job(state: Mapping[str, Any]) -> bool:
    """Return whether a stream's state holds a job, ranges with jobs, or a query, sound or not."""
    return any(_unfinished(state, name) is not None for name in (JOB, RANGES, REST_QUERY))


def has_records(state: Mapping[str, Any]) -> bool:
    """Return whether records have been written of what a stream is in the middle of reading."""
    ranges = _unfinished(state, RANGES)
    if isinstance(ranges, dict):
        return any(part.get("done") or has_records(part) for part in ranges["parts"])
    job = _unfinished(state, JOB)
    if isinstance(job, dict):
        return bool(job.get("records_done"))
    # Saved for the first time when its first page has been written.
    return _unfinished(state, REST_QUERY) is not None


def unfinished_ranges(state: Mapping[str, Any]) -> Any:
    """Read the ranges that are being read, sound or not; None where there are none."""
    return _unfinished(state, RANGES)


def _unfinished(state: Mapping[str, Any], name: str) -> Any:
    """Read what is being read, unless it is what was read to its end last.

    A state that was merged with an older one, or delivered late, can hold a job again that is over.
    To go on in it would read nothing, and call it everything.
    """
    saved = state.get(name)
    if not isinstance(saved, dict):
        return saved
    finished_key, identity = _FINISHED[name]
    finished = state.get(finished_key)
    return None if finished is not None and saved.get(identity) == finished else saved


def saved_job(state: Mapping[str, Any]) -> SavedJob | None:
    """Read the job in a stream's state; None if there is none.

    Raises:
        StateError: If it is malformed; no part of it is used.
    """
    saved = _unfinished(state, JOB)
    if saved is None:
        return None
    if not isinstance(saved, dict):
        raise _broken(JOB)
    job_id, api_version, fingerprint = (saved.get(each) for each in ("id", "api_version", "query"))
    key = saved.get(KEY, UNKNOWN_KEY)
    if (
        not is_id(job_id)
        or not is_api_version(api_version)
        or not isinstance(fingerprint, str)
        or not isinstance(key, str | None)
    ):
        raise _broken(JOB)
    progress = JobProgress.load(saved)
    if (progress.start is not None and not is_link(progress.start, job_id)) or (
        progress.maximum is not None and not is_moment(progress.maximum)
    ):
        raise _broken(JOB)
    in_series = saved.get("in_series") is True
    return SavedJob(job_id, api_version, fingerprint, in_series, progress, key)


def save_job(
    state: MutableMapping[str, Any],
    job: QueryJob,
    query: Query | ExistingJob,
    *,
    replication_key: str | None,
    in_series: bool,
    progress: JobProgress,
) -> None:
    """Save how far a job has been read."""
    # The progress is copied: the saved value must not change while the next page is written.
    saved = {
        "id": job.id,
        "api_version": job.api_version,
        "query": query.fingerprint,
        KEY: replication_key,
        "in_series": in_series,
        **progress.save(),
    }
    _save(state, JOB, saved)


def save_ranges(state: MutableMapping[str, Any], ranges: Mapping[str, Any]) -> None:
    """Save how far ranges have been read (`SavedRanges.save`)."""
    _save(state, RANGES, ranges)


def _save(state: MutableMapping[str, Any], name: str, saved: Mapping[str, Any]) -> None:
    """Save what is being read; the table version of something else is none of its records'."""
    before, identity = state.get(name), _FINISHED[name][1]
    is_same = isinstance(before, dict) and before.get(identity) == saved[identity]
    over = {} if is_same or TABLE_VERSION not in state else {TABLE_VERSION: None}
    state.update({name: saved, **over})


def saved_rest_query(state: Mapping[str, Any]) -> SavedRestQuery | None:
    """Read the query through REST in a stream's state; None if there is none.

    Raises:
        StateError: If it is malformed; no part of it is used.
    """
    saved = _unfinished(state, REST_QUERY)
    if saved is None:
        return None
    if not isinstance(saved, dict):
        raise _broken(REST_QUERY)
    fingerprint, link = saved.get("query"), saved.get("next_records_url")
    records, maximum = saved.get("records_done"), saved.get("replication_key_maximum")
    asked_at, key = saved.get("asked_at"), saved.get(KEY, UNKNOWN_KEY)
    if (
        not isinstance(fingerprint, str)
        or not isinstance(link, str)
        or not is_link(link)
        or not is_count(records)
        or (maximum is not None and not is_moment(maximum))
        or (asked_at is not None and not is_moment(asked_at))
        or not isinstance(key, str | None)
    ):
        raise _broken(REST_QUERY)
    return SavedRestQuery(fingerprint, strip_host(link), records, maximum, asked_at, key)


def begin_rest_query(state: MutableMapping[str, Any]) -> None:
    """Drop what was being read, since a query through REST is read from its start."""
    over = [name for name in (JOB, REST_QUERY, TABLE_VERSION) if name in state]
    state.update(dict.fromkeys(over))


def save_rest_query(state: MutableMapping[str, Any], query: SavedRestQuery) -> None:
    """Save how far a query through REST has been read."""
    state[REST_QUERY] = {
        "query": query.fingerprint,
        "next_records_url": query.next_records_url,
        "records_done": query.records_done,
        KEY: query.replication_key,
        "replication_key_maximum": query.maximum,
        "asked_at": query.asked_at,
    }


def forget_job(state: MutableMapping[str, Any]) -> None:
    """Drop a job, or a query through REST, that can no longer be read.

    As null: Meltano merges each state into the one that it keeps, where a key that is merely left
    out would live on.
    """
    state.update({JOB: None, REST_QUERY: None})


def finish_job(state: MutableMapping[str, Any], job: QueryJob) -> None:
    """Keep that every record of a job has been written."""
    state.update({JOB: None, REST_QUERY: None, FINISHED_JOB: job.id})


def finish_rest_query(state: MutableMapping[str, Any], asked_at: str | None) -> None:
    """Keep that every record of a query through REST has been written."""
    state.update({JOB: None, REST_QUERY: None, RANGES: None, FINISHED_REST_QUERY: asked_at})


def forget_ranges(state: MutableMapping[str, Any]) -> None:
    """Drop ranges that can no longer be read."""
    state[RANGES] = None


def finish_ranges(state: MutableMapping[str, Any], cut_at: str) -> None:
    """Keep that every record of all ranges has been written."""
    state.update({RANGES: None, FINISHED_RANGES: cut_at})


def finished_reads(state: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what identifies the last reads that came to their end: it differs after each."""
    return tuple(state.get(name) for name, _ in _FINISHED.values())


def set_done(state: MutableMapping[str, Any], job: ExistingJob) -> None:
    """Save that an existing job has been read to its end."""
    state[DONE] = {"id": job.id, "query": job.fingerprint}


def is_done(state: Mapping[str, Any], job: ExistingJob) -> bool:
    """Return whether an existing job has been read to its end, with the same columns."""
    done = state.get(DONE)
    return isinstance(done, dict) and done.get("query") == job.fingerprint


def _broken(name: str) -> StateError:
    return StateError(
        f"The saved {name} was not written by this tap. Remove it from the state, and the stream "
        "is read from its bookmark."
    )
