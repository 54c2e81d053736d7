"""States in the forms that users have at hand; everything else is refused or named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

BOOKMARK = {
    "replication_key": "SystemModstamp",
    "replication_key_value": "2999-01-01T00:00:00.000Z",
}
STATE = {"bookmarks": {"Account": BOOKMARK}}


def run_with(tap: Tap, start_sandbox: StartSandbox, text: str | bytes, **given: Any) -> TapRun:
    """Run with a state that is written as it is."""
    # The bookmark is after every record, and not in the future.
    server = start_sandbox(rows={"Account": 7}, now="2999-01-01T00:01:00+00:00")
    path = tap._folder / "given.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tap(config_for(server, "Account"), "--state", str(path), **given)


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        {"singer_state": STATE},
        {"type": "STATE", "value": STATE},
        {"bookmarks": {"Account": BOOKMARK, "Contact": None}, "currently_syncing": None},
    ],
    ids=["plain", "meltano state get", "a line", "merged by Meltano"],
)
def test_forms_that_are_understood(
    tap: Tap, start_sandbox: StartSandbox, state: dict[str, Any]
) -> None:
    run = run_with(tap, start_sandbox, json.dumps(state) + "\n")
    assert run.exit_code == 0, run.stderr
    assert run.records("Account") == []
    assert run.bookmark("Account") == BOOKMARK
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize(
    "text",
    ["", " \n", "null", "{}", '{"bookmarks": {}}', '{"singer_state": null}', '{"bookmarks": null}'],
)
def test_the_state_of_a_first_run(tap: Tap, start_sandbox: StartSandbox, text: str) -> None:
    run = run_with(tap, start_sandbox, text)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps({"Account": BOOKMARK}), "is of no known form"),
        ("[]", "is of no known form"),
        ("7", "is of no known form"),
        ('"bookmarks"', "is of no known form"),
        ('{"bookmark": {}}', "is of no known form"),
        ('{"singer_state": []}', "is of no known form"),
        ('{"bookmarks": []}', "must be an object"),
        (
            '{"bookmarks": {"Account": "2026-01-01"}}',
            "bookmark of Account in the state",
        ),
        ('{"type": "RECORD", "stream": "Account"}', "another message, 'RECORD'"),
        ('{"type": "STATE"}', "is of no known form"),
        ('{"bookmarks":\n {"Account": s3cr3t}}', "given.json is not JSON, at line 2, column 14"),
        (
            f"{json.dumps(STATE)}\n{json.dumps(STATE)}",
            "is not JSON, at line 2, column 1",
        ),
        ("[" * 100_000, "nested too deeply"),
        ('{"bookmarks": {"Account": {}, "Account": {}}}', "it has the key 'Account' twice in one"),
        ('{"bookmarks": {"Account": {"progress_markers": "x"}}}', "progress_markers of Account"),
        ('{"bookmarks": {"Account": {"progress_markers": [1]}}}', "progress_markers of Account"),
        ('{"bookmarks": {"Account": {"partitions": [1]}}}', "The partitions and progress_markers"),
        ('{"bookmarks": {"Account": {"partitions": "x"}}}', "The partitions and progress_markers"),
        (b'{"bookmarks": "\xff"}', "is not JSON: byte 15"),
    ],
)
def test_everything_else_ends_the_run(
    tap: Tap, start_sandbox: StartSandbox, text: str | bytes, said: str
) -> None:
    run = run_with(tap, start_sandbox, text)
    assert run.exit_code == 1
    assert said in run.stderr
    assert run.stdout == b""
    assert "Traceback" not in run.stderr
    assert "s3cr3t" not in run.stderr


@pytest.mark.parametrize(
    ("bookmarks", "said"),
    [
        ({"account": BOOKMARK}, "a bookmark of account, and there is no such stream. Account was"),
        ({"Zebra": BOOKMARK}, "a bookmark of Zebra, and there is no such stream.\n"),
        (
            {"Account": {**BOOKMARK, "replication_key": "systemmodstamp"}},
            "the bookmark in the state is one for systemmodstamp, and the replication key is Sys",
        ),
        (
            {"Account": {"replication_key_value": "2026-01-01T00:00:00Z"}},
            "of Account in the state has no replication_key: its replication_key_value has no",
        ),
        (
            {"Account": {"replication_key": "SystemModstamp", "value": "2026-01-01"}},
            "has no replication_key_value",
        ),
        ({"Account": {"last": "2026-01-01"}}, "has no key that this tap knows (last)"),
    ],
)
def test_a_bookmark_without_effect_is_named(
    tap: Tap, start_sandbox: StartSandbox, bookmarks: dict[str, Any], said: str
) -> None:
    run = run_with(tap, start_sandbox, json.dumps({"bookmarks": bookmarks}))
    assert run.exit_code == 0, run.stderr
    assert said in run.stderr
    assert len(run.records("Account")) == 7


def test_a_bookmark_of_a_stream_that_is_not_read_is_kept(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 7})
    state = {"bookmarks": {"Contact": BOOKMARK}}
    config = config_for(server, "Account")
    for catalog in (None, tap.catalog(config_for(server, "Account", "Contact"))):
        for entry in (catalog or {"streams": []})["streams"]:
            metadata_of(entry)[()]["selected"] = entry["stream"] == "Account"
        run = tap(config, state=state, catalog=catalog)
        assert run.exit_code == 0, run.stderr
        assert run.bookmark("Contact") == BOOKMARK
        assert "no such stream" not in run.stderr
    strange = tap(config, state={"bookmarks": {"contacts": BOOKMARK}}, catalog=catalog)
    assert "a bookmark of contacts, and there is no such stream. Contact was" in strange.stderr


JOB = {
    "id": "750000000000001AAA",
    "api_version": "67.0",
    "query": "x",
    "records_done": 0,
    "locators_done": [],
}
INJECTED = "2026-01-01T00:00:00.000Z OR Id != null"
PART = {"from": None, "until": "2026-01-01T00:00:00.000Z"}
LAST_PART = {"from": PART["until"], "until": None}
RANGES = {
    "query": "x",
    "field": "SystemModstamp",
    "cut_at": "2026-01-01T00:00:00+00:00",
    "parts": [PART, LAST_PART],
}
QUESTION = {"include_deleted": True, "fields": []}
MARKS = {
    "deleted_until": "2026-01-01T00:00:00+00:00",
    "deletes_tracked_since": "2026-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (
            "query_job",
            [
                {**JOB, "id": "../../sobjects/Account/describe"},
                {**JOB, "id": "750000000000001AAA/results"},
                {**JOB, "api_version": "67.0/../v50.0"},
                {**JOB, "next_records_url": "/sobjects/Account/describe"},
                {**JOB, "next_records_url": "/jobs/query/../../sobjects"},
                {**JOB, "next_records_url": "/jobs/query/750000000000002AAA/resultPages"},
                {**JOB, "replication_key_maximum": INJECTED},
                {**JOB, "replication_key": 7},
            ],
        ),
        (
            "rest_query",
            [
                {"query": "x", "next_records_url": "/sobjects/Account", "records_done": 1},
                {"query": "x", "next_records_url": "/query/0r8-2", "records_done": True},
                {
                    "query": "x",
                    "next_records_url": "/query/0r8-2",
                    "records_done": 1,
                    "asked_at": INJECTED,
                },
            ],
        ),
        (
            "ranges",
            [
                {**RANGES, "parts": [{**PART, "until": INJECTED}, {**LAST_PART, "from": INJECTED}]},
                {**RANGES, "parts": [{**PART, "until": "x"}, {**LAST_PART, "from": "x"}]},
                {**RANGES, "parts": [{**PART, "done": True, "maximum": INJECTED}, LAST_PART]},
                {**RANGES, "parts": []},
                {**RANGES, "parts": {"0": PART}},
                {**RANGES, "cut_at": INJECTED},
            ],
        ),
        (
            "question",
            [
                {**QUESTION, "start_date": INJECTED},
                {**QUESTION, "filter": "Name = 'a"},
                {**QUESTION, "filter": 7},
                {**QUESTION, "asked_at": 7},
                {**QUESTION, "hidden": [{"name": "Phone", "since": "?"}]},
                [],
            ],
        ),
        ("deleted_until", [INJECTED, 7]),
        ("deletes_tracked_since", [INJECTED, 7]),
        ("replication_key_value", [INJECTED, "2026-99-01", 7]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_others_wrote_into_a_state_reaches_no_query_and_no_address(
    tap: Tap, start_sandbox: StartSandbox, key: str, values: list[Any]
) -> None:
    names = ["Account", "Contact", "Lead", "Opportunity", "Case", "Task", "Event", "User"]
    tampered = dict(zip(names, values, strict=False))
    server = start_sandbox(rows=dict.fromkeys(tampered, 2))
    past = {**BOOKMARK, "replication_key_value": "2020-01-01T00:00:00.000Z"}
    bookmarks = {name: {**past, **MARKS, key: value} for name, value in tampered.items()}
    config = config_for(server, *tampered, track_hard_deletes=True)
    run = tap(config, state={"bookmarks": bookmarks})
    assert run.exit_code == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert not any(message["type"] == "RECORD" for message in run.messages)
    for name, value in tampered.items():
        assert f"Failed: {name}: The saved {key}" in run.stderr.replace("progress of the ", "")
        assert run.state["bookmarks"][name][key] == value
    asked = [each.path for each in server.calls if each.place not in {"describe", "describes"}]
    assert not [each for each in asked if "jobs" in each or "query" in each], asked
