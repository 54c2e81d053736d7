"""The places where faults strike, and what every kind of fault has."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

Place = Literal[
    "token",
    "identity",
    "versions",
    "sobjects",
    "describe",
    "composite",
    "limits",
    "create",
    "poll",
    "list_jobs",
    "list_pages",
    "page",
    "abort",
    "delete",
    "query",
    "blob",
    "deleted",
    "records",
    "ingest",
]
PLACES: tuple[Place, ...] = get_args(Place)
JOB_PLACES: tuple[Place, ...] = ("poll", "list_pages", "page", "abort", "delete")


class FaultKind:
    """One way in which calls go wrong. Subclasses are frozen dataclasses of their parameters.

    Attributes:
        kind: Name in scenario files.
        places: Where it can strike.
    """

    kind: ClassVar[str]
    places: ClassVar[tuple[Place, ...]] = PLACES
