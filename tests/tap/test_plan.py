"""`sfbulk-plan` tells what a run would do, and makes no query job."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from tap_process import config_for

from tap_sfbulk_pages.singer.plan_command import main

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 40, "Contact": 30, "Lead": 10}, "page_rows": 10}
STREAMS = ("Account", "Contact", "Lead")


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Result]:
    """Run the command with files made of dictionaries."""

    def run(*arguments: str, **files: Mapping[str, Any]) -> Result:
        given = list(arguments)
        for name, content in files.items():
            path = tmp_path / f"plan-{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            given += [f"--{name}", str(path)]
        return CliRunner().invoke(main, given)

    return run


def asked(server: SandboxServer) -> list[str]:
    """Return the calls that have to do with jobs."""
    return [call.path for call in server.calls if "/jobs/" in call.path]


def test_it_tells_what_a_run_then_does(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, *STREAMS)
    result = plan("--format", "json", config=config)
    assert result.exit_code == 0, result.output
    assert not asked(server)
    planned = {each["stream"]: each for each in json.loads(result.stdout)["streams"]}
    assert {name: each["records"] for name, each in planned.items()} == SMALL["rows"]
    run = tap(config, environment={"LOGLEVEL": "DEBUG"})
    for name, each in planned.items():
        assert each["soql"] in run.stderr
        assert len(run.records(name)) == each["records"]
        assert each["jobs"] == 1


def test_text_for_people(plan: Callable[..., Result], start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, *STREAMS, "CaseStatus", start_date="2025-01-01T00:00:00Z")
    result = plan(config=config)
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if line.startswith("Account "))
    assert row.split()[:4] == ["Account", "≤", "40", "1"]
    assert "changes since 2025-01-01" in row
    assert "Account: SELECT Id, MasterRecordId, Name, Type, … (" in result.stdout
    assert "About 3 query jobs, 0.0 % of a day's 10,000; 10,000 are left." in result.stdout
    assert "through REST, as the Bulk API refuses it" in result.stdout
    assert "estimates, without what the Bulk API refuses and REST then reads" in result.stdout
    assert "cut into several, and retries.\n" in result.stdout
    assert f"This plan took {len(server.calls)} calls and created no query job." in result.stdout


def test_records_are_counted_exactly_on_demand(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, *STREAMS, start_date="2025-01-01T00:00:00Z")
    result = plan("--count", "--format", "json", config=config)
    planned = {each["stream"]: each for each in json.loads(result.stdout)["streams"]}
    run = tap(config)
    for name, each in planned.items():
        assert each["records"] == len(run.records(name)) < SMALL["rows"][name]  # type: ignore[index]
        assert not each["records_are_upper_bound"]


def test_a_job_that_goes_on_is_not_made_again(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="status", status=400, match={"sobject": "Lead"})
    config = config_for(server, *STREAMS)
    state = tap(config).state
    result = plan("--format", "json", config=config, state=state)
    planned = {each["stream"]: each for each in json.loads(result.stdout)["streams"]}
    assert planned["Lead"]["jobs"] == 0
    job = state["bookmarks"]["Lead"]["query_job"]["id"]
    assert planned["Lead"]["how"] == f"job {job} goes on, 0 records done"
    assert planned["Account"]["jobs"] == 1
    assert planned["Account"]["how"].startswith("changes since 20")


def test_a_user_who_may_not_ask_for_counts_and_limits(
    plan: Callable[..., Result], start_sandbox: StartSandbox
) -> None:
    """Both are limits to Salesforce, and need permissions that reading does not."""
    server = start_sandbox(**SMALL)
    server.add_fault(place="limits", kind="status", status=403, times="forever")
    result = plan(config=config_for(server, *STREAMS))
    assert result.exit_code == 0, result.output
    assert "Account  ?" in re.sub(" +", "  ", result.stdout)
    assert "the org does not say how many are left" in result.stdout


def test_ranges_and_what_is_small(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(
        rows={"Account": 200, "Contact": 30, "Lead": 10},
        record_counts={"Account": 11_000_000, "Contact": 2_001},
    )
    # The last of the ranges gets no job.
    server.add_fault(
        place="create", kind="status", status=400, first=5, match={"sobject": "Account"}
    )
    config = config_for(server, *STREAMS, small_objects_through_rest=True, max_concurrent_jobs=1)

    def planned_and_made(**state: Mapping[str, Any]) -> tuple[dict[str, Any], TapRun]:
        before = len(server.calls)
        result = plan("--format", "json", config=config, **state)
        # Versions, objects, describes, sizes, limits.
        assert len(server.calls) - before == 5
        planned = {each["stream"]: each for each in json.loads(result.stdout)["streams"]}
        run = tap(config, **state)
        calls = [call for call in server.calls[before + 5 :] if call.place == "create"]
        assert {name: each["jobs"] for name, each in planned.items()} == {
            name: [call.sobject for call in calls].count(name) for name in STREAMS
        }
        return planned, run

    planned, run = planned_and_made()
    assert run.exit_code == 1
    assert planned["Account"]["jobs"] == 5
    assert planned["Account"]["how"] == "everything, in up to 5 ranges"
    assert planned["Lead"]["how"] == "everything, through REST"
    assert planned["Lead"]["calls"] == 1
    planned, run = planned_and_made(state=run.state)
    assert run.exit_code == 0, run.stderr
    assert planned["Account"]["jobs"] == 1
    assert planned["Account"]["how"] == "ranges go on, 4 of 5 done"


def test_a_query_through_rest_goes_on(
    plan: Callable[..., Result], start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    query = {
        "query": "x",
        "next_records_url": "/services/data/v67.0/query/0r8-2",
        "records_done": 1,
    }
    state = {"bookmarks": {"Lead": {"rest_query": query}}}
    result = plan(config=config_for(server, "Lead"), state=state)
    assert result.exit_code == 0, result.output
    assert "a query through REST goes on, 1 record done" in result.stdout
    assert "About 1 API call, " in result.stdout
    assert "About 0 query jobs, " in result.stdout


@pytest.mark.parametrize(
    ("scenario", "settings", "said"),
    [
        ({"daily_query_jobs": {"max": 100, "used": 98}}, {}, "2 are left. That is not enough."),
        (
            {"daily_api_requests": {"max": 100, "used": 0}},
            {},
            "The run would stop at quota_percent_per_run.",
        ),
        (
            {"daily_api_requests": {"max": 1000, "used": 700}},
            {"quota_percent_total": 71},
            "The run would stop at quota_percent_total.",
        ),
        (
            {"daily_api_requests": {"max": 1000, "used": 900}},
            {"quota_percent_per_run": 0.1},
            "The run would stop at quota_percent_per_run.",
        ),
    ],
    ids=["jobs", "calls of the run", "calls in all", "passed already"],
)
def test_limits_that_stand_in_the_way(
    plan: Callable[..., Result],
    start_sandbox: StartSandbox,
    scenario: dict[str, Any],
    settings: dict[str, Any],
    said: str,
) -> None:
    server = start_sandbox(**SMALL, **scenario)
    result = plan(config=config_for(server, *STREAMS, **settings))
    assert result.exit_code == 0, result.output
    assert said in result.stdout


def test_a_stream_that_cannot_be_read_is_told(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, *STREAMS)
    catalog = tap.catalog(config)
    gone = json.loads(json.dumps(catalog["streams"][0]).replace('"Account"', '"Gone__c"'))
    result = plan(config=config, catalog={"streams": [*catalog["streams"], gone]})
    assert result.exit_code == 0, result.output
    assert "Gone__c cannot be read: Salesforce does not describe Gone__c: 404" in result.stdout
    assert "About 3 query jobs" in result.stdout


def test_wrong_settings_are_told_in_words(
    plan: Callable[..., Result], caplog: pytest.LogCaptureFixture
) -> None:
    result = plan(config={"instance_url": "https://acme.my.salesforce.com"})
    assert result.exit_code == 1
    assert "Error: Wrong settings:\n  no way to sign in is set" in caplog.messages[-1]


def test_queries_and_jobs_of_the_settings(
    plan: Callable[..., Result], tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    tap(config_for(server, "Lead"))
    (job,) = server.jobs
    queries: list[dict[str, Any]] = [
        {
            "name": "people",
            "soql": "SELECT Id, Account.Name FROM Contact WHERE Phone != null ORDER BY Name",
        },
        {"name": "few", "soql": "SELECT Id, CreatedDate FROM Account LIMIT 7"},
        {
            "name": "changes",
            "soql": "SELECT Id, CreatedDate FROM Account ORDER BY Id",
            "replication_key": "CreatedDate",
        },
    ]
    jobs = [{"name": "leads", "id": job.id}]
    config = config_for(server, "!*", queries=queries, jobs=jobs)
    bookmark = {
        "replication_key": "CreatedDate",
        "replication_key_value": "2025-01-01T00:00:00.000Z",
    }
    state = {"bookmarks": {"changes": bookmark}}
    asked_before = asked(server)
    result = plan("--count", "--format", "json", config=config, state=state)
    assert result.exit_code == 0, result.output
    planned = {each["stream"]: each for each in json.loads(result.stdout)["streams"]}
    assert [path for path in asked(server)[len(asked_before) :] if job.id not in path] == []
    run = tap(config, state=state)
    assert run.exit_code == 0, run.stderr
    for name in ("people", "few", "changes"):
        assert planned[name]["records"] == len(run.records(name)) > 0
        assert planned[name]["jobs"] == 1
    assert "changes since 2025-01-01T00:00:00.000Z" in planned["changes"]["how"]
    assert planned["leads"]["how"] == f"the result of job {job.id}"
    assert planned["leads"]["jobs"] == 0
    again = plan("--format", "json", config=config, state=run.state)
    planned = {each["stream"]: each for each in json.loads(again.stdout)["streams"]}
    assert planned["leads"]["how"] == f"job {job.id} has been read"
