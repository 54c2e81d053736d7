"""States as users have them at hand, understood or refused: none is silently read as no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import find_alike
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.inputs.input_files import read_json
from tap_sfbulk_pages.reading.state.keys import KNOWN_KEYS
from tap_sfbulk_pages.singer.inputs import earlier_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_FORMS = (
    'It must be {"bookmarks": {…}}, a line {"type": "STATE", "value": {…}} as the tap or a target '
    "writes it, or what `meltano state get` prints."
)


def read_state(data: bytes, what: str) -> Any:
    """Read the file of a state.

    Args:
        data: The file. An empty one is the state of a first run, as is `null`.
        what: What it is and where, for messages.

    Raises:
        ExtractionError: If it is not JSON.
    """
    return read_json(data, what) if data.strip() else None


def understand_state(document: Any) -> tuple[dict[str, Any], list[str]]:
    """Find the bookmarks in a state, whatever it is wrapped in.

    Args:
        document: As it was parsed; None for none.

    Returns:
        `{"bookmarks": {…}}` in today's form, and warnings.

    Raises:
        StateError: If it is not a state.
    """
    if document is None:
        return {"bookmarks": {}}, []
    state = _unwrap(document)
    bookmarks = {} if state.get("bookmarks") is None else state["bookmarks"]
    if not isinstance(bookmarks, dict):
        raise StateError(f"The `bookmarks` of the state must be an object. {_FORMS}")
    # Meltano merges states, so that what is over is written as null.
    bookmarks = {name: bookmark for name, bookmark in bookmarks.items() if bookmark is not None}
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            raise StateError(f"The bookmark of {name} in the state must be an object. {_FORMS}")
        _check_keys_of_the_sdk(name, bookmark)
    bookmarks, warnings = earlier_states.take_over_state(bookmarks)
    for name, bookmark in bookmarks.items():
        warnings += _find_odd_form(name, bookmark)
    return {**state, "bookmarks": bookmarks}, warnings


def find_strange_bookmarks(bookmarks: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """Warn of bookmarks that fit no stream.

    Args:
        bookmarks: By stream.
        known: All streams that there are, read or not.

    Yields:
        A sentence for each.
    """
    for name in sorted(bookmarks.keys() - set(known)):
        if bookmarks[name]:
            meant = find_alike(name, known)
            hint = f" {meant} was probably meant." if meant else ""
            yield f"The state has a bookmark of {name}, and there is no such stream.{hint}"


def find_unused_bookmark(stream: str, bookmark: Mapping[str, Any], key: str | None) -> str | None:
    """Warn of a bookmark for another replication key than the stream's.

    Args:
        stream: Its name.
        bookmark: Its part of the state.
        key: The replication key; None if the stream is read in full each time.
    """
    saved = bookmark.get("replication_key")
    if saved is None or saved == key or bookmark.get("replication_key_value") is None:
        return None
    now = f"is {key}" if key else "is not used, since it is read in full each time"
    return (
        f"Stream {stream}: the bookmark in the state is one for {saved}, and the replication key "
        f"{now}. The bookmark has no effect."
    )


def _unwrap(document: Any) -> dict[str, Any]:
    """Take a state out of a STATE message, or out of what Meltano keeps.

    Raises:
        StateError: If there is none.
    """
    if isinstance(document, dict) and "type" in document:
        if document["type"] != "STATE":
            raise StateError(f"The state is another message, {document['type']!r}. {_FORMS}")
        document = document.get("value")
    if isinstance(document, dict) and document.keys() == {"singer_state"}:
        document = document["singer_state"]
        if document is None:
            return {}
    if not isinstance(document, dict) or (document and "bookmarks" not in document):
        raise StateError(f"The state is of no known form. {_FORMS}")
    return document


def _check_keys_of_the_sdk(name: str, bookmark: Mapping[str, Any]) -> None:
    """Check what the SDK takes for granted.

    Raises:
        StateError: If it is of another form.
    """
    partitions = bookmark.get("partitions") or []
    is_list = isinstance(partitions, list) and all(isinstance(each, dict) for each in partitions)
    holders = [bookmark, *partitions] if is_list else []
    if not is_list or not all(
        isinstance(each.get("progress_markers"), dict | None) for each in holders
    ):
        raise StateError(
            f"The partitions and progress_markers of {name} in the state must be a list of objects "
            "and an object. Remove them."
        )


def _find_odd_form(name: str, bookmark: Mapping[str, Any]) -> Iterator[str]:
    key, value = bookmark.get("replication_key"), bookmark.get("replication_key_value")
    if bookmark and not bookmark.keys() & KNOWN_KEYS:
        keys = ", ".join(sorted(bookmark))
        yield f"The bookmark of {name} in the state has no key that this tap knows ({keys})."
    elif (key is None) != (value is None):
        lacks, has = ("replication_key", "replication_key_value")[:: 1 if key is None else -1]
        yield f"The bookmark of {name} in the state has no {lacks}: its {has} has no effect."
