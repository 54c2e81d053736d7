"""A question that means something else on another day, asked anew once yesterday's is answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.reading.page import WrappedReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_sfbulk_pages.reading.page import PageReading, Reading, ReadingContext

logger = logging.getLogger(__name__)


class AskedAgain(WrappedReading):
    """Reads to its end what an earlier run has begun, then asks the same text today.

    The text of a condition such as `CreatedDate = YESTERDAY` is the same every day, but not what it
    finds. A saved job answers the question of the day on which it was created: to take that for
    today's answer would lose today's records, and to drop it would lose those of that day.

    Args:
        reading: Goes on where the earlier run stopped, and leaves the bookmark as it is.
        context: The org, and what the run does meanwhile.
        stream: Name of the stream, for messages.
        ask: Makes the reading of today's question, once the state no longer holds the other one.
    """

    def __init__(
        self, reading: Reading, context: ReadingContext, *, stream: str, ask: Callable[[], Reading]
    ) -> None:
        super().__init__(reading, context)
        self._stream = stream
        self._ask = ask

    @override
    def pages(self) -> Iterator[PageReading]:
        yield from self._reading.pages()
        logger.info(
            "Stream %s: what an earlier run had asked is complete. Its condition has relative "
            "dates, so it is asked again as of now.",
            self._stream,
        )
        self._reading = self._ask()
        yield from self._reading.pages()
