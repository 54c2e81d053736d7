"""STATE messages of a run over many streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._state import StateWriter
from singer_sdk.singerlib.json import serialize_json
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class StateLines(StateWriter):
    """Writes the state whenever it has changed, as the SDK does, but at a tenth of the cost.

    Each message holds the bookmarks of all streams, and each stream writes a few. The SDK makes
    two copies of the whole state for every one, which for 5,000 streams is a tenth of a second.

    Args:
        write: Writes whole lines.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._last = b""

    @override
    def write_state(self, state: Mapping[str, Any]) -> None:
        """Write the state, unless it is the one that was written last."""
        line = serialize_json({"type": "STATE", "value": state}).encode() + b"\n"
        if line != self._last:
            self._write(line)
            self._last = line
