"""A query job, or the REST query resource where Salesforce makes no job for an object.

Which objects these are differs from org to org and from release to release, so that Salesforce is
asked: its refusal comes when the job is to be made.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.page_reading import PageReading, Reading, ReadingContext

logger = logging.getLogger(__name__)


class FallbackReading:
    """Reads through a query job, and through REST if there can be none.

    Args:
        context: What the run does meanwhile.
        begun: What reads at first: through a query job or, where that is known to be refused or of
            no use, through REST.
        rest: Makes what reads through REST instead; None if that is not allowed.
        sobject: What is read, for messages.
    """

    def __init__(
        self,
        context: ReadingContext,
        begun: Reading,
        *,
        rest: Callable[[], Reading] | None,
        sobject: str,
    ) -> None:
        self._context = context
        self._reading = begun
        self._rest = rest
        self._sobject = sobject
        self._is_prepared = False

    @property
    def job_id(self) -> str | None:
        """The query job, where there is one."""
        return self._reading.job_id

    @property
    def preparation_error(self) -> Exception | None:
        """What went wrong in `prepare`; raised by `pages`."""
        return self._reading.preparation_error

    def prepare(
        self,
        made: Callable[[], None],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Make a job or, where Salesforce refuses that, fetch the first page through REST."""
        self._is_prepared = True
        self._reading.prepare(made, waiting)
        refusal = self._reading.preparation_error
        if self._rest and isinstance(refusal, RefusedError) and refusal.is_about_the_bulk_api:
            logger.info(
                "%s is read through the REST API, since Salesforce makes no query job for it: %s",
                self._sobject,
                refusal.said,
            )
            self._reading = self._rest()
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

    def _advised(self, error: RefusedError) -> RefusedError:
        """Add what can be done about a refusal, where that is known."""
        if error.is_about_the_bulk_api and self._rest is None:
            return error.advised("Set fallback_to_rest to true to read it through the REST API.")
        if error.asks_for_a_filter:
            example = f'{{"filters": {{"{self._sobject}": "<field> = \'<id>\'"}}}}'
            return error.advised(
                f"{self._sobject} can be read with a condition only: give one that Salesforce "
                f"accepts in the filters setting, such as {example}, or deselect the stream."
            )
        return error
