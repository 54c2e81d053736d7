"""Types of fixtures that many tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sfbulk_sandbox import SandboxServer


class StartSandbox(Protocol):
    """Starts a sandbox with the given keys of a scenario; it stops at the end of the test."""

    def __call__(self, **scenario: Any) -> SandboxServer: ...
