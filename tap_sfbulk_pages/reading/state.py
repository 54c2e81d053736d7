"""What a stream keeps in the Singer state, and how it is read back.

Beside the SDK's `replication_key` and `replication_key_value` there is, while a query job is
being read, `query_job`: which job it is, with which version it was made, which query it answers
and which of its pages are done. A query through REST keeps `rest_query` in its place: which query
it is, and the cursor behind the last page that is done. A job that was made elsewhere leaves a
`job_done` when it has been read. `deleted_until` tells until when deleted records have been
written, `formulas_refreshed_at` since when formula fields have been read in full, and
`formula_refresh_began_at` when the full read began that is going on. Each change is one assignment,
so that the state is true between any two statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.jobs.progress import JobProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime

    from tap_sfbulk_pages.jobs.query import ExistingJob, Query, QueryJob

_JOB = "query_job"
_DONE = "job_done"
_REST_QUERY = "rest_query"
RANGES = "ranges"
_KEY = "replication_key"
_VALUE = "replication_key_value"
_DELETED_UNTIL = "deleted_until"
_FORMULAS_REFRESHED_AT = "formulas_refreshed_at"
_FORMULA_REFRESH_BEGAN_AT = "formula_refresh_began_at"


@dataclass
class SavedJob:
    """A query job in the middle of being read.

    Attributes:
        id: The job.
        api_version: The version that made it.
        fingerprint: Of its query.
        in_series: Whether its pages are walked one after another.
        progress: Its pages.
    """

    id: str
    api_version: str
    fingerprint: str
    in_series: bool
    progress: JobProgress


@dataclass(frozen=True)
class SavedRestQuery:
    """A query through REST in the middle of being read.

    Attributes:
        fingerprint: Of the query.
        next_records_url: The page after the last one that is done.
        records_done: Records of the pages that are done.
        maximum: Their greatest replication key value; None for none.
        asked_at: When the query was asked; None where that is not known.
    """

    fingerprint: str
    next_records_url: str
    records_done: int
    maximum: str | None
    asked_at: str | None = None


def has_job(state: Mapping[str, Any]) -> bool:
    """Tell whether a stream's state holds a job, ranges with jobs, or a query, sound or not."""
    return any(state.get(name) is not None for name in (_JOB, RANGES, _REST_QUERY))


def saved_job(state: Mapping[str, Any]) -> SavedJob | None:
    """Read the job that a stream's state holds; None if it holds none.

    Raises:
        StateError: If it is broken; nothing of it is used.
    """
    saved = state.get(_JOB)
    if saved is None:
        return None
    if not isinstance(saved, dict) or not all(
        isinstance(saved.get(name), str) and saved[name] for name in ("id", "api_version", "query")
    ):
        raise _broken(_JOB)
    return SavedJob(
        id=saved["id"],
        api_version=saved["api_version"],
        fingerprint=saved["query"],
        in_series=saved.get("in_series") is True,
        progress=JobProgress.load(saved),
    )


def save_job(
    state: MutableMapping[str, Any],
    job: QueryJob,
    query: Query | ExistingJob,
    *,
    in_series: bool,
    progress: JobProgress,
) -> None:
    """Keep how far a job has been read."""
    state[_JOB] = {
        "id": job.id,
        "api_version": job.api_version,
        "query": query.fingerprint,
        "in_series": in_series,
        **progress.save(),
    }


def saved_rest_query(state: Mapping[str, Any]) -> SavedRestQuery | None:
    """Read the query through REST that a stream's state holds; None if it holds none.

    Raises:
        StateError: If it is broken; nothing of it is used.
    """
    saved = state.get(_REST_QUERY)
    if saved is None:
        return None
    if not isinstance(saved, dict):
        raise _broken(_REST_QUERY)
    fingerprint, link = saved.get("query"), saved.get("next_records_url")
    records, maximum = saved.get("records_done"), saved.get("replication_key_maximum")
    asked_at = saved.get("asked_at")
    if (
        not isinstance(fingerprint, str)
        or not isinstance(link, str)
        or not isinstance(records, int)
        or not isinstance(maximum, str | None)
        or not isinstance(asked_at, str | None)
        or not link
        or records < 0
    ):
        raise _broken(_REST_QUERY)
    return SavedRestQuery(fingerprint, link, records, maximum, asked_at)


def save_rest_query(state: MutableMapping[str, Any], query: SavedRestQuery) -> None:
    """Keep how far a query through REST has been read."""
    state[_REST_QUERY] = {
        "query": query.fingerprint,
        "next_records_url": query.next_records_url,
        "records_done": query.records_done,
        "replication_key_maximum": query.maximum,
        "asked_at": query.asked_at,
    }


def forget_job(state: MutableMapping[str, Any]) -> None:
    """Drop a job, or a query through REST, that is of no more use."""
    state.pop(_JOB, None)
    state.pop(_REST_QUERY, None)


def set_done(state: MutableMapping[str, Any], job: ExistingJob) -> None:
    """Keep that a job has been read to its end."""
    state[_DONE] = {"id": job.id, "query": job.fingerprint}


def is_done(state: Mapping[str, Any], job: ExistingJob) -> bool:
    """Tell whether a job has been read to its end, all of the columns that are wanted."""
    done = state.get(_DONE)
    return isinstance(done, dict) and done.get("query") == job.fingerprint


def bookmark(state: Mapping[str, Any], replication_key: str | None) -> str | None:
    """Read the bookmark, if it is one of this replication key."""
    if replication_key is None or state.get(_KEY) != replication_key:
        return None
    return state.get(_VALUE)


def set_bookmark(state: MutableMapping[str, Any], replication_key: str, value: str) -> None:
    """Keep the maximum of a finished job."""
    state.update({_KEY: replication_key, _VALUE: value})


def deleted_until(state: Mapping[str, Any]) -> datetime | None:
    """Read until when the deleted records have been written; None if that is not known.

    Raises:
        StateError: If it is no date.
    """
    return _moment(state, _DELETED_UNTIL)


def set_deleted_until(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Keep until when the deleted records have been written."""
    state[_DELETED_UNTIL] = moment.isoformat(timespec="seconds")


def formulas_refreshed_at(state: Mapping[str, Any]) -> datetime | None:
    """Read since when the formula fields have been read in full; None if they have not been.

    Raises:
        StateError: If it is no date.
    """
    return _moment(state, _FORMULAS_REFRESHED_AT)


def begin_formula_refresh(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Keep when a full read began, unless one is going on: its records are as old as its job."""
    if not has_job(state) or _FORMULA_REFRESH_BEGAN_AT not in state:
        state[_FORMULA_REFRESH_BEGAN_AT] = moment.isoformat(timespec="seconds")


def finish_formula_refresh(state: MutableMapping[str, Any]) -> None:
    """Keep that the full read that was going on has come to its end."""
    state[_FORMULAS_REFRESHED_AT] = state[_FORMULA_REFRESH_BEGAN_AT]
    state.pop(_FORMULA_REFRESH_BEGAN_AT)


def _moment(state: Mapping[str, Any], name: str) -> datetime | None:
    text = state.get(name)
    if text is None:
        return None
    try:
        return parse_datetime(text)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(
            f"The saved {name} {text!r} is no date: remove it from the state, and the stream is "
            "read as if it had none."
        ) from error


def _broken(name: str) -> StateError:
    return StateError(
        f"The saved {name} is not one that this tap has written: remove it from the state, and the "
        "stream is read from its bookmark."
    )
