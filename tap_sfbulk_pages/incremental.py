"""What an incremental stream reads: everything from its bookmark on, which it then moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages import stream_state
from tap_sfbulk_pages.replication import bookmark_after, literal, lower_bound

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime

    from tap_sfbulk_pages.settings import Settings

BOUND_FORMATS = frozenset({"date", "date-time"})


@dataclass(frozen=True)
class Incremental:
    """The replication key of a stream, and its bookmark.

    Attributes:
        key: The field.
        schema: Its JSON schema.
        state: The stream's part of the Singer state, changed in place.
        started_at: When the run began, UTC.
    """

    key: str
    schema: Mapping[str, Any]
    state: MutableMapping[str, Any]
    started_at: datetime

    def since(self, settings: Settings) -> object:
        """Tell from when on changes are read, for people; None for everything."""
        return stream_state.bookmark(self.state, self.key) or settings.start_date

    def condition(self, settings: Settings) -> str | None:
        """Write the SOQL condition for what has not been read; None for everything.

        Raises:
            StateError: If the bookmark is no date.
        """
        bound = lower_bound(
            stream_state.bookmark(self.state, self.key),
            start_date=settings.start_date,
            lookback_seconds=settings.lookback_seconds,
        )
        return f"{self.key} >= {literal(bound, self.schema)}" if bound else None

    def finished(self, maximum: str | None) -> None:
        """Move the bookmark to what a finished job leaves."""
        before = stream_state.bookmark(self.state, self.key)
        bookmark = bookmark_after(before, maximum, now=self.started_at, schema=self.schema)
        if bookmark is not None:
            stream_state.set_bookmark(self.state, self.key, bookmark)
