"""The command `sfbulk-load` as tests start it: a process that imports it once and forks loads.

Each line of its input is a request: to start a load, or to tell whether one has ended. Jobs are
asked for sooner than by the command: the sandbox's are complete at once. A load may be told to
kill itself at one of its calls to the database, so that it dies there on every machine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# ruff: noqa: E402 - The driver for PostgreSQL imports Polars where it is installed. The version for
# Python 3.10 waits at its end for a thread that a fork does not have.
sys.modules["polars"] = None  # type: ignore[assignment]

from forked import end_with, load_before_forking, shorten_waits

from tap_sfbulk_pages.loading import transactions
from tap_sfbulk_pages.loading.command import main
from tap_sfbulk_pages.loading.databases.duckdb import DuckDBDatabase
from tap_sfbulk_pages.loading.databases.postgresql import PostgreSQLDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_sfbulk_pages.loading.databases.database import Database


def serve() -> None:
    """Answer requests until the input ends."""
    load_before_forking("salesforce", "jobs", "reading", "loading")
    shorten_waits()
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            pid, status = os.waitpid(request["pid"], os.WNOHANG)
            reply = os.waitstatus_to_exitcode(status) if pid else None
        elif (reply := os.fork()) == 0:
            run_load(**request)
        replies.write(f"{json.dumps(reply)}\n")


def run_load(
    arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[str]
) -> None:
    """Run the command in this process, and end it.

    Args:
        arguments: Of the command line.
        environment: All environment variables. `TEST_RECORDS_A_TRANSACTION` is how many records
            make a transaction; `TEST_DIES_AT` is the call to the database, counted from the first
            rows on, at which the process kills itself.
        files: For stdin, stdout and stderr.
    """
    for number, path in enumerate(files):
        os.dup2(os.open(path, os.O_WRONLY | os.O_TRUNC if number else os.O_RDONLY), number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    if records := environment.get("TEST_RECORDS_A_TRANSACTION"):
        transactions.RECORDS_A_TRANSACTION = int(records)
    if place := environment.get("TEST_DIES_AT"):
        for kind in (DuckDBDatabase, PostgreSQLDatabase):
            _die_at(kind, int(place))
    end_with(lambda: main(arguments, prog_name="sfbulk-load"))


def _die_at(kind: type[Database], place: int) -> None:
    """Let a load kill itself at a call, counted from the first rows on."""
    calls = 0

    def counted(method: Callable[..., Any], *, begins: bool = False) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            if begins or calls:
                if calls == place:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls += 1
            return method(*arguments, **options)

        return call

    for name in ("execute", "commit"):
        setattr(kind, name, counted(getattr(kind, name)))
    for name in ("ingest", "stage"):
        setattr(kind, name, counted(getattr(kind, name), begins=True))


if __name__ == "__main__":
    serve()
