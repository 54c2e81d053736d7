"""Programs that tests run to their end."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Installing what a program needs is a part of some runs.
LONGEST_RUN_SECONDS = 600.0


def run_program(
    command: Sequence[object],
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code.

    Args:
        command: The program and its arguments, paths among them.
        folder: Where it runs; None for this process's folder.
        variables: Environment variables that are added to those of this process.
    """
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN_SECONDS,
        check=False,
    )
