"""What an incremental stream reads: everything from its bookmark on, which it then moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading import state as stream_state
from tap_sfbulk_pages.reading.replication import bookmark_after, literal, lower_bound

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime

    from tap_sfbulk_pages.settings import Settings

BOUND_FORMATS = frozenset({"date", "date-time"})
EVERYTHING = "everything"


@dataclass(frozen=True)
class Incremental:
    """The replication key of a stream, and its bookmark.

    Attributes:
        key: The field.
        schema: Its JSON schema.
        state: The stream's part of the Singer state, changed in place.
        started_at: When the run began, UTC.
        in_full: Whether everything is read, whatever the bookmark, which then stays where it is.
    """

    key: str
    schema: Mapping[str, Any]
    state: MutableMapping[str, Any]
    started_at: datetime
    in_full: bool = False

    @property
    def bookmark(self) -> str | None:
        """What is read from; None to read everything."""
        return None if self.in_full else stream_state.bookmark(self.state, self.key)

    def extent(self, settings: Settings) -> str:
        """Tell what is read, for people."""
        since = self.bookmark or settings.start_date
        return f"changes since {since}" if since else EVERYTHING

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
        return literal(bound, self.schema) if bound else None

    def finished(self, maximum: str | None, latest: datetime | None = None) -> None:
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
