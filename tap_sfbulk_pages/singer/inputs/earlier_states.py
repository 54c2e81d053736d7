"""States that other Salesforce taps have written.

MeltanoLabs' and singer-io's `tap-salesforce` keep the bookmark under the name of the replication
key (`{"SystemModstamp": "2026-…"}`), and beside it a table version and the Bulk API 1 job of a run
that was broken off. Such a job is not read on: the bookmark is from before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

_JOB = "JobID"
_OTHERS = frozenset({"version", "BatchIDs", "JobHighestBookmarkSeen", _JOB})
# Salesforce's own fields begin with a capital, and custom ones end in __c; keys of a state of this
# tap are in lower case with single underscores.
_FIELD = re.compile(r"[A-Z]\w*|\w+__c")


def take_over_state(bookmarks: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read the bookmarks of a state as this tap writes them.

    Args:
        bookmarks: By stream; those that are this tap's stay as they are.

    Returns:
        The bookmarks, and what the user should know.

    Raises:
        StateError: If a stream has several bookmarks.
    """
    read: dict[str, Any] = {}
    taken, broken_off = [], []
    for stream, bookmark in bookmarks.items():
        is_ours = "replication_key" in bookmark
        if is_ours or not any(name in _OTHERS or _FIELD.fullmatch(name) for name in bookmark):
            read[stream] = bookmark
            continue
        read[stream] = _bookmark(stream, bookmark)
        taken.append(stream)
        if bookmark.get(_JOB):
            broken_off.append(stream)
    warnings = []
    if taken:
        warnings.append(
            f"The bookmarks of {', '.join(taken)} are another tap's, and are taken over."
        )
    if broken_off:
        warnings.append(
            f"The state names unfinished Bulk API jobs of {', '.join(broken_off)}. They are not "
            "read on; these streams are read anew from their bookmarks, or from start_date."
        )
    return read, warnings


def _bookmark(stream: str, bookmark: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: value
        for name, value in bookmark.items()
        if name not in _OTHERS and _FIELD.fullmatch(name) and value is not None
    }
    if len(values) > 1:
        raise StateError(
            f"The state holds several bookmarks of {stream} ({', '.join(sorted(values))}): keep "
            "the one of its replication key, or remove the stream to read it from start_date."
        )
    for name, value in values.items():
        return {"replication_key": name, "replication_key_value": value}
    return {}
