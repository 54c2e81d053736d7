"""Pages handed over to be written, and what is known of them when they come back."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from tap_sfbulk_pages.reading.page import PageReading
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Executor
    from datetime import datetime

    from tap_sfbulk_pages.jobs.page_sink import PageSink
    from tap_sfbulk_pages.reading.page import PageBlocks
    from tap_sfbulk_pages.reading.request import JobRequest

logger = logging.getLogger(__name__)


class ReceivedPage(Protocol):
    """A page that has been received whole and counted."""

    @property
    def received_at(self) -> datetime:
        """When it was whole, UTC."""

    @property
    def records(self) -> int:
        """How many records it has."""

    @property
    def nul_characters(self) -> int:
        """How many NUL characters were dropped from its values."""

    def close(self) -> None:
        """Free what it holds."""


class Ledger:
    """The pages of one request on their way out.

    Args:
        request: Says which fields are handed over, and whose maximum is kept.
        executor: Decodes a few blocks ahead.
    """

    def __init__(self, request: JobRequest, executor: Executor) -> None:
        self._request = request
        self._executor = executor
        self._nul_characters = 0

    def hand_over(
        self,
        page: ReceivedPage,
        name: str,
        blocks: PageBlocks[Any],
        *,
        maximum: str | None,
        done_before: int,
        sink: PageSink | None = None,
    ) -> Generator[PageReading, None, str | None]:
        """Hand over a page, and free it when it comes back written.

        Args:
            page: The page.
            name: What it is called in its stream.
            blocks: Its records.
            maximum: The greatest replication key value of the pages before it; None for none.
            done_before: How many records the pages before it have.
            sink: What has taken the records already; None if `blocks` has them.

        Returns:
            The greatest replication key value of this page and those before it.
        """
        with closing(page):
            reading = PageReading(
                name,
                received_at=page.received_at,
                types=self._request.types,
                blocks=blocks,
                expected=page.records,
                executor=self._executor,
                replication_key=self._request.replication_key,
                maximum=maximum,
                done_before=done_before,
                sink=sink,
                forbidden=self._request.forbidden,
                deleted=self._request.deleted,
            )
            # Whoever takes the page comes back here by asking for the next one, which it does only
            # when this one has been written. Nothing before this line may count the page as done.
            yield reading
        reading.check_read()
        self._nul_characters += page.nul_characters
        return reading.maximum

    def warn_of_nul_characters(self, source: str) -> None:
        """Say how many NUL characters were dropped, if any were.

        Args:
            source: Where the pages came from, for people.
        """
        if self._nul_characters:
            dropped = format_count(self._nul_characters, "NUL character")
            logger.warning("Dropped %s from the values of %s.", dropped, source)
