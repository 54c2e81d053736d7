"""Keys that are null, that no condition may name, or that do not tell records apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

START = "2000-01-01T00:00:00Z"
ZERO_ID = "000000000000000AAA"


def with_key(catalog: dict[str, Any], key: str) -> dict[str, Any]:
    """Choose a replication key in a catalog of one stream."""
    (entry,) = catalog["streams"]
    entry["replication_key"] = key
    metadata_of(entry)[()]["replication-key"] = key
    return catalog


def nulls_of(server: SandboxServer, field: str) -> int:
    soql = f"SELECT Id FROM Account WHERE {field} = null"  # noqa: S608 - SOQL only reads
    return len(server.org.query(soql, include_deleted=True, bulk=True))


def files(folder: Path, form: str) -> dict[str, Any]:
    """Return settings for BATCH messages."""
    encoding, storage = {"format": form}, {"root": folder.as_uri()}
    return {"batch_config": {"encoding": encoding, "storage": storage}}


@pytest.mark.parametrize("settings", [{}, {"start_date": START}], ids=["all", "start_date"])
def test_the_first_load_reads_records_whose_key_is_null(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any]
) -> None:
    server = start_sandbox(rows={"Account": 40})
    assert 0 < nulls_of(server, "LastActivityDate") < 40
    config = config_for(server, "Account", **settings)
    catalog = with_key(tap.catalog(config), "LastActivityDate")
    first = tap(config, catalog=catalog)
    assert first.exit_code == 0, first.stderr
    assert len(first.records("Account")) == 40
    assert "records whose LastActivityDate is null are read by the first load only" in first.stderr
    second = tap(config, catalog=catalog, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert not any(each["LastActivityDate"] is None for each in second.records("Account"))


def test_the_first_load_of_a_query_reads_them_too(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 40})
    soql = "SELECT Id, LastActivityDate FROM Account"
    queries = [{"name": "active", "soql": soql, "replication_key": "LastActivityDate"}]
    run = tap(config_for(server, "!*", queries=queries, start_date=START))
    assert run.exit_code == 0, run.stderr
    assert len(run.records("active")) == 40


def test_a_stamp_of_salesforce_s_own_is_never_null(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 4})
    run = tap(config_for(server, "Account", start_date=START))
    assert "= null" not in next(iter(server.jobs)).soql
    assert "is null" not in run.stderr


@pytest.mark.parametrize(
    ("hidden", "chosen"),
    [
        (["SystemModstamp"], "LastModifiedDate"),
        (["SystemModstamp", "LastModifiedDate", "CreatedDate"], None),
    ],
    ids=["next", "full table"],
)
def test_a_stamp_that_no_condition_may_name_is_not_chosen(
    tap: Tap, start_sandbox: StartSandbox, hidden: list[str], chosen: str | None
) -> None:
    fields = {name: {"filterable": False} for name in hidden}
    server = start_sandbox(rows={"Account": 7}, objects={"Account": {"fields": fields}})
    config = config_for(server, "Account")
    (entry,) = tap.catalog(config)["streams"]
    assert entry.get("replication_key") == chosen
    first = tap(config)
    second = tap(config, state=first.state)
    for run in (first, second):
        assert run.exit_code == 0, run.stderr
    if chosen is None:
        assert len(second.records("Account")) == 7
        return
    catalog = with_key(tap.catalog(config), "SystemModstamp")
    refused = tap(config, catalog=catalog, state=first.state)
    assert refused.exit_code == 1
    assert "no condition on the replication key SystemModstamp of Account" in refused.stderr


def test_an_object_whose_id_is_zero_has_no_key(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Reading__b": 9}, objects={"Reading__b": {"ids": "zero"}})
    config = config_for(server, "Reading__b")
    run = tap(config, catalog=tap.catalog(config))
    assert run.exit_code == 0, run.stderr
    assert run.schema("Reading__b")["key_properties"] == []
    assert [each["Id"] for each in run.records("Reading__b")] == [ZERO_ID] * 9


@pytest.mark.parametrize("way", ["lines", "rows", "rest", "jsonl", "arrow", "parquet"])
def test_a_zero_id_under_an_announced_key_fails_the_stream(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, way: str
) -> None:
    rows = {"Reading__c": 9, "Account": 3}
    server = start_sandbox(rows=rows, objects={"Reading__c": {"ids": "zero"}})
    ways: dict[str, dict[str, Any]] = {
        "lines": {},
        "rows": {"stream_maps": {"Reading__c": {"Name": "Name and str(Name)"}}},
        "rest": {"small_objects_through_rest": True},
    }
    settings = ways[way] if way in ways else files(tmp_path, way)
    config = config_for(server, "Reading__c", "Account", **settings)
    run = tap(config)
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "Reading__c" in run.stderr
    assert f"{ZERO_ID}, so Id does not tell its records apart" in run.stderr
    assert run.records("Reading__c") == []
    assert not any(m["type"] == "BATCH" and m["stream"] != "Account" for m in run.messages)
    # What the error says to do.
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        if entry["stream"] == "Reading__c":
            metadata_of(entry)[()]["table-key-properties"] = []
    again = tap(config, catalog=catalog)
    assert again.exit_code == 0, again.stderr
    assert again.schema("Reading__c")["key_properties"] == []


@pytest.mark.parametrize("way", ["lines", "rows", "jsonl", "arrow"])
def test_null_in_a_key_fails_the_stream(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, way: str
) -> None:
    server = start_sandbox(rows={"Account": 40})
    queries = [
        {
            "name": "active",
            "soql": "SELECT Name, LastActivityDate FROM Account",
            "primary_keys": ["Name", "LastActivityDate"],
        }
    ]
    ways: dict[str, dict[str, Any]] = {
        "lines": {},
        "rows": {"stream_maps": {"active": {"Name": "Name and str(Name)"}}},
    }
    settings = ways[way] if way in ways else files(tmp_path, way)
    run = tap(config_for(server, "!*", queries=queries, **settings))
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "LastActivityDate is null in a record, and part of the key" in run.stderr
    assert not any(each["LastActivityDate"] is None for each in run.records("active"))
    assert "BATCH" not in {each["type"] for each in run.messages}
