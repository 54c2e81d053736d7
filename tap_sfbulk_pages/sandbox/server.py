"""The import path of earlier releases; `sfbulk_sandbox` is the sandbox's own."""

from sfbulk_sandbox.server import SandboxServer

__all__ = ["SandboxServer"]
