"""Faults that end sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from sfbulk_sandbox.faults.fault_kind import Event

if TYPE_CHECKING:
    from sfbulk_sandbox.sandbox import Sandbox
    from sfbulk_sandbox.state.query_jobs import QueryJob


@dataclass(frozen=True)
class ExpireTokens(Event):
    """All access tokens issued or seen so far die, the one of this call included."""

    kind: ClassVar[str] = "expire_tokens"

    @override
    def happen(self, sandbox: Sandbox, _job: QueryJob | None) -> None:
        sandbox.sessions.expire_all()


@dataclass(frozen=True)
class RevokeRefresh(Event):
    """All refresh tokens die, and all access tokens with them."""

    kind: ClassVar[str] = "revoke_refresh"

    @override
    def happen(self, sandbox: Sandbox, _job: QueryJob | None) -> None:
        sandbox.sessions.revoke_refresh_tokens()
        sandbox.sessions.expire_all()
