"""The deleted records among those that leave: they say themselves when they were deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.columns import Columns

if TYPE_CHECKING:
    from datetime import datetime

    from tap_sfbulk_pages.decoding.lines import Envelope, RecordLines

IS_DELETED = "IsDeleted"
# What Singer targets look for to mark or remove a record that no longer exists.
DELETED_AT = "_sdc_deleted_at"
_KEY = "Id"
# Within a text, its quotes would be escaped.
_MEMBER = f'"{IS_DELETED}":true'.encode()


@dataclass(frozen=True)
class DeletedRecords:
    """Marks records of an object that are read although they are deleted.

    A record that is written without the mark that it has had would be there again in the target. To
    write the mark in a line of its own is not enough: a run can be killed in between.

    Attributes:
        stamp: The datetime field that deleting a record moves.
        since: Records that were deleted earlier get no mark; None to mark all.
        until: Those that were deleted from here on get none yet; None to mark all.
        unmarked: These ones: their stamps by Id.
        marked: Ids of those in the minute before `until` that have been marked.
    """

    stamp: str
    since: datetime | None = None
    until: datetime | None = None
    unmarked: dict[str, str] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)

    def mark_columns(self, columns: Columns) -> Columns:
        """Add the column of the marks to a block."""
        cells = zip(columns[_KEY], columns[IS_DELETED], columns[self.stamp], strict=True)
        marks = [
            self.mark(record_id or "", moment) if is_deleted == "true" and moment else None
            for record_id, is_deleted, moment in cells
        ]
        return Columns({**columns.by_name, DELETED_AT: marks}, columns.records)

    def mark_lines(self, lines: RecordLines, envelope: Envelope) -> RecordLines:
        """Add marks to the deleted records among lines of JSON."""
        text = lines.text
        position = text.find(_MEMBER)
        if position < 0:
            return lines
        before, behind = len(envelope.before.encode()), len(envelope.behind.encode())
        pieces, written = [], 0
        while position >= 0:
            begin, end = text.rfind(b"\n", 0, position) + 1, text.index(b"\n", position) + 1
            record = json.loads(text[begin + before : end - behind])
            moment = record[self.stamp]
            if moment and (mark := self.mark(record[_KEY], moment)):
                closing = end - behind - 1
                pieces += [text[written:closing], f',"{DELETED_AT}":"{mark}"'.encode()]
                written = closing
            position = text.find(_MEMBER, end)
        return replace(lines, text=b"".join([*pieces, text[written:]]))

    def mark(self, record_id: str, moment: str) -> str | None:
        """Return the mark of a deleted record, which is its stamp; None if it gets none."""
        when = parse_datetime(moment)
        if self.until and when >= self.until:
            self.unmarked[record_id] = moment
            return None
        if self.until and when >= self.until.replace(second=0, microsecond=0):
            self.marked.add(record_id)
        return None if self.since and when < self.since else moment
