"""Daily allowances: the run stops before they are crossed, and goes on when they have renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

OBJECTS = ("Account", "Contact", "Lead", "Case")
SCENARIO: dict[str, Any] = {"rows": dict.fromkeys(OBJECTS, 20), "page_rows": 2}


def config_for(server: SandboxServer, **settings: Any) -> dict[str, Any]:
    return {
        "instance_url": server.url,
        "client_id": "allowances",
        "client_secret": "secret",
        "objects": list(OBJECTS),
        "max_retries": 2,
        "lookback_seconds": 0,
        **settings,
    }


def api_calls(server: SandboxServer) -> int:
    return server.usage.api_requests


def assert_goes_on(tap: Tap, server: SandboxServer, config: dict[str, Any], run: TapRun) -> None:
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    second = tap(config, state=run.state if run.states else None)
    assert second.exit_code == 0, second.stderr
    for name in OBJECTS:
        records = {record["Id"]: record for each in (run, second) for record in each.records(name)}
        assert_same_records(list(records.values()), expected_records(server, name))


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"quota_percent_total": 50, "quota_percent_per_run": 100}, 20),
        ({"quota_percent_total": 100, "quota_percent_per_run": 30}, 30),
    ],
)
@pytest.mark.parametrize("parallel", [1, 5])
def test_api_calls(
    tap: Tap,
    start_sandbox: StartSandbox,
    settings: dict[str, Any],
    most: int,
    parallel: int,
) -> None:
    server = start_sandbox(**SCENARIO, daily_api_requests={"max": 100, "used": 30})
    config = config_for(server, max_parallel_downloads=parallel)
    run = tap({**config, **settings})
    (name,) = (each for each in settings if settings[each] < 100)
    assert most - 6 <= api_calls(server) <= most
    assert name in run.stderr
    assert "100" in run.stderr
    assert "last 24 hours" in run.stderr
    server.usage.api_requests = -30
    assert_goes_on(
        tap, server, {**config, "quota_percent_total": 100, "quota_percent_per_run": 100}, run
    )


def test_query_jobs(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO, daily_query_jobs={"max": 100, "used": 98})
    run = tap(config_for(server))
    creations = [each for each in server.calls if each.place == "create"]
    assert [each.status for each in creations] == [200, 200]
    assert "DailyBulkV2QueryJobs" in run.stderr
    assert "last 24 hours" in run.stderr
    server.usage.query_jobs = -90
    assert_goes_on(tap, server, config_for(server), run)


def test_volume_of_results(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO, daily_query_storage_mb={"max": 100, "used": 100})
    run = tap(config_for(server))
    assert "create" not in {each.place for each in server.calls}
    assert "DailyBulkV2QueryFileStorageMB" in run.stderr
    assert "last 24 hours" in run.stderr
    server.usage.result_bytes = -50_000_000
    assert_goes_on(tap, server, config_for(server), run)


def test_the_volume_that_a_run_uses_counts(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {**SCENARIO["rows"], "Account": 4_000}
    server = start_sandbox(rows=rows, daily_query_storage_mb={"max": 100, "used": 99})
    with monkeypatch.context() as lenient:
        # Its own count would refuse the job that the tap must not ask for.
        lenient.setattr(server.usage, "count_job", lambda _: None)
        run = tap(config_for(server, max_concurrent_jobs=1))
    assert len(run.records("Account")) == rows["Account"]
    # The next job was made while the first was read.
    assert len([each for each in server.calls if each.place == "create"]) <= 2
    assert "DailyBulkV2QueryFileStorageMB" in run.stderr
    server.usage.result_bytes = -50_000_000
    assert_goes_on(tap, server, config_for(server), run)


@pytest.mark.parametrize("form", ["requests", "jobs", "storage"])
def test_a_limit_that_salesforce_tells_begins_no_more_jobs(
    tap: Tap, start_sandbox: StartSandbox, form: str
) -> None:
    server = start_sandbox(**SCENARIO)
    server.add_fault(place="create", kind="daily_limit", form=form, times="forever")
    config = config_for(server, max_concurrent_jobs=1)
    run = tap(config)
    assert "Not begun: " in run.stderr.rpartition("Error: ")[2]
    assert "last 24 hours" in run.stderr
    assert len([each for each in server.calls if each.place == "create"]) < len(OBJECTS)
    server.clear_faults()
    assert_goes_on(tap, server, config, run)
