"""The version of a table that a full read makes, by which a target finds the rows to drop.

Singer targets keep the `version` of each RECORD message, and drop the rows of older versions when
an ACTIVATE_VERSION message comes. A version belongs to one read, however many runs that takes: a
job that is read on keeps it, and a read that starts over has a new one, so that no row of the
attempt before it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.keys import LAST_TABLE_VERSION, TABLE_VERSION
from tap_sfbulk_pages.reading.state.saved_values import is_count

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime


def choose_version(state: MutableMapping[str, Any], now: datetime) -> int | None:
    """Return the version of the read under way, chosen if it has none and no record of it is out.

    Args:
        state: The stream's part of the Singer state.
        now: Versions are seconds since 1970, as the SDK's are, and grow even if the clock does not.

    Returns:
        The version; None if an earlier run has written records of this read without a version that
        is known. The version of the others would drop them.

    Raises:
        StateError: If the state is malformed.
    """
    version = _load(state, TABLE_VERSION)
    if version is not None or saved_reads.has_records(state):
        return version
    version = max(int(now.timestamp()), (_load(state, LAST_TABLE_VERSION) or 0) + 1)
    state.update({TABLE_VERSION: version, LAST_TABLE_VERSION: version})
    return version


def owed_version(state: Mapping[str, Any]) -> int | None:
    """Return the version of a read that is complete, if it has not been activated; None if it has.

    Raises:
        StateError: If the state is malformed.
    """
    return _load(state, TABLE_VERSION)


def finish_version(state: MutableMapping[str, Any]) -> None:
    """Keep that the table of the version is complete."""
    state[TABLE_VERSION] = None


def _load(state: Mapping[str, Any], name: str) -> int | None:
    version = state.get(name)
    if version is not None and not is_count(version):
        raise StateError(
            f"The saved {name} {version!r} is not a version. Remove it from the state."
        )
    return version
