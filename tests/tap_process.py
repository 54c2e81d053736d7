"""The tap as a process: what goes in and what comes out."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import Self

    from sfbulk_sandbox import SandboxServer

_PIPE_BYTES = 4096
# A run that hangs is ended; far longer than a busy machine takes.
_LONGEST_RUN_SECONDS = 300.0
_STANDSTILL_SECONDS = 0.5


def config_for(server: SandboxServer, *objects: str, **settings: Any) -> dict[str, Any]:
    """Return settings for a sandbox; `objects` are those to offer."""
    return {
        "instance_url": server.url,
        "access_token": "00D!token",
        "objects": list(objects),
        **settings,
    }


def parse_message(line: bytes) -> dict[str, Any]:
    """Parse a Singer message, keeping every digit of numbers."""
    message: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return message


def in_use(bookmark: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a stream's state the next run starts from."""
    past = ("org", "question", "finished_job", "finished_rest_query", "finished_ranges")
    return {
        name: value for name, value in bookmark.items() if value is not None and name not in past
    }


@dataclass
class TapRun:
    """A finished run.

    Attributes:
        exit_code: Negative if a signal killed it.
        stdout: Whole lines only, as a target would read them.
        stderr: The log.
    """

    exit_code: int
    stdout: bytes = field(repr=False)
    stderr: str

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """All Singer messages."""
        return [parse_message(line) for line in self.stdout.split(b"\n") if line]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The values of all STATE messages."""
        return [each["value"] for each in self.messages if each["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE, for the next run."""
        return self.states[-1]

    def bookmark(self, stream: str) -> dict[str, Any]:
        """Return the bookmark of a stream in the last STATE, and what is being read of it."""
        return in_use(self.state["bookmarks"][stream])

    def schema(self, stream: str) -> dict[str, Any]:
        """Return the one SCHEMA message of a stream."""
        (message,) = (m for m in self.messages if m["type"] == "SCHEMA" and m["stream"] == stream)
        return message

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream in the order in which they were written."""
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    @property
    def streams(self) -> set[str]:
        """The streams that have sent a SCHEMA."""
        return {each["stream"] for each in self.messages if each["type"] == "SCHEMA"}


class RunningTap:
    """A run of the tap in progress. Its pipe is small, so it has to wait for its reader."""

    def __init__(self, server: TapServer, process_id: int, pipe: int, log: Path) -> None:
        self._server = server
        self._log = log
        self.process_id = process_id
        self._pipe = os.fdopen(pipe, "rb")
        self._read: list[bytes] = []
        self.has_ended = False
        self._too_long = threading.Timer(_LONGEST_RUN_SECONDS, self.kill, [signal.SIGKILL])
        self._too_long.daemon = True
        self._too_long.start()

    def read_states(self, count: int) -> None:
        """Read its output until `count` STATE messages have come, or to its end."""
        while count and (line := self._pipe.readline()):
            self._read.append(line)
            count -= b"STATE" in line[:20]

    def read_records(self, count: int) -> None:
        """Read its output until `count` RECORD messages have come, or to its end."""
        while count and (line := self._pipe.readline()):
            self._read.append(line)
            count -= b"RECORD" in line[:20]

    def read_log(self) -> str:
        """Return what it has logged so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def kill(self, signal_number: int) -> None:
        """Send it a signal."""
        os.kill(self.process_id, signal_number)

    def is_alive(self) -> bool:
        """Return whether it is still running."""
        return Path(f"/proc/{self.process_id}/stat").read_text().split()[2] != "Z"

    def wait_until_it_cannot_write(self) -> None:
        """Wait until its pipe is full: no more output for a while, though some is unread."""
        deadline = time.monotonic() + _LONGEST_RUN_SECONDS
        before, waiting = array("i", [0]), array("i", [0])
        while not waiting[0] or waiting != before:
            assert time.monotonic() < deadline
            before = array("i", waiting)
            time.sleep(_STANDSTILL_SECONDS)
            fcntl.ioctl(self._pipe, termios.FIONREAD, waiting)

    def close_pipe(self) -> None:
        """Stop reading, like a target that dies."""
        self._pipe.close()

    def end_without_reading(self) -> TapRun:
        """Wait for its end without reading; it must end although its pipe is full."""
        exit_code = self._server.exit_code()
        self._pipe.close()
        return self._ended(exit_code)

    def end(self) -> TapRun:
        """Read the rest and wait for its end."""
        if not self._pipe.closed:
            self._read.append(self._pipe.read())
            self._pipe.close()
        return self._ended(self._server.exit_code())

    def _ended(self, exit_code: int) -> TapRun:
        self.has_ended = True
        self._too_long.cancel()
        output = b"".join(self._read)
        whole = output[: output.rfind(b"\n") + 1]
        return TapRun(exit_code, whole, self.read_log())


class TapServer:
    """Starts runs of the tap, one at a time (`tap_server.py`)."""

    def __init__(self) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAP_SFBULK_PAGES_", "SINGER_SDK_", "LOGLEVEL"))
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("tap_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(
        self,
        folder: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str],
    ) -> RunningTap:
        """Start a run with its files in a folder."""
        paths = {name: folder / name for name in ("stdout", "stderr")}
        paths["stdout"].unlink(missing_ok=True)
        os.mkfifo(paths["stdout"])
        pipe = os.open(paths["stdout"], os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(pipe, True)
        # Before the run can write: a pipe that holds more is not made smaller.
        fcntl.fcntl(pipe, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PIPE_BYTES)
        request = {
            "arguments": list(arguments),
            "environment": dict(environment),
            **{name: str(path) for name, path in paths.items()},
        }
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return RunningTap(self, self._told("began"), pipe, paths["stderr"])

    def exit_code(self) -> int:
        """Wait for the run's end."""
        return self._told("ended")

    def _told(self, what: str) -> int:
        assert self._process.stdout
        line = self._process.stdout.readline().split()
        assert line[0] == what
        return int(line[1])


class Tap:
    """Runs the tap against a sandbox.

    Args:
        server: Starts the runs.
        folder: For the files of the runs.
    """

    def __init__(self, server: TapServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._running: RunningTap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._running and not self._running.has_ended:
            with suppress(ProcessLookupError):
                self._running.kill(signal.SIGKILL)
            self._running.end()

    def start(
        self,
        config: Mapping[str, Any] | None,
        *arguments: str,
        catalog: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> RunningTap:
        """Start a run; config, catalog and state are written to files."""
        files = {"config": config, "catalog": catalog, "state": state}
        for name, content in files.items():
            if content is not None:
                path = self._folder / f"{name}.json"
                path.write_text(json.dumps(content), encoding="utf-8")
                arguments = (*arguments, f"--{name}", str(path))
        # Instead of the user's own state folder, where replaced refresh tokens are kept.
        environment = {"XDG_STATE_HOME": str(self._folder), **(environment or {})}
        self._running = self._server.start(self._folder, arguments, environment)
        return self._running

    def __call__(self, config: Mapping[str, Any], *arguments: str, **given: Any) -> TapRun:
        """Run the tap to its end (arguments as for `start`)."""
        return self.start(config, *arguments, **given).end()

    def killed(self, config: Mapping[str, Any], *, after_states: int, **given: Any) -> TapRun:
        """Run the tap until `after_states` STATE messages have come, then kill it."""
        running = self.start(config, **given)
        running.read_states(after_states)
        running.kill(signal.SIGKILL)
        run = running.end()
        assert run.exit_code == -signal.SIGKILL
        return run

    def catalog(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Run discovery and return the catalog."""
        run = self(config, "--discover")
        assert run.exit_code == 0, run.stderr
        catalog: dict[str, Any] = json.loads(run.stdout)
        return catalog


def metadata_of(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the metadata of a catalog entry by breadcrumb; changes affect the entry."""
    return {tuple(each["breadcrumb"]): each["metadata"] for each in entry["metadata"]}


def select_fields(entry: Mapping[str, Any], fields: Iterator[str] | Sequence[str]) -> None:
    """Select a stream and only these of its fields."""
    wanted = set(fields)
    for breadcrumb, metadata in metadata_of(entry).items():
        if not breadcrumb:
            metadata["selected"] = True
        elif metadata["inclusion"] == "available":
            metadata["selected"] = breadcrumb[-1] in wanted
