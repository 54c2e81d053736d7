"""The import paths that other people's tests use."""

from __future__ import annotations

import sfbulk_sandbox
from tap_sfbulk_pages.sandbox.server import SandboxServer


def test_the_path_of_earlier_releases_leads_to_the_same_class() -> None:
    assert SandboxServer is sfbulk_sandbox.SandboxServer
