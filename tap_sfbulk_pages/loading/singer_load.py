"""Singer messages from another process into a database: a loader for any tap.

State and records are committed together, and the state is written to stdout after its records have
been committed, as targets do. The state itself is kept by whoever runs the tap, so that records
without a key come again after a kill, as from every Singer target.
"""

from __future__ import annotations

import json
import logging
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import simplejson

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading import transactions
from tap_sfbulk_pages.loading.databases.rows import BYTES_AT_A_TIME
from tap_sfbulk_pages.loading.databases.states import SavedStream, read_states, write_state
from tap_sfbulk_pages.loading.singer_batches import local_path
from tap_sfbulk_pages.loading.singer_stream import SingerStream
from tap_sfbulk_pages.reading.stop_signal import RunStopped
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tap_sfbulk_pages.loading.databases.database import Database
    from tap_sfbulk_pages.reading.stop_signal import StopSignal

logger = logging.getLogger(__name__)

# What each type of message must have, beside its own type.
_MEMBERS: Mapping[str, Mapping[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "BATCH": {"stream": str, "manifest": list},
    "STATE": {"value": object},
    "ACTIVATE_VERSION": {"stream": str, "version": int},
}
_KINDS = {str: "a text", dict: "an object", list: "a list", int: "a whole number"}


class SingerLoad:
    """Loads messages.

    Args:
        database: Where to.
        write: Writes a line to stdout.
        stop_signal: Ends the load early, after what has come is committed.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[str], None],
        stop_signal: StopSignal,
        *,
        removes_deleted: bool,
    ) -> None:
        self._database = database
        self._write = write
        self._stop_signal = stop_signal
        self._removes_deleted = removes_deleted
        self._saved = read_states(database)
        self._streams: dict[str, SingerStream] = {}
        self._state: Any = None
        self._files: list[Path] = []
        # What has come since the last commit, and of it what the streams hold, as lines have it.
        self._records = 0
        self._held_bytes = 0
        self._begun = time.monotonic()

    def load(self, lines: Iterable[bytes]) -> None:
        """Load all messages, to the end of the input.

        Raises:
            LoadError: If a message cannot be understood, or the database refuses.
            RunStopped: If a signal has come; what came before is committed.
        """
        handlers: Mapping[str, Callable[[Any], None]] = {
            "SCHEMA": self._take_schema,
            "RECORD": self._take_record,
            "BATCH": self._take_batch,
            "STATE": self._take_state,
            "ACTIVATE_VERSION": self._activate,
        }
        try:
            with self._stop_signal.writing():
                for message in self._messages(lines):
                    if handle := handlers.get(message["type"]):
                        _check_members(message)
                        handle(message)
                for stream in self._streams.values():
                    stream.finish()
                self._commit()
        except RunStopped:
            self._commit()
            raise
        total = sum(stream.total for stream in self._streams.values())
        streams = format_count(len(self._streams), "stream")
        logger.info("Loaded %s of %s.", format_count(total, "record"), streams)

    def _messages(self, lines: Iterable[bytes]) -> Iterator[Any]:
        """Read messages; a signal ends the wait for one, and nothing else."""
        lines = iter(lines)
        while True:
            with self._stop_signal.waiting():
                line = next(lines, None)
            if line is None:
                return
            if not line.strip():
                continue
            yield _parse(line)
            self._held_bytes += len(line)
            if self._held_bytes >= BYTES_AT_A_TIME:
                self._flush()

    def _take_schema(self, message: Mapping[str, Any]) -> None:
        name = message["stream"]
        if name not in self._streams:
            self._check_table(name)
            saved = self._saved.get(name)
            self._streams[name] = SingerStream(
                self._database,
                name,
                loading=saved.loading if saved else None,
                removes_deleted=self._removes_deleted,
            )
        if self._streams[name].announce(message):
            self._save(name)

    def _check_table(self, name: str) -> None:
        """Let no two streams share a table where names differ in case only."""
        for other in (*self._saved, *self._streams):
            if other != name and other.lower() == name.lower():
                raise LoadError(
                    f"{other} and {name} would be loaded into one table: rename one of the streams."
                )

    def _take_record(self, message: Mapping[str, Any]) -> None:
        self._stream(message).take_record(message)
        self._records += 1

    def _take_batch(self, message: Mapping[str, Any]) -> None:
        stream = self._stream(message)
        encoding = message.get("encoding") or {}
        for uri in message["manifest"]:
            self._records += stream.take_file(uri, encoding)
            if encoding.get("format") == "arrow":
                # Files of this format are the loader's to delete.
                self._files.append(local_path(uri))

    def _take_state(self, message: Mapping[str, Any]) -> None:
        self._state = message["value"]
        is_due = time.monotonic() - self._begun > transactions.SECONDS_A_TRANSACTION
        if self._records >= transactions.RECORDS_A_TRANSACTION or is_due:
            self._commit()

    def _activate(self, message: Mapping[str, Any]) -> None:
        self._stream(message).activate(message["version"])

    def _stream(self, message: Mapping[str, Any]) -> SingerStream:
        name = message["stream"]
        if name not in self._streams:
            raise LoadError(
                f"A {message['type']} message of stream {name!r} came before its SCHEMA message."
            )
        return self._streams[name]

    def _save(self, name: str) -> None:
        before = self._saved.get(name)
        saved = SavedStream(before.state if before else None, self._streams[name].loading)
        if saved != before:
            self._saved[name] = saved
            write_state(self._database, name, saved)

    def _commit(self) -> None:
        """Commit, and say so with the state."""
        state = None if self._state is None else _state_text(self._state)
        self._flush()
        for name in self._streams:
            self._save(name)
        self._database.commit()
        self._records, self._begun = 0, time.monotonic()
        for file in self._files:
            _delete(file)
        self._files.clear()
        if state is not None:
            self._write(state)
            self._state = None

    def _flush(self) -> None:
        """Hand the records that are held to the database, without committing them."""
        for stream in self._streams.values():
            stream.flush()
        self._held_bytes = 0


def _parse(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        start = line[:80].decode(errors="replace")
        raise LoadError(
            f"A line is not a Singer message: {start!r}. A tap must print nothing else to stdout."
        )
    return message


def _state_text(state: Any) -> str:
    try:
        # Whatever the tap takes for JSON is its own.
        return str(simplejson.dumps(state, use_decimal=True, allow_nan=True))
    except RecursionError as error:
        raise LoadError(
            "The value of a STATE message is nested too deeply to be repeated."
        ) from error


def _check_members(message: Mapping[str, Any]) -> None:
    """Check the form of a message.

    Raises:
        LoadError: If it has not all that its type needs, or anything else in its place.
    """
    of_stream = f" of stream {message['stream']!r}" if "stream" in message else ""
    for name, kind in _MEMBERS[message["type"]].items():
        if name not in message:
            raise LoadError(f"A {message['type']} message{of_stream} has no {name!r}.")
        if not _is(message[name], kind):
            raise LoadError(
                f"A {message['type']} message{of_stream} must have {_KINDS[kind]} as its {name!r}."
            )
    for holder, name in ((message.get("schema"), "properties"), (message, "encoding")):
        if holder and not isinstance(holder.get(name) or {}, dict):
            raise LoadError(
                f"A {message['type']} message{of_stream} must have an object as its {name!r}."
            )
    for name in ("key_properties", "manifest"):
        names = message.get(name) or []
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise LoadError(
                f"A {message['type']} message{of_stream} must have texts as its {name!r}."
            )
    if (version := message.get("version")) is not None and not _is(version, int):
        raise LoadError(
            f"A {message['type']} message{of_stream} must have a whole number as its 'version'."
        )


def _is(value: Any, kind: type) -> bool:
    # In Python, true and false are whole numbers, too.
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # on Windows, if another program has opened it
        logger.warning("%s has been loaded but cannot be deleted: %s", file, error)
