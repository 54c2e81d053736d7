"""What a fault can do to a call, as far as all kinds share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Call, Reply
    from sfbulk_sandbox.sandbox import Sandbox
    from sfbulk_sandbox.state.query_jobs import QueryJob

Place = Literal[
    "token",
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


class Event(FaultKind):
    """Something that happens in the org just before the call is answered as usual."""

    def happen(self, sandbox: Sandbox, job: QueryJob | None) -> None:
        """Change the org's state.

        Args:
            sandbox: The whole state.
            job: The query job that the call is about.
        """
        raise NotImplementedError


class Refusal(FaultKind):
    """A reply in place of the usual one; what was asked for is not done."""

    def reply(self, call: Call) -> Reply:
        """Return the reply."""
        raise NotImplementedError


class BodyFault(FaultKind):
    """A reply that is spoilt after what was asked for has been done."""

    def change(self, reply: Reply) -> Reply:
        """Return the spoilt reply; its body may be compressed, as its headers say."""
        raise NotImplementedError
