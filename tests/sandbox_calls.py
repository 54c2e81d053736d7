"""The calls that a sandbox received, its faults, and its jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox import SandboxServer
    from sfbulk_sandbox.state.query_jobs import QueryJob

# As `polls_until_complete`, of jobs that a test completes.
NEVER = 1_000_000
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


def change_scenario(server: SandboxServer, **changes: Any) -> None:
    """Change keys of a sandbox's scenario, for the jobs to come too."""
    path = f"{server.url}/_sandbox/scenario"
    requests.patch(path, json=changes, timeout=60).raise_for_status()


def complete_job(job: QueryJob) -> None:
    """Let a job be complete, however long its scenario would let it run."""
    job.scenario = replace(
        job.scenario, queued_seconds=0, running_seconds=0, polls_until_complete=0
    )
