"""Formula fields: read anew in full when their time has come.

A formula is calculated when it is read. Its value can change with the day, or with a record that it
looks at, without a new `SystemModstamp`, so that an incremental stream does not see it. A record of
just those fields would blank the others in a target, so the stream is read in full.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import isodate

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.reading import state as stream_state

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def parsed_period(text: str) -> timedelta:
    """Read the `refresh_formula_fields` setting.

    Raises:
        SettingsError: If it is no ISO 8601 period of a fixed length.
    """
    try:
        period = isodate.parse_duration(text)
    except (isodate.ISO8601Error, OverflowError) as error:
        raise _unusable(text) from error
    # Years and months are of no fixed length, and no timedelta.
    if not isinstance(period, timedelta) or period <= timedelta(0):
        raise _unusable(text)
    return period


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


def _unusable(text: str) -> SettingsError:
    return SettingsError(
        "refresh_formula_fields must be a period of weeks, days or hours in the form of "
        f"ISO 8601, such as P7D or PT12H, not {text}"
    )
