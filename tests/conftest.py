"""Sandboxes, and the tap as a process in front of them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from command_process import CommandServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, settings
from tap_process import Tap, TapServer

from sfbulk_sandbox import SandboxServer
from sfbulk_sandbox.state import org
from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.salesforce import retries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixture_types import StartSandbox

settings.register_profile(
    "tap",
    max_examples=60,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tap")


# What one process has to run: tests that share installed programs, or runs of their own.
TOGETHER = ("tests/packaging/", "tests/targets/", "tests/matrix/test_fault_matrix.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out tests one by one, but for those that belong together, which come first."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - not in each environment

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def same_records_on_every_day() -> Iterator[None]:
    """Let sandboxes of this process end their records on one day, unless a test sets the day."""
    with pytest.MonkeyPatch.context() as patch:
        day = datetime(2026, 1, 1, tzinfo=timezone.utc)
        patch.setattr(org, "_find_start_of_today", lambda: day)
        yield


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Start a sandbox with keys of a scenario."""
    with ExitStack() as stack:

        def start(**scenario: Any) -> SandboxServer:
            return stack.enter_context(SandboxServer(scenario))

        yield start


@pytest.fixture
def worker_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the secrets where tasks look for them, and shorten the waits."""
    monkeypatch.setenv("TAP_SFBULK_PAGES_CLIENT_ID", "an app")
    monkeypatch.setenv("TAP_SFBULK_PAGES_CLIENT_SECRET", "a secret to be kept")
    # The sandbox's jobs are complete at once; only the pauses before asking would be left.
    monkeypatch.setattr(query_jobs, "SHORTEST_POLL_SECONDS", 0.02)
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.02)


@pytest.fixture(scope="session")
def tap_server() -> Iterator[TapServer]:
    """Starts runs of the tap."""
    with TapServer() as server:
        yield server


@pytest.fixture
def tap(tap_server: TapServer, tmp_path: Path) -> Iterator[Tap]:
    """Run the tap as a process: `tap(config, catalog=…, state=…)`."""
    with Tap(tap_server, tmp_path) as tap:
        yield tap


@pytest.fixture(scope="session")
def commands() -> Iterator[CommandServer]:
    """Runs any command of the package."""
    with CommandServer() as server:
        yield server


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """An RSA key: its private and its public half in PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()
