"""A load that is killed again and again ends with every record, none twice, in one job.

It dies at a call to the database that is counted, not timed, so that it dies there on every
machine: before rows are staged, between the halves of a merge, before and after a commit.
"""

from __future__ import annotations

import json
import signal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import expected_records
from stored_values import by_id, expected_rows
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SCENARIO = {"rows": {"Contact": 30}, "page_rows": 10}
# Two columns that tell no row apart, so that nothing but the state keeps records single.
KEYLESS = "SELECT LastName, SystemModstamp FROM Contact"
_MOST_RUNS = 40


def jobs_made(server: SandboxServer) -> int:
    return [call.place for call in server.calls].count("create")


def holds_job(landed: Landed) -> bool:
    states = [json.loads(row["state"] or "{}") for row in landed.rows("_sfbulk_state")]
    return any(state.get("query_job") for state in states)


def load_killed(
    loader: Loader,
    server: SandboxServer,
    config: dict[str, Any],
    *,
    places: Iterable[int],
    never_fewer: int = 0,
) -> int:
    """Load until a load comes to its end; each one before it dies at the next of the places.

    One after another goes on in the same job, as long as it has not been read to its end.

    Returns:
        How many were killed.
    """
    for kills, place in zip(range(_MOST_RUNS), places, strict=False):
        environment = {"TEST_RECORDS_A_TRANSACTION": "1", "TEST_DIES_AT": str(place)}
        goes_on, jobs = holds_job(loader.landed), jobs_made(server)
        run = loader(config, environment=environment)
        assert jobs_made(server) == jobs + (not goes_on)
        if run.exit_code == 0:
            return kills
        assert run.exit_code == -signal.SIGKILL, run.stderr
        # Killed between the halves of a merge, it leaves the rows that were there.
        assert never_fewer == 0 or len(loader.landed.rows("Contact")) >= never_fewer
    raise AssertionError("the load never came to its end")


def test_records_with_a_key_and_deleted_ones(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, "Contact", track_hard_deletes=True)
    assert load_killed(loader, server, config, places=count(0, 3)) >= 2
    assert by_id(landed.rows("Contact")) == [
        {**row, "_sdc_deleted_at": None} for row in expected_rows(server, "Contact")
    ]
    # And when everything is read again, into the same rows, some of which are gone.
    gone = [row["Id"] for row in landed.rows("Contact")[:3]]
    server.org.delete("Contact", gone, hard=True)
    again = {**config, "lookback_seconds": 10**9}
    assert load_killed(loader, server, again, places=count(1, 3), never_fewer=30) >= 4
    rows = {row["Id"]: row for row in landed.rows("Contact")}
    assert len(rows) == len(landed.rows("Contact")) == 30
    assert sorted(key for key, row in rows.items() if row["_sdc_deleted_at"]) == sorted(gone)
    left = [{**row, "_sdc_deleted_at": None} for row in expected_rows(server, "Contact")]
    assert by_id([row for key, row in rows.items() if key not in gone]) == left


def test_records_without_a_key(loader: Loader, landed: Landed, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO)
    query: dict[str, Any] = {"name": "names", "soql": KEYLESS, "primary_keys": []}
    query["replication_key"] = "SystemModstamp"
    config = config_for(server, "!*", queries=[query])
    for read in range(2):
        assert load_killed(loader, server, config, places=count(read, 3)) >= 2
        expected = expected_records(server, "Contact", fields=["LastName"])
        names = sorted(str(row["LastName"]) for row in landed.rows("names"))
        assert names == sorted(str(record["LastName"]) for record in expected)
        # What comes next is read from the lookback on, whose records are there already.
        server.org.upsert("Contact", [{"LastName": "one more"}])


def test_a_full_table(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, "Contact")
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    entry["replication_method"] = "FULL_TABLE"
    metadata_of(entry)[()]["forced-replication-method"] = "FULL_TABLE"
    loader.succeed(config, catalog=catalog)
    before = by_id(landed.rows("Contact"))
    server.org.delete("Contact", [before[0]["Id"]], hard=True)
    for place in range(0, 40, 2):
        environment = {"TEST_RECORDS_A_TRANSACTION": "1", "TEST_DIES_AT": str(place)}
        run = loader(config, catalog=catalog, environment=environment)
        after = expected_rows(server, "Contact")
        # As it was, or as it is now, and nothing between.
        assert by_id(landed.rows("Contact")) in (before, after)
        if run.exit_code == 0:
            break
    assert place >= 4
    assert by_id(landed.rows("Contact")) == after
    assert len(after) == 29


@pytest.mark.parametrize("version", [None, 7])
def test_messages_go_on_from_the_state_that_was_printed(
    loader: Loader, landed: Landed, version: int | None
) -> None:
    """As `meltano run` does: the tap is given the last state that the loader has printed."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    announced = {"type": "SCHEMA", "stream": "things", "schema": schema, "key_properties": ["id"]}
    done, kills = 0, 0
    for place in range(0, 2 * _MOST_RUNS, 2):
        messages: list[dict[str, Any]] = [announced]
        for page in range(done, 3):
            for number in range(3):
                record = {"type": "RECORD", "stream": "things", "record": {"id": 3 * page + number}}
                messages.append(record if version is None else {**record, "version": version})
            messages.append({"type": "STATE", "value": page + 1})
        if version is not None:
            activate = {"type": "ACTIVATE_VERSION", "stream": "things", "version": version}
            messages.append(activate)
        environment = {"TEST_RECORDS_A_TRANSACTION": "1", "TEST_DIES_AT": str(place)}
        stdin = "".join(f"{json.dumps(each)}\n" for each in messages)
        run = loader(None, "--from-singer", environment=environment, stdin=stdin)
        if run.stdout:
            done = json.loads(run.stdout.splitlines()[-1])
        if run.exit_code == 0:
            break
        assert run.exit_code == -signal.SIGKILL, run.stderr
        kills += 1
        ids = [row["id"] for row in landed.rows("things")]
        assert len(ids) == len(set(ids))
        if version is None:
            assert set(range(3 * done)) <= set(ids)
        else:
            assert ids in ([], sorted(range(9)))
    assert kills >= 3
    assert sorted(row["id"] for row in landed.rows("things")) == list(range(9))


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_load_after_what_is_done_is_committed(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox, number: int, exit_code: int
) -> None:
    server = start_sandbox(rows={"Contact": 40}, page_rows=10)
    server.add_fault(place="page", kind="stall", first=3, times="forever")
    config = config_for(server, "Contact")
    load = loader.start(config)
    load.wait_until(lambda: any(call.fault for call in server.calls))
    load.send_signal(number)
    run = load.end()
    assert run.exit_code == exit_code, run.stderr
    assert f"Stopped by {signal.Signals(number).name}" in run.stderr
    assert "Traceback" not in run.stderr
    committed = len(landed.rows("Contact"))
    assert committed in (0, 10, 20)
    server.clear_faults()
    loader.succeed(config)
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")
    assert jobs_made(server) == 1
