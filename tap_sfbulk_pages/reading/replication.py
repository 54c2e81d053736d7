"""Replication keys: where a job starts, and the maximum that it leaves behind.

Rows come unsorted and become visible after their stamp, so a bookmark is the maximum over a
finished job, and the next job starts `lookback_seconds` before it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ResultPageError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    import polars as pl

# How Bulk API 2.0 writes every datetime: texts of this form sort as their moments do.
_UNIFORM = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment_of(text: str) -> datetime:
    """Read a date or datetime of Salesforce, or of a saved state.

    Returns:
        Aware, UTC; a date is its midnight.

    Raises:
        ValueError: If it is neither.
    """
    zoned = re.sub(r"Z$", "+00:00", re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text.strip()))
    # Python 3.10 reads three or six digits of a second only.
    zoned = re.sub(r"\.(\d+)", lambda match: f".{match[1]:0<6.6}", zoned)
    moment = datetime.fromisoformat(zoned)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(
        timezone.utc
    )


def literal(moment: datetime, schema: Mapping[str, Any]) -> str:
    """Write a bound as SOQL does, by the JSON schema of its field: dates and datetimes bare."""
    if schema.get("format") == "date":
        return moment.date().isoformat()
    return f"{moment.astimezone(timezone.utc).isoformat(timespec='milliseconds')[:-6]}Z"


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
        return moment_of(bookmark) - timedelta(seconds=lookback_seconds)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(
            f"The saved replication_key_value {bookmark!r} is no date. Remove the stream from the "
            "state to read it from start_date."
        ) from error


def greatest_of(column: pl.Series) -> str | None:
    """Tell the latest date or datetime of a column.

    Args:
        column: Texts of the replication key.

    Returns:
        The text of the latest; None if there is none.

    Raises:
        ResultPageError: If a value is no date.
    """
    texts = column.drop_nulls()
    if texts.is_empty():
        return None
    if texts.str.contains(_UNIFORM).all():
        return str(texts.max())
    return _latest(texts.unique().to_list(), column.name)


def later(maximum: str | None, text: str | None, *, replication_key: str) -> str | None:
    """Tell the later of two values of a replication key; None stands for no value.

    Raises:
        ResultPageError: If one is no date.
    """
    # Of one text too, so that it is known to be a date.
    texts = [each for each in (text, maximum) if each is not None]
    return _latest(texts, replication_key) if texts else None


def _latest(texts: Iterable[str], replication_key: str) -> str:
    try:
        return max(texts, key=moment_of)
    except (OverflowError, ValueError) as error:
        raise ResultPageError(
            f"The replication key {replication_key} holds no date: {error}"
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
        latest = moment_of(asked_at).replace(microsecond=0)
    except ValueError:
        return maximum
    if moment_of(maximum) <= latest:
        return maximum
    return literal(latest, {"format": "date"} if _DATE.fullmatch(maximum) else {})


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
    if moment_of(maximum) > now:
        # A change of this second, still to come, is stamped with its beginning (SOAP API guide,
        # "Primitive Data Types": a precision of one second).
        maximum = literal(now.replace(microsecond=0), schema)
    return maximum if before is None else max(before, maximum, key=moment_of)
