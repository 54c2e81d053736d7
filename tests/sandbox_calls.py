"""The calls that a sandbox received, and its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox import SandboxServer

# Faults after which the list of result pages cannot lead to every page.
UNTRUSTED_LISTS: Sequence[dict[str, Any]] = (
    {"kind": "status", "status": 404},
    {"kind": "dead_continuation", "first": 2},
    {"kind": "repeat_continuation", "first": 2},
    {"kind": "not_done_no_continuation"},
    {"kind": "done_but_continuation", "first": 3},
)


def places(server: SandboxServer, since: int = 0) -> list[str | None]:
    """Return the place of each call, in order, from call number `since` on."""
    return [call.place for call in server.calls[since:]]


def struck(server: SandboxServer) -> list[str]:
    """Return the fault of each call that met one, in order."""
    return [call.fault for call in server.calls if call.fault]
