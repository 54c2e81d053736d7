"""The runs of the matrix: cases packed into processes, several processes at a time.

A process reads up to a dozen streams, each struck by a fault of its own, and one that nothing
strikes. Where a stream was not read, a second run follows without faults.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforce_data import expected_records
from tap_process import Tap, TapServer

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fault_cases import Case
    from tap_process import TapRun

    from sfbulk_sandbox.call_log import LoggedCall

SOBJECTS = (
    "Account", "Campaign", "Case", "Contact", "Invoice__c", "Invoice_Line__c", "Lead",
    "Opportunity", "OpportunityLineItem", "Product2", "Task",
)  # fmt: skip
UNTOUCHED = "User"
ROWS = dict.fromkeys((*SOBJECTS, UNTOUCHED), 19)
# So that there is a middle and a last call, where these are struck.
POLLS = {"polls_until_complete": 3}
PAGES = {"page_rows": 3, "links_per_reply": 3}
SECRET = "s3cret-of-the-client"
_WORKERS = 8


@lru_cache
def true_records(sobject: str) -> list[dict[str, Any]]:
    """Return what a stream must contain; every sandbox of the matrix has the same data."""
    with SandboxServer({"rows": ROWS}) as server:
        return expected_records(server, sobject)


@dataclass(frozen=True)
class Batch:
    """Cases that share a process."""

    cases: tuple[Case, ...]

    @property
    def sobjects(self) -> dict[Case, str]:
        """Which case strikes which stream."""
        names = [SOBJECTS[0]] * len(self.cases) if self.is_about_the_org else SOBJECTS
        return dict(zip(self.cases, names, strict=False))

    @property
    def scenario(self) -> dict[str, Any]:
        """The sandbox that it needs, of as few calls as will do."""
        places = {case.place for case in self.cases}
        return {
            "rows": ROWS,
            **(POLLS if "poll" in places else {}),
            **(PAGES if any(case.strikes_pages for case in self.cases) else {}),
            **({"result_pages": "refused"} if "serial_page" in places else {}),
        }

    @property
    def is_slow(self) -> bool:
        """Whether only its duration distinguishes a fault from a healthy call."""
        return any(case.is_slow for case in self.cases)

    @property
    def is_about_the_org(self) -> bool:
        """Whether the faults strike calls that serve all streams."""
        return self.cases[0].is_about_the_org


def batches_of(cases: Iterable[Case]) -> list[Batch]:
    """Pack cases; those that must heal are separate, so that their runs must exit with 0."""

    def kind(case: Case) -> tuple[Any, ...]:
        if case.is_about_the_org:
            shares = case.must_heal and not case.form.alone
            return (0, case.form.name if shares else case.name)
        return (
            1,
            str((case.place == "serial_page", case.strikes_pages)),
            str((case.must_heal, case.permanent, case.is_slow)),
        )

    packed = []
    for _, group in groupby(sorted(cases, key=kind), key=kind):
        together = list(group)
        packed += [
            Batch(tuple(together[start : start + len(SOBJECTS)]))
            for start in range(0, len(together), len(SOBJECTS))
        ]
    return packed


@dataclass
class BatchRuns:
    """The result of a batch.

    Attributes:
        url: The org's address.
        run: With faults.
        second: Without, started with the last STATE of the first; None if all was read.
        faults: The sandbox's report of its faults, in the order of the cases.
        calls: The calls of the first run.
    """

    batch: Batch
    url: str
    run: TapRun
    second: TapRun | None
    faults: list[dict[str, Any]]
    calls: list[LoggedCall] = field(repr=False)

    @cached_property
    def reported(self) -> dict[str, str]:
        """The streams that the summary reports as not read, and what it says about them."""
        summary = self.run.stderr.rpartition("Error: ")[2].split("\n")[1:]
        said = {}
        for line in summary:
            head, _, rest = line.strip().partition(": ")
            name, _, reason = rest.partition(": ") if head == "Failed" else ("", "", "")
            if name in ROWS:
                said[name] = reason
            elif head == "Not begun":
                said |= dict.fromkeys(rest.split(", "), "not begun")
        return said

    def jobs_of(self, sobject: str) -> set[str]:
        """The ids of the jobs that were requested."""
        ids = {
            each.path.partition("/jobs/query/")[2][:18]
            for each in self.calls
            if each.sobject == sobject
        }
        return ids - {""}


class SmallPagesServer(TapServer):
    """Starts runs that read pages of three records if pages are not listed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("small_pages_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # As in most container images; a write to a pipe may then be incomplete.
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


class MatrixRuns:
    """Runs batches on a few threads; a test waits for the batch of its case."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fault-matrix-")
        self._own = threading.local()
        self._servers: list[TapServer] = []
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._futures: dict[Case, Future[BatchRuns]] = {}
        for batch in batches_of(cases):
            future = self._pool.submit(self._run, batch)
            self._futures |= dict.fromkeys(batch.cases, future)

    def __getitem__(self, case: Case) -> BatchRuns:
        return self._futures[case].result()

    def close(self) -> None:
        """Stop what is running."""
        self._pool.shutdown(cancel_futures=True)
        for server in self._servers:
            server.__exit__()
        self._folder.cleanup()

    @property
    def _tap(self) -> Tap:
        """The tap of this thread."""
        if not hasattr(self._own, "tap"):
            server = SmallPagesServer()
            self._servers.append(server)
            self._own.tap = Tap(server, Path(tempfile.mkdtemp(dir=self._folder.name)))
        tap: Tap = self._own.tap
        return tap

    def _run(self, batch: Batch) -> BatchRuns:
        sobjects = batch.sobjects
        with SandboxServer(batch.scenario) as server:
            config = {
                "instance_url": server.url,
                "client_id": "matrix",
                "client_secret": SECRET,
                "objects": [*dict.fromkeys(sobjects.values()), UNTOUCHED],
                # On a busy machine, healthy calls may be too slow as well.
                "max_retries": 4 if batch.is_slow and batch.cases[0].must_heal else 2,
                "request_timeout_seconds": 4 if batch.is_slow else 30,
                "delete_finished_jobs": True,
                "max_concurrent_jobs": len(SOBJECTS) + 1,
                "lookback_seconds": 0,
            }
            if any(case.form.name == "refresh-dies" for case in batch.cases):
                config["refresh_token"] = "refresh-me"
            for case, sobject in sobjects.items():
                server.add_fault(**case.fault(sobject))
            run = self._tap(config)
            faults = _admin(server, "GET")
            calls = list(server.calls)
            second = None
            if run.exit_code != 0:
                _admin(server, "DELETE")
                config.pop("refresh_token", None)
                state = run.state if run.states else None
                second = self._tap(config, state=state)
            return BatchRuns(batch, server.url, run, second, faults, calls)


def _admin(server: SandboxServer, method: str) -> Any:
    request = urllib.request.Request(f"{server.url}/_sandbox/faults", method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - loopback
        body = reply.read()
    return json.loads(body) if body else None
