"""What cannot be written ends the run, in a file at a line end; a slow reader is waited for."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, parse_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

STREAMS = {"Account": 400, "Contact": 5}
PIPE_BYTES = 4096
FULL = Path("/dev/full")


@contextmanager
def running(
    server: SandboxServer, folder: Path, stdout: IO[Any] | int, *arguments: str, limit: int = 0
) -> Iterator[subprocess.Popen[str]]:
    """Run the command with a stdout of its own; files end at a limit of bytes, if one is given."""
    config = folder / "config.json"
    config.write_text(json.dumps(config_for(server, *STREAMS)), encoding="utf-8")
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"{f'resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))' if limit else ''}\n"
        "from tap_sfbulk_pages.singer.tap import TapSFBulkPages\n"
        "TapSFBulkPages.cli()\n"
    )
    command = [sys.executable, "-c", program, "--config", str(config), *arguments]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as process:
        too_long = threading.Timer(120, process.kill)
        too_long.start()
        yield process
        too_long.cancel()


def wait_until_full(reading: int) -> None:
    """Wait until the run can write no more: what waits in the pipe does not grow any longer."""
    deadline = time.monotonic() + 60
    before, waiting = array("i", [0]), array("i", [0])
    while not waiting[0] or waiting != before:
        assert time.monotonic() < deadline
        before = array("i", waiting)
        time.sleep(0.5)
        fcntl.ioctl(reading, termios.FIONREAD, waiting)


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("arguments", [[], ["--discover"]])
def test_a_full_disk_ends_the_run(
    start_sandbox: StartSandbox, tmp_path: Path, arguments: list[str]
) -> None:
    server = start_sandbox(rows=STREAMS)
    with FULL.open("w") as full, running(server, tmp_path, full, *arguments) as process:
        _, log = process.communicate()
    assert process.returncode == 74
    assert "stdout cannot be written: No space left on device" in log
    assert "Traceback" not in log
    assert "Exception ignored" not in log
    assert not re.search("(ERROR|Failed).*Account", log)
    assert "were not read" not in log


def test_a_file_that_can_grow_no_more_ends_at_a_line_end(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows=STREAMS)
    path = tmp_path / "messages.jsonl"
    with path.open("wb") as file, running(server, tmp_path, file, limit=100_000) as process:
        _, log = process.communicate()
    assert process.returncode == 74
    assert "stdout cannot be written: File too large" in log
    written = path.read_bytes()
    assert 10_000 < len(written) <= 100_000
    assert written.endswith(b"\n")
    assert all(json.loads(line)["type"] for line in written.splitlines())


def test_a_reader_that_goes_ends_the_run(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(rows=STREAMS)
    with running(server, tmp_path, subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        log = process.stderr.read()
    assert process.returncode == 74
    assert "The target has closed its input; nothing more is read." in log
    assert not re.search("(ERROR|Failed).*Account", log)
    assert "Traceback" not in log


def test_a_pipe_that_does_not_block_is_waited_for(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows=STREAMS)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE_BYTES)
    os.set_blocking(writing, False)
    with running(server, tmp_path, writing) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            lines = [pipe.readline()]
            wait_until_full(reading)
            lines += pipe.readlines()
        _, log = process.communicate()
    assert process.returncode == 0, log
    messages = [parse_message(line) for line in lines]
    for name in STREAMS:
        records = [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == name]
        assert_same_records(records, expected_records(server, name))


@pytest.mark.parametrize("blocks", [True, False])
def test_a_signal_ends_a_run_that_nobody_reads(
    start_sandbox: StartSandbox, tmp_path: Path, *, blocks: bool
) -> None:
    server = start_sandbox(rows=STREAMS)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, getattr(fcntl, "F_SETPIPE_SZ", 1031), 4096)
    os.set_blocking(writing, blocks)
    with running(server, tmp_path, writing) as process:
        with os.fdopen(reading, "rb") as pipe:
            pipe.readline()
            wait_until_full(reading)
            process.send_signal(signal.SIGTERM)
            # Nobody reads any more, and the pipe stays open.
            _, log = process.communicate()
        # Other programs may share it.
        assert os.get_blocking(writing) == blocks
        os.close(writing)
    assert process.returncode == 143
    assert "Traceback" not in log


def test_a_signal_lets_a_slow_reader_have_whole_lines_and_a_state(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows=STREAMS)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, getattr(fcntl, "F_SETPIPE_SZ", 1031), 4096)
    with running(server, tmp_path, writing) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            lines = [pipe.readline()]
            while b"RECORD" not in lines[-1][:20]:
                lines.append(pipe.readline())
            wait_until_full(reading)
            process.send_signal(signal.SIGTERM)
            lines += pipe.readlines()
        process.communicate()
    assert process.returncode == 143
    assert lines[-1].endswith(b"\n")
    # A state that has not changed since is not repeated at the end.
    assert "STATE" in [json.loads(line)["type"] for line in lines]
