"""The recipe for Dask in the documentation, one of whose workers is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from documentation import script
from sandbox_calls import change_scenario, places, struck

if TYPE_CHECKING:
    from fixture_types import StartSandbox

    from sfbulk_sandbox.state.query_jobs import QueryJob


pytest.importorskip("distributed", reason="distributed is not installed")


def kill_a_worker(scheduler: int) -> None:
    """Kill one of the processes that a Dask client has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_bytes()
            if int(parent) == scheduler and b"spawn_main" in command:
                os.kill(int(folder.name), signal.SIGKILL)
                return
    pytest.fail("there is no worker")


def test_the_recipe_for_dask(
    start_sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(rows={"Account": 25}, page_rows=2)

    def add(job: QueryJob) -> None:
        """Answer slowly from the job on, so that the run cannot end before its worker does."""
        keep(job)
        state.scenario = replace(state.scenario, latency_seconds=1)

    keep, state = server.jobs.add, server._sandbox.state
    monkeypatch.setattr(server.jobs, "add", add)
    server.add_fault(place="page", kind="status", status=503, first=3)
    path = tmp_path / "dask_accounts.py"
    path.write_text(script("spark.md", path.name), encoding="utf-8")
    environment = {
        **os.environ,
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_CLIENT_ID": "an app",
        "TAP_SFBULK_PAGES_CLIENT_SECRET": "a secret to be kept",
        "TMPDIR": str(tmp_path),
    }
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, str(path)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
            cwd=tmp_path,
        ) as run,
    ):
        while places(server).count("page") < 6:
            assert run.poll() is None, log.read_text()
            time.sleep(0.02)
        kill_a_worker(run.pid)
        change_scenario(server, latency_seconds=0)
        printed, _ = run.communicate(timeout=300)
    assert run.returncode == 0, log.read_text()
    assert printed == "25 accounts\n"
    assert places(server).count("create") == 1
    # What the dead worker held is fetched again, and nothing else.
    assert 14 < places(server).count("page") < 28
    # The script itself, two workers, and the one that replaces one of them.
    assert places(server).count("token") <= 4
    assert struck(server) == ["status"]
