"""Faults in a query job's life and in what job info says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from sfbulk_sandbox.faults.fault_kind import JOB_PLACES, Event, FaultKind, Place

if TYPE_CHECKING:
    from sfbulk_sandbox.sandbox import Sandbox
    from sfbulk_sandbox.state.query_jobs import QueryJob


@dataclass(frozen=True)
class JobFailed(Event):
    """The job fails; ``error_message: null`` leaves the reason out, as some failed jobs do."""

    kind: ClassVar[str] = "job_failed"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES
    error_message: str | None = (
        "Unexpected exception encountered in query processing. Please contact support with the "
        "following id: 1203912318-51432"
    )

    @override
    def happen(self, _sandbox: Sandbox, job: QueryJob | None) -> None:
        if job is not None:
            job.end("Failed", self.error_message)


@dataclass(frozen=True)
class JobAborted(Event):
    """Somebody aborts the job."""

    kind: ClassVar[str] = "job_aborted"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES

    @override
    def happen(self, _sandbox: Sandbox, job: QueryJob | None) -> None:
        if job is not None:
            job.end("Aborted")


@dataclass(frozen=True)
class JobGone(Event):
    """The job is deleted, by somebody or because it is older than seven days."""

    kind: ClassVar[str] = "job_gone"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES

    @override
    def happen(self, sandbox: Sandbox, job: QueryJob | None) -> None:
        if job is not None:
            sandbox.jobs.remove(job)


class InfoFault(FaultKind):
    """A fault in the body of job info."""

    places: ClassVar[tuple[Place, ...]] = ("poll",)

    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return the spoilt body."""
        raise NotImplementedError


@dataclass(frozen=True)
class WrongTotal(InfoFault):
    """A total that differs from the rows there are."""

    kind: ClassVar[str] = "wrong_total"
    by: int = 1

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        if "numberRecordsProcessed" not in info:
            return info
        return {**info, "numberRecordsProcessed": info["numberRecordsProcessed"] + self.by}


@dataclass(frozen=True)
class MissingTotal(InfoFault):
    """A finished job without ``numberRecordsProcessed``."""

    kind: ClassVar[str] = "missing_total"

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in info.items() if k != "numberRecordsProcessed"}


@dataclass(frozen=True)
class UnknownState(InfoFault):
    """A state that is not documented."""

    kind: ClassVar[str] = "unknown_state"
    state: str = "Suspended"

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        return {**info, "state": self.state}
