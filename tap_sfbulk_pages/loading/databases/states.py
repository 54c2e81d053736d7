"""The table that holds the state of each stream, written in the transaction of its records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import StateError

if TYPE_CHECKING:
    from tap_sfbulk_pages.loading.databases.database import Database

STATE_TABLE = "_sfbulk_state"


@dataclass(frozen=True)
class SavedStream:
    """What the state table holds of a stream.

    Attributes:
        state: The stream's part of the state, as JSON; None where only the table is known.
        loading: What the loader has to know to go on, as JSON; None as long as it has not made the
            stream's table.
    """

    state: str | None
    loading: str | None


def ensure_state_table(database: Database) -> None:
    """Make the schema and the state table, where they are missing, and commit.

    Raises:
        LoadError: If the database refuses.
    """
    database.ensure_schema()
    if not database.describe(STATE_TABLE):
        database.execute(
            f"CREATE TABLE {database.qualified(STATE_TABLE)} (stream VARCHAR PRIMARY KEY,"
            " state VARCHAR, loading VARCHAR, saved_at TIMESTAMPTZ)"
        )
    database.commit()


def read_states(database: Database) -> dict[str, SavedStream]:
    """Read what the state table holds, by stream.

    Raises:
        StateError: If it holds something else than the loader has written.
    """
    rows = database.fetch(f"SELECT stream, state, loading FROM {database.qualified(STATE_TABLE)}")
    for stream, state, loading in rows:
        if not (_is_object(state) and _is_object(loading)):
            raise StateError(
                f"The state of {stream} in the table {STATE_TABLE} is not one that sfbulk-load has "
                f"written: delete its row, and {stream} is loaded anew."
            )
    return {stream: SavedStream(state, loading) for stream, state, loading in rows}


def _is_object(text: str | None) -> bool:
    try:
        return not text or isinstance(json.loads(text), dict)
    except ValueError:
        return False


def write_state(database: Database, stream: str, saved: SavedStream) -> None:
    """Write a stream's row of the state table.

    Raises:
        LoadError: If the database refuses.
    """
    database.execute(
        f"INSERT INTO {database.qualified(STATE_TABLE)} VALUES ($1, $2, $3, current_timestamp) "
        "ON CONFLICT (stream) DO UPDATE SET state = excluded.state,"
        " loading = excluded.loading, saved_at = excluded.saved_at",
        [stream, saved.state, saved.loading],
    )
