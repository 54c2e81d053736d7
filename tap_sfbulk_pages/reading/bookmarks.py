"""Bookmarks: where the query of an incremental stream starts, and what a finished job leaves.

Rows come unsorted and become visible after their stamp, so a bookmark is the maximum over a
finished job, and the next job starts `lookback_seconds` before it.

A formula is calculated when it is read. Its value can change with the day, or with a record that it
looks at, without a new `SystemModstamp`, so that an incremental stream does not see it. A record of
just those fields would blank the others in a target, so the stream is read in full now and then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading import state as stream_state

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk_pages.settings import Settings

BOUND_FORMATS = frozenset({"date", "date-time"})

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def lower_bound(
    bookmark: str | None, *, start_date: datetime | None, lookback_seconds: int
) -> datetime | None:
    """Tell where the next job starts.

    Args:
        bookmark: The saved maximum; None for none.
        start_date: The bound without a bookmark.
        lookback_seconds: How far behind the bookmark.

    Returns:
        The first moment to read; None for everything.

    Raises:
        StateError: If the bookmark is no date.
    """
    if bookmark is None:
        return start_date
    try:
        return parse_datetime(bookmark) - timedelta(seconds=lookback_seconds)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(
            f"The saved replication_key_value {bookmark!r} is no date. Remove the stream from the "
            "state to read it from start_date."
        ) from error


def not_after(maximum: str | None, asked_at: str | None) -> str | None:
    """Hold a maximum against the moment at which the query was asked.

    A query job reads an object in chunks, one after another, so that a later chunk can show a
    change that is younger than one that an earlier chunk has missed: the missed one may be stamped
    with the second in which the query was asked, but not with an earlier one.

    Args:
        maximum: Over the result; None if no row had a value.
        asked_at: By Salesforce's clock; None where it is not known.

    Returns:
        The maximum, or the beginning of that second if it is earlier.
    """
    if maximum is None or asked_at is None:
        return maximum
    try:
        latest = parse_datetime(asked_at).replace(microsecond=0)
    except ValueError:
        return maximum
    if parse_datetime(maximum) <= latest:
        return maximum
    return format_literal(latest, {"format": "date"} if _DATE.fullmatch(maximum) else {})


def bookmark_after(
    before: str | None, maximum: str | None, *, now: datetime, schema: Mapping[str, Any]
) -> str | None:
    """Tell the bookmark that a finished job leaves.

    Imported rows can carry stamps in the future; a bookmark there would hide every change until
    then, so it stops at the present. It never goes back.

    Args:
        before: The bookmark until now.
        maximum: Over the job; None if no row had a value.
        now: The start of the run.
        schema: JSON schema of the replication key.
    """
    if maximum is None:
        return before
    if parse_datetime(maximum) > now:
        # A change of this second, still to come, is stamped with its beginning (SOAP API guide,
        # "Primitive Data Types": a precision of one second).
        maximum = format_literal(now.replace(microsecond=0), schema)
    return maximum if before is None else max(before, maximum, key=parse_datetime)


@dataclass(frozen=True)
class Incremental:
    """The replication key of a stream, and its bookmark.

    Attributes:
        key: The field.
        schema: Its JSON schema.
        state: The stream's part of the Singer state, changed in place.
        started_at: When it was decided what to read, before anything was asked; UTC.
        in_full: Whether everything is read, whatever the bookmark, which then stays where it is.
    """

    key: str
    schema: Mapping[str, Any]
    state: MutableMapping[str, Any]
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    in_full: bool = False

    @property
    def bookmark(self) -> str | None:
        """What is read from; None to read everything."""
        return None if self.in_full else stream_state.bookmark(self.state, self.key)

    def bound(self, settings: Settings) -> str | None:
        """Write the least value of the key that is read, as SOQL does; None for everything.

        Raises:
            StateError: If the bookmark is no date.
        """
        bound = lower_bound(
            self.bookmark,
            start_date=settings.start_date,
            lookback_seconds=settings.lookback_seconds,
        )
        return format_literal(bound, self.schema) if bound else None

    def finish(self, maximum: str | None, latest: datetime | None = None) -> None:
        """Move the bookmark to what a finished job leaves.

        Args:
            maximum: The greatest value of the key that was read; None for none.
            latest: What the bookmark must not pass, where that is not the beginning of the run.
        """
        if self.in_full:
            return
        now = latest or self.started_at
        bookmark = bookmark_after(self.bookmark, maximum, now=now, schema=self.schema)
        if bookmark is not None:
            stream_state.set_bookmark(self.state, self.key, bookmark)


def describe_extent(incremental: Incremental | None, settings: Settings) -> str:
    """Say for people which records a stream reads."""
    since = (incremental.bookmark or settings.start_date) if incremental else None
    return f"changes since {since}" if since else "everything"


class FormulaRefresh:
    """When the formula fields of a stream were last read in full, and when that is due.

    Args:
        state: The stream's part of the Singer state, changed in place.
        period: How long their values may stand.
        has_bookmark: Whether the stream would be read from a bookmark on.
    """

    def __init__(
        self, state: MutableMapping[str, Any], period: timedelta, *, has_bookmark: bool
    ) -> None:
        now = datetime.now(timezone.utc)
        last = stream_state.formulas_refreshed_at(state)
        self._state = state
        self.is_due = has_bookmark and (last is None or now - last >= period)
        self._is_full = self.is_due or not has_bookmark

    def begin(self) -> None:
        """Take note of a read that is about to begin, or to go on."""
        if self._is_full:
            stream_state.begin_formula_refresh(self._state, datetime.now(timezone.utc))

    def finish(self) -> None:
        """Take note of a read that has come to its end: it counts from its beginning."""
        if self._is_full:
            stream_state.finish_formula_refresh(self._state)
