"""A PostgreSQL server of the tests' own, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "salesforce"
# Where Debian and its kin put the server's programs, which are not in PATH.
_DEBIAN = Path("/usr/lib/postgresql")
_STARTS = 5


def serve_postgres() -> Iterator[dict[str, Any]]:
    """Run a server for a fixture: how to connect to it."""
    installed = server_programs()
    if installed is None:
        pytest.skip("no PostgreSQL server is installed (scripts/test installs it where it may)")
    with running_server(installed) as connection:
        yield connection


def server_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; None where no server is installed."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    debian = sorted(_DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


@contextmanager
def running_server(programs: Path) -> Iterator[dict[str, Any]]:
    """Run a server that listens on loopback.

    Args:
        programs: Folder of its programs.

    Yields:
        How to connect: `host`, `port`, `user`, `password`, `dbname`.
    """
    # The server refuses to run as root, and pytest's own folders are for their owner only.
    as_user: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> int:
        command = [str(programs / program), "-D", str(data), *arguments]
        return subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, cwd=folder, **as_user
        ).returncode

    try:
        assert run("initdb", "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync") == 0
        for _ in range(_STARTS):
            port = _free_port()
            options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
            if run("pg_ctl", "-w", "-l", str(log), "-o", options, "start") == 0:
                break
        else:
            raise AssertionError(log.read_text(encoding="utf-8"))
        try:
            yield {
                "host": "127.0.0.1",
                "port": port,
                "user": _USER,
                "password": "any will do",
                "dbname": "postgres",
            }
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    """Return a port that was free a moment ago; another program may take it, but hardly does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
