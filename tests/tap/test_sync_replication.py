"""FULL_TABLE and INCREMENTAL: the bookmark is the maximum of a finished job."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 25}, "page_rows": 4}


def greatest(server: SandboxServer, field: str = "SystemModstamp") -> str:
    values = [record[field] for record in expected_records(server, "Account")]
    maximum: str = max(value for value in values if value is not None)
    return maximum


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize("way", ["lines", "rows", "arrow", "jsonl"])
def test_bookmark_is_the_maximum(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, way: str
) -> None:
    server = start_sandbox(**SMALL)
    batches = {
        "encoding": {"format": way, "compression": "none"},
        "storage": {"root": tmp_path.as_uri()},
    }
    settings: dict[str, dict[str, Any]] = {
        "lines": {},
        "rows": {"stream_maps": {"Account": {"Name": "Name and str(Name)"}}},
    }
    run = tap(config_for(server, "Account", **settings.get(way, {"batch_config": batches})))
    assert run.bookmark("Account") == {
        "replication_key": "SystemModstamp",
        "replication_key_value": greatest(server),
    }
    before_the_end = [state["bookmarks"]["Account"] for state in run.states[:-1]]
    assert before_the_end
    assert all("replication_key_value" not in bookmark for bookmark in before_the_end)


@pytest.mark.parametrize("lookback_seconds", [0, 300, 86_400 * 200])
def test_second_run_reads_what_changed_since_the_lookback(
    tap: Tap, start_sandbox: StartSandbox, lookback_seconds: int
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", lookback_seconds=lookback_seconds)
    first = tap(config)
    maximum = datetime.fromisoformat(greatest(server)[:-1]).replace(tzinfo=timezone.utc)
    changed = server.org.upsert("Account", [{"Name": "new"}])
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    since = stamp(maximum - timedelta(seconds=lookback_seconds))
    expected = expected_records(server, "Account", where=f"WHERE SystemModstamp >= {since}")
    assert_same_records(second.records("Account"), expected)
    assert changed[0] in {record["Id"] for record in second.records("Account")}
    assert second.bookmark("Account")["replication_key_value"] == greatest(server)


def test_a_run_without_changes_keeps_the_bookmark(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    saved = {
        "replication_key": "SystemModstamp",
        "replication_key_value": "2026-01-01T06:00:00.000Z",
    }
    run = tap(config_for(server, "Account"), state={"bookmarks": {"Account": saved}})
    assert run.exit_code == 0, run.stderr
    assert run.records("Account") == []
    assert run.bookmark("Account") == saved


def test_a_stamp_in_the_future_does_not_hide_later_changes(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    server.org.upsert("Account", [{"Name": "x", "SystemModstamp": "2099-01-01T00:00:00.000Z"}])
    first = tap(config_for(server, "Account"))
    assert first.bookmark("Account")["replication_key_value"] < "2099"
    changed = server.org.upsert("Account", [{"Name": "later"}])
    second = tap(config_for(server, "Account"), state=first.state)
    assert changed[0] in {record["Id"] for record in second.records("Account")}


def test_start_date(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", start_date="2024-01-01T02:00:00+02:00"))
    assert run.exit_code == 0, run.stderr
    expected = expected_records(
        server, "Account", where="WHERE SystemModstamp >= 2024-01-01T00:00:00Z"
    )
    assert 0 < len(expected) < 25
    assert_same_records(run.records("Account"), expected)


def test_full_table_reads_everything_each_time(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    (entry,) = catalog["streams"]
    metadata_of(entry)[()]["forced-replication-method"] = "FULL_TABLE"
    entry["replication_method"] = "FULL_TABLE"
    config = config_for(server, "Account", start_date="2024-01-01T00:00:00Z")
    first = tap(config, catalog=catalog)
    assert first.exit_code == 0, first.stderr
    assert "replication_key_value" not in first.bookmark("Account")
    second = tap(config, catalog=catalog, state=first.state)
    for run in (first, second):
        assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_replication_key_chosen_in_the_catalog(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    (entry,) = catalog["streams"]
    entry["replication_key"] = "CreatedDate"
    metadata_of(entry)[()]["replication-key"] = "CreatedDate"
    saved = {"replication_key": "SystemModstamp", "replication_key_value": greatest(server)}
    first = tap(
        config_for(server, "Account"), catalog=catalog, state={"bookmarks": {"Account": saved}}
    )
    assert first.exit_code == 0, first.stderr
    assert_same_records(first.records("Account"), expected_records(server, "Account"))
    assert first.bookmark("Account") == {
        "replication_key": "CreatedDate",
        "replication_key_value": greatest(server, "CreatedDate"),
    }
    second = tap(
        config_for(server, "Account", lookback_seconds=0), catalog=catalog, state=first.state
    )
    expected = expected_records(
        server, "Account", where=f"WHERE CreatedDate >= {greatest(server, 'CreatedDate')}"
    )
    assert_same_records(second.records("Account"), expected)


def test_a_date_as_replication_key(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    (entry,) = catalog["streams"]
    entry["replication_key"] = "LastActivityDate"
    metadata_of(entry)[()]["replication-key"] = "LastActivityDate"
    first = tap(config_for(server, "Account"), catalog=catalog)
    assert first.exit_code == 0, first.stderr
    maximum = greatest(server, "LastActivityDate")
    assert first.bookmark("Account")["replication_key_value"] == maximum
    second = tap(config_for(server, "Account"), catalog=catalog, state=first.state)
    assert second.exit_code == 0, second.stderr
    found = {record["LastActivityDate"] for record in second.records("Account")}
    assert maximum in found


def test_a_replication_key_that_is_no_date_is_refused(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    (entry,) = catalog["streams"]
    entry["replication_key"] = "Name"
    metadata_of(entry)[()]["replication-key"] = "Name"
    run = tap(config_for(server, "Account"), catalog=catalog)
    assert run.exit_code == 1
    assert "replication key Name" in run.stderr
    assert "create" not in {each.place for each in server.calls}


@pytest.mark.parametrize("broken", ["yesterday", 5, ["2024-01-01"], {"a": 1}])
def test_a_broken_bookmark_is_refused(tap: Tap, start_sandbox: StartSandbox, broken: Any) -> None:
    server = start_sandbox(**SMALL)
    saved = {"replication_key": "SystemModstamp", "replication_key_value": broken}
    run = tap(config_for(server, "Account"), state={"bookmarks": {"Account": saved}})
    assert run.exit_code == 1
    assert "replication_key_value" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.records("Account") == []
