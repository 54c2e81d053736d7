"""Catalogs and states of other Salesforce taps, as a user brings them along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from earlier_tap import Maker, earlier_entry
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.singer.inputs.earlier_states import take_over_state

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

MAKERS: tuple[Maker, ...] = ("meltanolabs", "singer-io")
BOOKMARK = "2025-06-01T00:00:00.000000Z"


@pytest.fixture
def server(start_sandbox: StartSandbox) -> SandboxServer:
    """Start a sandbox."""
    return start_sandbox(rows={"Account": 40, "Opportunity": 20, "Everything__c": 5}, page_rows=10)


def queries(server: SandboxServer) -> list[str]:
    return [job.soql for job in server.jobs]


@pytest.mark.parametrize("maker", MAKERS)
def test_selection_and_keys_of_a_catalog(tap: Tap, server: SandboxServer, maker: Maker) -> None:
    entry = earlier_entry(
        server,
        "Opportunity",
        maker,
        selected=["Name", "Amount", "CloseDate", "IsWon"],
        replication_key="SystemModstamp",
        replication_method="INCREMENTAL",
    )
    other = earlier_entry(server, "Account", maker, selected=["Name"])
    other["metadata"][0]["metadata"]["selected"] = False
    run = tap(config_for(server), catalog={"streams": [other, entry]})
    assert run.exit_code == 0, run.stderr
    fields = ["Id", "IsWon", "Name", "Amount", "CloseDate", "SystemModstamp"]
    assert run.streams == {"Opportunity"}
    (soql,) = queries(server)
    assert set(soql.removeprefix("SELECT ").split(" FROM ")[0].split(", ")) == set(fields)
    assert_same_records(
        run.records("Opportunity"), expected_records(server, "Opportunity", fields=fields)
    )
    schema = run.schema("Opportunity")
    assert schema["key_properties"] == ["Id"]
    assert schema["bookmark_properties"] == ["SystemModstamp"]
    announced = schema["schema"]["properties"]
    assert announced == {
        name: entry["schema"]["properties"][name]
        for name in entry["schema"]["properties"]
        if name in fields
    }
    assert run.bookmark("Opportunity")["replication_key"] == "SystemModstamp"


def test_a_date_of_a_loose_type_stays_a_date(tap: Tap, server: SandboxServer) -> None:
    entry = earlier_entry(server, "Opportunity", "singer-io", selected=["CloseDate"])
    run = tap(config_for(server), catalog={"streams": [entry]})
    assert run.exit_code == 0, run.stderr
    assert all(len(record["CloseDate"]) == 10 for record in run.records("Opportunity"))


@pytest.mark.parametrize(
    "root",
    [
        {"replication_method": "FULL_TABLE"},
        {"replication_method": "FULL_TABLE", "replication_key": "SystemModstamp"},
        {
            "replication_method": None,
            "replication_key": None,
            "valid_replication_keys": None,
            "forced_replication_method": {"replication-method": "FULL_TABLE", "reason": "none"},
        },
    ],
)
def test_full_table_in_each_form(tap: Tap, server: SandboxServer, root: dict[str, Any]) -> None:
    entry = earlier_entry(server, "Account", "meltanolabs", selected=["Name"], **root)
    state = {"bookmarks": {"Account": {"version": 1_500_000_000_000}}}
    run = tap(config_for(server), catalog={"streams": [entry]}, state=state)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 40
    assert all(" WHERE " not in soql for soql in queries(server))
    assert "replication_key_value" not in run.bookmark("Account")


def test_a_catalog_that_chooses_no_key_is_read_in_full_with_a_warning(
    tap: Tap, server: SandboxServer
) -> None:
    entry = earlier_entry(server, "Account", "singer-io", selected=["Name"])
    run = tap(config_for(server, start_date="2026-01-01"), catalog={"streams": [entry]})
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 40
    assert "chooses no replication key for Account" in run.stderr


def test_fields_that_no_query_job_returns_are_left_out(tap: Tap, server: SandboxServer) -> None:
    selected = ["Name", "BillingAddress", "BillingCity"]
    entry = earlier_entry(server, "Account", "meltanolabs", selected=selected)
    run = tap(config_for(server), catalog={"streams": [entry]})
    assert run.exit_code == 0, run.stderr
    assert "no query job returns the fields BillingAddress" in run.stderr
    assert set(run.records("Account")[0]) == {"Id", "Name", "BillingCity", "SystemModstamp"}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_field_of_every_type(tap: Tap, server: SandboxServer, maker: Maker) -> None:
    described = server.org.describe("Everything__c")
    assert described
    every = [field["name"] for field in described["fields"]]
    entry = earlier_entry(server, "Everything__c", maker, selected=every)
    run = tap(config_for(server), catalog={"streams": [entry]})
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Everything__c"), expected_records(server, "Everything__c"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stream_alias": "accounts"}, '"__alias__": "accounts"'),
        ({"replication_method": "LOG_BASED"}, "LOG_BASED"),
    ],
)
def test_a_catalog_that_asks_for_something_else_is_refused(
    tap: Tap, server: SandboxServer, change: dict[str, str], words: str
) -> None:
    metadata = {} if "stream_alias" in change else change
    entry = earlier_entry(server, "Account", "meltanolabs", selected=["Name"], **metadata)
    run = tap(config_for(server), catalog={"streams": [{**entry, **change}]})
    assert run.exit_code == 1
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert server.calls == []


@pytest.mark.parametrize("maker", MAKERS)
def test_a_bookmark_is_taken_over(tap: Tap, server: SandboxServer, maker: Maker) -> None:
    entry = earlier_entry(
        server,
        "Account",
        maker,
        selected=["Name"],
        replication_key="SystemModstamp",
        replication_method="INCREMENTAL",
    )
    state = {
        "bookmarks": {"Account": {"SystemModstamp": BOOKMARK, "version": 1_500_000_000_000}},
        "current_stream": None,
    }
    run = tap(config_for(server), catalog={"streams": [entry]}, state=state)
    assert run.exit_code == 0, run.stderr
    (soql,) = queries(server)
    assert soql.endswith("WHERE SystemModstamp >= 2025-05-31T23:55:00.000Z")
    assert 0 < len(run.records("Account")) < 40
    left = run.bookmark("Account")
    assert set(left) == {"replication_key", "replication_key_value"}
    assert left["replication_key_value"] > BOOKMARK
    again = tap(config_for(server), catalog={"streams": [entry]}, state=run.state)
    assert again.exit_code == 0, again.stderr
    assert "another tap's" not in again.stderr


def test_a_bulk_job_of_another_tap_is_not_read_on(tap: Tap, server: SandboxServer) -> None:
    bookmark = {
        "SystemModstamp": BOOKMARK,
        "JobID": "750000000000001AAA",
        "BatchIDs": ["751000000000001AAA"],
        "JobHighestBookmarkSeen": "2026-01-01T00:00:00.000000Z",
    }
    run = tap(config_for(server, "Account"), state={"bookmarks": {"Account": bookmark}})
    assert run.exit_code == 0, run.stderr
    assert "unfinished Bulk API jobs of Account" in run.stderr
    (soql,) = queries(server)
    assert soql.endswith("WHERE SystemModstamp >= 2025-05-31T23:55:00.000Z")
    assert "JobID" not in json.dumps(run.states)


def test_a_bookmark_that_is_no_date_says_the_way_out(tap: Tap, server: SandboxServer) -> None:
    state = {"bookmarks": {"Account": {"SystemModstamp": 5}}}
    run = tap(config_for(server, "Account"), state=state)
    assert run.exit_code == 1
    assert "Remove the stream from the state" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("bookmark", "read"),
    [
        (
            {"SystemModstamp": BOOKMARK},
            {"replication_key": "SystemModstamp", "replication_key_value": BOOKMARK},
        ),
        (
            {"Changed__c": BOOKMARK, "version": 5},
            {"replication_key": "Changed__c", "replication_key_value": BOOKMARK},
        ),
        ({"version": None}, {}),
        ({"SystemModstamp": None, "JobID": "750", "JobHighestBookmarkSeen": BOOKMARK}, {}),
    ],
)
def test_bookmarks_of_another_tap(bookmark: dict[str, Any], read: dict[str, Any]) -> None:
    bookmarks, told = take_over_state({"Account": bookmark})
    assert bookmarks == {"Account": read}
    assert "Account" in told[0]


@pytest.mark.parametrize(
    "bookmark",
    [
        {},
        {"replication_key": "SystemModstamp", "replication_key_value": BOOKMARK},
        {"query_job": {"id": "750"}},
        {"partitions": []},
    ],
)
def test_bookmarks_of_our_own_stay(bookmark: dict[str, Any]) -> None:
    assert take_over_state({"Account": bookmark}) == ({"Account": bookmark}, [])


def test_two_bookmarks_of_a_stream_are_refused() -> None:
    with pytest.raises(StateError, match=r"CreatedDate, SystemModstamp.*keep the one"):
        take_over_state({"Account": {"SystemModstamp": BOOKMARK, "CreatedDate": BOOKMARK}})
