"""The loader as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from landed import Landed
    from typing_extensions import Self

_PROGRAM = Path(__file__).with_name("load_program.py")
_LONGEST_RUN_SECONDS = 120


class LoadServer:
    """The process that loads are forked from, as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, **request: Any) -> Any:
        """Send a request and return the reply (`load_program`)."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class LoadRun:
    """A load that has ended; its exit code is negative if a signal has killed it."""

    exit_code: int
    stdout: str
    stderr: str


class RunningLoad:
    """A load that has been started.

    Args:
        server: It is forked from this.
        folder: For the files that stand for its output.
        arguments: Of the command line.
        environment: All environment variables.
        stdin: What it reads.
    """

    def __init__(
        self,
        server: LoadServer,
        folder: Path,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        stdin: Path,
    ) -> None:
        self._server = server
        self._stdout, self._stderr = folder / "load-stdout", folder / "load-stderr"
        for path in (self._stdout, self._stderr):
            path.write_bytes(b"")
        files = [str(stdin), str(self._stdout), str(self._stderr)]
        self._pid = server.ask(arguments=arguments, environment=dict(environment), files=files)
        self._exit_code: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        if self._exit_code is None:
            self._exit_code = self._server.ask(pid=self._pid)
        return self._exit_code is None

    @property
    def stderr(self) -> str:
        """What it has logged so far."""
        return self._stderr.read_text(encoding="utf-8")

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so while it runs."""
        while not is_so():
            assert self.is_running, self.stderr
            time.sleep(0.01)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._pid, number)

    def end(self) -> LoadRun:
        """Wait for its end."""
        deadline = time.monotonic() + _LONGEST_RUN_SECONDS
        while self.is_running:
            if time.monotonic() > deadline:
                self.send_signal(signal.SIGKILL)
                raise AssertionError(f"the load did not end:\n{self.stderr}")
            time.sleep(0.01)
        assert self._exit_code is not None
        return LoadRun(self._exit_code, self._stdout.read_text(encoding="utf-8"), self.stderr)


class Loader:
    """Loads into one database.

    Args:
        landed: The database.
        folder: For the files of the runs.
        server: Loads are forked from this.
    """

    def __init__(self, landed: Landed, folder: Path, server: LoadServer) -> None:
        self.landed = landed
        self._server = server
        self._folder = folder

    def start(
        self,
        config: Mapping[str, Any] | None,
        *arguments: str,
        catalog: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: Path | None = None,
    ) -> RunningLoad:
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
        everything = {**inherited, "XDG_STATE_HOME": str(self._folder), **(environment or {})}
        if stdin is None:
            stdin = self._folder / "load-stdin"
            stdin.write_bytes(b"")
        return RunningLoad(self._server, self._folder, (*into, *arguments), everything, stdin=stdin)

    def __call__(
        self, config: Mapping[str, Any] | None, *arguments: str, stdin: str = "", **given: Any
    ) -> LoadRun:
        """Run a load to its end (arguments as of `start`)."""
        path = self._folder / "load-stdin"
        path.write_text(stdin, encoding="utf-8")
        return self.start(config, *arguments, stdin=path, **given).end()

    def succeed(self, config: Mapping[str, Any] | None, *arguments: str, **given: Any) -> LoadRun:
        """Run a load that must end well."""
        run = self(config, *arguments, **given)
        assert run.exit_code == 0, run.stderr
        assert "Traceback" not in run.stderr, run.stderr
        return run
