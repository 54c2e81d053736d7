"""Virtual environments for programs of others, made once and kept in a folder that git ignores."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from results import HERE, progress

if TYPE_CHECKING:
    from pathlib import Path

CACHE = HERE / ".cache"


def installed(name: str, *requirements: str) -> Path:
    """Install a program, if that has not been done.

    Args:
        name: Of its environment.
        requirements: What pip is told.

    Returns:
        The folder with its commands.

    Raises:
        subprocess.CalledProcessError: If it cannot be installed.
    """
    folder = CACHE / name
    progress(f"environment {folder}")
    subprocess.run(
        [str(HERE.parent / "scripts" / "environment"), str(folder), *requirements],
        check=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    return folder / "bin"
