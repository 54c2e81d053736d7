"""A local stand-in for the Salesforce endpoints that Bulk API 2.0 query clients use.

`SandboxServer` is its face. The package imports nothing from `tap_sfbulk_pages`.
"""

from sfbulk_sandbox.server import SandboxServer

__all__ = ["SandboxServer"]
