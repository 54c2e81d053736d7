"""Runs every command of the package, each in a process of its own, and imports them only once.

A separate program, started by `command_process.py`. It reads lines from stdin, each a JSON list of
runs, `{"command", "arguments", "environment", "folder", "crash"}`, and answers with the list of
their exit codes when all have ended. Each run leaves in its folder what it has printed (`stdout`,
`stderr`) and its OpenTelemetry spans (`spans`). A run with `crash` ends in an error of the program
itself, of which that text is a part.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from forked import end_with, load_before_forking, shorten_waits
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from tap_sfbulk_pages.evidence import interview
from tap_sfbulk_pages.evidence.command import main as evidence
from tap_sfbulk_pages.loading.command import main as load
from tap_sfbulk_pages.salesforce.client import SalesforceClient
from tap_sfbulk_pages.singer.plan_command import main as plan
from tap_sfbulk_pages.singer.tap import TapSFBulkPages
from tap_sfbulk_pages.workers import JobOptions, JobRead, job_partitions

shorten_waits()
interview.FIRST_POLL_SECONDS = 0.02
# Most runs wait for a while, such as before they try again.
_AT_ONCE = 6


def _work() -> None:
    """Read all jobs that `OBJECTS` names, and show errors as engines do."""
    for name in os.environ["OBJECTS"].split(","):
        try:
            options = JobOptions.parse({"object": name, "fields": "Id,Name"})
            properties = options.properties()
            job = options.job(list(properties))
            read = JobRead(options.access, properties)
            for partition in job_partitions(options.access.org(), job):
                read.table(partition)
        except Exception:  # noqa: BLE001, PERF203 - as engines do
            traceback.print_exc()


_COMMANDS = {
    "tap": lambda: TapSFBulkPages.cli(prog_name="tap-sfbulk-pages"),
    "sfbulk-plan": lambda: plan(prog_name="sfbulk-plan"),
    "sfbulk-load": lambda: load(prog_name="sfbulk-load"),
    "sfbulk-evidence": lambda: evidence(prog_name="sfbulk-evidence"),
    "workers": _work,
}


def _crash(text: str) -> None:
    def call(*_: Any, **__: Any) -> Any:
        error = RuntimeError(f"a mistake: {text}")
        if sys.version_info >= (3, 11):
            error.add_note(f"a note: {text}")
        raise error from KeyError(text)

    setattr(SalesforceClient, "call", call)  # noqa: B010 - mypy knows methods as constants


def _run(request: dict[str, Any]) -> None:
    """Turn this process into a run, or into what reads the terminal of one."""
    folder = Path(request["folder"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
    if request["terminal"]:
        _give_terminal(folder / "terminal")
    os.chdir(folder)
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    with (folder / "spans").open("w", encoding="utf-8") as spans:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=spans)))
        trace.set_tracer_provider(provider)
        if request["crash"]:
            _crash(request["crash"])
        end_with(_COMMANDS[request["command"]])


def _give_terminal(path: Path) -> None:
    """Go on in a process whose stderr is a terminal; this one writes what comes there to a file."""
    reader, writer = os.openpty()
    process_id = os.fork()
    if process_id == 0:
        os.dup2(writer, 2)
        os.close(reader)
        return
    os.close(writer)
    # At its end, a terminal cannot be read any more.
    with path.open("wb") as file, suppress(OSError):
        while part := os.read(reader, 65_536):
            file.write(part)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1]) & 0xFF)


def main() -> None:
    """Serve until stdin ends."""
    load_before_forking("salesforce", "jobs", "reading", "singer", "loading", "evidence")
    for line in iter(sys.stdin.readline, ""):
        process_ids: list[int] = []
        exit_codes: dict[int, int] = {}
        for request in json.loads(line):
            if len(process_ids) - len(exit_codes) == _AT_ONCE:
                _wait_for_one(exit_codes)
            process_id = os.fork()
            if process_id == 0:
                _run(request)
                return
            process_ids.append(process_id)
        while len(exit_codes) < len(process_ids):
            _wait_for_one(exit_codes)
        sys.stdout.write(f"{json.dumps([exit_codes[each] for each in process_ids])}\n")
        sys.stdout.flush()


def _wait_for_one(exit_codes: dict[int, int]) -> None:
    process_id, status = os.wait()
    exit_codes[process_id] = os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
