"""Records and states of one load, committed together.

The state of a stream may be written at any time, but only ever with the records that it tells of:
while pages are in the open transaction, the states wait for its end.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.states import SavedStream, read_states, write_state
from tap_sfbulk_pages.reading.state import saved_reads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.loading.databases.database import Database
    from tap_sfbulk_pages.loading.landing import Landing
    from tap_sfbulk_pages.reading.page import PageReading

# Several pages in one transaction: five of 50,000 records took less than half of the time of one
# each.
RECORDS_A_TRANSACTION = 250_000
SECONDS_A_TRANSACTION = 10.0

logger = logging.getLogger(__name__)


class Transactions:
    """The transactions of a load.

    Args:
        database: Where to.

    Raises:
        StateError: If the table of states holds something else.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._saved = _without_lost_tables(database)
        self._states = {name: _parse(each) for name, each in self._saved.items()}
        self._to_write: set[str] = set()
        self._landing: Landing | None = None
        self._stream = ""
        # Whether pages have landed that are not committed, and how many records they have.
        self._has_landed = False
        self._records = 0
        self._begun = time.monotonic()

    @property
    def states(self) -> Mapping[str, Mapping[str, Any]]:
        """The state of each stream that an earlier load has left."""
        return {name: self._states[name] for name in self._saved}

    def state(self, stream: str) -> dict[str, Any]:
        """Give a stream's part of the state, to be changed in place."""
        return self._states.setdefault(stream, {})

    def has_job(self, stream: str) -> bool:
        """Return whether an earlier load has left a job of the stream to be read on."""
        return saved_reads.has_job(self._states.get(stream, {}))

    def open(self, stream: str, landing: Landing) -> None:
        """Begin to load a stream.

        Raises:
            LoadError: If its table cannot take the records.
        """
        self.commit()
        saved = self._saved.get(stream)
        try:
            landing.open(loading=saved.loading if saved else None)
        except BaseException:
            self.undo()
            raise
        self._landing, self._stream = landing, stream
        self._to_write.add(stream)
        self.commit()

    def save(self, stream: str) -> None:
        """Write a stream's state: at once, or with the records that have not been committed."""
        self._to_write.add(stream)
        if self._landing and stream == self._stream:
            self._landing.state_has_changed()
        if not self._has_landed and not self._is_unsettled:
            self.commit()

    def take(self, page: PageReading, job_id: str | None) -> None:
        """Put a page where it belongs; it is done, and may be committed, when the next one comes.

        Args:
            page: Every page before it is done.
            job_id: The job that it is from; None for none.

        Raises:
            ResultPageError: If it cannot be decoded.
            LoadError: If the database refuses.
        """
        if self._landing is None:
            raise AssertionError("a page comes for a stream that has been opened")
        is_due = time.monotonic() - self._begun > SECONDS_A_TRANSACTION
        if not self._is_unsettled and (self._records >= RECORDS_A_TRANSACTION or is_due):
            self.commit()
        self._has_landed = True
        self._landing.take(page, job_id)
        self._records += page.records

    def commit(self) -> None:
        """Commit what has landed and the states that tell of it.

        Every page that has landed must be done.

        Raises:
            LoadError: If the database does not; the states are as they were committed last.
        """
        try:
            if self._landing:
                self._landing.flush()
            written = {name: self._as_saved(name) for name in self._to_write}
            for name, saved in written.items():
                write_state(self.database, name, saved)
            self.database.commit()
        except BaseException:
            self.undo()
            raise
        self._saved |= written
        self._to_write.clear()
        self._records, self._has_landed = 0, False
        self._begun = time.monotonic()

    def finish(self) -> None:
        """Let all records of the stream be seen, and commit."""
        if self._landing:
            self._landing.finish()
        self.commit()
        self._landing, self._stream = None, ""

    def leave(self) -> None:
        """Leave a stream whose reading has not come to its end, and keep what is done of it.

        Raises:
            LoadError: If the database does not commit.
        """
        if self._landing and self._landing.is_torn:
            self.undo()
        elif self._landing:
            self._landing.leave()
        self.commit()
        self._landing, self._stream = None, ""

    @property
    def _is_unsettled(self) -> bool:
        return self._landing is not None and self._landing.is_unsettled

    def _as_saved(self, name: str) -> SavedStream:
        state = json.dumps(self._states.get(name, {}), sort_keys=True)
        if self._landing and name == self._stream:
            return SavedStream(state, self._landing.loading)
        before = self._saved.get(name)
        return SavedStream(state, before.loading if before else None)

    def undo(self) -> None:
        """Roll back and leave the stream; its state is as it was committed last."""
        with suppress(LoadError):
            # What went wrong before says why, if the connection is gone.
            self.database.rollback()
        if self._stream:
            state = self.state(self._stream)
            state.clear()
            if saved := self._saved.get(self._stream):
                state.update(_parse(saved))
            self._to_write.discard(self._stream)
        self._landing, self._stream = None, ""
        self._records, self._has_landed = 0, False


def _without_lost_tables(database: Database) -> dict[str, SavedStream]:
    """Read the saved streams whose tables are there; the others are loaded anew."""
    saved = read_states(database)
    loaded = [name for name, each in saved.items() if each.loading]
    for name in database.find_missing_tables(loaded):
        logger.warning("Stream %s: its table is gone, so it is loaded anew.", name)
        del saved[name]
    return saved


def _parse(saved: SavedStream) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(saved.state) if saved.state else {}
    return state
