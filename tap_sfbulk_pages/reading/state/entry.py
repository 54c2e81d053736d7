"""What a stream keeps in the Singer state, and how it is read back.

| key | holds |
|---|---|
| `replication_key`, `replication_key_value` | the SDK's own: the bookmark |
| `query_job` | a job that is being read: its id, API version, query, and the pages done |
| `rest_query` | in its place, a query through REST, and the cursor after the last page done |
| `ranges` | the parts of a huge object, each with its own `query_job` (`saved_ranges.py`) |
| `job_done` | an existing job that has been read to its end |
| `finished_job`, `finished_rest_query`, `finished_ranges` | what was read to its end last |
| `question` | what the bookmark covers (`coverage.py`) |
| `deleted_until` | until when deleted records have been written |
| `deletes_tracked_since` | since when they have been |
| `formulas_refreshed_at` | when the last full read of the formula fields began |
| `formula_refresh_began_at` | when the one under way began |
| `table_version` | that of the full read under way (`table_version.py`) |
| `last_table_version` | the greatest one so far |

A run can be killed, and a STATE message be written, between any two statements. So each change is
one assignment of a value that is complete and true by itself: two assignments, or a nested value
that is changed in place, could be saved half done, and the next run would skip what was not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.jobs.progress import JobProgress
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
    from datetime import datetime

    from tap_sfbulk_pages.jobs.query import ExistingJob, Query, QueryJob

_JOB = "query_job"
_DONE = "job_done"
_REST_QUERY = "rest_query"
RANGES = "ranges"
_KEY = "replication_key"
_VALUE = "replication_key_value"
_QUESTION = "question"
_FINISHED_JOB = "finished_job"
_FINISHED_REST_QUERY = "finished_rest_query"
_FINISHED_RANGES = "finished_ranges"
_DELETED_UNTIL = "deleted_until"
_TRACKED_SINCE = "deletes_tracked_since"
_FORMULAS_REFRESHED_AT = "formulas_refreshed_at"
_FORMULA_REFRESH_BEGAN_AT = "formula_refresh_began_at"
TABLE_VERSION = "table_version"
LAST_TABLE_VERSION = "last_table_version"
# All that a stream's part of the state can hold; `partitions` and its like are the Singer SDK's.
KNOWN_KEYS = frozenset(
    {
        _JOB,
        _DONE,
        _REST_QUERY,
        RANGES,
        _KEY,
        _VALUE,
        _QUESTION,
        _FINISHED_JOB,
        _FINISHED_REST_QUERY,
        _FINISHED_RANGES,
        _DELETED_UNTIL,
        _TRACKED_SINCE,
        _FORMULAS_REFRESHED_AT,
        _FORMULA_REFRESH_BEGAN_AT,
        TABLE_VERSION,
        LAST_TABLE_VERSION,
        "partitions",
        "progress_markers",
        "replication_key_signpost",
        "starting_replication_value",
    }
)


# The query of a first load is the same for every replication key, but not what is kept of its
# records: the maximum of another field would become the bookmark.
UNKNOWN_KEY = "?"
# What is over is known again by this part of it.
_FINISHED = {
    _JOB: (_FINISHED_JOB, "id"),
    _REST_QUERY: (_FINISHED_REST_QUERY, "asked_at"),
    RANGES: (_FINISHED_RANGES, "cut_at"),
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
        """Tell whether it was asked the same, and keeps the maximum of the same field."""
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
        """Tell whether it was asked the same, and keeps the maximum of the same field."""
        is_same_key = self.replication_key in (replication_key, UNKNOWN_KEY)
        return self.fingerprint == fingerprint and is_same_key


def has_job(state: Mapping[str, Any]) -> bool:
    """Tell whether a stream's state holds a job, ranges with jobs, or a query, sound or not."""
    return any(_unfinished(state, name) is not None for name in (_JOB, RANGES, _REST_QUERY))


def has_records(state: Mapping[str, Any]) -> bool:
    """Tell whether records have been written of what a stream is in the middle of reading."""
    ranges = _unfinished(state, RANGES)
    if isinstance(ranges, dict):
        return any(part.get("done") or has_records(part) for part in ranges["parts"])
    job = _unfinished(state, _JOB)
    if isinstance(job, dict):
        return bool(job.get("records_done"))
    # Saved for the first time when its first page has been written.
    return _unfinished(state, _REST_QUERY) is not None


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
    saved = _unfinished(state, _JOB)
    if saved is None:
        return None
    if not isinstance(saved, dict):
        raise _broken(_JOB)
    job_id, api_version, fingerprint = (saved.get(each) for each in ("id", "api_version", "query"))
    key = saved.get(_KEY, UNKNOWN_KEY)
    if (
        not is_id(job_id)
        or not is_api_version(api_version)
        or not isinstance(fingerprint, str)
        or not isinstance(key, str | None)
    ):
        raise _broken(_JOB)
    progress = JobProgress.load(saved)
    if (progress.start is not None and not is_link(progress.start, job_id)) or (
        progress.maximum is not None and not is_moment(progress.maximum)
    ):
        raise _broken(_JOB)
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
        _KEY: replication_key,
        "in_series": in_series,
        **progress.save(),
    }
    _save(state, _JOB, saved)


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
    saved = _unfinished(state, _REST_QUERY)
    if saved is None:
        return None
    if not isinstance(saved, dict):
        raise _broken(_REST_QUERY)
    fingerprint, link = saved.get("query"), saved.get("next_records_url")
    records, maximum = saved.get("records_done"), saved.get("replication_key_maximum")
    asked_at, key = saved.get("asked_at"), saved.get(_KEY, UNKNOWN_KEY)
    if (
        not isinstance(fingerprint, str)
        or not isinstance(link, str)
        or not is_link(link)
        or not is_count(records)
        or (maximum is not None and not is_moment(maximum))
        or (asked_at is not None and not is_moment(asked_at))
        or not isinstance(key, str | None)
    ):
        raise _broken(_REST_QUERY)
    return SavedRestQuery(fingerprint, strip_host(link), records, maximum, asked_at, key)


def begin_rest_query(state: MutableMapping[str, Any]) -> None:
    """Drop what was being read, since a query through REST is read from its start."""
    over = [name for name in (_JOB, _REST_QUERY, TABLE_VERSION) if name in state]
    state.update(dict.fromkeys(over))


def save_rest_query(state: MutableMapping[str, Any], query: SavedRestQuery) -> None:
    """Save how far a query through REST has been read."""
    state[_REST_QUERY] = {
        "query": query.fingerprint,
        "next_records_url": query.next_records_url,
        "records_done": query.records_done,
        _KEY: query.replication_key,
        "replication_key_maximum": query.maximum,
        "asked_at": query.asked_at,
    }


def forget_job(state: MutableMapping[str, Any]) -> None:
    """Drop a job, or a query through REST, that can no longer be read.

    As null: Meltano merges each state into the one that it keeps, where a key that is merely left
    out would live on.
    """
    state.update({_JOB: None, _REST_QUERY: None})


def finish_job(state: MutableMapping[str, Any], job: QueryJob) -> None:
    """Keep that every record of a job has been written."""
    state.update({_JOB: None, _REST_QUERY: None, _FINISHED_JOB: job.id})


def finish_rest_query(state: MutableMapping[str, Any], asked_at: str | None) -> None:
    """Keep that every record of a query through REST has been written."""
    state.update({_JOB: None, _REST_QUERY: None, RANGES: None, _FINISHED_REST_QUERY: asked_at})


def forget_ranges(state: MutableMapping[str, Any]) -> None:
    """Drop ranges that can no longer be read."""
    state[RANGES] = None


def finish_ranges(state: MutableMapping[str, Any], cut_at: str) -> None:
    """Keep that every record of all ranges has been written."""
    state.update({RANGES: None, _FINISHED_RANGES: cut_at})


def finished_reads(state: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what identifies the last reads that came to their end: it differs after each."""
    return tuple(state.get(name) for name, _ in _FINISHED.values())


def set_done(state: MutableMapping[str, Any], job: ExistingJob) -> None:
    """Save that an existing job has been read to its end."""
    state[_DONE] = {"id": job.id, "query": job.fingerprint}


def is_done(state: Mapping[str, Any], job: ExistingJob) -> bool:
    """Return whether an existing job has been read to its end, with the same columns."""
    done = state.get(_DONE)
    return isinstance(done, dict) and done.get("query") == job.fingerprint


def bookmark(state: Mapping[str, Any], replication_key: str | None) -> str | None:
    """Return the bookmark; None if there is none, or it belongs to another replication key."""
    if replication_key is None or state.get(_KEY) != replication_key:
        return None
    return state.get(_VALUE)


def any_bookmark(state: Mapping[str, Any]) -> str | None:
    """Return the bookmark, whatever its replication key; None if there is none."""
    return state.get(_VALUE)


def other_bookmark(state: Mapping[str, Any], replication_key: str) -> tuple[str, str] | None:
    """Read the bookmark with its key, if it is one of another replication key."""
    key, value = state.get(_KEY), state.get(_VALUE)
    if key is None or value is None or key == replication_key:
        return None
    return str(key), str(value)


def question(state: Mapping[str, Any]) -> Any:
    """Read what the bookmark covers; None where the state does not say."""
    return state.get(_QUESTION)


def set_bookmark(
    state: MutableMapping[str, Any],
    replication_key: str,
    value: str,
    covered: Mapping[str, Any] | None,
) -> None:
    """Keep the maximum of a finished read, together with the question that it covers.

    Both in one step: a bookmark beside an older question would hide what the older one asked.
    """
    state.update({_KEY: replication_key, _VALUE: value, _QUESTION: covered})


def deleted_until(state: Mapping[str, Any]) -> datetime | None:
    """Return until when deleted records have been written; None if unknown.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, _DELETED_UNTIL)


def set_deleted_until(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save until when deleted records have been written."""
    state[_DELETED_UNTIL] = moment.isoformat(timespec="seconds")


def deletes_tracked_since(state: Mapping[str, Any]) -> datetime | None:
    """Return since when deleted records have been written; None if unknown.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, _TRACKED_SINCE)


def set_deletes_tracked_since(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save since when deleted records have been written."""
    state[_TRACKED_SINCE] = moment.isoformat(timespec="seconds")


def begin_delete_tracking(
    state: MutableMapping[str, Any], *, since: datetime, until: datetime
) -> None:
    """Save from when on deleted records are written, and until when they have been."""
    began, written = (each.isoformat(timespec="seconds") for each in (since, until))
    state.update({_TRACKED_SINCE: began, _DELETED_UNTIL: written})


def formulas_refreshed_at(state: Mapping[str, Any]) -> datetime | None:
    """Return since when formula fields have been read in full; None if they never were.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, _FORMULAS_REFRESHED_AT)


def begin_formula_refresh(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save when a full read began, unless one is under way, whose records are as old as its job."""
    if not has_job(state) or state.get(_FORMULA_REFRESH_BEGAN_AT) is None:
        state[_FORMULA_REFRESH_BEGAN_AT] = moment.isoformat(timespec="seconds")


def finish_formula_refresh(state: MutableMapping[str, Any]) -> None:
    """Save that the full read under way is complete."""
    state.update(
        {
            _FORMULAS_REFRESHED_AT: state[_FORMULA_REFRESH_BEGAN_AT],
            _FORMULA_REFRESH_BEGAN_AT: None,
        }
    )


def _moment(state: Mapping[str, Any], name: str) -> datetime | None:
    text = state.get(name)
    if text is None:
        return None
    try:
        return parse_datetime(text)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(
            f"The saved {name} {text!r} is not a date. Remove it from the state, and the "
            "stream is read as if it had none."
        ) from error


def _broken(name: str) -> StateError:
    return StateError(
        f"The saved {name} was not written by this tap. Remove it from the state, and the stream "
        "is read from its bookmark."
    )
