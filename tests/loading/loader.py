"""The loader as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from landed import Landed

_PROGRAM = Path(__file__).with_name("load_program.py")
_LONGEST_RUN_SECONDS = 120


@dataclass(frozen=True)
class LoadRun:
    """A load that has ended."""

    exit_code: int
    stdout: str
    stderr: str


class Loader:
    """Loads into one database.

    Args:
        landed: The database.
        folder: For the files of the runs.
    """

    def __init__(self, landed: Landed, folder: Path) -> None:
        self.landed = landed
        self._folder = folder

    def start(
        self,
        config: Mapping[str, Any] | None,
        *arguments: str,
        catalog: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a load."""
        for name, content in (("config", config), ("catalog", catalog)):
            if content is not None:
                path = self._folder / f"load-{name}.json"
                path.write_text(json.dumps(content), encoding="utf-8")
                arguments = (*arguments, f"--{name}", str(path))
        into = ("--into", self.landed.address, "--schema", self.landed.schema)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAP_SFBULK_PAGES_", "SFBULK_LOAD_", "PG", "LOGLEVEL"))
        }
        return subprocess.Popen(
            [sys.executable, str(_PROGRAM), *into, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**inherited, "XDG_STATE_HOME": str(self._folder), **(environment or {})},
        )

    def __call__(
        self, config: Mapping[str, Any] | None, *arguments: str, stdin: str = "", **given: Any
    ) -> LoadRun:
        """Run a load to its end (arguments as of `start`)."""
        with self.start(config, *arguments, **given) as process:
            stdout, stderr = process.communicate(stdin, timeout=_LONGEST_RUN_SECONDS)
        return LoadRun(process.returncode, stdout, stderr)

    def succeed(self, config: Mapping[str, Any] | None, *arguments: str, **given: Any) -> LoadRun:
        """Run a load that must end well."""
        run = self(config, *arguments, **given)
        assert run.exit_code == 0, run.stderr
        assert "Traceback" not in run.stderr, run.stderr
        return run
