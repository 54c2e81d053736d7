"""What the Bulk API refuses is read through the REST query resource, and no record differs."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

ROWS, PAGE_ROWS = 58, 10
SMALL = {"rows": {"Account": ROWS, "Contact": 20}, "query_rows": PAGE_ROWS}


def refuse_in_bulk(server: SandboxServer, sobject: str, **refusal: str) -> None:
    """Let Salesforce make no query job for an object."""
    said = {
        "error_code": "INVALIDENTITY",
        "message": f"Entity '{sobject}' is not supported by the Bulk API.",
        **refusal,
    }
    match = {"sobject": sobject}
    server.add_fault(
        place="create", kind="status", status=400, times="forever", match=match, **said
    )


def queries(server: SandboxServer, since: int = 0) -> list[str]:
    """Return the paths of the REST queries."""
    return [each.path for each in server.calls[since:] if each.place == "query"]


def cursor_of(run: TapRun) -> dict[str, Any]:
    saved: dict[str, Any] = run.bookmark("Account")["rest_query"]
    return saved


def assert_whole(server: SandboxServer, *runs: TapRun) -> None:
    assert runs[-1].exit_code == 0, runs[-1].stderr
    records = {record["Id"]: record for run in runs for record in run.records("Account")}
    assert_same_records(list(records.values()), expected_records(server, "Account"))
    assert set(runs[-1].bookmark("Account")) == {"replication_key", "replication_key_value"}


@pytest.mark.parametrize(
    "refusal",
    [
        {},
        {"error_code": "InvalidEntity"},
        {
            "error_code": "FEATURENOTENABLED",
            "message": "Cannot serialize value for 'X' in CSV format",
        },
    ],
    ids=["entity", "as the guide spells it", "no CSV form"],
)
def test_objects_that_the_bulk_api_refuses_are_read_through_rest(
    tap: Tap, start_sandbox: StartSandbox, refusal: dict[str, str]
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account", **refusal)
    run = tap(config_for(server, "Account", "Contact"))
    assert_whole(server, run)
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))
    assert run.stderr.count("Account is read through the REST API") == 1
    paths = queries(server)
    assert len(paths) == -(-ROWS // PAGE_ROWS)
    assert "/queryAll?q=SELECT" in paths[0]


@pytest.mark.parametrize(
    "maps", [{}, {"Everything__c": {"Extra": "str('x')"}}], ids=["blocks", "rows"]
)
def test_every_value_is_the_same_through_both_apis(
    tap: Tap, start_sandbox: StartSandbox, maps: dict[str, Any]
) -> None:
    server = start_sandbox(query_rows=100)
    config = config_for(server, "Everything__c", stream_maps=maps)
    bulk = tap(config)
    refuse_in_bulk(server, "Everything__c")
    rest = tap(config)
    assert rest.exit_code == 0, rest.stderr
    assert len(queries(server)) > 1
    assert_same_records(rest.records("Everything__c"), bulk.records("Everything__c"))
    assert rest.schema("Everything__c") == bulk.schema("Everything__c")
    assert rest.bookmark("Everything__c") == bulk.bookmark("Everything__c")
    dropped = [
        line.partition(" NUL characters from")[0].split()[-1]
        for run in (bulk, rest)
        for line in run.stderr.splitlines()
        if "NUL characters" in line
    ]
    assert len(dropped) == 2
    assert dropped[0] == dropped[1] != "0"


def test_batches(tap: Tap, start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    encoding = {"format": "jsonl", "compression": "none"}
    storage = {"root": (tmp_path / "batches").as_uri()}
    batches = {"encoding": encoding, "storage": storage}
    run = tap(config_for(server, "Account", batch_config=batches))
    assert run.exit_code == 0, run.stderr
    manifests = [message["manifest"] for message in run.messages if message["type"] == "BATCH"]
    names = [unquote(urlsplit(address).path) for manifest in manifests for address in manifest]
    assert len(set(names)) == len(names) == -(-ROWS // PAGE_ROWS)
    lines = [line for name in names for line in Path(name).read_text("utf-8").splitlines()]
    assert {json.loads(line)["Id"] for line in lines} == {
        record["Id"] for record in expected_records(server, "Account")
    }


def test_only_what_has_changed_is_asked_for(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    first = tap(config_for(server, "Account"))
    (changed,) = server.org.upsert("Account", [{"Name": "New"}])
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert "SystemModstamp%20%3E%3D%20" in queries(server)[-1]
    assert changed in {record["Id"] for record in second.records("Account")}
    assert len(second.records("Account")) < ROWS


@pytest.mark.parametrize("include_deleted", [True, False])
def test_include_deleted(tap: Tap, start_sandbox: StartSandbox, *, include_deleted: bool) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    server.org.delete("Account", [expected_records(server, "Account")[0]["Id"]])
    run = tap(config_for(server, "Account", include_deleted=include_deleted))
    expected = expected_records(server, "Account", include_deleted=include_deleted)
    assert_same_records(run.records("Account"), expected)


@pytest.mark.parametrize("after_states", [2, 3, 5])
def test_killed_and_resumed(tap: Tap, start_sandbox: StartSandbox, after_states: int) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    config = config_for(server, "Account")
    first = tap.killed(config, after_states=after_states)
    cursor = cursor_of(first)
    since = len(server.calls)
    second = tap(config, state=first.state)
    assert_whole(server, first, second)
    asked = queries(server, since)
    assert asked[0] == cursor["next_records_url"]
    assert len(asked) == -(-(ROWS - cursor["records_done"]) // PAGE_ROWS)
    assert "create" not in {each.place for each in server.calls[since:]}
    assert len(second.records("Account")) == ROWS - cursor["records_done"]


def test_a_cursor_that_has_expired_is_asked_for_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    config = config_for(server, "Account")
    first = tap.killed(config, after_states=3)
    server.add_fault(place="query", kind="locator_refused")
    second = tap(config, state=first.state)
    assert_whole(server, second)
    assert "INVALID_QUERY_LOCATOR" in second.stderr
    assert len(second.records("Account")) == ROWS


@pytest.mark.parametrize("times", [1, 2])
def test_a_cursor_that_is_lost_on_the_way(
    tap: Tap, start_sandbox: StartSandbox, times: int
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    for first in (3, 8)[:times]:
        server.add_fault(place="query", kind="locator_refused", first=first)
    run = tap(config_for(server, "Account"))
    runs = [run]
    assert run.exit_code == times - 1
    if run.exit_code:
        assert "Account: GET" in run.stderr
        assert "INVALID_QUERY_LOCATOR" in run.stderr
        runs.append(tap(config_for(server, "Account"), state=run.state))
    assert_whole(server, *runs)


def test_a_cursor_of_another_query_is_not_used(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    first = tap.killed(config_for(server, "Account"), after_states=3)
    since = len(server.calls)
    config = config_for(server, "Account", filters={"Account": "Industry != 'Banking'"})
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    expected = expected_records(server, "Account", where="WHERE Industry != 'Banking'")
    assert_same_records(second.records("Account"), expected)
    assert "/queryAll?q=" in queries(server, since)[0]


@pytest.mark.parametrize(
    "saved",
    [
        "cursor",
        {"query": "x", "next_records_url": "/x", "records_done": -1},
    ],
)
def test_a_saved_cursor_that_is_broken_is_reported(
    tap: Tap, start_sandbox: StartSandbox, saved: Any
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(
        config_for(server, "Account"), state={"bookmarks": {"Account": {"rest_query": saved}}}
    )
    assert run.exit_code == 1
    assert "Account: The saved rest_query was not written by this tap" in run.stderr
    assert "Traceback" not in run.stderr


def test_replies_that_are_not_whole_are_asked_for_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    faults: list[dict[str, Any]] = [
        {"kind": "status", "status": 503, "headers": {"Retry-After": "0"}},
        {"kind": "cut"},
        {"kind": "broken_gzip"},
        {"kind": "html"},
        {"kind": "no_content"},
    ]
    for number, fault in enumerate(faults):
        server.add_fault(place="query", first=1 + 2 * number, **fault)
    run = tap(config_for(server, "Account"))
    assert_whole(server, run)
    assert len(run.records("Account")) == ROWS
    struck = [each.fault for each in server.calls if each.place == "query" and each.fault]
    assert struck == [fault["kind"] for fault in faults]


def test_a_session_that_dies_on_the_way_is_renewed(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    server.add_fault(place="query", kind="expire_tokens", first=3)
    signed_in = {"access_token": None, "client_id": "id", "client_secret": "secret"}
    run = tap(config_for(server, "Account", **signed_in))
    assert_whole(server, run)


@pytest.mark.parametrize("by", [1, -1])
def test_a_total_that_does_not_fit(tap: Tap, start_sandbox: StartSandbox, by: int) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    server.add_fault(place="query", kind="wrong_total_size", by=by, first=6)
    run = tap(config_for(server, "Account", "Contact"))
    assert run.exit_code == 1
    assert f"hold {ROWS} records; Salesforce counts {ROWS + by}" in run.stderr
    assert "replication_key_value" not in run.bookmark("Account")
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))
    assert_whole(server, tap(config_for(server, "Account"), state=run.state))


@pytest.mark.parametrize("condition_length", [3_000, 9_000, 90_000])
def test_a_query_of_any_length_is_one_call(
    tap: Tap, start_sandbox: StartSandbox, condition_length: int
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    # Few long comparisons rather than many short ones, each of which costs the sandbox time.
    comparison = f"Name != '{'x' * 250}'"
    long = " AND ".join([comparison] * (condition_length // len(f"{comparison} AND ")))
    run = tap(config_for(server, "Account", filters={"Account": long}))
    assert_whole(server, run)
    places = [each.place for each in server.calls if each.status == HTTPStatus.OK]
    # The object is described twice: once for the fields of its filter, then to be read.
    assert places.count("composite") == 2 + (condition_length > 8_000)
    # Cursors are short again.
    assert places.count("query") == -(-ROWS // PAGE_ROWS) - (condition_length > 8_000)


def test_what_a_long_query_is_refused_for_is_told(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    condition = " AND ".join([f"Owner.Nonsense != '{'x' * 250}'"] * 40)
    run = tap(config_for(server, "Account", filters={"Account": condition}))
    assert run.exit_code == 1
    assert "Account: GET /queryAll within POST /composite answered 400 INVALID_FIELD" in run.stderr


def test_without_the_fallback_the_refusal_names_the_setting(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    run = tap(config_for(server, "Account", "Contact", fallback_to_rest=False))
    assert run.exit_code == 1
    summary = run.stderr[run.stderr.rindex("Error: ") :]
    assert "Failed: Account: " in summary
    assert "Entity 'Account' is not supported by the Bulk API. Set fallback_to_rest" in summary
    assert queries(server) == []
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))


def test_what_rest_refuses_too_is_told_in_salesforces_words(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    server.add_fault(
        place="query", kind="status", status=400, error_code="INVALID_TYPE", message="no such thing"
    )
    run = tap(config_for(server, "Account", "Contact"))
    assert run.exit_code == 1
    assert "Failed: Account: GET" in run.stderr
    assert "400 INVALID_TYPE: no such thing" in run.stderr
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))


def test_an_object_that_needs_a_filter_says_so(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    config = config_for(server, "ContentDocumentLink")
    catalog = tap.catalog(config)
    metadata_of(catalog["streams"][0])[()]["selected"] = True
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "requires a filter by a single Id" in run.stderr
    assert '{"filters": {"ContentDocumentLink": "<field> = \'<id>\'"}}' in run.stderr
    ids = server.org.query("SELECT Id FROM ContentDocument", include_deleted=True, bulk=True)
    listed = ", ".join(f"'{record['Id']}'" for record in ids.records(0, 100))
    condition = f"ContentDocumentId IN ({listed})"
    run = tap({**config, "filters": {"ContentDocumentLink": condition}}, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    expected = expected_records(server, "ContentDocumentLink", where=f"WHERE {condition}")
    assert_same_records(run.records("ContentDocumentLink"), expected)
    assert expected


@pytest.mark.parametrize(
    ("settings", "selected"),
    [
        ({}, {"Account", "CaseStatus"}),
        ({"fallback_to_rest": False}, {"Account"}),
        (
            {"filters": {"ContentDocumentLink": "LinkedEntityId = '001'"}},
            {"Account", "CaseStatus", "ContentDocumentLink"},
        ),
    ],
    ids=["with REST", "without REST", "with a filter"],
)
def test_what_can_be_read_is_selected_by_default(
    tap: Tap,
    start_sandbox: StartSandbox,
    settings: dict[str, Any],
    selected: set[str],
) -> None:
    names = ["Account", "CaseStatus", "ContentDocumentLink", "EmailStatus"]
    catalog = tap.catalog(config_for(start_sandbox(), *names, **settings))
    assert {entry["stream"] for entry in catalog["streams"]} == set(names)
    assert selected == {
        entry["stream"]
        for entry in catalog["streams"]
        if metadata_of(entry)[()].get("selected-by-default", True)
        and metadata_of(entry)[()].get("selected", True)
    }


def test_an_object_that_is_named_and_not_read_is_told(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(
        server, "Account", "casestatus", "ContentDocumentL*", "EmailStatus", fallback_to_rest=False
    )
    unless = "is not read unless a catalog selects it"
    rest = "the Bulk API does not read it; set fallback_to_rest to true"
    refused = "no query can read it; remove it from objects"
    told = [f"objects: casestatus {unless}: {rest}", f"objects: EmailStatus {unless}: {refused}"]
    run = tap(config)
    assert run.exit_code == 1
    assert run.streams == {"Account"}
    for name, why in (("CaseStatus", rest), ("EmailStatus", refused)):
        assert f"Stream {name}: It {unless}: {why}." in run.stderr
    discovery = tap(config, "--discover")
    catalog = json.loads(discovery.stdout)
    again = tap(config, catalog=catalog)
    for each in (discovery, again):
        assert each.exit_code == 0, each.stderr
        assert re.findall(r"objects: .*(?=\.)", each.stderr) == told
    for entry in catalog["streams"]:
        metadata_of(entry)[()]["selected"] = entry["stream"] in ("Account", "EmailStatus")
    chosen = tap(config, catalog=catalog)
    assert re.findall(r"objects: .*(?=\.)", chosen.stderr) == told[:1]


def test_the_connection_test_reads_through_rest_too(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    run = tap(config_for(server, "Account"), "--test")
    assert run.exit_code == 0, run.stderr
    assert "LIMIT%201" in queries(server)[0]


STREAMS = ("Account", "Contact", "Lead")


def test_small_objects_are_one_call_each_on_demand(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={**dict.fromkeys(STREAMS, 20), "Case": 2_001})
    config = config_for(server, *STREAMS, "Case", small_objects_through_rest=True)
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    for stream in (*STREAMS, "Case"):
        assert_same_records(run.records(stream), expected_records(server, stream))
    assert [each.sobject for each in server.calls if each.place == "create"] == ["Case"]
    assert len(queries(server)) == len(STREAMS)
    assert len([each for each in server.calls if "recordCount" in each.path]) == 1


def test_a_small_object_can_have_more_than_it_was_counted(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", small_objects_through_rest=True))
    assert_whole(server, run)
    assert len(queries(server)) == -(-ROWS // PAGE_ROWS)


@pytest.mark.parametrize("fallback", [True, False])
def test_a_small_object_goes_on_at_its_cursor(
    tap: Tap, start_sandbox: StartSandbox, *, fallback: bool
) -> None:
    server = start_sandbox(**SMALL)
    settings = {"small_objects_through_rest": True, "fallback_to_rest": fallback}
    config = config_for(server, "Account", **settings)
    first = tap.killed(config, after_states=3)
    since = len(server.calls)
    second = tap(config, state=first.state)
    assert_whole(server, first, second)
    assert queries(server, since)[0] == cursor_of(first)["next_records_url"]
    assert not [each for each in server.calls[since:] if "recordCount" in each.path]


def test_a_job_that_was_begun_is_read_on_as_a_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, page_rows=5)
    first = tap.killed(config_for(server, "Account"), after_states=4)
    assert "query_job" in first.bookmark("Account")
    config = config_for(server, "Account", small_objects_through_rest=True)
    assert_whole(server, first, tap(config, state=first.state))
    assert queries(server) == []
    assert [each.place for each in server.calls].count("create") == 1


def test_objects_whose_size_is_not_known_are_read_by_query_jobs(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(
        place="limits", kind="status", status=403, times="forever", match={"text": "recordCount"}
    )
    run = tap(config_for(server, *STREAMS, small_objects_through_rest=True))
    assert run.exit_code == 0, run.stderr
    assert queries(server) == []
    assert len([each for each in server.calls if "recordCount" in each.path]) == 1


def test_the_bookmark_of_a_resumed_query_goes_no_further_than_its_beginning(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    refuse_in_bulk(server, "Account")
    first = tap.killed(config_for(server, "Account"), after_states=3)
    cursor_of(first)["asked_at"] = "2001-01-01T00:00:00.000Z"
    second = tap(config_for(server, "Account"), state=first.state)
    assert_whole(server, first, second)
    assert second.bookmark("Account")["replication_key_value"] == "2001-01-01T00:00:00.000Z"
