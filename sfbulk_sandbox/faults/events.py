"""Faults that happen in the org: jobs end or vanish, sessions expire."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from sfbulk_sandbox.fault_kind import JOB_PLACES, FaultKind, Place
from sfbulk_sandbox.sobjects.definitions import FieldDefinition

if TYPE_CHECKING:
    from sfbulk_sandbox.state.query_jobs import QueryJob
    from sfbulk_sandbox.state.state import State


class Event(FaultKind):
    """Something that happens in the org just before the call is answered as usual."""

    def happen(self, state: State, job: QueryJob | None) -> None:
        """Change the org's state.

        Args:
            state: Of the org.
            job: The query job that the call is about.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class JobFailed(Event):
    """The job fails; with ``error_message: null`` without a reason, as some failed jobs do."""

    kind: ClassVar[str] = "job_failed"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES
    error_message: str | None = (
        "Unexpected exception encountered in query processing. Please contact support with the "
        "following id: 1203912318-51432"
    )

    @override
    def happen(self, _state: State, job: QueryJob | None) -> None:
        if job is not None:
            job.end("Failed", self.error_message)


@dataclass(frozen=True)
class JobAborted(Event):
    """Someone aborts the job."""

    kind: ClassVar[str] = "job_aborted"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES

    @override
    def happen(self, _state: State, job: QueryJob | None) -> None:
        if job is not None:
            job.end("Aborted")


@dataclass(frozen=True)
class JobGone(Event):
    """The job is deleted, by someone or because it is older than seven days."""

    kind: ClassVar[str] = "job_gone"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES

    @override
    def happen(self, state: State, job: QueryJob | None) -> None:
        if job is not None:
            state.jobs.remove(job)


@dataclass(frozen=True)
class ChangeField(Event):
    """An administrator changes, adds, renames (`name`), hides or shows a field.

    Args:
        sobject: The object.
        field: Its field.
        change: What is to differ, as in the scenario's `objects`.
        name: The field's new name.
    """

    kind: ClassVar[str] = "change_field"
    sobject: str
    field: str
    change: FieldDefinition = dataclasses.field(default_factory=FieldDefinition)
    name: str | None = None

    @override
    def happen(self, state: State, _job: QueryJob | None) -> None:
        state.org.change_field(self.sobject, self.field, self.change, name=self.name)


@dataclass(frozen=True)
class AdvanceClock(Event):
    """The org's clock moves on and then stands still; jobs older than seven days are gone."""

    kind: ClassVar[str] = "advance_clock"
    seconds: float = 86_400.0

    @override
    def happen(self, state: State, _job: QueryJob | None) -> None:
        state.set_now(state.org.moment() + timedelta(seconds=self.seconds))


@dataclass(frozen=True)
class ExpireTokens(Event):
    """All access tokens issued or seen so far expire, including the one of this call."""

    kind: ClassVar[str] = "expire_tokens"

    @override
    def happen(self, state: State, _job: QueryJob | None) -> None:
        state.sessions.expire_all()


@dataclass(frozen=True)
class RevokeRefresh(Event):
    """All refresh tokens are revoked, and all access tokens with them."""

    kind: ClassVar[str] = "revoke_refresh"

    @override
    def happen(self, state: State, _job: QueryJob | None) -> None:
        state.sessions.revoke_refresh_tokens()
        state.sessions.expire_all()
