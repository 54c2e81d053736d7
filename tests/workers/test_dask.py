"""The recipe for Dask in the documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from documentation import script

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox


pytest.importorskip("distributed", reason="distributed is not installed")


def test_the_recipe_for_dask(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(rows={"Account": 25}, page_rows=2)
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
    run = subprocess.run(
        [sys.executable, str(path)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "25 accounts\n"
    places = [call.place for call in server.calls]
    assert places.count("create") == 1
    assert places.count("page") == 14
    # The script itself, and two workers.
    assert places.count("token") <= 3
    assert [call.fault for call in server.calls if call.fault] == ["status"]
