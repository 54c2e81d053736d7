"""Salesforce's clock, as the `Date` headers of its replies show it.

Stamps of records and moments of jobs are by that clock. This machine's own may be minutes off, and
what is compared with stamps would then miss the records in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime


class SalesforceClock:
    """The present, never later than Salesforce's own; before the first reply, this machine's."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the present, aware, UTC."""
        return datetime.now(timezone.utc) + self._ahead

    def note(self, date: str | None) -> None:
        """Take note of the `Date` header of a reply that has just arrived.

        The header has whole seconds and is older than its arrival, so the clock is set late rather
        than early: a bookmark that it holds back makes the next run read a little more.
        """
        if date is None:
            return
        try:
            shown = parsedate_to_datetime(date)
        except ValueError:
            return
        self._ahead = shown.astimezone(timezone.utc) - datetime.now(timezone.utc)
