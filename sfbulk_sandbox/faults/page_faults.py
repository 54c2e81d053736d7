"""Faults in one result page: its rows, its header line, its count and its locator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from sfbulk_sandbox.fault_kind import FaultKind, Place

if TYPE_CHECKING:
    from sfbulk_sandbox.state.result_pages import Page


class PageFault(FaultKind):
    """A fault in one reply of ``results``."""

    places: ClassVar[tuple[Place, ...]] = ("page",)

    def change(self, page: Page, total: int) -> Page:
        """Return the spoilt page.

        Args:
            page: What would be replied.
            total: Rows of the job.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ShortPage(PageFault):
    """The last rows are missing; the count header is unchanged."""

    kind: ClassVar[str] = "short_page"
    rows: int = 1

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, stop=max(page.start, page.stop - self.rows))


@dataclass(frozen=True)
class LongPage(PageFault):
    """More rows than the count header says: from the next page, or repeated on the last page."""

    kind: ClassVar[str] = "long_page"
    rows: int = 1

    @override
    def change(self, page: Page, total: int) -> Page:
        if page.stop + self.rows <= total:
            return replace(page, stop=page.stop + self.rows)
        return replace(page, repeated_rows=self.rows)


@dataclass(frozen=True)
class NoHeader(PageFault):
    """The header line is missing."""

    kind: ClassVar[str] = "no_header"

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, header=False)


@dataclass(frozen=True)
class MissingColumn(PageFault):
    """A column is missing, both its name and its values."""

    kind: ClassVar[str] = "missing_column"
    position: int = -1

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, missing_column=self.position)


@dataclass(frozen=True)
class MissingCount(PageFault):
    """No ``Sforce-NumberOfRecords``."""

    kind: ClassVar[str] = "missing_count"

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, count=None)


@dataclass(frozen=True)
class WrongCount(PageFault):
    """``Sforce-NumberOfRecords`` differs from the number of rows."""

    kind: ClassVar[str] = "wrong_count"
    by: int = 1

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, count=page.stop - page.start + self.by)


@dataclass(frozen=True)
class MissingLocator(PageFault):
    """No ``Sforce-Locator``, although there may be more pages."""

    kind: ClassVar[str] = "missing_locator"

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, locator=None)


@dataclass(frozen=True)
class WrongLocator(PageFault):
    """A ``Sforce-Locator`` that leads nowhere, or to where the scenario says."""

    kind: ClassVar[str] = "wrong_locator"
    locator: str = "bm93aGVyZQ"

    @override
    def change(self, page: Page, _total: int) -> Page:
        return replace(page, locator=self.locator)
