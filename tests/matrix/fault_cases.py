"""The cases of the matrix: every form of a fault, at every place and occurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fault_forms import FORMS, ORG_PLACES, STREAM_PLACES, FaultForm, Place

Occurrence = Literal["first", "middle", "last"]

OCCURRENCES: tuple[Occurrence, ...] = ("first", "middle", "last")
ONLY_ONCE: frozenset[Place] = frozenset((*ORG_PLACES, "create", "delete", "describe"))


@dataclass(frozen=True)
class Case:
    """A fault at a place.

    Args:
        form: The fault.
        place: Where.
        occurrence: At which of the calls there.
        permanent: Whether it strikes from then on, or once.
    """

    form: FaultForm
    place: Place
    occurrence: Occurrence
    permanent: bool

    @property
    def name(self) -> str:
        """The name of the case in pytest's output."""
        length = "for-ever" if self.permanent else "once"
        return f"{self.form.name}-{self.place}-{self.occurrence}-{length}"

    @property
    def must_heal(self) -> bool:
        """Whether the run must end with exact records and exit code 0."""
        return (self.form.heals and not self.permanent) or self.place == "delete"

    @property
    def is_about_the_org(self) -> bool:
        """Whether the fault concerns all streams of a run."""
        return self.place in ORG_PLACES or self.form.alone

    @property
    def strikes_pages(self) -> bool:
        """Whether it strikes one of several pages, or of several lists of them."""
        return self.place in ("list_pages", "page", "serial_page")

    @property
    def is_slow(self) -> bool:
        """Whether only its duration distinguishes the fault from a healthy call."""
        return dict(self.form.keys)["kind"] in ("stall", "drip")

    def fault(self, sobject: str) -> dict[str, Any]:
        """Return the fault in the form of a scenario."""
        match: dict[str, Any] = {}
        if self.place in STREAM_PLACES or self.place in ("serial_page", "describe"):
            match["sobject"] = sobject
        first = {"first": 1, "middle": 2, "last": 3}[self.occurrence]
        if self.place == "page":
            match["page"], first = {"first": 1, "middle": 4, "last": -1}[self.occurrence], 1
        return {
            **dict(self.form.keys),
            "place": "page" if self.place == "serial_page" else self.place,
            "match": match,
            "first": 1 if self.place in ONLY_ONCE else first,
            "times": "forever" if self.permanent else 1,
        }


def all_cases() -> list[Case]:
    """Return all cases of the matrix."""
    return [
        Case(form, place, occurrence, permanent)
        for form in FORMS
        for place in form.places
        for occurrence in _occurrences(form, place)
        for permanent in (False, True)
    ]


def _occurrences(form: FaultForm, place: Place) -> tuple[Occurrence, ...]:
    """Return the calls that a form strikes at a place.

    A reply that is broken on its way is the same to the tap in every form of a row: one of them
    strikes all calls, the others a middle one. What contradicts other replies depends on the call.
    """
    if place in ONLY_ONCE:
        return ("first",)
    row = [each for each in FORMS if each.row == form.row and place in each.places]
    if form.alone or (form.can_strike_any_stream_call and form is not row[0]):
        return ("middle",)
    return OCCURRENCES
