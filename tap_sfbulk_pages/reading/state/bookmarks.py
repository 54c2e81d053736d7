"""Bookmarks: where an incremental stream starts to read, and where the next run will.

Rows arrive unsorted, and become visible some time after their stamp. So a bookmark is the maximum
over a finished job, never a value met on the way, and the next job starts `lookback_seconds` before
it.

Formulas are calculated when they are read. The value of one can change with the day, or with
another record that it looks at, and the record keeps its `SystemModstamp`: an incremental stream
does not see it. Records with the formula fields alone would blank the other columns in a target, so
the stream is read in full from time to time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state import entry as stream_state
from tap_sfbulk_pages.salesforce.schema import REPLICATION_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk_pages.settings import Settings

BOUND_FORMATS = frozenset({"date", "date-time"})

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_bookmark(bookmark: str, lookback: timedelta = timedelta(0)) -> datetime:
    """Read a saved bookmark, less a lookback.

    Raises:
        StateError: If it is not a date.
    """
    try:
        return parse_datetime(bookmark) - lookback
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(
            f"The saved replication_key_value {bookmark!r} is not a date. Remove the stream from "
            "the state to read it from start_date."
        ) from error


def cap_maximum(maximum: str | None, asked_at: str | None) -> str | None:
    """Limit a maximum to the second in which the query was asked.

    A query job reads an object in chunks, one after another. A later chunk can show a change that
    is newer than one that an earlier chunk has missed. Without this limit the bookmark would pass
    the missed change, and it would never be read. It cannot be stamped earlier than the second in
    which the query was asked.

    Args:
        maximum: Over the result; None if no row had a value.
        asked_at: When, by Salesforce's clock; None if unknown.

    Returns:
        The maximum, or the start of that second if that is earlier.
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


def move_bookmark(
    before: str | None, maximum: str | None, *, now: datetime, schema: Mapping[str, Any]
) -> str | None:
    """Return the bookmark after a finished job; it never moves back.

    Imported rows can carry stamps in the future. A bookmark there would hide every change until
    then, so it stops at the present.

    Args:
        before: The bookmark so far; None for none.
        maximum: Over the job; None if no row had a value.
        now: The latest moment that the bookmark may name.
        schema: JSON schema of the replication key.
    """
    if maximum is None:
        return before
    if parse_datetime(maximum) > now:
        # A change later in this second is stamped with its start (SOAP API guide, "Primitive Data
        # Types": a precision of one second), so the bookmark must not be after that.
        maximum = format_literal(now.replace(microsecond=0), schema)
    return maximum if before is None else max(before, maximum, key=parse_datetime)


@dataclass(frozen=True)
class Incremental:
    """The replication key of a stream, from where on it is read, and what that leaves behind.

    Attributes:
        key: The field.
        schema: Its JSON schema.
        state: The stream's part of the Singer state, changed in place.
        bookmark: What is read from; None to read everything from `start_date` on.
        least: What the bookmark does not go back behind; None for nothing.
        started_at: When it was decided what to read, before anything was asked; UTC.
        question: What the new bookmark will cover (`Coverage.save`); None to keep nothing of it.
    """

    key: str
    schema: Mapping[str, Any]
    state: MutableMapping[str, Any]
    bookmark: str | None = None
    least: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    question: Mapping[str, Any] | None = None

    @property
    def may_be_null(self) -> bool:
        """Whether records may have no value of the key, as Salesforce's own stamps always have."""
        return self.key not in REPLICATION_KEYS

    def condition(self, settings: Settings) -> str | None:
        """Write the SOQL condition of the records to read; None for all of them.

        The first load reads those without a value too, which no later run can find.

        Raises:
            StateError: If the bookmark is not a date.
        """
        bound = self.bound(settings)
        if bound is None:
            return None
        condition = f"{self.key} >= {bound}"
        if self.bookmark is None and self.may_be_null:
            return f"({condition} OR {self.key} = null)"
        return condition

    def bound(self, settings: Settings) -> str | None:
        """Return the least value of the key to read, as a SOQL literal; None for everything.

        Raises:
            StateError: If the bookmark is not a date.
        """
        if self.bookmark is None:
            bound = settings.start_date
        else:
            lookback = timedelta(seconds=settings.lookback_seconds)
            bound = parse_bookmark(self.bookmark, lookback)
        return format_literal(bound, self.schema) if bound else None

    def finish(self, maximum: str | None, latest: datetime | None = None) -> None:
        """Move the bookmark to what a finished read leaves, and keep the question it answers.

        Args:
            maximum: The greatest value of the key that was read; None for none.
            latest: The moment that the bookmark must not pass; None for `started_at`.
        """
        now = latest or self.started_at
        bookmark = move_bookmark(self.least, maximum, now=now, schema=self.schema)
        if bookmark is not None:
            stream_state.set_bookmark(self.state, self.key, bookmark, self.question)


def describe_extent(incremental: Incremental | None, settings: Settings) -> str:
    """Say for people which records a stream reads."""
    since = (incremental.bookmark or settings.start_date) if incremental else None
    return f"changes since {since}" if since else "everything"


class FormulaRefresh:
    """When the formula fields of a stream were last read in full, and whether that is due again.

    Args:
        state: The stream's part of the Singer state, changed in place.
        period: How old their values may become.
        has_bookmark: Whether the stream would otherwise be read from a bookmark on.

    Attributes:
        is_due: Whether the stream must be read in full in spite of its bookmark.
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
        """Note that a read is about to begin, or to go on."""
        if self._is_full:
            stream_state.begin_formula_refresh(self._state, datetime.now(timezone.utc))

    def finish(self) -> None:
        """Note that a read is complete. It counts from its start: values may have changed since."""
        if self._is_full:
            stream_state.finish_formula_refresh(self._state)
