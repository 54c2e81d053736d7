"""Programs that others wrote, installed once and kept in `.venv-foreign`.

A test is skipped where what it needs cannot be installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from programs import run_program

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / ".venv-foreign"


def install_python(name: str, requirement: str) -> Path:
    """Return the folder of an environment's programs, with a package in it."""
    environment = _FOLDER / name
    _install([str(_ROOT / "scripts/environment"), str(environment), requirement], _ROOT)
    return environment / "bin"


def install_node(name: str, manifest: dict[str, Any]) -> Path:
    """Return a folder with all that a manifest (`package.json`) names in its `node_modules`."""
    folder = _FOLDER / name
    wanted, installed = json.dumps(manifest), folder / ".installed"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(wanted, encoding="utf-8")
        _install(["npm", "install", "--no-audit", "--no-fund"], folder)
        installed.write_text(wanted, encoding="utf-8")
    return folder


def _install(command: list[str], folder: Path) -> None:
    """Run what installs a program."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    try:
        done = run_program(command, folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"no answer in time: {' '.join(command)}")
    if done.returncode:
        pytest.skip(f"cannot be installed: {' '.join(command)}: {done.stderr[-200:]}")
