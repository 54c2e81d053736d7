"""Reading an object through a query job, or through REST where that does better.

Which objects the Bulk API refuses differs from org to org and from release to release, so
Salesforce is asked: it refuses when the job is to be created. Objects that fit one page of the REST
query resource cost less there, if the user wants that.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.errors import ExtractionError, RefusedError
from tap_sfbulk_pages.reading.page import WrappedReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.reading.page import PageReading, Reading, ReadingContext

# The most that one reply holds (REST API guide, "Query"). Salesforce, too, recommends REST for
# fewer ("Bulk API and Bulk API 2.0 Limits and Allocations").
SMALL = 2_000

logger = logging.getLogger(__name__)


class JobOrRestReading(WrappedReading):
    """Reads through a query job, or through REST.

    Args:
        reading: Reads through a query job or, where an earlier run has begun so, through REST.
        context: The org, and what the run does meanwhile.
        make_rest: Makes what reads through REST.
        sobject: Name of the object.
        takes_small: Whether a small object is read through REST.
        falls_back: Whether an object that the Bulk API refuses is read through REST.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        *,
        make_rest: Callable[[], Reading],
        sobject: str,
        takes_small: bool,
        falls_back: bool,
    ) -> None:
        super().__init__(reading, context)
        self._make_rest = make_rest
        self._sobject = sobject
        self._takes_small = takes_small
        self._falls_back = falls_back
        self._is_prepared = False

    @override
    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Exception | None:
        """Create a job or, where there is a reason to, fetch the first page through REST."""
        self._is_prepared = True
        if self._is_known_to_be_small():
            self._reading = self._make_rest()
        error = self._reading.prepare(made, waiting)
        if not (self._falls_back and isinstance(error, RefusedError)):
            return error
        if not error.is_about_the_bulk_api:
            return error
        logger.info(
            "%s is read through the REST API, since Salesforce creates no query job for it: %s",
            self._sobject,
            error.said,
        )
        self._reading = self._make_rest()
        return self._reading.prepare(made, waiting)

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`; a refusal with what can be done about it.
        """
        if not self._is_prepared:
            self.prepare(self.keep, self._context.waiting)
        try:
            yield from self._reading.pages()
        except RefusedError as error:
            raise self._add_advice(error) from error

    def _is_known_to_be_small(self) -> bool:
        """Ask how many records there are, if it matters; a failure comes again with the reading."""
        if not self._takes_small:
            return False
        try:
            counts = self._context.org.record_counts()
        except ExtractionError:
            return False
        return counts.get(self._sobject, SMALL + 1) <= SMALL

    def _add_advice(self, error: RefusedError) -> RefusedError:
        """Add what can be done about a refusal, where that is known."""
        if error.is_about_the_bulk_api and not self._falls_back:
            return error.with_advice(
                "Set fallback_to_rest to true to read it through the REST API."
            )
        if error.asks_for_a_filter:
            example = f'{{"filters": {{"{self._sobject}": "<field> = \'<id>\'"}}}}'
            return error.with_advice(
                f"{self._sobject} can be read with a condition only: give one that Salesforce "
                f"accepts in the filters setting, such as {example}, or deselect the stream."
            )
        return error
