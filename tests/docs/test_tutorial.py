"""The tutorial, command by command as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
_PORT_OF_THE_TUTORIAL = "8765"
_LONGEST_RUN_SECONDS = 120


def commands() -> str:
    """Return its shell commands, but for the installation, which has been done."""
    _, first, *blocks = re.findall(
        r"^```sh\n(.*?)^```",
        "```sh\n```\n" + TUTORIAL.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert "pip install" in first
    return "".join(blocks)


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq"))), reason="curl or jq is missing")
def test_tutorial(tmp_path: Path) -> None:
    script = commands().replace(_PORT_OF_THE_TUTORIAL, free_port())
    programs = str(Path(sys.executable).parent)
    run = subprocess.run(
        # The trap ends the sandbox, too, where a command fails.
        ["/bin/bash", "-eu", "-c", f"trap 'kill $(jobs -p)' EXIT\nset -m\n{script}"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_RUN_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    shown = run.stdout.splitlines()
    assert "Account" in shown
    assert "Renamed" in shown
    assert shown[shown.index("2000") + 1] == "1"
    assert '"query_job": {' in run.stdout
    assert "The target has closed its input" in run.stderr
