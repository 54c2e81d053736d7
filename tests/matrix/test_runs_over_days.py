"""Runs over days: whatever changes between them, the merged table equals the org after a clean one.

Records change, are deleted for a while or for good and restored; fields are hidden and come back;
the question becomes wider and narrower; runs are killed anywhere; states are merged key by key, as
Meltano merges them, or arrive late. The target is a table that merges by key.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from salesforce_data import expected_records
from tap_process import Tap, TapServer, config_for

from sfbulk_sandbox import SandboxServer

SOBJECT = "Account"
ROWS = 12
BEGIN = datetime(2026, 5, 4, 22, tzinfo=timezone.utc)
FILTERS = (
    None,
    "NumberOfEmployees < 40000",
    "NumberOfEmployees < 40000 AND Name != 'nobody'",
    "CreatedDate = LAST_N_DAYS:3000",
    "LastModifiedDate = YESTERDAY OR NumberOfEmployees < 20000",
)
PAUSES = (timedelta(seconds=20), timedelta(minutes=10), timedelta(hours=9), timedelta(days=1))


def merged(old: Any, new: Any) -> Any:
    """Merge states as Meltano does: objects key by key, everything else replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return deepcopy(new)
    return {
        **old,
        **{name: merged(old.get(name), value) for name, value in new.items()},
    }


class Days(RuleBasedStateMachine):
    """An org, a tap, and the table and the state that outlive its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        folder = self.opened.enter_context(TemporaryDirectory())
        self.tap = self.opened.enter_context(Tap(_tap_server(), Path(folder)))
        self.now = BEGIN
        self.state: dict[str, Any] | None = None
        self.table: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}

    @initialize(full_table=st.booleans())
    def open(self, *, full_table: bool) -> None:
        scenario = {"rows": {SOBJECT: ROWS}, "page_rows": 3, "now": BEGIN.isoformat()}
        self.server = self.opened.enter_context(SandboxServer(scenario))
        self.settings = {"track_hard_deletes": True}
        # Deleted before anything was tracked: they come as they are, and are never marked.
        self.gone_before = set(self.ids()) - set(self.ids(include_deleted=False))
        self.catalog = self.tap.catalog(self.config)
        if full_table:
            for entry in self.catalog["streams"]:
                entry["replication_method"] = "FULL_TABLE"
                for each in entry["metadata"]:
                    if not each["breadcrumb"]:
                        each["metadata"]["forced-replication-method"] = "FULL_TABLE"
        self.run_to_the_end()

    def teardown(self) -> None:
        self.opened.close()

    @property
    def config(self) -> dict[str, Any]:
        return config_for(self.server, SOBJECT, **self.settings)

    @rule(pause=st.sampled_from(PAUSES))
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause
        self.server.set_now(self.now)

    @rule(place=st.integers(0, ROWS - 1), employees=st.integers(1, 80_000))
    def a_record_changes(self, place: int, employees: int) -> None:
        if alive := self.ids(include_deleted=False):
            record = {"Id": alive[place % len(alive)], "NumberOfEmployees": employees}
            self.server.org.upsert(SOBJECT, [{**record, "Phone": f"555 {employees}"}])

    @rule(employees=st.integers(1, 80_000))
    def a_record_comes(self, employees: int) -> None:
        self.server.org.upsert(SOBJECT, [{"Name": "new", "NumberOfEmployees": employees}])

    @rule(place=st.integers(0, ROWS - 1), hard=st.booleans())
    def a_record_is_deleted(self, place: int, *, hard: bool) -> None:
        if alive := self.ids(include_deleted=False):
            self.server.org.delete(SOBJECT, [alive[place % len(alive)]], hard=hard)

    @rule(place=st.integers(0, ROWS - 1))
    def a_record_is_restored(self, place: int) -> None:
        bin_ = sorted(set(self.ids()) - set(self.ids(include_deleted=False)))
        if bin_:
            restored = bin_[place % len(bin_)]
            self.server.org.undelete(SOBJECT, [restored])
            self.gone_before.discard(restored)

    @rule(visible=st.booleans())
    def a_field_is_hidden_or_shown(self, *, visible: bool) -> None:
        self.server.org.set_field_visible(SOBJECT, "Phone", visible)

    @rule(condition=st.sampled_from(FILTERS))
    def the_filter_changes(self, condition: str | None) -> None:
        self.settings = {**self.settings, "filters": {SOBJECT: condition} if condition else {}}

    @rule(included=st.booleans())
    def deleted_records_are_included_or_not(self, *, included: bool) -> None:
        self.settings = {**self.settings, "include_deleted": included}

    @precondition(lambda self: self.state is not None)
    @rule(states=st.integers(1, 6), merges=st.booleans(), late=st.integers(0, 2))
    def a_run_is_killed(self, states: int, *, merges: bool, late: int) -> None:
        running = self.tap.start(self.config, catalog=self.catalog, state=self.state)
        running.read_states(states)
        # It may have ended already.
        with suppress(ProcessLookupError):
            running.kill(signal.SIGKILL)
        run = running.end()
        self.take(run.messages)
        told = run.states
        if len(told) > late:
            last = told[len(told) - 1 - late]
            self.state = merged(self.state, last) if merges else last

    @rule(merges=st.booleans())
    def a_run_ends(self, *, merges: bool) -> None:
        before = self.state
        # A run that goes on in a job finds the org as it was when that began.
        if self.run_to_the_end():
            self.run_to_the_end()
        if merges:
            self.state = merged(before, self.state)
        self.compare()

    def run_to_the_end(self) -> bool:
        """Run the tap, and return whether it went on where a run had been killed."""
        given = {"state": self.state} if self.state else {}
        run = self.tap(self.config, catalog=self.catalog, **given)
        assert run.exit_code == 0, run.stderr
        self.take(run.messages)
        self.state = run.state
        return "Going on in job" in run.stderr

    def take(self, messages: list[dict[str, Any]]) -> None:
        """Merge records into the table by key; what a whole record does not name becomes null."""
        for message in messages:
            if message["type"] != "RECORD":
                continue
            record = message["record"]
            is_mark = set(record) <= {"Id", "_sdc_deleted_at"}
            old = self.table.get(record["Id"], {}) if is_mark else {}
            self.table[record["Id"]] = {**old, **record}

    def ids(self, *, include_deleted: bool = True) -> list[str]:
        rows = expected_records(
            self.server, SOBJECT, fields=["Id"], include_deleted=include_deleted
        )
        return [row["Id"] for row in rows]

    def compare(self) -> None:
        condition = self.settings.get("filters", {}).get(SOBJECT)
        expected = expected_records(
            self.server,
            SOBJECT,
            where=f"WHERE {condition}" if condition else "",
            include_deleted=self.settings.get("include_deleted", True),
        )
        alive = set(self.ids(include_deleted=False))
        for record in expected:
            row = self.table.get(record["Id"], {})
            assert {name: row.get(name) for name in record} == record
            if record["Id"] in alive:
                assert not row.get("_sdc_deleted_at")
        for record_id in self.table.keys() - alive - self.gone_before:
            assert self.table[record_id].get("_sdc_deleted_at")


_servers: list[TapServer] = []


def _tap_server() -> TapServer:
    """Return the one process that starts the runs of all examples."""
    if not _servers:
        _servers.append(TapServer().__enter__())
    return _servers[0]


def teardown_module() -> None:
    """End that process."""
    while _servers:
        _servers.pop().__exit__()


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=20,
    stateful_step_count=14,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
)
