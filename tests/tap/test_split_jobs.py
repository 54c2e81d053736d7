"""Huge objects, and jobs that are not done in time: read in ranges, each through its own job."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from salesforce_data import assert_same_records, expected_records
from sandbox_calls import change_scenario, complete_job
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer
    from sfbulk_sandbox.state.query_jobs import QueryJob

ROWS = 58
SMALL = {"rows": {"Account": ROWS, "User": 5}, "page_rows": 4}
HUGE = {**SMALL, "record_counts": {"Account": 11_000_000}}
RANGES = 5
TOO_LONG = "Retried more than fifteen times"


def jobs_of(server: SandboxServer) -> list[QueryJob]:
    return list(server.jobs)


def places(server: SandboxServer) -> Counter[str | None]:
    return Counter(call.place for call in server.calls)


def read_in_all(*runs: TapRun, stream: str = "Account") -> list[dict[str, Any]]:
    """Return what a target that merges by key has made of the runs."""
    return list({each["Id"]: each for run in runs for each in run.records(stream)}.values())


def greatest(server: SandboxServer) -> str:
    stamps = (each["SystemModstamp"] for each in expected_records(server, "Account"))
    maximum: str = max(stamp for stamp in stamps if stamp)
    return maximum


def most_at_a_time(server: SandboxServer) -> int:
    """Return how many jobs ran at once, where each is complete at its second poll."""
    polls: Counter[str] = Counter()
    running = most = 0
    for call in server.calls:
        if call.place == "create":
            running += 1
        elif call.place == "poll":
            polls[call.path] += 1
            running -= polls[call.path] == 2
        most = max(most, running)
    return most


def test_a_huge_object_is_read_in_ranges_side_by_side(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**HUGE, polls_until_complete=2)
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert len(jobs_of(server)) == RANGES
    assert most_at_a_time(server) == RANGES
    assert run.bookmark("Account") == {
        "replication_key": "SystemModstamp",
        "replication_key_value": greatest(server),
    }
    assert "Account has about 11000000 records: read in 5 ranges" in run.stderr


def test_no_more_jobs_run_at_a_time_than_are_allowed(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**HUGE, polls_until_complete=2)
    names = ("Account", "User", "Contact", "Case")
    run = tap(config_for(server, *names, max_concurrent_jobs=2))
    assert run.exit_code == 0, run.stderr
    assert len(jobs_of(server)) == RANGES + 3
    assert most_at_a_time(server) == 2
    for name in names:
        assert_same_records(run.records(name), expected_records(server, name))


@pytest.mark.parametrize(
    ("scenario", "settings"),
    [
        ({**SMALL, "record_counts": {"Account": 10_000_000}}, {}),
        (HUGE, {"split_jobs": False}),
        (HUGE, {"start_date": "2999-01-01T00:00:00Z"}),
    ],
)
def test_what_is_not_huge_or_not_to_be_cut_is_one_job(
    tap: Tap,
    start_sandbox: StartSandbox,
    scenario: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    server = start_sandbox(**scenario)
    run = tap(config_for(server, "Account", **settings))
    assert run.exit_code == 0, run.stderr
    assert len(jobs_of(server)) == 1
    assert not any(state["bookmarks"]["Account"].get("ranges") for state in run.states)


def test_sizes_are_asked_once_a_run_and_only_for_a_first_load(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", "User")
    first = tap(config)
    assert sum("recordCount" in call.path for call in server.calls) == 1
    since = len(server.calls)
    tap(config, state=first.state)
    assert not any("recordCount" in call.path for call in server.calls[since:])
    assert places(server)["query"] == 0


def test_records_at_the_edges_are_read_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    """No stamp at all, stamps before and after everything, and stamps that are a bound."""
    server = start_sandbox(**HUGE)
    stamps = [None, None, "1700-01-01T00:00:00.000Z", "2999-12-31T23:59:59.000Z"]
    server.org.upsert("Account", [{"Name": "edge", "SystemModstamp": each} for each in stamps])
    queries = tap(config_for(server, "Account"))
    assert queries.exit_code == 0, queries.stderr
    assert_same_records(queries.records("Account"), expected_records(server, "Account"))
    bounds = [job.soql.split(" < ")[1][:24] for job in jobs_of(server) if " < " in job.soql]
    assert len(bounds) == RANGES - 1
    server.org.upsert("Account", [{"Name": "bound", "SystemModstamp": each} for each in bounds])
    run = tap(config_for(server, "Account"))
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_the_users_filter_and_start_date_hold_in_every_range(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**HUGE)
    config = config_for(
        server,
        "Account",
        start_date="2024-06-01T00:00:00Z",
        filters={"Account": "Industry = 'Banking' OR Industry = 'Energy'"},
    )
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    where = (
        "WHERE SystemModstamp >= 2024-06-01T00:00:00Z "
        "AND (Industry = 'Banking' OR Industry = 'Energy')"
    )
    expected = expected_records(server, "Account", where=where)
    assert expected
    assert_same_records(run.records("Account"), expected)
    assert len(jobs_of(server)) == RANGES


def test_a_huge_object_with_a_filter_too_long_for_an_address_is_cut(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**HUGE)
    long = " AND ".join([f"Name != '{'x' * 250}'"] * 60)
    run = tap(config_for(server, "Account", filters={"Account": long}))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert len(jobs_of(server)) == RANGES
    assert "cannot be cut" not in run.stderr


@pytest.mark.parametrize(("sobject", "field"), [("Account", "CreatedDate"), ("AccountShare", "Id")])
def test_full_table_is_cut_by_what_no_change_moves(
    tap: Tap, start_sandbox: StartSandbox, sobject: str, field: str
) -> None:
    server = start_sandbox(
        rows={"Account": ROWS, "AccountShare": ROWS}, record_counts={sobject: 11_000_000}
    )
    config = config_for(server, sobject)
    catalog = tap.catalog(config)
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records(sobject), expected_records(server, sobject))
    assert len(jobs_of(server)) == RANGES
    assert all(f" {field} " in job.soql.replace("(", " ") for job in jobs_of(server))
    assert run.bookmark(sobject) == {}


def test_a_key_of_the_users_own_choice_is_not_cut(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**HUGE)
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    entry["replication_key"] = "LastActivityDate"
    metadata_of(entry)[()]["replication-key"] = "LastActivityDate"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert len(jobs_of(server)) == 1


@pytest.mark.parametrize("after_states", [2, 3, 7, 12, 17])
def test_a_run_that_is_killed_makes_no_job_again(
    tap: Tap, start_sandbox: StartSandbox, after_states: int
) -> None:
    server = start_sandbox(**HUGE)
    config = config_for(server, "Account", max_concurrent_jobs=2)
    first = tap.killed(config, after_states=after_states)
    saved = first.bookmark("Account")["ranges"]
    known = {part["query_job"]["id"] for part in saved["parts"] if part.get("query_job")}
    done = [part for part in saved["parts"] if part.get("done")]
    made_before = {job.id for job in jobs_of(server)}
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(read_in_all(first, second), expected_records(server, "Account"))
    made_after = [job for job in jobs_of(server) if job.id not in made_before]
    # The first run may have been killed while it asked for a job, which then comes a little later.
    assert len({job.soql for job in made_after}) == RANGES - len(known) - len(done)
    for part in done:
        assert not any(f">= {part['from']}" in job.soql for job in made_after if part["from"])
    assert second.bookmark("Account")["replication_key_value"] == greatest(server)
    assert "ranges" not in second.bookmark("Account")


def test_every_state_between_leads_to_all_records(tap: Tap, start_sandbox: StartSandbox) -> None:
    """Each STATE covers no more than what stands before it."""
    server = start_sandbox(**HUGE)
    config = config_for(server, "Account")
    run = tap(config)
    states = [n for n, each in enumerate(run.messages) if each["type"] == "STATE"]
    for position in states[:: len(states) // 4]:
        before = {
            each["record"]["Id"]: each["record"]
            for each in run.messages[:position]
            if each["type"] == "RECORD"
        }
        rest = tap(config, state=run.messages[position]["value"])
        assert rest.exit_code == 0, rest.stderr
        merged = {**before, **{each["Id"]: each for each in rest.records("Account")}}
        assert_same_records(list(merged.values()), expected_records(server, "Account"))


def test_changes_meanwhile_are_not_missed(tap: Tap, start_sandbox: StartSandbox) -> None:
    """Records that move from a range that is unread into the last one, which has been read."""
    server = start_sandbox(**HUGE)
    future = {"Name": "future", "SystemModstamp": "2999-01-01T00:00:00.000Z"}
    server.org.upsert("Account", [future])
    config = config_for(server, "Account", max_concurrent_jobs=1, lookback_seconds=0)
    cut = tap.killed(config, after_states=2)
    ranges = cut.bookmark("Account")["ranges"]
    ranges["parts"].reverse()
    # The runs are faster than stamps, which are of whole seconds, can tell.
    now = datetime.now(timezone.utc)
    ranges["cut_at"] = (now - timedelta(hours=1)).isoformat()
    since = (now - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    first = tap.killed(config, after_states=8, state=cut.state)
    parts = first.bookmark("Account")["ranges"]["parts"]
    assert [part.get("done", False) for part in parts].index(False) > 0
    read = {record["Id"] for record in first.records("Account")}
    unread = [each for each in expected_records(server, "Account") if each["Id"] not in read]
    moved = {"Name": "moved", "SystemModstamp": since}
    server.org.upsert("Account", [{"Id": each["Id"], **moved} for each in unread])
    server.org.upsert("Account", [{"Name": "new", "SystemModstamp": since}])
    second = tap(config, state=first.state)
    third = tap(config, state=second.state)
    assert third.exit_code == 0, third.stderr
    assert_same_records(read_in_all(cut, first, second, third), expected_records(server, "Account"))


@pytest.mark.parametrize("most", [5, 20])
def test_jobs_that_are_not_done_in_time_are_cut_until_they_are(
    tap: Tap, start_sandbox: StartSandbox, most: int
) -> None:
    server = start_sandbox(**SMALL, most_job_rows=most)
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert run.bookmark("Account")["replication_key_value"] == greatest(server)
    assert TOO_LONG in run.stderr
    assert "It is read in 4 parts instead." in run.stderr
    done = [job for job in jobs_of(server) if job.state == "JobComplete"]
    assert sum(len(job.result) for job in done) == ROWS


def test_an_incremental_window_that_takes_too_long_is_cut(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL, most_job_rows=10)
    bookmark = "2023-01-01T00:00:00.000Z"
    state = {"replication_key": "SystemModstamp", "replication_key_value": bookmark}
    config = config_for(server, "Account", lookback_seconds=0)
    run = tap(config, state={"bookmarks": {"Account": state}})
    assert run.exit_code == 0, run.stderr
    expected = expected_records(server, "Account", where=f"WHERE SystemModstamp >= {bookmark}")
    assert_same_records(run.records("Account"), expected)
    assert all(f">= {bookmark[:4]}" in job.soql or ">= 20" in job.soql for job in jobs_of(server))
    assert run.bookmark("Account")["replication_key_value"] == greatest(server)


def test_a_job_that_failed_so_while_nobody_looked_is_cut_at_once(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    first = tap.killed(config, after_states=2)
    (job,) = jobs_of(server)
    job.end("Failed", "QUERY_TIMEOUT: Your query request was running for too long.")
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Account"), expected_records(server, "Account"))
    assert len(jobs_of(server)) == 1 + 4


def test_a_job_that_runs_longer_than_it_may_is_aborted_and_cut(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(**SMALL, running_seconds=600)

    def add(job: QueryJob) -> None:
        if jobs_of(server):
            complete_job(job)
        keep(job)

    keep = server.jobs.add
    monkeypatch.setattr(server.jobs, "add", add)
    run = tap(config_for(server, "Account", job_timeout_seconds=1))
    assert run.exit_code == 0, run.stderr
    assert places(server)["abort"] == 1
    assert "job_timeout_seconds" in run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert len(jobs_of(server)) == 1 + 4


@pytest.mark.parametrize(
    ("settings", "jobs"), [({"split_jobs": False}, 1), ({}, None)], ids=["off", "no end"]
)
def test_what_cannot_be_cut_any_further_is_reported(
    tap: Tap,
    start_sandbox: StartSandbox,
    settings: dict[str, Any],
    jobs: int | None,
) -> None:
    server = start_sandbox(**SMALL, most_job_rows=0)
    run = tap(config_for(server, "Account", "Empty__c", **settings))
    assert run.exit_code == 1
    assert "Failed: Account" in run.stderr
    assert TOO_LONG in run.stderr
    assert "Read: Empty__c" in run.stderr
    if jobs:
        assert sum(job.result.sobject == "Account" for job in jobs_of(server)) == jobs


def test_an_org_that_is_done_with_no_range_does_not_lose_all_its_jobs(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**HUGE)
    config = config_for(server, "Account", max_concurrent_jobs=1)
    first = tap.killed(config, after_states=2)
    ranges = first.bookmark("Account")["ranges"]
    done = {"from": None, "until": None, "done": True, "maximum": None}
    ranges["parts"] = [done] * 1_000 + ranges["parts"]
    change_scenario(server, most_job_rows=0)
    run = tap(config, state=first.state)
    assert run.exit_code == 1
    assert TOO_LONG in run.stderr.rpartition("Error: ")[2]
    assert "parts instead" not in run.stderr


def test_another_failure_is_not_cut(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, faults=[{"place": "poll", "kind": "job_failed"}])
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 1
    assert len(jobs_of(server)) == 1


def test_a_range_that_fails_leaves_the_others_to_the_next_run(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    fault = {"place": "page", "kind": "status", "status": 403, "first": 9}
    server = start_sandbox(**HUGE, faults=[fault])
    config = config_for(server, "Account")
    first = tap(config)
    assert first.exit_code == 1
    parts = first.bookmark("Account")["ranges"]["parts"]
    assert all(part.get("query_job") or part.get("done") for part in parts)
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(read_in_all(first, second), expected_records(server, "Account"))
    assert len(jobs_of(server)) == RANGES


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {"place": "limits", "match": "recordCount"},
            "sizes of the org's objects are not known",
        ),
        ({"place": "query"}, "Account is huge, but cannot be cut into ranges"),
    ],
)
def test_an_object_that_tells_no_size_or_no_bounds_is_one_job(
    tap: Tap, start_sandbox: StartSandbox, fault: dict[str, Any], said: str
) -> None:
    server = start_sandbox(**HUGE, faults=[{**fault, "kind": "status", "status": 403}])
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert said in run.stderr
    assert len(jobs_of(server)) == 1
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_saved_ranges_of_another_query_are_dropped(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**HUGE)
    first = tap.killed(config_for(server, "Account"), after_states=4)
    config = config_for(server, "Account", include_deleted=False)
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert "belong to another query" in second.stderr
    expected = expected_records(server, "Account", include_deleted=False)
    assert_same_records(second.records("Account"), expected)
    assert "ranges" not in second.bookmark("Account")


def test_saved_ranges_are_read_on_when_the_setting_is_off(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**HUGE)
    first = tap.killed(config_for(server, "Account"), after_states=4)
    second = tap(config_for(server, "Account", split_jobs=False), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(read_in_all(first, second), expected_records(server, "Account"))


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        [],
        {"query": "q"},
        {"query": "q", "cut_at": "soon", "parts": [{"from": None, "until": None}]},
        {"query": "q", "cut_at": "2026-01-01T00:00:00Z", "parts": []},
        {"query": "q", "cut_at": "2026-01-01T00:00:00Z", "parts": [{"from": 1, "until": None}]},
    ],
    ids=json.dumps,
)
def test_broken_ranges_are_refused(tap: Tap, start_sandbox: StartSandbox, broken: Any) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account"), state={"bookmarks": {"Account": {"ranges": broken}}})
    assert run.exit_code == 1
    assert "saved ranges" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.records("Account") == []


def lines_of(addresses: Iterable[str]) -> list[dict[str, Any]]:
    paths = [unquote(urlsplit(address).path) for address in addresses]
    texts = []
    for path in paths:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - an address, not a path
            texts += file.readlines()
    return [json.loads(text) for text in texts]


def test_batches_of_ranges_do_not_overwrite_each_other(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**HUGE)
    encoding = {"format": "jsonl", "compression": "none"}
    batch_config = {"encoding": encoding, "storage": {"root": tmp_path.as_uri()}}
    run = tap(config_for(server, "Account", batch_config=batch_config))
    assert run.exit_code == 0, run.stderr
    manifests = [each["manifest"] for each in run.messages if each["type"] == "BATCH"]
    addresses = [address for manifest in manifests for address in manifest]
    assert len(addresses) == len(set(addresses))
    found = sorted(each["Id"] for each in lines_of(addresses))
    assert found == sorted(each["Id"] for each in expected_records(server, "Account"))
