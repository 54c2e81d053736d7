"""Any command of the package as a process: what goes in and what it leaves in its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

_OWN_VARIABLES = ("TAP_SFBULK_PAGES_", "SINGER_SDK_", "SFBULK_LOAD_", "PG", "LOGLEVEL")


@dataclass(frozen=True)
class CommandRun:
    """A finished run; its exit code is negative if a signal killed it."""

    exit_code: int
    folder: Path

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return (self.folder / "stdout").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it has logged."""
        return (self.folder / "stderr").read_text(encoding="utf-8")


def request_run(
    folder: Path,
    command: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    crash: str = "",
    terminal: bool = False,
) -> dict[str, Any]:
    """Return a request for `CommandServer.run_all` (`command_server.py` says what is in it)."""
    return {
        "command": command,
        "arguments": [*arguments],
        # Instead of the user's own state folder, where replaced refresh tokens are kept.
        "environment": {"XDG_STATE_HOME": str(folder), **(environment or {})},
        "folder": str(folder),
        "crash": crash,
        "terminal": terminal,
    }


class CommandServer:
    """Runs commands that are imported once, as a context manager (`command_server.py`)."""

    def __enter__(self) -> Self:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("command_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=inherited,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run_all(self, requests: Sequence[Mapping[str, Any]]) -> list[CommandRun]:
        """Make runs, several at a time, and return them in this order when all have ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(requests)}\n")
        self._process.stdin.flush()
        exit_codes = json.loads(self._process.stdout.readline())
        return [
            CommandRun(exit_code, Path(request["folder"]))
            for exit_code, request in zip(exit_codes, requests, strict=True)
        ]

    def __call__(self, folder: Path, command: str, *arguments: str, **given: Any) -> CommandRun:
        """Make one run (arguments as of `request_run`)."""
        return self.run_all([request_run(folder, command, *arguments, **given)])[0]
