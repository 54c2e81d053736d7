"""Deleted records, table versions and null keys in PostgreSQL, by a target of the Singer SDK."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from databases import SCHEMA, Postgres
from psycopg import sql
from psycopg.rows import dict_row
from salesforce_data import expected_records
from tap_process import config_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from databases import Database
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

START = datetime(2026, 5, 4, 22, tzinfo=timezone.utc)
ROWS = 12
SMALL: dict[str, Any] = {"rows": {"Account": ROWS}, "page_rows": 4, "now": START.isoformat()}


class Table:
    """A table that runs of the tap are loaded into."""

    def __init__(
        self, tap: Tap, load: Callable[[Database, bytes], Any], postgres: Mapping[str, Any]
    ) -> None:
        self.state: Any = None
        self._tap = tap
        self._load = load
        self._postgres = postgres
        self.database = Postgres(postgres)

    def load(
        self, config: Mapping[str, Any], *, catalog: Any = None, kill_after: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Run the tap into the target; return the rows by Id, the target's own columns too."""
        given = {"state": self.state} if self.state else {}
        if kill_after is None:
            run = self._tap(config, catalog=catalog, **given)
            assert run.exit_code == 0, run.stderr
        else:
            run = self._tap.killed(config, catalog=catalog, after_states=kill_after, **given)
        self.state = self._load(self.database, run.stdout)
        names = sql.Identifier(SCHEMA, "Account")
        with psycopg.connect(**self._postgres, row_factory=dict_row) as server:
            rows = server.execute(sql.SQL("SELECT * FROM {}").format(names)).fetchall()
        return {row["Id"]: row for row in rows}


@pytest.fixture
def table(tap: Tap, load: Callable[[Database, bytes], Any], postgres: dict[str, Any]) -> Table:
    return Table(tap, load, postgres)


def alive(server: SandboxServer) -> list[str]:
    return [each["Id"] for each in expected_records(server, "Account", include_deleted=False)]


def test_marks_of_deleted_records(table: Table, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=True)
    before = table.load(config)
    in_bin, erased, *_ = alive(server)
    server.set_now(START + timedelta(minutes=1))
    server.org.delete("Account", [in_bin])
    server.org.delete("Account", [erased], hard=True)
    server.set_now(START + timedelta(minutes=3))
    told = table.load(config)
    for victim in (in_bin, erased):
        assert before[victim]["Name"]
        assert told[victim]["_sdc_deleted_at"]
        # The target sets what a record does not name to null, as the documentation says.
        assert told[victim]["Name"] is None
    server.set_now(START + timedelta(minutes=4))
    again = table.load(config)
    assert again[in_bin]["_sdc_deleted_at"]
    assert again[in_bin]["Name"] == before[in_bin]["Name"]
    assert again[erased]["_sdc_deleted_at"]
    server.org.undelete("Account", [in_bin])
    restored = table.load(config)[in_bin]
    assert restored["_sdc_deleted_at"] is None
    assert restored["Name"] == before[in_bin]["Name"]


def test_a_full_table_equals_salesforce(
    tap: Tap, table: Table, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", emit_activate_version_messages=True)
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["forced-replication-method"] = "FULL_TABLE"
    table.database.config["hard_delete"] = True
    table.load(config, catalog=catalog)
    server.org.delete("Account", alive(server)[:5], hard=True)
    assert len(table.load(config, catalog=catalog, kill_after=2)) == ROWS
    rows = table.load(config, catalog=catalog)
    assert rows.keys() == {each["Id"] for each in expected_records(server, "Account")}
    # A table that is empty in the end, too.
    server.org.delete("Account", list(rows), hard=True)
    assert table.load(config, catalog=catalog) == {}


def test_records_whose_key_is_null(table: Table, tap: Tap, start_sandbox: StartSandbox) -> None:
    key = {"Day__c": {"type": "date", "nillable": True}}
    server = start_sandbox(**SMALL, objects={"Account": {"fields": key}})
    one, other, *rest = alive(server)
    server.org.upsert("Account", [{"Id": each, "Day__c": None} for each in (one, other)])
    server.org.upsert("Account", [{"Id": each, "Day__c": "2026-05-03"} for each in rest])
    config = config_for(server, "Account", start_date="2020-01-01T00:00:00Z", include_deleted=False)
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        entry["replication_key"] = "Day__c"
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["replication-key"] = "Day__c"
    rows = table.load(config, catalog=catalog)
    assert rows.keys() == {*alive(server)}
    assert rows[one]["Day__c"] is None
