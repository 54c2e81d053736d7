"""A load that is killed again and again ends with every record, none twice, in one job."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import expected_records
from stored_values import by_id, expected_rows
from tap_process import config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader

    from sfbulk_sandbox import SandboxServer

ROWS = 120
# Each page takes as long as its commit, so that kills strike everywhere.
SCENARIO = {"rows": {"Contact": ROWS}, "page_rows": 10, "latency_seconds": 0.01}
# Two columns that tell no row apart, so that nothing but the state keeps records single.
KEYLESS = "SELECT LastName, SystemModstamp FROM Contact"
_MOST_RUNS = 20
# So many runs stall at a page and are killed there, however fast the machine is.
_STALLED_RUNS = 2


def jobs_made(server: SandboxServer) -> int:
    return [call.place for call in server.calls].count("create")


def pages_asked(server: SandboxServer) -> int:
    return [call.place for call in server.calls].count("page")


def has_read_all(landed: Landed) -> bool:
    (row,) = landed.rows("_sfbulk_state")
    return not json.loads(row["state"]).get("query_job")


def load_killed(
    loader: Loader,
    server: SandboxServer,
    config: dict[str, Any],
    *,
    seed: int,
    records_a_transaction: int,
) -> int:
    """Load, killed at random, until a load comes to its end; return how many were killed."""
    strike = random.Random(seed)  # noqa: S311 - the same moments each time, more or less
    environment = {"TEST_RECORDS_A_TRANSACTION": str(records_a_transaction)}
    kills = 0
    for run in range(_MOST_RUNS):
        before = pages_asked(server)
        stalled = run < _STALLED_RUNS
        if stalled:
            server.add_fault(place="page", kind="stall", first=1 + 2 * run, times="forever")
        with loader.start(config, environment=environment) as process:
            # From the moment when the job is known to the state, and pages come.
            while process.poll() is None and pages_asked(server) == before:
                time.sleep(0.005)
            try:
                process.wait(strike.uniform(0, 0.2 + 0.2 * run))
                assert not stalled
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
        server.clear_faults()
        # Killed between its last commit and its end, it has read everything, too.
        if process.returncode == 0 or has_read_all(loader.landed):
            return kills
        assert process.returncode == -signal.SIGKILL
    raise AssertionError("the load never came to its end")


@pytest.mark.parametrize("records_a_transaction", [1, 35])
def test_records_with_a_key(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox, records_a_transaction: int
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, "Contact")
    kills = load_killed(loader, server, config, seed=1, records_a_transaction=records_a_transaction)
    assert kills >= _STALLED_RUNS
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")
    assert jobs_made(server) == 1
    # And when everything is read again, into the same rows.
    kills = load_killed(
        loader, server, {**config, "lookback_seconds": 10**9}, seed=2, records_a_transaction=35
    )
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")


@pytest.mark.parametrize("replication_key", [None, "SystemModstamp"])
def test_records_without_a_key(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox, replication_key: str | None
) -> None:
    server = start_sandbox(**SCENARIO)
    query: dict[str, Any] = {"name": "names", "soql": KEYLESS, "primary_keys": []}
    if replication_key:
        query["replication_key"] = replication_key
    config = config_for(server, "!*", queries=[query])
    for seed in (3, 4):
        kills = load_killed(loader, server, config, seed=seed, records_a_transaction=35)
        assert kills >= _STALLED_RUNS
        expected = expected_records(server, "Contact", fields=["LastName"])
        names = sorted(str(row["LastName"]) for row in landed.rows("names"))
        assert names == sorted(str(record["LastName"]) for record in expected)
        # What comes next is read from the lookback on, whose records are there already.
        server.org.upsert("Contact", [{"LastName": "one more"}])
    assert jobs_made(server) == 2


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_load_after_what_is_done_is_committed(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox, number: int, exit_code: int
) -> None:
    server = start_sandbox(rows={"Contact": 40}, page_rows=10)
    server.add_fault(place="page", kind="stall", first=3, times="forever")
    config = config_for(server, "Contact")
    with loader.start(config) as process:
        while [call.fault for call in server.calls if call.place == "page"].count("stall") == 0:
            assert process.poll() is None
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == exit_code, stderr
    assert f"Stopped by {signal.Signals(number).name}" in stderr
    assert "Traceback" not in stderr
    committed = len(landed.rows("Contact"))
    assert committed in (0, 10, 20)
    server.clear_faults()
    loader.succeed(config)
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")
    assert jobs_made(server) == 1
