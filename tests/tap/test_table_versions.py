"""FULL_TABLE streams with table versions: a target that keeps them has what Salesforce has."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox_calls import NEVER, change_scenario, complete_job
from tap_process import config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

ROWS = 50
_LONGEST_WAIT_SECONDS = 300.0
SMALL = {"rows": {"Account": ROWS}, "page_rows": 4, "query_rows": 4, "links_per_reply": 3}


class VersionedTable:
    """A target that merges by key and keeps versions, as those of the Singer SDK do."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.activated: list[int] = []

    def load(self, run: TapRun) -> TapRun:
        """Take the messages of a run; a row without a version is older than any other."""
        for message in run.messages:
            if message["type"] == "RECORD":
                self.rows[message["record"]["Id"]] = message.get("version", 0)
            elif message["type"] == "ACTIVATE_VERSION":
                version = message["version"]
                self.activated.append(version)
                self.rows = {each: own for each, own in self.rows.items() if own >= version}
        return run


def ids(server: SandboxServer) -> set[str]:
    """Return the ids of the records that Salesforce has."""
    result = server.org.query("SELECT Id FROM Account", include_deleted=True, bulk=True)
    return set(result.csv(0, len(result)).decode().replace('"', "").split()[1:])


def delete(server: SandboxServer, count: int = 5) -> None:
    """Delete some records for good."""
    server.org.delete("Account", sorted(ids(server))[:count], hard=True)


def full_table(tap: Tap, server: SandboxServer, **settings: Any) -> tuple[Any, Any]:
    """Return settings and catalog of a stream that is read in full each time."""
    settings = {"emit_activate_version_messages": True, **settings}
    config = config_for(server, "Account", **settings)
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
        entry["metadata"] = [
            {**each, "metadata": {**each["metadata"], "forced-replication-method": "FULL_TABLE"}}
            if each["breadcrumb"] == []
            else each
            for each in entry["metadata"]
        ]
    return config, catalog


def wait_for_poll(server: SandboxServer, since: int) -> None:
    """Wait until the tap has asked how its job is doing."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not any(each.place == "poll" for each in server.calls[since:]):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kinds(run: TapRun) -> list[str]:
    """Return the types of the messages in order, each once in a row."""
    types = [message["type"] for message in run.messages if message["type"] != "STATE"]
    return [each for n, each in enumerate(types) if n == 0 or types[n - 1] != each]


@pytest.mark.parametrize(
    "settings",
    [{}, {"stream_maps": {"Account": {"Name": "str(Name)"}}}, {"small_objects_through_rest": True}],
    ids=["blocks", "rows", "rest"],
)
def test_a_version_is_activated_once_after_the_last_record(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any]
) -> None:
    server, table = start_sandbox(**SMALL), VersionedTable()
    config, catalog = full_table(tap, server, **settings)
    first = table.load(tap(config, catalog=catalog))
    assert first.exit_code == 0, first.stderr
    delete(server)
    second = table.load(tap(config, catalog=catalog, state=first.state))
    assert second.exit_code == 0, second.stderr
    assert table.rows.keys() == ids(server)
    assert kinds(first) == kinds(second) == ["SCHEMA", "RECORD", "ACTIVATE_VERSION"]
    assert table.activated == sorted(set(table.activated))
    for run, version in zip((first, second), table.activated, strict=True):
        records = [each for each in run.messages if each["type"] == "RECORD"]
        assert {each["version"] for each in records} == {version}
        assert run.state["bookmarks"]["Account"]["table_version"] is None


@pytest.mark.parametrize("way", ["job", "rest", "ranges"])
@pytest.mark.parametrize("after_states", [2, 3, 5, 9])
def test_killed_and_resumed(
    tap: Tap, start_sandbox: StartSandbox, after_states: int, way: str
) -> None:
    counts = {"Account": 11_000_000} if way == "ranges" else {}
    server, table = start_sandbox(**SMALL, record_counts=counts), VersionedTable()
    config, catalog = full_table(tap, server, small_objects_through_rest=way == "rest")
    first = table.load(tap(config, catalog=catalog))
    delete(server)
    before = len(table.rows)
    killed = tap.killed(config, catalog=catalog, state=first.state, after_states=after_states)
    table.load(killed)
    assert len(table.rows) == before
    resumed = table.load(tap(config, catalog=catalog, state=killed.state))
    assert resumed.exit_code == 0, resumed.stderr
    assert table.rows.keys() == ids(server)
    assert len(table.activated) == 2


def test_killed_before_its_first_record(tap: Tap, start_sandbox: StartSandbox) -> None:
    server, table = start_sandbox(**SMALL), VersionedTable()
    config, catalog = full_table(tap, server)
    first = table.load(tap(config, catalog=catalog))
    delete(server)
    # The second job is complete when the test says so.
    change_scenario(server, polls_until_complete=NEVER)
    since = len(server.calls)
    running = tap.start(config, catalog=catalog, state=first.state)
    wait_for_poll(server, since)
    running.kill(signal.SIGKILL)
    killed = table.load(running.end())
    assert killed.bookmark("Account")["query_job"]["records_done"] == 0
    complete_job(list(server.jobs)[-1])
    resumed = table.load(tap(config, catalog=catalog, state=killed.state))
    assert len(list(server.jobs)) == 2
    assert resumed.exit_code == 0, resumed.stderr
    assert table.rows.keys() == ids(server)


def test_a_read_that_starts_over_has_another_version(tap: Tap, start_sandbox: StartSandbox) -> None:
    server, table = start_sandbox(**SMALL), VersionedTable()
    config, catalog = full_table(tap, server)
    killed = table.load(tap.killed(config, catalog=catalog, after_states=8))
    delete(server)
    (job,) = server.jobs
    requests.delete(
        f"{server.url}/services/data/v67.0/jobs/query/{job.id}",
        headers={"Authorization": "Bearer any"},
        timeout=60,
    ).raise_for_status()
    second = table.load(tap(config, catalog=catalog, state=killed.state))
    assert second.exit_code == 0, second.stderr
    assert table.rows.keys() == ids(server)


def test_a_read_that_an_earlier_release_began_drops_nothing(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server, table = start_sandbox(**SMALL), VersionedTable()
    config, catalog = full_table(tap, server)
    killed = table.load(tap.killed(config, catalog=catalog, after_states=8))
    state = killed.state
    for name in ("table_version", "last_table_version"):
        del state["bookmarks"]["Account"][name]
    second = table.load(tap(config, catalog=catalog, state=state))
    assert second.exit_code == 0, second.stderr
    assert "ACTIVATE_VERSION" not in kinds(second)
    assert "the next run" in second.stderr
    assert table.rows.keys() == ids(server)
    table.load(tap(config, catalog=catalog, state=second.state))
    assert len(table.activated) == 1
    assert table.rows.keys() == ids(server)


@pytest.mark.parametrize("way", ["job", "rest"])
@pytest.mark.parametrize("is_killed", [False, True], ids=["activated", "killed before that"])
def test_an_object_that_has_become_empty_empties_its_table(
    tap: Tap, start_sandbox: StartSandbox, way: str, *, is_killed: bool
) -> None:
    server, table = start_sandbox(rows={"Account": 3}), VersionedTable()
    config, catalog = full_table(tap, server, small_objects_through_rest=way == "rest")
    first = table.load(tap(config, catalog=catalog))
    *_, complete, activated = first.states
    delete(server)
    state = complete if is_killed else activated
    second = table.load(tap(config, catalog=catalog, state=state))
    assert second.exit_code == 0, second.stderr
    assert table.rows == {}


def test_a_job_that_has_been_read_keeps_its_table(tap: Tap, start_sandbox: StartSandbox) -> None:
    server, table = start_sandbox(**SMALL), VersionedTable()
    reply = requests.post(
        f"{server.url}/services/data/v67.0/jobs/query",
        json={"operation": "query", "query": "SELECT Id, Name FROM Account"},
        headers={"Authorization": "Bearer another"},
        timeout=60,
    )
    jobs = [{"name": "people", "id": reply.json()["id"]}]
    config = config_for(server, "!*", jobs=jobs, emit_activate_version_messages=True)
    first = table.load(tap(config))
    assert first.exit_code == 0, first.stderr
    held = dict(table.rows)
    second = table.load(tap(config, state=first.state))
    assert second.exit_code == 0, second.stderr
    assert held
    assert table.rows == held
    assert len(table.activated) == 1
    # The state of a run that was killed after the last record, and before it could activate.
    owing = table.load(tap(config, state=first.states[-2]))
    assert kinds(owing) == ["SCHEMA", "ACTIVATE_VERSION"]
    assert table.rows == held
    assert kinds(table.load(tap(config, state=owing.state))) == ["SCHEMA"]


@pytest.mark.parametrize(
    ("settings", "method"),
    [({"emit_activate_version_messages": False}, "FULL_TABLE"), ({}, "INCREMENTAL")],
    ids=["not wanted", "incremental"],
)
def test_no_version_where_none_is_wanted(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any], method: str
) -> None:
    server = start_sandbox(**SMALL)
    config, catalog = full_table(tap, server, **settings)
    if method == "INCREMENTAL":
        catalog = tap.catalog(config)
    run = tap(config, catalog=catalog)
    assert kinds(run) == ["SCHEMA", "RECORD"]
    assert not any("version" in each for each in run.messages)
    assert "table_version" not in run.state["bookmarks"]["Account"]


def test_files_carry_no_version_and_activate_none(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Any
) -> None:
    batches = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tmp_path.as_uri()},
    }
    server = start_sandbox(**SMALL)
    config, catalog = full_table(tap, server, batch_config=batches)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert kinds(run) == ["SCHEMA", "BATCH"]
    assert "Account: files carry no table version" in run.stderr
