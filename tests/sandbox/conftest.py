"""Sandboxes with small data, and clients of them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests
from bare_client import SMALL, Client

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bare_client import StartClient


@pytest.fixture
def start() -> Iterator[StartClient]:
    """Start a sandbox with small data and keys of a scenario."""
    with ExitStack() as stack:

        def start(**scenario: Any) -> Client:
            server = stack.enter_context(SandboxServer({**SMALL, **scenario}))
            session = stack.enter_context(requests.Session())
            return Client(server, session)

        yield start


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxServer]:
    """One sandbox for the tests of a module that change nothing in it."""
    with SandboxServer(SMALL) as server:
        yield server


@pytest.fixture
def client(shared: SandboxServer) -> Iterator[Client]:
    """A client of the module's sandbox."""
    with requests.Session() as session:
        yield Client(shared, session)
