"""Deleted records over several runs, in a table that merges by key: marked until restored."""

from __future__ import annotations

import signal
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow.ipc
import pytest
from salesforce_data import expected_records
from tap_process import config_for, select_fields

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import RunningTap, Tap, TapRun

    from sfbulk_sandbox import SandboxServer

OBJECT = "Invoice__c"
MARK = "_sdc_deleted_at"
START = datetime(2026, 5, 4, 22, 0, 30, tzinfo=timezone.utc)
SMALL = {"rows": {OBJECT: 25, "User": 5}, "page_rows": 4, "now": START.isoformat()}


class MergedTable:
    """What a target that merges by key makes of the messages: a field that is missing is null."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._versions: dict[str, int | None] = {}

    def take(self, run: TapRun) -> None:
        for message in run.messages:
            version = message.get("version")
            if message["type"] == "RECORD":
                self._put(message["record"], version)
            elif message["type"] == "BATCH":
                for address in message["manifest"]:
                    with pyarrow.ipc.open_file(unquote(urlsplit(address).path)) as file:
                        for record in file.read_all().to_pylist():
                            self._put(record, None)
            elif message["type"] == "ACTIVATE_VERSION":
                for key in [key for key, each in self._versions.items() if each != version]:
                    del self.rows[key], self._versions[key]

    def _put(self, record: dict[str, Any], version: int | None) -> None:
        self.rows[record["Id"]] = record
        self._versions[record["Id"]] = version

    @property
    def marked(self) -> set[str]:
        return {key for key, row in self.rows.items() if row.get(MARK)}


class Org:
    """An org over some days, the table that it is loaded into, and what has to be in there."""

    def __init__(self, server: SandboxServer, tap: Tap, mode: str, **settings: Any) -> None:
        self.server = server
        self.table = MergedTable()
        self.state: dict[str, Any] | None = None
        self._tap = tap
        self._now = START
        self._in_bin: set[str] = set()
        self._erased: set[str] = set()
        if "batch_config" in settings:
            settings["batch_config"]["storage"] = {"root": tap._folder.as_uri()}
        self._config = config_for(server, OBJECT, track_hard_deletes=True, **settings)
        self._catalog = tap.catalog(self._config)
        (entry,) = self._catalog["streams"]
        if mode == "full table":
            entry["replication_method"] = "FULL_TABLE"
        if mode == "no IsDeleted":
            select_fields(entry, ["Name"])

    def wait(self, **time: float) -> None:
        self._now += timedelta(**time)
        self.server.set_now(self._now)

    def alive(self) -> list[str]:
        found = expected_records(self.server, OBJECT, include_deleted=False)
        return [each["Id"] for each in found]

    def delete(self, *ids: str, hard: bool = False) -> None:
        self.server.org.delete(OBJECT, list(ids), hard=hard)
        (self._erased if hard else self._in_bin).update(ids)
        if hard:
            self._in_bin.difference_update(ids)

    def restore(self, *ids: str) -> None:
        self.server.org.undelete(OBJECT, list(ids))
        self._in_bin.difference_update(ids)

    def load(self) -> TapRun:
        """Run the tap to its end; the table then has what the org has, marks included."""
        run = self.start().end()
        assert run.exit_code == 0, run.stderr
        self.take(run)
        table = self.table
        assert table.marked & {*self.alive()} == set()
        assert self._in_bin <= table.marked
        assert {*self.alive()} <= table.rows.keys()
        assert self._erased & table.rows.keys() <= table.marked
        assert table.marked <= self._in_bin | self._erased
        return run

    def load_and_kill(self, *, after_states: int) -> None:
        running = self.start()
        running.read_states(after_states)
        # It may have ended already.
        with suppress(ProcessLookupError):
            running.kill(signal.SIGKILL)
        self.take(running.end())

    def start(self) -> RunningTap:
        return self._tap.start(self._config, catalog=self._catalog, state=self.state)

    def take(self, run: TapRun) -> None:
        self.table.take(run)
        if run.states:
            self.state = run.state


MODES: dict[str, dict[str, Any]] = {
    "lookback": {},
    "full table": {},
    "REST": {"small_objects_through_rest": True},
    "formulas": {"refresh_formula_fields": "PT1H"},
    "no IsDeleted": {},
    "BATCH": {"batch_config": {"encoding": {"format": "arrow"}}},
    "only alive": {"include_deleted": False},
    "filter": {"filters": {OBJECT: "Name != 'nobody' AND CreatedDate < TODAY"}},
}


def loaded(tap: Tap, start_sandbox: StartSandbox, mode: str, **scenario: Any) -> Org:
    org = Org(start_sandbox(**SMALL, **scenario), tap, mode, **MODES[mode])
    org.load()
    org.wait(minutes=2)
    return org


@pytest.mark.parametrize("mode", MODES)
def test_a_deleted_record_is_deleted_after_every_later_run(
    tap: Tap, start_sandbox: StartSandbox, mode: str
) -> None:
    org = loaded(tap, start_sandbox, mode)
    first, second, third, erased = org.alive()[:4]
    org.delete(first, second, third)
    org.delete(erased, hard=True)
    for minutes in (1, 2, 90, 1, 3000):
        org.wait(minutes=minutes)
        org.load()
    org.restore(second)
    org.wait(minutes=1)
    org.load()
    org.delete(second)
    for minutes in (1, 1, 90):
        org.wait(minutes=minutes)
        org.load()


@pytest.mark.parametrize("mode", ["lookback", "full table", "REST"])
def test_marks_are_written_by_the_run_that_goes_on(
    tap: Tap, start_sandbox: StartSandbox, mode: str
) -> None:
    org = loaded(tap, start_sandbox, mode)
    org.delete(*org.alive()[:12])
    org.wait(minutes=1)
    org.load()
    for states in (1, 2, 3, 4, 5, 6, 8, 10):
        org.load_and_kill(after_states=states)
        org.wait(seconds=20)
    org.load()


def test_a_run_that_cannot_read_the_log_marks_what_it_reads_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """The bookmark has moved past the deleted records, and no later lookback reaches them."""
    org = loaded(tap, start_sandbox, "lookback")
    first, second, other, *_ = org.alive()
    org.delete(first, second)
    org.wait(minutes=1)
    org.load()
    org.server.org.upsert(OBJECT, [{"Id": other, "Name": "changed"}])
    org.wait(minutes=1)
    org.server.add_fault(place="deleted", kind="status", status=403)
    run = org.start().end()
    assert run.exit_code == 1
    org.take(run)
    assert org.table.marked == {first, second}
    org.server.clear_faults()
    org.wait(days=2)
    org.load()
    org.load()


@pytest.mark.parametrize("mode", ["full table", "REST"])
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "slow"])
def test_a_record_that_leaves_the_bin_while_it_is_read_is_marked(
    tap: Tap, start_sandbox: StartSandbox, mode: str, *, is_killed: bool
) -> None:
    """It was told long ago, and neither the bin nor the log has it when the pages are written."""
    org = loaded(tap, start_sandbox, mode)
    *victims, _ = org.alive()
    org.delete(*victims)
    org.wait(minutes=1)
    org.load()
    org.wait(minutes=30)
    running = org.start()
    running.read_records(6)
    if is_killed:
        with suppress(ProcessLookupError):
            running.kill(signal.SIGKILL)
        org.take(running.end())
    org.delete(*victims, hard=True)
    org.wait(minutes=30)
    org.server.org.purge_deleted(OBJECT)
    org.wait(minutes=30)
    if not is_killed:
        run = running.end()
        assert run.exit_code == 0, run.stderr
        org.take(run)
    org.load()


def test_a_restored_record_is_not_marked_though_the_log_still_lists_it(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = loaded(tap, start_sandbox, "lookback")
    restored, deleted, *_ = org.alive()
    org.delete(restored, deleted)
    org.wait(minutes=1)
    org.load()
    listed = [(each, START + timedelta(minutes=2)) for each in (restored, deleted)]
    org.restore(restored)
    monkeypatch.setattr(org.server.org, "deleted", lambda *_: listed)
    for _ in range(3):
        org.wait(minutes=1)
        org.load()


def test_marks_are_records_of_the_version_that_the_run_writes(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    org = loaded(tap, start_sandbox, "full table")
    org.delete(*org.alive()[:3])
    org.wait(minutes=1)
    run = org.load()
    marks = [message for message in run.messages if MARK in message.get("record", {})]
    assert len(marks) == 3
    records = [message for message in run.messages if message["type"] == "RECORD"]
    assert {each.get("version") for each in marks} == {each.get("version") for each in records}


def test_marks_that_an_earlier_release_has_lost_are_written_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """Its state does not say which records were written without them."""
    org = loaded(tap, start_sandbox, "lookback")
    victims = org.alive()[:3]
    org.delete(*victims)
    org.wait(minutes=1)
    org.load()
    assert org.state
    del org.state["bookmarks"][OBJECT]["deletes_tracked_since"]
    for victim in victims:
        del org.table.rows[victim][MARK]
    org.load()


def test_a_log_that_lags_is_asked_again_for_the_rest(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, delete_log_lag_seconds=600)
    org = Org(server, tap, "lookback")
    org.start().end()
    org.wait(hours=1)
    org.load()
    told: list[str] = []
    for hard in (True, False, True):
        victim = org.alive()[0]
        told.append(victim)
        org.wait(minutes=30)
        server.org.delete(OBJECT, [victim], hard=hard)
        org.wait(minutes=5)
        run = org.start().end()
        assert run.exit_code == 0, run.stderr
        org.take(run)
        assert "no longer knows" not in run.stderr
    org.wait(hours=1)
    run = org.start().end()
    org.take(run)
    assert org.table.marked == {*told}
    assert "no longer knows" not in run.stderr


def test_a_log_that_was_emptied_is_a_gap_told_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    org = loaded(tap, start_sandbox, "lookback")
    lost, told, *_ = org.alive()
    org.server.org.delete(OBJECT, [lost], hard=True)
    org.wait(hours=5)
    org.server.org.purge_deleted(OBJECT)
    org.wait(hours=1)
    org.delete(told, hard=True)
    org.wait(hours=5)
    run = org.load()
    assert "no longer knows every record that was deleted since 2026-05-04T2" in run.stderr
    assert "Its log begins at 2026-05-05T03:02Z" in run.stderr
    assert "no longer knows" not in org.load().stderr
