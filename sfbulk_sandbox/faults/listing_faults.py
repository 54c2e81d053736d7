"""Faults in the list of a job's result pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from sfbulk_sandbox.fault_kind import FaultKind, Place
from sfbulk_sandbox.faults.refusals import other_origin

if TYPE_CHECKING:
    from sfbulk_sandbox.state.result_pages import Listing


class ListingFault(FaultKind):
    """A fault in one reply of ``resultPages``."""

    places: ClassVar[tuple[Place, ...]] = ("list_pages",)

    def change(self, listing: Listing, origin: str) -> Listing:
        """Return the spoilt listing.

        Args:
            listing: What would be replied.
            origin: The server's address, as the client wrote it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class PageTwice(ListingFault):
    """A link is listed twice."""

    kind: ClassVar[str] = "page_twice"
    position: int = 0

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        again = listing.locators[self.position :][:1]
        return replace(listing, locators=listing.locators + again)


@dataclass(frozen=True)
class PageMissing(ListingFault):
    """A link is left out."""

    kind: ClassVar[str] = "page_missing"
    position: int = 0

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        missing = listing.locators[self.position :][:1]
        left = tuple(each for each in listing.locators if each not in missing)
        return replace(listing, locators=left)


@dataclass(frozen=True)
class RepeatContinuation(ListingFault):
    """The continuation leads back to the same reply."""

    kind: ClassVar[str] = "repeat_continuation"

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        return replace(listing, continuation=listing.start, done=False)


@dataclass(frozen=True)
class DeadContinuation(ListingFault):
    """The continuation's locator is refused."""

    kind: ClassVar[str] = "dead_continuation"
    locator: str = "bm93aGVyZQ"

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        return replace(listing, continuation=self.locator, done=False)


@dataclass(frozen=True)
class DoneButContinuation(ListingFault):
    """``done`` is true next to a continuation: the right one, or in the last reply this one."""

    kind: ClassVar[str] = "done_but_continuation"

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        return replace(listing, done=True, continuation=listing.continuation or listing.start)


@dataclass(frozen=True)
class NotDoneNoContinuation(ListingFault):
    """``done`` is false and there is no continuation."""

    kind: ClassVar[str] = "not_done_no_continuation"

    @override
    def change(self, listing: Listing, _origin: str) -> Listing:
        return replace(listing, done=False, continuation=None)


@dataclass(frozen=True)
class OtherHostLink(ListingFault):
    """All links lead to another host: the given one, or another name of this server."""

    kind: ClassVar[str] = "other_host_link"
    to: str | None = None

    @override
    def change(self, listing: Listing, origin: str) -> Listing:
        return replace(listing, other_origin=self.to or other_origin(origin))
