"""Up to when a stream has been read, in the Singer state: records, deleted ones, formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state.keys import (
    DELETED_UNTIL,
    FORMULA_REFRESH_BEGAN_AT,
    FORMULAS_REFRESHED_AT,
    KEY,
    QUESTION,
    TRACKED_SINCE,
    VALUE,
)
from tap_sfbulk_pages.reading.state.saved_reads import has_job

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime


def bookmark(state: Mapping[str, Any], replication_key: str | None) -> str | None:
    """Return the bookmark; None if there is none, or it belongs to another replication key."""
    if replication_key is None or state.get(KEY) != replication_key:
        return None
    return state.get(VALUE)


def any_bookmark(state: Mapping[str, Any]) -> str | None:
    """Return the bookmark, whatever its replication key; None if there is none."""
    return state.get(VALUE)


def other_bookmark(state: Mapping[str, Any], replication_key: str) -> tuple[str, str] | None:
    """Read the bookmark with its key, if it is one of another replication key."""
    key, value = state.get(KEY), state.get(VALUE)
    if key is None or value is None or key == replication_key:
        return None
    return str(key), str(value)


def question(state: Mapping[str, Any]) -> Any:
    """Read what the bookmark covers; None where the state does not say."""
    return state.get(QUESTION)


def set_bookmark(
    state: MutableMapping[str, Any],
    replication_key: str,
    value: str,
    covered: Mapping[str, Any] | None,
) -> None:
    """Keep the maximum of a finished read, together with the question that it covers.

    Both in one step: a bookmark beside an older question would hide what the older one asked.
    """
    state.update({KEY: replication_key, VALUE: value, QUESTION: covered})


def deleted_until(state: Mapping[str, Any]) -> datetime | None:
    """Return until when deleted records have been written; None if unknown.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, DELETED_UNTIL)


def set_deleted_until(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save until when deleted records have been written."""
    state[DELETED_UNTIL] = moment.isoformat(timespec="seconds")


def deletes_tracked_since(state: Mapping[str, Any]) -> datetime | None:
    """Return since when deleted records have been written; None if unknown.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, TRACKED_SINCE)


def set_deletes_tracked_since(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save since when deleted records have been written."""
    state[TRACKED_SINCE] = moment.isoformat(timespec="seconds")


def begin_delete_tracking(
    state: MutableMapping[str, Any], *, since: datetime, until: datetime
) -> None:
    """Save from when on deleted records are written, and until when they have been."""
    began, written = (each.isoformat(timespec="seconds") for each in (since, until))
    state.update({TRACKED_SINCE: began, DELETED_UNTIL: written})


def formulas_refreshed_at(state: Mapping[str, Any]) -> datetime | None:
    """Return since when formula fields have been read in full; None if they never were.

    Raises:
        StateError: If it is not a date.
    """
    return _moment(state, FORMULAS_REFRESHED_AT)


def begin_formula_refresh(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Save when a full read began, unless one is under way, whose records are as old as its job."""
    if not has_job(state) or state.get(FORMULA_REFRESH_BEGAN_AT) is None:
        state[FORMULA_REFRESH_BEGAN_AT] = moment.isoformat(timespec="seconds")


def finish_formula_refresh(state: MutableMapping[str, Any]) -> None:
    """Save that the full read under way is complete."""
    state.update(
        {
            FORMULAS_REFRESHED_AT: state[FORMULA_REFRESH_BEGAN_AT],
            FORMULA_REFRESH_BEGAN_AT: None,
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
