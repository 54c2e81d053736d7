"""Pages whose records are taken while they arrive, so that their text is not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tap_sfbulk_pages.decoding.scan import BlockCutter
from tap_sfbulk_pages.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_sfbulk_pages.decoding.scan import CsvScan


class PageSink(Protocol):
    """Takes the records of one page."""

    @property
    def records(self) -> int:
        """The number of records taken."""

    @property
    def greatest(self) -> str | None:
        """Their greatest replication key; None if there is none."""

    def append(self, block: bytes) -> None:
        """Take the CSV of whole records.

        Raises:
            ExtractionError: If the records cannot be decoded or stored; nothing more is appended.
        """

    def finish(self) -> None:
        """End: the page is whole, and its count is right.

        Raises:
            ExtractionError: As `append`.
        """

    def discard(self) -> None:
        """Remove what was stored, unless somebody has taken it over."""


class SinkFeed:
    """Gives a page to its sink, in blocks of whole records.

    A page that is broken on its way can hold anything. So what its sink cannot take is raised at
    the end, when the page is known to be whole.

    Args:
        scan: Must have been fed each piece before it comes here.
        begin: Makes the sink, once the first block is there; None where the check of the whole page
            will say what is wrong.

    Attributes:
        sink: None before there is one.
    """

    def __init__(self, scan: CsvScan, begin: Callable[[], PageSink | None]) -> None:
        self.sink: PageSink | None = None
        self._cutter = BlockCutter(scan)
        self._begin = begin
        self._error: ExtractionError | None = None

    def take(self, piece: bytes = b"") -> None:
        """Take the next piece of the decoded page."""
        for block in self._cutter.blocks(piece):
            if self.sink is None:
                self.sink = self._begin()
            if self.sink is not None and self._error is None:
                try:
                    self.sink.append(block)
                except ExtractionError as error:
                    self._error = error

    def finish(self) -> None:
        """End: the page is whole, and its count is right.

        Raises:
            ExtractionError: If the records cannot be decoded or stored.
        """
        self.take()
        if self._error:
            raise self._error
        if self.sink is not None:
            self.sink.finish()

    def discard(self) -> None:
        """Remove what was stored of the page."""
        if self.sink is not None:
            self.sink.discard()
