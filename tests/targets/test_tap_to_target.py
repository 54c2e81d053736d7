"""`tap | target`: the database holds what the sandbox holds, record for record."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from databases import assert_holds
from salesforce_data import assert_same_records, expected_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from databases import Database
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

PAGE_ROWS = 20
SMALL = {"rows": {"Account": 230, "Invoice__c": 90}, "page_rows": PAGE_ROWS}
MERGING_TARGETS = pytest.mark.parametrize("database", ["duckdb", "postgres"], indirect=True)


def config_for(server: SandboxServer, *objects: str) -> dict[str, Any]:
    return {"instance_url": server.url, "access_token": "00D!token", "objects": list(objects)}


def good(run: TapRun) -> bytes:
    """Return the output of a run that must have gone well."""
    assert run.exit_code == 0, run.stderr
    return run.stdout


def records_before_the_last_state(run: TapRun) -> int:
    types = [message["type"] for message in run.messages]
    last_state = len(types) - types[::-1].index("STATE")
    return types[:last_state].count("RECORD")


def pages_fetched(server: SandboxServer) -> list[str]:
    return [each.path for each in server.calls if each.place == "page"]


@pytest.mark.parametrize(
    "forms",
    [
        {"reply_form": form, "link_style": style}
        for form in ("live", "documented", "postman")
        for style in ("relative", "rooted", "absolute")
    ],
    ids=lambda forms: "-".join(forms.values()),
)
def test_every_form_of_the_list_of_pages(
    tap: Tap, start_sandbox: StartSandbox, forms: dict[str, str]
) -> None:
    """What a target is given is the same, so that the next test need not load each."""
    server = start_sandbox(**SMALL, **forms)
    run = tap(config_for(server, "Account", "Invoice__c"))
    assert run.exit_code == 0, run.stderr
    for sobject in ("Account", "Invoice__c"):
        assert_same_records(run.records(sobject), expected_records(server, sobject))


@pytest.mark.parametrize(
    ("database", "reply_form"),
    [("duckdb", "live"), ("postgres", "documented"), ("jsonl", "postman")],
    indirect=["database"],
)
def test_every_record_is_in_the_database(
    tap: Tap,
    load: Callable[[Database, bytes], Any],
    start_sandbox: StartSandbox,
    database: Database,
    reply_form: str,
) -> None:
    server = start_sandbox(**SMALL, reply_form=reply_form)
    run = tap(config_for(server, "Account", "Invoice__c"))
    assert load(database, good(run)) == run.state
    assert_holds(database, server, "Account")
    assert_holds(database, server, "Invoice__c")


@pytest.mark.parametrize("states", [1, 4, 8])
@MERGING_TARGETS
def test_a_killed_run_goes_on_with_the_state_of_the_target(
    tap: Tap,
    load: Callable[[Database, bytes], Any],
    start_sandbox: StartSandbox,
    database: Database,
    states: int,
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    running = tap.start(config)
    running.read_states(states)
    running.kill(signal.SIGKILL)
    killed = running.end()
    assert killed.exit_code == -signal.SIGKILL
    state = load(database, killed.stdout)
    assert state == killed.state
    before = pages_fetched(server)

    resumed = tap(config, state=state)
    assert load(database, good(resumed)) == resumed.state
    assert_holds(database, server, "Account")
    assert [each.place for each in server.calls].count("create") == 1
    pages_done = records_before_the_last_state(killed) // PAGE_ROWS
    assert bool(pages_done) == (states > 1)
    after = pages_fetched(server)[len(before) :]
    assert len(after) == len(set(after)) == -(-230 // PAGE_ROWS) - pages_done
    assert len(set(before) | set(after)) == -(-230 // PAGE_ROWS)


@MERGING_TARGETS
def test_a_second_run_brings_what_has_changed(
    tap: Tap,
    load: Callable[[Database, bytes], Any],
    start_sandbox: StartSandbox,
    database: Database,
) -> None:
    server = start_sandbox(**SMALL)
    lookback = timedelta(days=30)
    config = {
        **config_for(server, "Account"),
        "lookback_seconds": int(lookback.total_seconds()),
    }
    state = load(database, good(tap(config)))
    stamps = [record["SystemModstamp"] for record in expected_records(server, "Account")]
    since = datetime.fromisoformat(max(stamps).removesuffix("Z")) - lookback
    changed = change_some(server)

    second = tap(config, state=state)
    load(database, good(second))
    assert_holds(database, server, "Account")
    where = f"WHERE SystemModstamp >= {since.isoformat()}Z"
    read = {record["Id"] for record in second.records("Account")}
    assert read == {record["Id"] for record in expected_records(server, "Account", where=where)}
    assert changed < read


def change_some(server: SandboxServer) -> set[str]:
    """Change a record, add one and delete one; return their Ids."""
    first, second, *_ = (record["Id"] for record in expected_records(server, "Account"))
    ids = server.org.upsert("Account", [{"Id": first, "Name": "changed"}, {"Name": "new"}])
    server.org.delete("Account", [second])
    return {*ids, second}
