"""Rows that become visible after their stamp: why the next job starts before the bookmark."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from salesforce_data import expected_records
from tap_process import config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap


SMALL = {"rows": {"Account": 25}, "page_rows": 10}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize("seconds_late", [1, 60, 299])
@pytest.mark.parametrize(("settings", "is_lost"), [({"lookback_seconds": 0}, True), ({}, False)])
def test_a_late_row_is_lost_without_the_lookback_and_found_with_the_default(
    tap: Tap,
    start_sandbox: StartSandbox,
    settings: dict[str, int],
    seconds_late: int,
    *,
    is_lost: bool,
) -> None:
    """A transaction that took long: its row is older than another one that was seen before it."""
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", **settings)
    seen = datetime.now(timezone.utc).replace(microsecond=0)
    begun = seen - timedelta(seconds=seconds_late)
    changed = {"Id": expected_records(server, "Account")[0]["Id"], "Name": "changed late"}
    server.org.upsert("Account", [{"SystemModstamp": stamp(begun), **changed}], committed=False)
    server.org.upsert("Account", [{"SystemModstamp": stamp(seen), "Name": "on time"}])
    first = tap(config)
    assert first.bookmark("Account")["replication_key_value"] == stamp(seen)
    server.org.commit()
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    target = {each["Id"]: each for each in first.records("Account") + second.records("Account")}
    wrong = [
        record["Name"]
        for record in expected_records(server, "Account")
        if target.get(record["Id"]) != record
    ]
    assert wrong == (["changed late"] if is_lost else [])
