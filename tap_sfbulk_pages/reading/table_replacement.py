"""Full reads that replace a table: their records have a version, activated after the last one."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading.page import NothingToRead
from tap_sfbulk_pages.reading.state.table_version import (
    choose_version,
    finish_version,
    owed_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from tap_sfbulk_pages.reading.page import PageReading, Reading

logger = logging.getLogger(__name__)


def replace_table(
    reading: Reading,
    *,
    stream: str,
    state: MutableMapping[str, Any],
    activate: Callable[[int], None],
    save: Callable[[], None],
) -> Iterator[tuple[int | None, PageReading]]:
    """Read a stream in full, and have the target drop the rows that are not found again.

    Args:
        reading: Of the whole stream.
        stream: Its name, for messages.
        state: The stream's part of the Singer state.
        activate: Tells the target to drop the rows of other versions.
        save: Writes the state.

    Yields:
        Each page, with the version of its records. It is None if an earlier run has written records
        of this read without one: those must not be dropped.

    Raises:
        ExtractionError: As `Reading.pages`.
        StateError: If the state is malformed.
    """
    is_empty = True
    if isinstance(reading, NothingToRead):
        # A run that was killed before it could activate the version owes that.
        version = owed_version(state)
    else:
        version = _choose(state)
        for page in reading.pages():
            # Chosen again for each page: it is another one if the read has started over meanwhile.
            version, is_empty = _choose(state), False
            yield version, page
        if version is None:
            logger.info(
                "Stream %s: the read was begun without a table version, so the rows that it has "
                "not found stay in the target until the next run.",
                stream,
            )
        elif is_empty:
            # The one before may be that of an earlier read, whose rows are not to be kept.
            version = _choose(state)
    if version is not None:
        activate(version)
        finish_version(state)
        save()


def _choose(state: MutableMapping[str, Any]) -> int | None:
    return choose_version(state, datetime.now(timezone.utc))
