"""Fields that Salesforce describes and refuses all the same: left out, and reported at the end."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.errors import ExtractionError, RefusedError
from tap_sfbulk_pages.reading.page import WrappedReading
from tap_sfbulk_pages.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.page import PageReading, Reading, ReadingContext

_CODE = "INVALID_FIELD"
# As live clients met it: "No such column 'Phone' on entity 'Account'. If you are attempting …"
_SAID = re.compile(r"No such column '(?P<field>\w+)' on entity '(?P<sobject>\w+)'")

logger = logging.getLogger(__name__)


class WithoutRefusedFields(WrappedReading):
    """Reads an object without the fields that its query is refused for; then the stream fails.

    Describe and query can disagree, as while permissions are being changed. The state keeps such
    a field as one that is hidden, so that it is read again from where it vanished.

    Args:
        reading: Asks the question.
        context: The org, and what the run does meanwhile.
        question: What is asked.
        open_again: Makes the reading of the question without a field.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        question: ObjectQuestion,
        open_again: Callable[[ObjectQuestion], Reading],
    ) -> None:
        super().__init__(reading, context)
        self._question = question
        self._open_again = open_again

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`; after the last page, if a field has been left out.
        """
        refused: list[str] = []
        error: RefusedError | None = None
        while True:
            try:
                yield from self._reading.pages()
                break
            except RefusedError as refusal:
                error = refusal
                refused.append(self._leave_out(refusal))
        if error:
            names = ", ".join(refused)
            raise ExtractionError(
                f"Salesforce describes the {plural(len(refused), 'field')} {names}, but refuses to "
                "return its values. All other fields have been read. Give the user read access, or "
                "deselect it in the catalog. As soon as it can be read, the records that lack it "
                f"are read again. Salesforce said: {error.said}"
            )

    def _leave_out(self, refusal: RefusedError) -> str:
        """Ask again without the field that a refusal names, and return the field.

        Raises:
            RefusedError: The refusal, if it is about something else, or the field is needed.
        """
        sobject = self._question.selection.sobject.name
        match = _SAID.search(refusal.said) if refusal.error_code == _CODE else None
        if match is None or match["sobject"].lower() != sobject.lower():
            raise refusal
        asked = {name.lower(): name for name in self._question.optional_fields}
        name = asked.get(match["field"].lower())
        if name is None:
            raise refusal
        logger.warning(
            "Stream %s: Salesforce describes the field %s, but refuses a query with it. It is left "
            "out, and the other fields are read.",
            sobject,
            name,
        )
        self._reading.close()
        self._question = self._question.without(name)
        self._reading = self._open_again(self._question)
        return name
