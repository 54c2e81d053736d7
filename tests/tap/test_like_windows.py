"""The tap where the calls that only POSIX has are missing, as far as Windows can be imitated."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, parse_message

from sfbulk_sandbox import cli
from tap_sfbulk_pages.loading import singer_batches
from tap_sfbulk_pages.reading.stop_signal import RunStopped
from tap_sfbulk_pages.singer import standard_output
from tap_sfbulk_pages.singer.standard_output import OutputError, StandardOutput

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox

# What the modules of Windows' Python lack.
ABSENT = {
    "os": "fork forkpty getpgrp getpgid setsid setpgid killpg tcgetpgrp getuid geteuid getgid "
    "getegid chown fchmod fchown get_blocking set_blocking mkfifo openpty pread pwrite sysconf "
    "uname wait4 O_NONBLOCK O_NOFOLLOW O_CLOEXEC O_DIRECTORY sched_getaffinity statvfs sync",
    "select": "poll epoll POLLIN POLLOUT POLLERR POLLHUP",
    "signal": "SIGHUP SIGPIPE SIGKILL SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGCHLD SIGWINCH alarm "
    "setitimer pthread_sigmask sigwait siginterrupt set_wakeup_fd pthread_kill",
    "time": "tzset",
}
MISSING_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
LIKE_WINDOWS = f"""
import importlib, sys
from tap_sfbulk_pages.singer.tap import TapSFBulkPages

for module, names in {ABSENT}.items():
    loaded = importlib.import_module(module)
    for name in names.split():
        if hasattr(loaded, name):
            delattr(loaded, name)
sys.modules.update(dict.fromkeys({MISSING_MODULES}))
sys.platform = "win32"
TapSFBulkPages.cli()
"""


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away in this process what the code under test would find elsewhere only."""
    monkeypatch.setattr(sys, "platform", "win32")
    for module, names in ((os, ABSENT["os"]), (select, ABSENT["select"])):
        for name in names.split():
            if name not in {"getpid", "uname"}:
                monkeypatch.delattr(module, name, raising=False)


def test_records_are_read_without_posix(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(rows={"Account": 25}, page_rows=10)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_for(server, "Account")), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", LIKE_WINDOWS, "--config", config],
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr.decode()
    messages = [parse_message(line) for line in run.stdout.splitlines()]
    records = [each["record"] for each in messages if each["type"] == "RECORD"]
    assert_same_records(records, expected_records(server, "Account"))
    assert messages[-1]["type"] == "STATE"


@pytest.mark.usefixtures("windows")
def test_stop_needs_no_posix(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of Windows blocks; one that does not is waited for all the same."""
    monkeypatch.setattr(standard_output, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(standard_output, "_LOOK_MILLISECONDS", 1)

    def full(_descriptor: int, _data: memoryview) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "write", full)
    output = StandardOutput(1)
    output.stop(signal.SIGTERM)
    with pytest.raises(RunStopped):
        output.write(b"line\n")
    output.restore()


@pytest.mark.usefixtures("windows")
def test_closed_pipe_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_descriptor: int, _data: memoryview) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "write", closed)
    with pytest.raises(OutputError, match="The target has closed its input"):
        StandardOutput(1).write(b"line\n")


@pytest.mark.usefixtures("windows")
def test_interrupt_is_not_passed_on() -> None:
    """There it cannot be, and reaches every process of a console by itself."""
    assert cli._is_in_foreground()


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///C:/data/a%20b.arrow", r"C:\data\a b.arrow"),
        ("file://localhost/C:/data/x.arrow", r"C:\data\x.arrow"),
        (r"C:\data\x.arrow", r"C:\data\x.arrow"),
    ],
)
def test_batch_file_of_windows_is_found(
    monkeypatch: pytest.MonkeyPatch, uri: str, path: str
) -> None:
    nturl2path = pytest.importorskip("nturl2path")
    monkeypatch.setattr(singer_batches, "url2pathname", nturl2path.url2pathname)
    monkeypatch.setattr(singer_batches, "Path", PureWindowsPath)
    assert str(singer_batches.local_path(uri)) == path
    assert urllib.request.url2pathname("/a%20b") == "/a b"
