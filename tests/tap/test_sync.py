"""The tap as a process writes exactly the sandbox's data, whatever form the replies have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

from sfbulk_sandbox.state.org import SoqlError

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 25}, "page_rows": 2}


def assert_account_is_whole(run: TapRun, server: SandboxServer) -> None:
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    pages = [each for each in server.calls if each.place == "page"]
    assert len(pages) == len({each.path for each in pages})


@pytest.mark.parametrize(
    ("reply_form", "link_style", "last_continuation"),
    [  # every pair of two of them
        ("live", "relative", "null"),
        ("live", "rooted", "absent"),
        ("live", "absolute", "empty"),
        ("documented", "relative", "absent"),
        ("documented", "rooted", "empty"),
        ("documented", "absolute", "null"),
        ("postman", "relative", "empty"),
        ("postman", "rooted", "null"),
        ("postman", "absolute", "absent"),
    ],
)
def test_every_form_of_the_list_of_pages(
    tap: Tap,
    start_sandbox: StartSandbox,
    reply_form: str,
    link_style: str,
    last_continuation: str,
) -> None:
    server = start_sandbox(
        **SMALL, reply_form=reply_form, link_style=link_style, last_continuation=last_continuation
    )
    run = tap(config_for(server, "Account"))
    assert_account_is_whole(run, server)
    assert [each.place for each in server.calls].count("list_pages") == 3


@pytest.mark.parametrize("key", ["nextRecordsUrl", "nextRecordUrl"])
def test_both_names_of_the_continuation(tap: Tap, start_sandbox: StartSandbox, key: str) -> None:
    server = start_sandbox(**SMALL, continuation_key=key)
    assert_account_is_whole(tap(config_for(server, "Account")), server)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_serial_walk_where_result_pages_are_refused(
    tap: Tap, start_sandbox: StartSandbox, status: int
) -> None:
    server = start_sandbox(**SMALL, result_pages="refused", result_pages_status=status)
    run = tap(config_for(server, "Account"))
    assert_account_is_whole(run, server)
    assert "does not list the result pages" in run.stderr
    assert [each.place for each in server.calls].count("page") == 7


@pytest.mark.parametrize(
    ("scenario", "parallel"),
    [
        ({"page_rows": 7}, 1),
        ({"page_rows": 1, "links_per_reply": 1}, 1),
        ({"page_rows": 1, "links_per_reply": 1}, 8),
        ({"chunked_results": False}, 5),
    ],
)
def test_pages_of_every_size(
    tap: Tap,
    start_sandbox: StartSandbox,
    scenario: dict[str, Any],
    parallel: int,
) -> None:
    server = start_sandbox(rows={"Account": 25}, **scenario)
    assert_account_is_whole(
        tap(config_for(server, "Account", max_parallel_downloads=parallel)), server
    )


def test_every_type_of_field(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(page_rows=30)
    run = tap(config_for(server, "Everything__c"))
    assert run.exit_code == 0, run.stderr
    expected = expected_records(server, "Everything__c")
    assert_same_records(run.records("Everything__c"), expected)
    assert run.stderr.count("NUL character") == 1
    texts = server.org.query(
        "SELECT Text__c, Text_Area__c, Long_Text__c FROM Everything__c",
        include_deleted=True,
        bulk=True,
    )
    assert f"Dropped {texts.csv(0, len(texts)).count(bytes(1))} NUL characters" in run.stderr


def test_every_object_in_one_run(tap: Tap, start_sandbox: StartSandbox) -> None:
    rows = dict.fromkeys(["Account", "Contact", "Case", "Lead", "Opportunity", "Task"], 30)
    server = start_sandbox(rows=rows, page_rows=100)
    offered = {entry["name"] for entry in server.org.describe_global() if entry["queryable"]}
    run = tap(config_for(server))
    refused = set()
    for name in offered:
        try:
            expected = expected_records(server, name)
        except SoqlError:
            refused.add(name)
            continue
        key = "DurableId" if name == "AppDefinition" else "Id"
        assert_same_records(run.records(name), expected, key)
    # What the Bulk API alone refuses is read through REST; the others are not selected.
    assert refused > {"CaseStatus"} == refused & run.streams
    assert len(run.records("CaseStatus")) == server.org.count("CaseStatus")
    assert run.exit_code == 0, run.stderr


@pytest.mark.parametrize("links", [0, 1])
def test_a_job_without_rows(tap: Tap, start_sandbox: StartSandbox, links: int) -> None:
    server = start_sandbox(empty_result_links=links)
    run = tap(config_for(server, "Empty__c"))
    assert run.exit_code == 0, run.stderr
    assert run.records("Empty__c") == []
    assert run.schema("Empty__c")["key_properties"] == ["Id"]


def test_row_path_and_block_path_write_the_same(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(page_rows=30)
    blocks = tap(config_for(server, "Everything__c"))
    maps = {"Everything__c": {"Extra": "str('x')"}}
    rows = tap(config_for(server, "Everything__c", stream_maps=maps))
    assert rows.exit_code == 0, rows.stderr
    records = rows.records("Everything__c")
    assert {record.pop("Extra") for record in records} == {"x"}
    assert_same_records(records, blocks.records("Everything__c"))
    announced = rows.schema("Everything__c")
    del announced["schema"]["properties"]["Extra"]
    assert announced == blocks.schema("Everything__c")


def test_records_fit_the_announced_schema(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(page_rows=30)
    run = tap(config_for(server, "Everything__c"))
    properties = run.schema("Everything__c")["schema"]["properties"]
    for record in run.records("Everything__c"):
        assert record.keys() == properties.keys()
