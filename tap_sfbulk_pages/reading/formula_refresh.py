"""Formula fields: read anew in full when their time has come.

A formula is calculated when it is read. Its value can change with the day, or with a record that it
looks at, without a new `SystemModstamp`, so that an incremental stream does not see it. A record of
just those fields would blank the others in a target, so the stream is read in full.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading import state as stream_state

if TYPE_CHECKING:
    from collections.abc import MutableMapping


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

    def finished(self) -> None:
        """Take note of a read that has come to its end: it counts from its beginning."""
        if self._is_full:
            stream_state.finish_formula_refresh(self._state)
