"""What a sandbox was asked, and what came of its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox import SandboxServer

# Lists of result pages in which nobody can find every page.
UNTRUSTED_LISTS: Sequence[dict[str, Any]] = (
    {"kind": "status", "status": 404},
    {"kind": "dead_continuation", "first": 2},
    {"kind": "repeat_continuation", "first": 2},
    {"kind": "not_done_no_continuation"},
    {"kind": "done_but_continuation", "first": 3},
)


def places(server: SandboxServer, since: int = 0) -> list[str | None]:
    """Name what each call asked for, in order; the first so many calls are left out."""
    return [call.place for call in server.calls[since:]]


def struck(server: SandboxServer) -> list[str]:
    """Name the fault of each call that met one, in order."""
    return [call.fault for call in server.calls if call.fault]
