"""Finished lines of JSON, and what surrounds each record in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Envelope:
    """What surrounds the JSON object of each record in its line.

    Attributes:
        before: The text before the object.
        behind: The text after the object, line end included.
    """

    before: str
    behind: str


# Bare objects.
JSON_LINES = Envelope("", "\n")


def record_message(stream: str, *, time_extracted: datetime, version: int | None) -> Envelope:
    """Return what surrounds a record in a RECORD message.

    Args:
        stream: The stream's name.
        time_extracted: When the page was received.
        version: The table version, if the stream has one.
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
        text: The lines in UTF-8, each with its line end.
        records: The number of lines.
        greatest: The greatest value of the replication key, as text; None if there is no key or no
            record has a value.
    """

    text: bytes
    records: int
    greatest: str | None
