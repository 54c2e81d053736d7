"""Finished lines of JSON, and what stands around each record in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Envelope:
    """What stands around the JSON object of each record in its line.

    Attributes:
        before: Up to the object.
        behind: From the object to the line end.
    """

    before: str
    behind: str


# Bare objects.
JSON_LINES = Envelope("", "\n")


def record_message(stream: str, *, time_extracted: datetime, version: int | None) -> Envelope:
    """Make what stands around a record in a RECORD message.

    Args:
        stream: Name of the stream.
        time_extracted: When the page was received.
        version: The table version, where the stream has one.
    """
    ending = "" if version is None else f', "version": {version}'
    return Envelope(
        f'{{"type": "RECORD", "stream": {json.dumps(stream)}, "record": ',
        f'{ending}, "time_extracted": "{time_extracted.isoformat()}"}}\n',
    )


@dataclass(frozen=True)
class RecordLines:
    """The finished lines of a block.

    Attributes:
        text: UTF-8, each line with its line end.
        records: How many there are.
        greatest: The replication key's greatest text; None if no record has one, or there is none.
    """

    text: bytes
    records: int
    greatest: str | None
