"""Records that were deleted for good, as the `deleted` resource tells them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow.ipc
import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 25, "User": 5}, "page_rows": 4}
NEVER = "1999-01-01T00:00:00+00:00"


def now() -> datetime:
    return datetime.now(timezone.utc)


def some_ids(server: SandboxServer, count: int, sobject: str = "Account") -> list[str]:
    return [record["Id"] for record in expected_records(server, sobject)[:count]]


def deleted_ids(run: TapRun, stream: str = "Account") -> list[str]:
    return [each["Id"] for each in run.records(stream) if "_sdc_deleted_at" in each]


def deleted_calls(server: SandboxServer) -> list[str]:
    return [call.path for call in server.calls if call.place == "deleted"]


def state_with(**bookmark: Any) -> dict[str, Any]:
    return {"bookmarks": {"Account": bookmark}}


def test_the_second_run_tells_what_was_deleted_since_the_first(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    first = tap(config)
    assert first.exit_code == 0, first.stderr
    assert_same_records(first.records("Account"), expected_records(server, "Account"))
    hard, soft = some_ids(server, 2)
    before = now().replace(microsecond=0)
    server.org.delete("Account", [hard], hard=True)
    server.org.delete("Account", [soft])
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    *others, deleted_hard, deleted_soft = second.records("Account")
    assert (deleted_hard["Id"], deleted_soft["Id"]) == (hard, soft)
    for record in (deleted_hard, deleted_soft):
        assert list(record) == ["Id", "_sdc_deleted_at"]
        moment = datetime.strptime(record["_sdc_deleted_at"], "%Y-%m-%dT%H:%M:%S.000%z")
        assert before <= moment <= now()
    assert [record["IsDeleted"] for record in others if record["Id"] == soft] == [True]
    property_ = second.schema("Account")["schema"]["properties"]["_sdc_deleted_at"]
    assert property_ == {"type": ["string", "null"], "format": "date-time"}
    assert second.bookmark("Account")["replication_key"] == "SystemModstamp"


def test_what_was_told_is_not_told_again(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True, at=now() - timedelta(hours=1))
    since = (now() - timedelta(hours=2)).isoformat()
    first = tap(config, state=state_with(deleted_until=since))
    assert deleted_ids(first) == [victim]
    assert since < first.bookmark("Account")["deleted_until"] <= now().isoformat()
    assert deleted_ids(tap(config, state=first.state)) == []


def test_without_the_setting_nothing_is_asked(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account"), state=state_with(deleted_until=NEVER))
    assert run.exit_code == 0, run.stderr
    assert deleted_calls(server) == []
    assert "_sdc_deleted_at" not in run.schema("Account")["schema"]["properties"]


@pytest.mark.parametrize("made_with", [True, False])
def test_a_catalog_serves_with_the_setting_and_without(
    tap: Tap, start_sandbox: StartSandbox, *, made_with: bool
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account", track_hard_deletes=made_with))
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True)
    for setting in (True, False):
        run = tap(config_for(server, "Account", track_hard_deletes=setting), catalog=catalog)
        assert run.exit_code == 0, run.stderr
        assert deleted_ids(run) == ([victim] if setting else [])
        if setting:
            assert "_sdc_deleted_at" in run.schema("Account")["schema"]["properties"]
        assert "no longer shows" not in run.stderr


def test_a_bookmark_from_before_is_where_tracking_begins(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    before, after = some_ids(server, 2)
    server.org.delete("Account", [before], hard=True, at=now() - timedelta(days=3))
    server.org.delete("Account", [after], hard=True, at=now() - timedelta(days=1))
    bookmark = (now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    state = state_with(replication_key="SystemModstamp", replication_key_value=bookmark)
    run = tap(config_for(server, "Account", track_hard_deletes=True), state=state)
    assert deleted_ids(run) == [after]


@pytest.mark.parametrize("way", ["job", "rest", "ranges"])
@pytest.mark.parametrize("is_tracked", [True, False], ids=["tracked", "tracked later"])
def test_a_load_that_is_killed_tells_what_was_deleted_meanwhile(
    tap: Tap, start_sandbox: StartSandbox, way: str, *, is_tracked: bool
) -> None:
    """A record that was written, and deleted before the load went on."""
    begin = datetime(2026, 5, 4, 22, tzinfo=timezone.utc)
    counts = {"Account": 11_000_000} if way == "ranges" else {}
    server = start_sandbox(**SMALL, query_rows=4, record_counts=counts, now=begin.isoformat())
    settings = {"small_objects_through_rest": way == "rest"}
    config = config_for(server, "Account", **settings, track_hard_deletes=is_tracked)
    first = tap.killed(config, after_states=14 if way == "ranges" else 5)
    victim = first.records("Account")[0]["Id"]
    server.set_now(begin + timedelta(hours=1))
    server.org.delete("Account", [victim], hard=True)
    server.set_now(begin + timedelta(hours=3))
    second = tap({**config, "track_hard_deletes": True}, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert deleted_ids(second) == [victim]


def test_the_mark_moves_when_the_records_are_written(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.org.delete("Account", some_ids(server, 3), hard=True)
    since = (now() - timedelta(hours=1)).isoformat(timespec="seconds")
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=since))
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    (*_, last_deleted) = (n for n, each in enumerate(lines) if "_sdc_deleted_at" in str(each))
    marks = {
        each["value"]["bookmarks"]["Account"]["deleted_until"]
        for each in lines[:last_deleted]
        if each["type"] == "STATE"
    }
    assert marks == {since}
    assert run.bookmark("Account")["deleted_until"] > since


def test_what_salesforce_has_not_covered_yet_is_asked_by_the_next_run(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    since = (now() - timedelta(hours=2)).isoformat()
    with monkeypatch.context() as late:
        late.setattr(server.org, "moment", lambda: now() - timedelta(hours=1))
        first = tap(config, state=state_with(deleted_until=since))
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True, at=now() - timedelta(minutes=30))
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert deleted_ids(second) == [victim]


def test_the_mark_does_not_go_back_to_what_salesforce_has_covered(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(**SMALL)
    monkeypatch.setattr(server.org, "moment", lambda: now() - timedelta(hours=1))
    mark = (now() - timedelta(minutes=10)).isoformat(timespec="seconds")
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=mark))
    assert run.exit_code == 0, run.stderr
    assert run.bookmark("Account")["deleted_until"] == mark


def test_a_span_with_too_many_ids_is_asked_in_parts(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, deleted_ids_limit=2)
    victims = some_ids(server, 6)
    for hours, victim in enumerate(victims):
        server.org.delete("Account", [victim], hard=True, at=now() - timedelta(hours=1 + hours))
    state = state_with(deleted_until=(now() - timedelta(hours=8)).isoformat())
    run = tap(config_for(server, "Account", track_hard_deletes=True), state=state)
    assert run.exit_code == 0, run.stderr
    assert sorted(deleted_ids(run)) == sorted(victims)
    assert {call.status for call in server.calls if call.place == "deleted"} == {200, 400}


def test_too_many_ids_for_any_span_are_reported(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, deleted_ids_limit=2)
    server.org.delete("Account", some_ids(server, 3), hard=True, at=now() - timedelta(hours=1))
    since = (now() - timedelta(hours=2)).isoformat()
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=since))
    assert run.exit_code == 1
    assert "Stream Account" in run.stderr
    assert "EXCEEDED_ID_LIMIT" in run.stderr
    assert "replication_key_value" in run.bookmark("Account")
    assert run.bookmark("Account")["deleted_until"] < (now() - timedelta(minutes=50)).isoformat()


@pytest.mark.parametrize(("days", "log_days"), [(20, 15), (400, 15), (3, 1)])
def test_a_gap_is_told_and_what_is_left_is_read(
    tap: Tap, start_sandbox: StartSandbox, days: int, log_days: int
) -> None:
    server = start_sandbox(**SMALL, delete_log_days=log_days)
    lost, told = some_ids(server, 2)
    server.org.delete("Account", [lost], hard=True, at=now() - timedelta(days=log_days, hours=5))
    server.org.delete("Account", [told], hard=True, at=now() - timedelta(hours=5))
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=(now() - timedelta(days=days)).isoformat()))
    assert run.exit_code == 0, run.stderr
    assert deleted_ids(run) == [told]
    assert run.stderr.count("no longer knows every record that was deleted") == 1
    assert "load the stream again" in run.stderr
    again = tap(config, state=run.state)
    assert "no longer tells" not in again.stderr


def test_a_date_that_salesforce_refuses_is_told_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    fault = {
        "place": "deleted",
        "kind": "status",
        "status": 400,
        "error_code": "INVALID_REPLICATION_DATE",
        "message": "startDate before org replication enabled date",
    }
    server = start_sandbox(**SMALL, faults=[fault])
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=(now() - timedelta(days=3)).isoformat()))
    assert run.exit_code == 0, run.stderr
    assert "startDate before org replication enabled date" in run.stderr
    assert "no longer tells" not in tap(config, state=run.state).stderr


def test_another_refusal_fails_the_stream_and_loses_nothing(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL, faults=[{"place": "deleted", "kind": "status", "status": 403}])
    config = config_for(server, "Account", track_hard_deletes=True)
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True)
    first = tap(config)
    assert first.exit_code == 1
    assert "INSUFFICIENT_ACCESS" in first.stderr
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert deleted_ids(second) == [victim]


def test_objects_without_account_of_deletes_are_left_alone(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "User", track_hard_deletes=True))
    assert run.exit_code == 0, run.stderr
    assert deleted_calls(server) == []
    assert "Stream User: Salesforce keeps no log of its deleted records." in run.stderr
    assert "deleted_until" not in run.bookmark("User")


def test_full_table_streams_tell_deleted_records_too(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    catalog = tap.catalog(config)
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    first = tap(config, catalog=catalog)
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True)
    second = tap(config, catalog=catalog, state=first.state)
    assert deleted_ids(second) == [victim]


def test_a_look_at_the_stream_asks_nothing(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", track_hard_deletes=True), "--test")
    assert run.exit_code == 0, run.stderr
    assert deleted_calls(server) == []


@pytest.mark.parametrize("broken", ["yesterday", 5, ["2024-01-01"]])
def test_a_broken_mark_is_refused(tap: Tap, start_sandbox: StartSandbox, broken: Any) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    run = tap(config, state=state_with(deleted_until=broken))
    assert run.exit_code == 1
    assert "The saved deleted_until" in run.stderr
    assert "Traceback" not in run.stderr


def test_deleted_records_leave_in_batches(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    (victim,) = some_ids(server, 1)
    before = now().replace(microsecond=0)
    server.org.delete("Account", [victim], hard=True)
    config = config_for(
        server,
        "Account",
        track_hard_deletes=True,
        batch_config={
            "encoding": {"format": "arrow"},
            "storage": {"root": tmp_path.as_uri()},
        },
    )
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    *_, last = (each for each in run.messages if each["type"] == "BATCH")
    (address,) = last["manifest"]
    with pyarrow.ipc.open_file(unquote(urlsplit(address).path)) as file:
        (row,) = file.read_all().to_pylist()
    assert row["Id"] == victim
    assert before <= row["_sdc_deleted_at"] <= now()
    assert set(row) == {"Id", "_sdc_deleted_at"}


def test_stream_maps_see_deleted_records(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    (victim,) = some_ids(server, 1)
    server.org.delete("Account", [victim], hard=True)
    config = config_for(
        server,
        "Account",
        track_hard_deletes=True,
        stream_maps={
            "Account": {
                "source": "'crm'",
                "Name": "Name + '!'",
                "digest": "md5(Name)",
                "__filter__": "Name != 'nobody'",
            }
        },
    )
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    last = run.records("Account")[-1]
    assert last.keys() == {"Id", "_sdc_deleted_at", "source"}
    assert (last["Id"], last["source"]) == (victim, "crm")
    assert last["_sdc_deleted_at"]
