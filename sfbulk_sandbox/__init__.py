"""A local stand-in for the Salesforce endpoints that Bulk API 2.0 query clients use.

`SandboxServer` is its face. The package imports nothing from `tap_sfbulk_pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.server import SandboxServer

__all__ = ["SandboxServer"]


def __getattr__(name: str) -> object:
    """Import the server when it is asked for, so that the command can say what it lacks."""
    if name != "SandboxServer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sfbulk_sandbox.server import SandboxServer  # noqa: PLC0415 - see above

    return SandboxServer
