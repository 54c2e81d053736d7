"""Which fault strikes which call.

A fault is written as ``{place, kind, match, first, times, …}`` and the parameters of its kind. It
counts the calls at its place that match, and strikes ``times`` of them from the ``first`` on. If
several faults could strike one call, the one named first does, and the others wait for the next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.fault_kind import Place  # noqa: TC001 - read by its type
from sfbulk_sandbox.faults import (
    body_faults,
    events,
    info_faults,
    listing_faults,
    page_faults,
    refusals,
    transport_faults,
    user_refusals,
)
from sfbulk_sandbox.typed_mapping import MappingError, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.exchange import Call
    from sfbulk_sandbox.fault_kind import FaultKind

KINDS: Mapping[str, type[FaultKind]] = {
    each.kind: each
    for each in (
        refusals.Status,
        refusals.Html,
        refusals.NoContent,
        refusals.DailyLimit,
        refusals.Redirect,
        refusals.LocatorRefused,
        refusals.JobVersion,
        body_faults.EmptyBody,
        body_faults.BrokenGzip,
        body_faults.WrongCharset,
        body_faults.DuplicateTotal,
        body_faults.WrongTotalSize,
        transport_faults.Cut,
        transport_faults.Reset,
        transport_faults.Stall,
        transport_faults.Drip,
        page_faults.ShortPage,
        page_faults.LongPage,
        page_faults.NoHeader,
        page_faults.MissingColumn,
        page_faults.MissingCount,
        page_faults.WrongCount,
        page_faults.MissingLocator,
        page_faults.WrongLocator,
        listing_faults.PageTwice,
        listing_faults.PageMissing,
        listing_faults.RepeatContinuation,
        listing_faults.DeadContinuation,
        listing_faults.DoneButContinuation,
        listing_faults.NotDoneNoContinuation,
        listing_faults.OtherHostLink,
        events.JobFailed,
        events.JobAborted,
        events.JobGone,
        info_faults.WrongTotal,
        info_faults.MissingTotal,
        info_faults.UnknownState,
        events.ChangeField,
        events.AdvanceClock,
        events.ExpireTokens,
        events.RevokeRefresh,
        user_refusals.SignInRefused,
        user_refusals.UserRefused,
    )
}


@dataclass(frozen=True)
class Aim:
    """What a call is about, as far as faults care.

    Args:
        sobject: The sObject described, queried or read by the call's job.
        page: Number of the result page asked for, from 1.
        pages: Number of result pages of the job.
    """

    sobject: str | None = None
    page: int | None = None
    pages: int = 0


@dataclass(frozen=True)
class Match:
    """Which calls at a place a fault counts; all conditions must hold.

    Args:
        text: Part of the path, query string or body.
        sobject: The call is about this sObject.
        page: The call is for this result page: 1 is the first, -1 the last.
    """

    text: str | None = None
    sobject: str | None = None
    page: int | None = None

    def fits(self, call: Call, aim: Aim) -> bool:
        """Whether a call is one of them."""
        if self.sobject is not None and self.sobject != aim.sobject:
            return False
        if self.page is not None:
            page = self.page if self.page > 0 else aim.pages + 1 + self.page
            if page != aim.page:
                return False
        if self.text is None:
            return True
        query = "&".join(f"{key}={value}" for key, value in call.query.items())
        return self.text in f"{call.path}?{query}\n{call.body.decode('utf-8', 'replace')}"


@dataclass(frozen=True)
class _Written:
    """The keys that all kinds of fault have."""

    place: Place
    kind: str
    match: str | Match = dataclasses.field(default_factory=Match)
    first: int = 1
    times: int | Literal["forever"] = 1


@dataclass(eq=False)
class Fault:
    """A fault and how often it has been met.

    Args:
        place: Where it strikes.
        effect: What it does.
        match: Which calls it counts.
        first: Number of the first call that it strikes, from 1.
        times: How many calls it strikes, None without end.
        seen: Calls counted so far.
        struck: Calls struck so far.
    """

    place: Place
    effect: FaultKind
    match: Match
    first: int
    times: int | None
    seen: int = 0
    struck: int = 0

    @classmethod
    def read(cls, mapping: object, where: str) -> Fault:
        """Make a fault from keys and values.

        Raises:
            MappingError: Unknown keys or kind, or a place where the kind cannot strike.
        """
        if not isinstance(mapping, Mapping):
            raise MappingError(f"{where}: expected keys and values, found {mapping!r}")
        names = {each.name for each in dataclasses.fields(_Written)}
        shared = {key: value for key, value in mapping.items() if key in names}
        parameters = {key: value for key, value in mapping.items() if key not in names}
        written = read(_Written, shared, where)
        kind = KINDS.get(written.kind)
        if kind is None:
            raise MappingError(
                f"{where}.kind: {written.kind!r} is not one of {', '.join(sorted(KINDS))}"
            )
        if written.place not in kind.places:
            places = ", ".join(kind.places)
            raise MappingError(f"{where}: {written.kind} strikes at {places}, not {written.place}")
        if written.first < 1 or (written.times != "forever" and written.times < 1):
            raise MappingError(f"{where}: first and times count from 1")
        match = Match(text=written.match) if isinstance(written.match, str) else written.match
        times = None if written.times == "forever" else written.times
        return cls(written.place, read(kind, parameters, where), match, written.first, times)

    def meet(self, call: Call, aim: Aim) -> bool:
        """Count a call at the fault's place; return whether the fault is due."""
        if not self.match.fits(call, aim):
            return False
        self.seen += 1
        return self.first <= self.seen and (self.times is None or self.struck < self.times)

    def report(self) -> dict[str, Any]:
        """Return the fault as it was written, with its counts."""
        match = {k: v for k, v in dataclasses.asdict(self.match).items() if v is not None}
        parameters: dict[str, Any] = dataclasses.asdict(self.effect)  # type: ignore[call-overload]
        return {
            "place": self.place,
            "kind": self.effect.kind,
            **parameters,
            "match": match,
            "first": self.first,
            "times": "forever" if self.times is None else self.times,
            "seen": self.seen,
            "struck": self.struck,
        }


class Faults:
    """The faults in force.

    Args:
        written: Each as keys and values.

    Raises:
        MappingError: A fault that is written wrongly.
    """

    def __init__(self, written: Iterable[object] = ()) -> None:
        self._faults = [Fault.read(each, f"faults[{n}]") for n, each in enumerate(written)]

    def add(self, fault: Fault) -> None:
        """Put one more fault in force."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    def strike(self, place: Place, call: Call, aim: Aim) -> FaultKind | None:
        """Let every fault at a place count a call; return what the first one due does."""
        due = [each for each in self._faults if each.place == place and each.meet(call, aim)]
        if not due:
            return None
        due[0].struck += 1
        return due[0].effect

    def report(self) -> list[dict[str, Any]]:
        """Return all faults with their counts."""
        return [fault.report() for fault in self._faults]
