"""Runs the tap as a process again and again, importing it only once.

A separate program, started once by `tap_process.py`. It reads one JSON line per run from stdin,
`{"arguments", "environment", "stdout", "stderr"}`, forks, and answers with two lines: `began` with
the process id of the run, and `ended` with its exit code (negative if a signal killed it).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from forked import end_with, load_before_forking, shorten_waits

from tap_sfbulk_pages.jobs import serial_pages
from tap_sfbulk_pages.singer.tap import TapSFBulkPages

shorten_waits()
# A serial walk has several pages without many rows.
serial_pages.RECORDS_A_PAGE_IN_SERIES = 4


def _become(opened: int, descriptor: int) -> None:
    os.dup2(opened, descriptor)
    os.close(opened)


def _run(request: dict[str, Any], pipe: int) -> None:
    """Turn this process into a run of the tap."""
    _become(os.open(os.devnull, os.O_RDONLY), 0)
    _become(os.open(request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    _become(pipe, 1)
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    end_with(TapSFBulkPages.cli)


def main(*, with_arrow: bool = True) -> None:
    """Serve until stdin ends (arguments as of `load_before_forking`)."""
    load_before_forking("salesforce", "jobs", "reading", "singer", with_arrow=with_arrow)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        # Its reader has opened it already.
        pipe = os.open(request["stdout"], os.O_WRONLY)
        process_id = os.fork()
        if process_id == 0:
            _run(request, pipe)
            return
        os.close(pipe)
        sys.stdout.write(f"began {process_id}\n")
        sys.stdout.flush()
        _, status = os.waitpid(process_id, 0)
        sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
