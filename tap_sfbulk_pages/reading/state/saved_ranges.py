"""The ranges of an object that is read in parts, in the Singer state.

Each part holds its bounds and, while it is read, its `query_job`; afterwards `done` and the
greatest replication key value in it. As in `entry.py`, each change is one assignment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.keys import RANGES
from tap_sfbulk_pages.reading.state.saved_reads import UNKNOWN_KEY
from tap_sfbulk_pages.reading.state.saved_values import is_id, is_moment
from tap_sfbulk_pages.soql.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from datetime import datetime


PartState = dict[str, Any]


class SavedRanges:
    """The parts of one object, in order.

    Args:
        query: Fingerprint of the query that was cut.
        field: The field by whose values it was cut; `UNKNOWN_KEY` in states of earlier releases.
        cut_at: When, by Salesforce's clock. The bookmark must not pass it: a record that changes
            later can move into a range that has been read already, and only the next run then
            reads it.
        parts: Changed in place while they are read.
    """

    def __init__(self, query: str, field: str, cut_at: datetime, parts: list[PartState]) -> None:
        self.query = query
        self.field = field
        self.cut_at = cut_at
        self.parts = parts

    @classmethod
    def of(cls, query: str, field: str, cut_at: datetime, ranges: Iterable[Range]) -> SavedRanges:
        """Make parts that have not been read."""
        return cls(query, field, cut_at, [_part(each) for each in ranges])

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> SavedRanges | None:
        """Read the ranges in a stream's state; None if there are none.

        Raises:
            StateError: If they are malformed; no part of them is used.
        """
        saved = saved_reads.unfinished_ranges(state)
        if saved is None:
            return None
        try:
            parts, cut_at = saved["parts"], saved["cut_at"]
            is_sound = is_moment(cut_at) and bool(parts) and all(map(_is_sound, parts))
            field = str(saved.get("field", UNKNOWN_KEY))
            query = str(saved["query"])
        except (AttributeError, LookupError, TypeError):
            is_sound = False
        if not is_sound:
            raise StateError(
                f"The saved {RANGES} were not written by this tap. Remove them from the state, and "
                "the stream is read from its bookmark."
            )
        return cls(query, field, parse_datetime(cut_at), parts)

    def answers(self, query: str, field: str) -> bool:
        """Return whether they are of a query, and can be read on by its range field.

        The whole query is the same for every range field. Ranges of another one would not meet
        those that are still to be read, and records would fall between them. Ranges that are all
        done come from an earlier release: it removed them from the state, and a merge brought them
        back. This release marks what it has finished.
        """
        if self.field == UNKNOWN_KEY:
            return self.query == query and not all(map(is_done, self.parts))
        return (self.query, self.field) == (query, field)

    @property
    def maximum(self) -> str | None:
        """The greatest replication key value in the parts that are done."""
        maxima = [part["maximum"] for part in self.parts if part.get("maximum")]
        return max(maxima, key=parse_datetime, default=None)

    def save(self, state: MutableMapping[str, Any]) -> None:
        """Save the parts in a stream's state.

        The list is copied: `replace` changes it, and what is saved must not be changed half-way.
        """
        ranges = {
            "query": self.query,
            "field": self.field,
            "cut_at": self.cut_at.isoformat(),
            "parts": list(self.parts),
        }
        saved_reads.save_ranges(state, ranges)

    def finish(self, state: MutableMapping[str, Any]) -> None:
        """Keep in a stream's state that every record of all parts has been written."""
        saved_reads.finish_ranges(state, self.cut_at.isoformat())

    def replace(self, part: PartState, ranges: Iterable[Range]) -> list[PartState]:
        """Put several parts in the place of one, and return them; the caller then saves.

        Together they must cover the part exactly: a gap would never be read.
        """
        position = next(n for n, each in enumerate(self.parts) if each is part)
        pieces = [_part(each) for each in ranges]
        self.parts[position : position + 1] = pieces
        return pieces


def range_of(part: PartState) -> Range:
    """Return the range that a part covers."""
    return Range(part["from"], part["until"])


def is_done(part: PartState) -> bool:
    """Return whether every record of a part has been written."""
    return part.get("done") is True


def finish(part: PartState, maximum: str | None) -> None:
    """Save that every record of a part has been written.

    Both values in one statement, so that a saved state never holds one without the other.
    """
    part.update({"done": True, "maximum": maximum})


def _part(part: Range) -> PartState:
    return {"from": part.start, "until": part.stop}


def _is_sound(part: PartState) -> bool:
    bounds, maximum = (part["from"], part["until"]), part.get("maximum")
    return all(each is None or is_moment(each) or is_id(each) for each in bounds) and (
        maximum is None or is_moment(maximum)
    )
