"""A state on another day: what its bookmark covers, and what today's question asks beyond it."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

from sfbulk_sandbox.sobjects.definitions import FieldDefinition

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

NOTHING_ELSE = "!*"
ROWS = 40
MONDAY = datetime(2026, 5, 4, 22, tzinfo=timezone.utc)


def ids(run: TapRun, stream: str = "Account") -> set[str]:
    return {record["Id"] for record in run.records(stream)}


def everything(server: SandboxServer) -> set[str]:
    return {record["Id"] for record in expected_records(server, "Account")}


def discover(tap: Tap, config: dict[str, Any]) -> Any:
    return json.loads(tap(config, "--discover").stdout)


def merged(old: Any, new: Any) -> Any:
    """Merge states as Meltano does: objects key by key, everything else replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return deepcopy(new)
    return {
        **old,
        **{name: merged(old[name], value) if name in old else value for name, value in new.items()},
    }


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"filters": {"Account": "Industry = 'Energy'"}}, {}, "the condition was"),
        (
            {"filters": {"Account": "Industry = 'Energy' AND Name != 'nobody'"}},
            {"filters": {"Account": "Name != 'nobody'"}},
            "the condition was",
        ),
        ({"include_deleted": False}, {}, "deleted records are included now"),
        ({"start_date": "2100-01-01"}, {"start_date": "2001-01-01"}, ""),
    ],
)
def test_a_wider_question_is_read_from_the_beginning_once(
    tap: Tap,
    start_sandbox: StartSandbox,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    first = tap(config_for(server, "Account", **before))
    second = tap(config_for(server, "Account", **after), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert ids(second) | ids(first) == everything(server)
    assert reason in second.stderr
    third = tap(config_for(server, "Account", **after), state=second.state)
    assert len(ids(third)) < ROWS
    assert "from the beginning" not in third.stderr


@pytest.mark.parametrize(
    "after",
    [
        {"filters": {"Account": "Name != 'nobody' AND Industry != 'none'"}},
        {"filters": {"Account": " ( name  !=  'nobody' ) "}},
        {"filters": {"Account": "Name != 'nobody'"}, "include_deleted": False},
        {"filters": {"Account": "Name != 'nobody'"}, "start_date": "2025-01-01"},
    ],
)
def test_what_is_narrower_or_the_same_reads_nothing_again(
    tap: Tap, start_sandbox: StartSandbox, after: dict[str, Any]
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    before = {"filters": {"Account": "Name != 'nobody'"}}
    first = tap(config_for(server, "Account", **before))
    second = tap(config_for(server, "Account", **after), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert len(ids(second)) < ROWS
    assert "wider" not in second.stderr


def test_narrowed_and_widened_again_misses_nothing(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    narrow = config_for(server, "Account", filters={"Account": "Name = 'nobody'"})
    first = tap(config_for(server, "Account"))
    (new,) = server.org.upsert("Account", [{"Name": "somebody"}])
    second = tap(narrow, state=first.state)
    assert new not in ids(second)
    server.org.upsert("Account", [{"Name": "nobody"}])
    third = tap(narrow, state=second.state)
    fourth = tap(config_for(server, "Account"), state=third.state)
    assert new in ids(fourth)


def test_going_on_leaves_the_older_records_out_and_says_so(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    first = tap(config_for(server, "Account", filters={"Account": "Industry = 'Energy'"}))
    assert ids(first)
    second = tap(config_for(server, "Account", on_wider_query="go_on"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert len(ids(second) | ids(first)) < ROWS
    assert "Older records that only the new question finds are not read" in second.stderr


def test_a_widened_query_is_read_again(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": ROWS})

    def config(where: str) -> dict[str, Any]:
        soql = f"SELECT Id, SystemModstamp FROM Account{where}"  # noqa: S608 - SOQL only reads
        query = {"name": "some", "soql": soql, "replication_key": "SystemModstamp"}
        return config_for(server, NOTHING_ELSE, queries=[query])

    first = tap(config(" WHERE Industry = 'Energy'"))
    assert 0 < len(ids(first, "some")) < ROWS
    second = tap(config(""), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert ids(second, "some") == everything(server)
    assert "read from the beginning once" in second.stderr


def test_a_reread_that_is_killed_goes_on_in_its_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": ROWS}, page_rows=8)
    first = tap(config_for(server, "Account", filters={"Account": "Industry = 'Energy'"}))
    killed = tap.killed(config_for(server, "Account"), after_states=4, state=first.state)
    jobs = len(list(server.jobs))
    last = tap(config_for(server, "Account"), state=killed.state)
    assert last.exit_code == 0, last.stderr
    assert len(list(server.jobs)) == jobs
    assert ids(first) | ids(killed) | ids(last) == everything(server)
    assert "Going on in job" in last.stderr


def test_another_replication_key_while_a_first_load_is_resumed(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """The maximum of one key must not become the bookmark of another."""
    server = start_sandbox(rows={"Account": ROWS}, page_rows=8)
    config = config_for(server, "Account")
    catalog = discover(tap, config)
    killed = tap.killed(config, catalog=catalog, after_states=4)
    (entry,) = catalog["streams"]
    entry["replication_key"] = "CreatedDate"
    for each in entry["metadata"]:
        if not each["breadcrumb"]:
            each["metadata"]["replication-key"] = "CreatedDate"
    last = tap(config, catalog=catalog, state=killed.state)
    assert last.exit_code == 0, last.stderr
    assert ids(last) == everything(server)
    greatest = max(record["CreatedDate"] for record in expected_records(server, "Account"))
    assert last.bookmark("Account")["replication_key"] == "CreatedDate"
    assert last.bookmark("Account")["replication_key_value"] <= greatest


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_merged_states_bring_no_finished_job_back(
    tap: Tap, start_sandbox: StartSandbox, method: str
) -> None:
    server = start_sandbox(rows={"Account": ROWS}, page_rows=8)
    config = config_for(server, "Account")
    catalog = discover(tap, config)
    for entry in catalog["streams"]:
        entry["replication_method"] = method
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["forced-replication-method"] = method
    first = tap(config, catalog=catalog)
    kept: Any = {}
    for state in first.states:
        kept = merged(kept, state)
    (new,) = server.org.upsert("Account", [{"Name": "new"}])
    # As a full refresh is stored: over a state that an older run has left in the middle of a job.
    stale = merged(first.states[2], first.state)
    for state in (kept, stale):
        second = tap(config, catalog=catalog, state=state)
        assert second.exit_code == 0, second.stderr
        assert new in ids(second)


def test_a_finished_job_that_an_earlier_release_left_is_not_taken_for_todays(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """It removed the job at the end, and a merge kept it."""
    server = start_sandbox(rows={"Account": ROWS}, page_rows=8)
    config = config_for(server, "Account")
    catalog = discover(tap, config)
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    first = tap(config, catalog=catalog)
    job = next(
        saved
        for state in reversed(first.states)
        if (saved := state["bookmarks"]["Account"].get("query_job"))
    )
    del job["replication_key"]
    (new,) = server.org.upsert("Account", [{"Name": "new"}])
    state = {"bookmarks": {"Account": {"query_job": job}}}
    second = tap(config, catalog=catalog, state=state)
    assert second.exit_code == 0, second.stderr
    assert new in ids(second)
    assert len(ids(second)) == ROWS + 1


@pytest.mark.parametrize("kind", ["queries", "filters"])
def test_a_killed_job_of_yesterday_is_finished_and_today_is_asked(
    tap: Tap, start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(rows={"Account": 0}, page_rows=8, now=MONDAY.isoformat())
    condition = "CreatedDate = YESTERDAY"
    if kind == "queries":
        soql = f"SELECT Id, Name FROM Account WHERE {condition}"  # noqa: S608 - SOQL only reads
        config = config_for(server, NOTHING_ELSE, queries=[{"name": "Accounts", "soql": soql}])
        stream, catalog = "Accounts", None
    else:
        config = config_for(server, "Account", filters={"Account": condition})
        stream, catalog = "Account", discover(tap, config)
        for entry in catalog["streams"]:
            entry["replication_method"] = "FULL_TABLE"

    def add(day: int) -> set[str]:
        server.set_now(MONDAY + timedelta(days=day))
        return set(server.org.upsert("Account", [{"Name": f"{day}"} for _ in range(ROWS)]))

    monday = add(0)
    tuesday = add(1)
    killed = tap.killed(config, catalog=catalog, after_states=4)
    assert killed.records(stream)
    server.set_now(MONDAY + timedelta(days=2))
    last = tap(config, catalog=catalog, state=killed.state)
    assert last.exit_code == 0, last.stderr
    assert ids(killed, stream) | ids(last, stream) == monday | tuesday
    assert "asked again" in last.stderr


@pytest.mark.parametrize("kind", ["queries", "filters"])
def test_the_bookmark_waits_for_the_answer_of_today(
    tap: Tap, start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(rows={"Opportunity": 0}, page_rows=8, now=MONDAY.isoformat())
    if kind == "queries":
        soql = "SELECT Id, SystemModstamp FROM Opportunity WHERE CloseDate = TODAY"
        query = {"name": "Closing", "soql": soql, "replication_key": "SystemModstamp"}
        config, stream = config_for(server, NOTHING_ELSE, queries=[query]), "Closing"
    else:
        stream = "Opportunity"
        config = config_for(server, stream, filters={stream: "CloseDate = TODAY"})

    def add(*, hours: int, closes_in: int) -> set[str]:
        server.set_now(MONDAY + timedelta(hours=hours))
        day = (MONDAY + timedelta(days=closes_in)).date().isoformat()
        record = {"Name": day, "StageName": "Prospecting", "CloseDate": day}
        return set(server.org.upsert("Opportunity", [record] * ROWS))

    closing_today = add(hours=0, closes_in=2)
    add(hours=2, closes_in=1)
    server.set_now(MONDAY + timedelta(days=1))
    killed = tap.killed(config, after_states=4)
    assert killed.records(stream)
    server.set_now(MONDAY + timedelta(days=2))
    going_on = tap(config, state=killed.state)
    assert "asked again" in going_on.stderr
    between = next(
        state for state in going_on.states if state["bookmarks"][stream].get("finished_job")
    )
    last = tap(config, state=between)
    assert last.exit_code == 0, last.stderr
    assert ids(last, stream) == closing_today


def test_a_condition_that_finds_other_records_each_day_is_asked_in_full(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 0}, now=MONDAY.isoformat())
    config = config_for(server, "Account", filters={"Account": "CreatedDate = YESTERDAY"})
    first_day = set(server.org.upsert("Account", [{"Name": "Monday"}] * 3))
    server.set_now(MONDAY + timedelta(days=1))
    second_day = set(server.org.upsert("Account", [{"Name": "Tuesday"}] * 3))
    first = tap(config)
    assert ids(first) == first_day
    server.set_now(MONDAY + timedelta(days=2))
    # Created before the bookmark of the first run, and found by its condition only now.
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert second_day <= ids(second)


@pytest.mark.parametrize("named", ["bookmark", "start_date"])
def test_what_lies_in_the_future_does_not_hide_the_present(
    tap: Tap, start_sandbox: StartSandbox, named: str
) -> None:
    server = start_sandbox(rows={"Account": ROWS}, now=MONDAY.isoformat())
    settings, state = {}, None
    if named == "bookmark":
        value = "2099-01-01T00:00:00.000Z"
        entry = {"replication_key": "SystemModstamp", "replication_key_value": value}
        state = {"bookmarks": {"Account": entry}}
    else:
        settings = {"start_date": "2099-01-01T00:00:00Z"}
    config = config_for(server, "Account", **settings)
    first = tap(config, state=state)
    assert first.exit_code == 0, first.stderr
    assert "is in the future" in first.stderr
    server.set_now(MONDAY + timedelta(days=1))
    (new,) = server.org.upsert("Account", [{"Name": "new"}])
    second = tap(config, state=first.state)
    assert new in ids(second)
    (last,) = server.org.upsert("Account", [{"Name": "last"}])
    assert last in ids(tap(config, state=second.state))


def test_new_fields_are_named_and_filled_when_that_is_wanted(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(
        rows={"Account": ROWS},
        objects={"Account": {"fields": {"Tier__c": {"type": "string", "length": 20}}}},
    )
    server.org.set_field_visible("Account", "Tier__c", False)
    first = tap(config_for(server, "Account"))
    state = deepcopy(first.state)
    server.org.set_field_visible("Account", "Tier__c", True)
    told = tap(config_for(server, "Account"), state=state)
    assert "new fields (Tier__c)" in told.stderr
    assert len(ids(told)) < ROWS
    filled = tap(config_for(server, "Account", backfill_new_fields=True), state=state)
    assert_same_records(filled.records("Account"), expected_records(server, "Account"))


def test_a_field_that_was_hidden_is_read_again_from_where_it_vanished(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    config = config_for(server, "Account", lookback_seconds=0)
    catalog = discover(tap, config)
    first = tap(config, catalog=catalog)
    server.org.set_field_visible("Account", "Phone", False)
    changed = [record["Id"] for record in expected_records(server, "Account")][:5]
    server.org.upsert("Account", [{"Id": each, "Phone": "555"} for each in changed])
    hidden = tap(config, catalog=catalog, state=first.state)
    assert hidden.exit_code == 0, hidden.stderr
    server.org.set_field_visible("Account", "Phone", True)
    back = tap(config, catalog=catalog, state=hidden.state)
    phones = {record["Id"]: record["Phone"] for record in back.records("Account")}
    assert {phones.get(each) for each in changed} == {"555"}
    table = {
        record["Id"]: record for run in (first, hidden, back) for record in run.records("Account")
    }
    assert_same_records(list(table.values()), expected_records(server, "Account"))


@pytest.mark.parametrize("through_rest", [False, True])
def test_a_field_that_is_described_and_refused_is_left_out_and_read_again(
    tap: Tap, start_sandbox: StartSandbox, *, through_rest: bool
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    settings = {"lookback_seconds": 0, "small_objects_through_rest": through_rest}
    config = config_for(server, "Account", **settings)
    first = tap(config)
    said = "SELECT Id,Phone\n ^\nERROR at Row:1:Column:11\nNo such column '{}' on entity 'Account'."
    refusal = {"kind": "status", "status": 400, "error_code": "INVALID_FIELD", "times": "forever"}
    for name in ("Phone", "Fax"):
        for place in ("create", "query"):
            server.add_fault(
                place=place, message=said.format(name), match={"text": name}, **refusal
            )
    changed = [record["Id"] for record in expected_records(server, "Account")][:5]
    server.org.upsert("Account", [{"Id": each, "Phone": "555"} for each in changed])
    run = tap(config, state=first.state)
    assert run.exit_code == 1
    assert "Failed: Account: Salesforce describes the fields Phone, Fax, but refuses" in run.stderr
    assert "Traceback" not in run.stderr
    assert set(changed) <= {record["Id"] for record in run.records("Account")}
    assert not any({"Phone", "Fax"} & record.keys() for record in run.records("Account"))
    again = tap(config, state=run.state)
    assert again.exit_code == 1
    server.clear_faults()
    back = tap(config, state=again.state)
    assert back.exit_code == 0, back.stderr
    phones = {record["Id"]: record["Phone"] for record in back.records("Account")}
    assert {phones.get(each) for each in changed} == {"555"}
    assert back.state["bookmarks"]["Account"]["question"]["hidden"] == []


def test_a_field_that_was_hidden_without_a_catalog_is_read_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """Nothing names the field while it is hidden."""
    server = start_sandbox(rows={"Account": ROWS})
    config = config_for(server, "Account", lookback_seconds=0)
    first = tap(config)
    server.org.set_field_visible("Account", "Phone", False)
    changed = [record["Id"] for record in expected_records(server, "Account")][:5]
    server.org.upsert("Account", [{"Id": each, "Phone": "555"} for each in changed])
    hidden = tap(config, state=first.state)
    server.org.set_field_visible("Account", "Phone", True)
    back = tap(config, state=hidden.state)
    phones = {record["Id"]: record["Phone"] for record in back.records("Account")}
    assert {phones.get(each) for each in changed} == {"555"}


def test_a_field_that_was_hidden_from_the_first_load_on_is_read_in_full(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    server.org.set_field_visible("Account", "Phone", False)
    first = tap(config, catalog=catalog)
    server.org.set_field_visible("Account", "Phone", True)
    back = tap(config, catalog=catalog, state=first.state)
    assert_same_records(back.records("Account"), expected_records(server, "Account"))


def test_a_field_that_was_hidden_while_a_wider_question_was_read_is_read_in_full(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """The records that only the wider question finds have never had it."""
    server = start_sandbox(rows={"Account": ROWS})
    narrow = config_for(server, "Account", filters={"Account": "Industry = 'Energy'"})
    first = tap(narrow)
    server.org.set_field_visible("Account", "Phone", False)
    wide = config_for(server, "Account")
    hidden = tap(wide, state=first.state)
    assert ids(hidden) == everything(server)
    server.org.set_field_visible("Account", "Phone", True)
    back = tap(wide, state=hidden.state)
    assert_same_records(back.records("Account"), expected_records(server, "Account"))


def test_a_field_that_is_back_is_read_again_though_the_question_is_wider(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": ROWS}, now=MONDAY.isoformat())
    settings = {"lookback_seconds": 0, "on_wider_query": "go_on"}
    narrow = config_for(server, "Account", include_deleted=False, **settings)
    first = tap(narrow)
    server.org.set_field_visible("Account", "Phone", False)
    *changed, last = [record["Id"] for record in first.records("Account")][:5]
    server.set_now(MONDAY + timedelta(hours=1))
    server.org.upsert("Account", [{"Id": each, "Phone": "555"} for each in changed])
    server.set_now(MONDAY + timedelta(hours=2))
    server.org.upsert("Account", [{"Id": last, "Name": "the last to change"}])
    hidden = tap(narrow, state=first.state)
    server.org.set_field_visible("Account", "Phone", True)
    back = tap(config_for(server, "Account", **settings), state=hidden.state)
    phones = {record["Id"]: record["Phone"] for record in back.records("Account")}
    assert {phones.get(each) for each in changed} == {"555"}


def test_a_field_whose_name_changes_its_case_keeps_its_column(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": ROWS})
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    phones = {each["Id"]: each["Phone"] for each in expected_records(server, "Account")}
    server.org.change_field("Account", "Phone", FieldDefinition(type="phone"), name="PHONE")
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert {each["Id"]: each["Phone"] for each in run.records("Account")} == phones
    assert "Phone" not in "".join(line for line in run.stderr.splitlines() if "WARNING" in line)
