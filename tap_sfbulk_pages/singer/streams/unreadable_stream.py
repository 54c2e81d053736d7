"""A stream of the catalog that cannot be read: it says why when its turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_sfbulk_pages.singer.streams.stream import BulkStream

if TYPE_CHECKING:
    from tap_sfbulk_pages.errors import ExtractionError
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.singer.run import RunningTap


class UnreadableStream(BulkStream):
    """Fails by itself, so that the other streams are read.

    Args:
        tap: The tap.
        name: Of the stream.
        schema: From the catalog.
        error: Why it cannot be read.
    """

    def __init__(
        self, tap: RunningTap, *, name: str, schema: dict[str, Any], error: ExtractionError
    ) -> None:
        super().__init__(tap, name=name, schema=schema)
        self._error = error

    @override
    def _write_schema_message(self) -> None:
        """Tell the target nothing: of a stream that was never described not even the columns."""

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Say why the stream cannot be read.

        Raises:
            ExtractionError: Always.
        """
        raise self._error

    @override
    def plan(self) -> StreamPlan:
        """Say why the stream cannot be read, as `new_reading`."""
        raise self._error
