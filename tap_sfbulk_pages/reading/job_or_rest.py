"""A query job, or the REST query resource where that is better or all there is.

Which objects the Bulk API refuses differs from org to org and from release to release, so that
Salesforce is asked: its refusal comes when the job is to be made. Objects that fit one page of the
REST query resource cost less there, if the user wants that.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from tap_sfbulk_pages.errors import ExtractionError, RefusedError
from tap_sfbulk_pages.reading.page import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.reading.page import PageReading, ReadingContext

# What one reply holds at the most (REST API guide, "Query"). Salesforce, too, recommends REST for
# fewer ("Bulk API and Bulk API 2.0 Limits and Allocations").
SMALL = 2_000

logger = logging.getLogger(__name__)


class PreparedReading(Reading, Protocol):
    """A reading that tells what went wrong in `prepare` before `pages` raises it."""

    @property
    def preparation_error(self) -> Exception | None:
        """What went wrong; None as long as nothing did."""


class FallbackReading:
    """Reads through a query job, or through REST.

    Args:
        context: The org, and what the run does meanwhile.
        reading: Reads through a query job or, where an earlier run has begun so, through REST.
        make_rest: Makes what reads through REST.
        sobject: What is read.
        takes_small: Whether a small object is read through REST.
        falls_back: Whether an object that the Bulk API refuses is read through REST.
    """

    def __init__(
        self,
        context: ReadingContext,
        reading: PreparedReading,
        *,
        make_rest: Callable[[], PreparedReading],
        sobject: str,
        takes_small: bool,
        falls_back: bool,
    ) -> None:
        self._context = context
        self._reading = reading
        self._make_rest = make_rest
        self._sobject = sobject
        self._takes_small = takes_small
        self._falls_back = falls_back
        self._is_prepared = False

    @property
    def job_id(self) -> str | None:
        """The query job, where there is one."""
        return self._reading.job_id

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Make a job or, where there is a reason to, fetch the first page through REST."""
        self._is_prepared = True
        if self._is_known_to_be_small():
            self._reading = self._make_rest()
        self._reading.prepare(made, waiting)
        refusal = self._reading.preparation_error
        if self._falls_back and isinstance(refusal, RefusedError) and refusal.is_about_the_bulk_api:
            logger.info(
                "%s is read through the REST API, since Salesforce makes no query job for it: %s",
                self._sobject,
                refusal.said,
            )
            self._reading = self._make_rest()
            self._reading.prepare(made, waiting)

    def keep(self) -> None:
        """Save in the state how far the reading has come."""
        self._reading.keep()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""
        self._reading.prefetch()

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
            raise self._advised(error) from error

    def close(self) -> None:
        """Fetch nothing more."""
        self._reading.close()

    def _is_known_to_be_small(self) -> bool:
        """Ask how many records there are, if it matters; a failure comes again with the reading."""
        if not self._takes_small:
            return False
        try:
            counts = self._context.org.record_counts()
        except ExtractionError:
            return False
        return counts.get(self._sobject, SMALL + 1) <= SMALL

    def _advised(self, error: RefusedError) -> RefusedError:
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
