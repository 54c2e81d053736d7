"""Formula fields: read in full once their period is over, the bookmark untouched."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, select_fields

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Invoice__c": 25, "Account": 5, "User": 5}, "page_rows": 4}
OBJECT = "Invoice__c"


def now() -> datetime:
    return datetime.now(timezone.utc)


def changed_formula(server: SandboxServer, formula: str) -> str:
    """Let a formula come to another value, without a new stamp."""
    oldest = min(expected_records(server, OBJECT), key=lambda each: each["SystemModstamp"])
    stamps = {name: oldest[name] for name in ("SystemModstamp", "LastModifiedDate")}
    record = {"Id": oldest["Id"], formula: 47, **stamps}
    server.org.upsert(OBJECT, [record])
    record_id: str = oldest["Id"]
    return record_id


def formula_of(server: SandboxServer) -> str:
    described = server.org.describe(OBJECT)
    assert described
    name: str = next(each["name"] for each in described["fields"] if each["calculated"])
    return name


def jobs_made(server: SandboxServer) -> int:
    return sum(call.place == "create" for call in server.calls)


def aged(state: dict[str, Any], days: float) -> dict[str, Any]:
    """Make the last full read older."""
    bookmark = state["bookmarks"][OBJECT]
    older = {**bookmark, "formulas_refreshed_at": (now() - timedelta(days=days)).isoformat()}
    return {"bookmarks": {OBJECT: older}}


@pytest.mark.parametrize(("days", "is_due"), [(6.9, False), (7.1, True)])
def test_the_stream_is_read_in_full_when_the_period_is_over(
    tap: Tap, start_sandbox: StartSandbox, days: float, *, is_due: bool
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, refresh_formula_fields="P7D")
    before = now().replace(microsecond=0)
    first = tap(config)
    assert first.exit_code == 0, first.stderr
    refreshed = first.bookmark(OBJECT)["formulas_refreshed_at"]
    assert before <= datetime.fromisoformat(refreshed) <= now()
    assert set(first.bookmark(OBJECT)) == {
        "replication_key", "replication_key_value", "formulas_refreshed_at",
    }  # fmt: skip
    changed = changed_formula(server, formula_of(server))
    state = aged(first.state, days)
    second = tap(config, state=state)
    assert second.exit_code == 0, second.stderr
    if is_due:
        assert_same_records(second.records(OBJECT), expected_records(server, OBJECT))
    else:
        assert changed not in {each["Id"] for each in second.records(OBJECT)}
    after = second.bookmark(OBJECT)
    assert after["replication_key_value"] == first.bookmark(OBJECT)["replication_key_value"]
    kept = state["bookmarks"][OBJECT]["formulas_refreshed_at"]
    assert (after["formulas_refreshed_at"] != kept) == is_due


def test_nothing_is_missed_after_a_full_read(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, refresh_formula_fields="P7D")
    first = tap(config)
    before = now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    (new,) = server.org.upsert(OBJECT, [{"Name": "new"}])
    full = tap(config, state=aged(first.state, 8))
    assert new in {each["Id"] for each in full.records(OBJECT)}
    for name in ("replication_key", "replication_key_value"):
        assert full.bookmark(OBJECT)[name] >= first.bookmark(OBJECT)[name]
    third = tap(config, state=full.state)
    assert [each["Id"] for each in third.records(OBJECT) if each["Name"] == "new"] == [new]
    assert len(third.records(OBJECT)) < 25
    assert third.bookmark(OBJECT)["replication_key_value"] >= before


def test_a_setting_that_is_new_reads_in_full_at_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    first = tap(config_for(server, OBJECT))
    assert "formulas_refreshed_at" not in first.bookmark(OBJECT)
    config = config_for(server, OBJECT, refresh_formula_fields="PT12H")
    second = tap(config, state=first.state)
    assert_same_records(second.records(OBJECT), expected_records(server, OBJECT))
    assert formula_of(server) in second.stderr
    assert "is read in full" in second.stderr


def test_a_full_read_that_is_killed_goes_on_as_one(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, refresh_formula_fields="P7D")
    first = tap(config)
    killed = tap.killed(config, after_states=4, state=aged(first.state, 8))
    # The runs are faster than its seconds can tell.
    began = (now() - timedelta(hours=1)).isoformat(timespec="seconds")
    assert killed.bookmark(OBJECT)["formula_refresh_began_at"] > began
    killed.state["bookmarks"][OBJECT]["formula_refresh_began_at"] = began
    assert killed.bookmark(OBJECT)["formulas_refreshed_at"] < began
    jobs = jobs_made(server)
    last = tap(config, state=killed.state)
    assert last.exit_code == 0, last.stderr
    assert jobs_made(server) == jobs
    target = {each["Id"]: each for each in killed.records(OBJECT) + last.records(OBJECT)}
    assert_same_records(list(target.values()), expected_records(server, OBJECT))
    assert last.bookmark(OBJECT)["formulas_refreshed_at"] == began
    assert "formula_refresh_began_at" not in last.bookmark(OBJECT)


def test_streams_without_selected_formulas_stay_incremental(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, "User", refresh_formula_fields="P7D")
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == OBJECT:
            select_fields(entry, ["Name"])
    first = tap(config, catalog=catalog)
    second = tap(config, catalog=catalog, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert len(second.records(OBJECT)) < 25
    for stream in (OBJECT, "User"):
        assert set(second.bookmark(stream)) == {"replication_key", "replication_key_value"}


def test_full_table_streams_need_no_refresh(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, refresh_formula_fields="P7D")
    catalog = tap.catalog(config)
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.bookmark(OBJECT) == {}


def test_a_start_date_bounds_the_full_read_too(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(
        server, OBJECT, refresh_formula_fields="P7D", start_date="2025-01-01T00:00:00Z"
    )
    first = tap(config)
    second = tap(config, state=aged(first.state, 8))
    where = "WHERE SystemModstamp >= 2025-01-01T00:00:00Z"
    assert_same_records(second.records(OBJECT), expected_records(server, OBJECT, where=where))


def test_a_broken_moment_is_refused(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, OBJECT, refresh_formula_fields="P7D")
    run = tap(config, state={"bookmarks": {OBJECT: {"formulas_refreshed_at": "once"}}})
    assert run.exit_code == 1
    assert "The saved formulas_refreshed_at 'once' is not a date" in run.stderr


def test_a_wrong_period_ends_the_run_at_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, OBJECT, refresh_formula_fields="weekly"))
    assert run.exit_code == 1
    assert "such as P7D or PT12H, not weekly" in run.stderr
    assert "Traceback" not in run.stderr
    assert server.calls == []
