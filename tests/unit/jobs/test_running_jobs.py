"""Jobs that are waited for together are asked about together."""

from __future__ import annotations

import math
import re
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest
from tap_process import config_for

from tap_sfbulk_pages.errors import UnavailableError
from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.jobs.query import QueryJob
from tap_sfbulk_pages.jobs.query_jobs import QueryJobs
from tap_sfbulk_pages.jobs.running_jobs import RunningJobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixture_types import StartSandbox
    from tap_process import Tap


OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Case", "Task")
JOBS = ("750a", "750b", "750c")


def test_many_jobs_cost_few_calls(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows=dict.fromkeys(OBJECTS, 3), running_seconds=2.0)
    run = tap(config_for(server, *OBJECTS))
    assert run.exit_code == 0, run.stderr
    assert {name: len(run.records(name)) for name in OBJECTS} == dict.fromkeys(OBJECTS, 3)
    asked = Counter(
        "list" if call.path.endswith("/jobs/query?jobType=V2Query") else "job"
        for call in server.calls
        if call.method == "GET" and re.search(r"/jobs/query(/\w+|\?jobType=V2Query)$", call.path)
    )
    assert asked["list"]
    # Each is asked about some 25 times; now and then, and at last, it is asked itself.
    assert asked["job"] <= 8 * len(OBJECTS)


class Client:
    """Answers each call with the same list."""

    def __init__(self, states: dict[str, str] | None) -> None:
        self.states = states
        self.calls = 0

    def fetch_json(self, *_: object, parse: Callable[[Any], Any], **__: object) -> Any:
        self.calls += 1
        if self.states is None:
            raise UnavailableError("No list today.")
        return parse(
            {"records": [{"id": job, "state": state} for job, state in self.states.items()]}
        )


def running(client: Any, *, waited_for: tuple[str, ...] = JOBS, times: int = 2) -> dict[str, str]:
    """Ask for the state of each job so many times, each time for a new list."""
    jobs = RunningJobs(client)
    with ExitStack() as stack:
        for job in waited_for:
            stack.enter_context(jobs.waiting_for(job))
        return {
            job: state
            for _ in range(times)
            for job in waited_for
            if (state := jobs.find_state(job, api_version="62.0", since=math.inf))
        }


def test_only_what_runs_is_told() -> None:
    client = Client({"750a": "InProgress", "750b": "JobComplete", "750x": "InProgress"})
    assert running(client) == {"750a": "InProgress"}


@pytest.mark.parametrize("states", [None, {}, {"750x": "InProgress"}])
def test_a_list_that_is_refused_or_knows_no_job_of_ours_is_not_asked_for_again(
    states: dict[str, str] | None,
) -> None:
    client = Client(states)
    assert running(client) == {}
    assert client.calls == 1


def test_one_job_is_asked_for_itself() -> None:
    client = Client({"750a": "InProgress"})
    assert running(client, waited_for=("750a",)) == {}
    assert not client.calls


class LateList:
    """Lists a job as one that runs when it has long been complete."""

    def fetch_json(self, path: str, *, parse: Callable[[Any], Any], **_: object) -> Any:
        if path.startswith("/jobs/query/"):
            return parse({"id": "750a", "state": "JobComplete"})
        return parse({"records": [{"id": "750a", "state": "InProgress"}]})


def test_a_list_that_lags_behind_does_not_hide_the_end_of_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(query_jobs, "SHORTEST_POLL_SECONDS", 0.001)
    jobs = QueryJobs(cast("Any", LateList()), timeout_seconds=5)
    with jobs._running.waiting_for("750b"), jobs._running.waiting_for("750c"):
        job = jobs.wait_until_complete(QueryJob("750a", "62.0", state="InProgress"))
    assert job.is_complete
