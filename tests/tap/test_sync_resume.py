"""A run that was killed goes on inside its job; a job that is of no use is replaced."""

from __future__ import annotations

import json
import signal
import threading
import time
from datetime import datetime, timedelta, timezone
from itertools import dropwhile
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from salesforce_data import assert_same_records, expected_records
from sandbox_calls import NEVER, complete_job
from tap_process import config_for, select_fields

from tap_sfbulk_pages.jobs.parallel_pages import MOST_OPEN_GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer
    from sfbulk_sandbox.state.query_jobs import QueryJob

ROWS, PAGE_ROWS = 58, 4
SMALL = {"rows": {"Account": ROWS}, "page_rows": PAGE_ROWS, "links_per_reply": 3}
_LONGEST_WAIT_SECONDS = 300.0
_STANDSTILL_SECONDS = 0.5


def only_job(server: SandboxServer) -> QueryJob:
    (job,) = server.jobs
    return job


def locators(job: QueryJob) -> list[str | None]:
    """Return what the pages are asked for by, in order; the first of a serial walk has none."""
    return [job.locator(start) for start in job.page_starts]


def fetched(server: SandboxServer, since: int) -> list[str | None]:
    """Return the locators of the pages that the run has fetched which began then."""
    # Calls of a killed run are answered, and counted, until the next one has signed in.
    calls = dropwhile(lambda call: call.place == "page", server.calls[since:])
    paths = [each.path for each in calls if each.place == "page"]
    return [parse_qs(urlsplit(path).query).get("locator", [None])[0] for path in paths]


def pages_done(run: TapRun, server: SandboxServer) -> list[int]:
    """Return the numbers of the pages that were written whole before the last STATE."""
    last = max(n for n, each in enumerate(run.messages) if each["type"] == "STATE")
    written = {m["record"]["Id"] for m in run.messages[:last] if m["type"] == "RECORD"}
    ids = [record["Id"] for record in expected_records(server, "Account")]
    groups = [ids[start : start + PAGE_ROWS] for start in range(0, ROWS, PAGE_ROWS)]
    return [number for number, group in enumerate(groups) if written.issuperset(group)]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_nothing_is_asked(server: SandboxServer) -> None:
    """Wait until no call has come for a while."""
    calls = -1
    while calls != len(server.calls):
        calls = len(server.calls)
        time.sleep(_STANDSTILL_SECONDS)


def wait_for_polls(server: SandboxServer, count: int) -> None:
    """Wait until the tap has asked so often how its job is doing."""
    wait_until(lambda: [each.place for each in server.calls].count("poll") >= count)


def created(server: SandboxServer) -> int:
    return [each.place for each in server.calls].count("create")


def assert_resumed(first: TapRun, second: TapRun, server: SandboxServer, since: int) -> None:
    """The second run has fetched what was missing, and nothing else."""
    assert second.exit_code == 0, second.stderr
    assert created(server) == 1
    done = pages_done(first, server)
    missing = [each for n, each in enumerate(locators(only_job(server))) if n not in done]
    assert sorted(fetched(server, since), key=str) == sorted(missing, key=str)
    records = {r["Id"]: r for run in (first, second) for r in run.records("Account")}
    assert_same_records(list(records.values()), expected_records(server, "Account"))
    repeated = len(first.records("Account")) + len(second.records("Account")) - ROWS
    assert 0 <= repeated <= PAGE_ROWS
    assert set(second.bookmark("Account")) == {"replication_key", "replication_key_value"}


@pytest.mark.parametrize("after_states", [2, 3, 4, 9, 14])
@pytest.mark.parametrize(
    "maps", [None, {"Account": {"Extra": "None and str(Id)"}}], ids=["blocks", "rows"]
)
def test_killed_and_resumed(
    tap: Tap, start_sandbox: StartSandbox, after_states: int, maps: Any
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", **({"stream_maps": maps} if maps else {}))
    first = tap.killed(config, after_states=after_states)
    since = len(server.calls)
    second = tap(config, state=first.state)
    for message in first.messages + second.messages if maps else ():
        message.get("record", {}).pop("Extra", None)
    assert_resumed(first, second, server, since)


@pytest.mark.parametrize("form", ["live", "documented"])
@pytest.mark.parametrize("style", ["relative", "absolute"])
def test_resumed_in_every_form_of_links(
    tap: Tap, start_sandbox: StartSandbox, form: str, style: str
) -> None:
    server = start_sandbox(**SMALL, reply_form=form, link_style=style)
    first = tap.killed(config_for(server, "Account"), after_states=8)
    since = len(server.calls)
    second = tap(config_for(server, "Account"), state=first.state)
    assert_resumed(first, second, server, since)


@pytest.mark.parametrize("path", ["/services/data/v", "/somewhere/else/v"])
def test_a_saved_link_of_a_host_that_was_renamed(
    tap: Tap, start_sandbox: StartSandbox, path: str
) -> None:
    server = start_sandbox(**SMALL, link_style="absolute")
    first = tap.killed(config_for(server, "Account"), after_states=8)
    since = len(server.calls)
    job = first.state["bookmarks"]["Account"]["query_job"]
    old = "https://old-name.my.salesforce.com"
    link = job["next_records_url"].replace(server.url, old).replace("/services/data/v", path)
    assert link.startswith(f"{old}{path}")
    job["next_records_url"] = link
    second = tap(config_for(server, "Account"), state=first.state)
    if path == "/services/data/v":
        assert_resumed(first, second, server, since)
    else:
        assert second.exit_code == 0, second.stderr
        assert created(server) == 2
        assert_same_records(second.records("Account"), expected_records(server, "Account"))


@pytest.mark.parametrize("after_states", [4, 5, 8])
def test_serial_walk_killed_and_resumed(
    tap: Tap, start_sandbox: StartSandbox, after_states: int
) -> None:
    server = start_sandbox(**SMALL, result_pages="refused")
    first = tap.killed(config_for(server, "Account"), after_states=after_states)
    assert first.bookmark("Account")["query_job"]["in_series"]
    since = len(server.calls)
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert created(server) == 1
    done = pages_done(first, server)
    wanted = [None, *locators(only_job(server))[1:]]
    assert fetched(server, since)[-len(wanted) + len(done) :] == wanted[len(done) :]
    assert len(fetched(server, since)) <= len(wanted) - len(done) + 1
    records = {r["Id"]: r for run in (first, second) for r in run.records("Account")}
    assert_same_records(list(records.values()), expected_records(server, "Account"))


def test_killed_again_and_again(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    records: dict[str, Any] = {}
    state = None
    done: set[int] = set()
    for pause in (2, 3, 1, 4, 2, 3):
        since = len(server.calls)
        run = tap.killed(config, after_states=pause, state=state)
        assert not {locators(only_job(server))[page] for page in done} & set(fetched(server, since))
        records |= {record["Id"]: record for record in run.records("Account")}
        state = run.state
        done |= set(pages_done(run, server))
    last = tap(config, state=state)
    assert last.exit_code == 0, last.stderr
    records |= {record["Id"]: record for record in last.records("Account")}
    assert_same_records(list(records.values()), expected_records(server, "Account"))
    assert created(server) == 1


def test_no_more_pages_are_fetched_ahead_than_may_wait(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 160}, page_rows=PAGE_ROWS, links_per_reply=40)
    running = tap.start(config_for(server, "Account", max_parallel_downloads=1))
    running.read_records(1)
    running.wait_until_it_cannot_write()
    assert len(fetched(server, 0)) < 20
    run = running.end()
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_a_state_behind_a_page_that_is_slow_has_a_bound(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 320}, page_rows=PAGE_ROWS, links_per_reply=1)
    server.add_fault(place="page", kind="stall", match={"page": 1})
    running = tap.start(config_for(server, "Account"))
    reader = threading.Thread(target=running.read_records, args=(320,), daemon=True)
    reader.start()
    # All that may be fetched while the first page has not come, and nothing more.
    wait_until(lambda: len(fetched(server, 0)) >= MOST_OPEN_GROUPS)
    wait_until_nothing_is_asked(server)
    running.kill(signal.SIGTERM)
    reader.join()
    first = running.end()
    done = [
        len((state["bookmarks"]["Account"].get("query_job") or {}).get("locators_done", ()))
        for state in first.states
    ]
    assert max(done) == MOST_OPEN_GROUPS - 1
    server.clear_faults()
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    records = first.records("Account") + second.records("Account")
    assert_same_records(records, expected_records(server, "Account"))


def test_killed_while_the_job_runs(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, polls_until_complete=NEVER)
    running = tap.start(config_for(server, "Account"))
    wait_for_polls(server, 3)
    running.kill(signal.SIGKILL)
    first = running.end()
    complete_job(only_job(server))
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert created(server) == 1
    assert_same_records(second.records("Account"), expected_records(server, "Account"))


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("after_states", [2, 5])
def test_told_to_stop_and_resumed(
    tap: Tap,
    start_sandbox: StartSandbox,
    number: int,
    exit_code: int,
    after_states: int,
) -> None:
    server = start_sandbox(**SMALL)
    running = tap.start(config_for(server, "Account"))
    running.read_states(after_states)
    running.kill(number)
    first = running.end()
    assert first.exit_code == exit_code, first.stderr
    assert signal.Signals(number).name in first.stderr
    since = len(server.calls)
    second = tap(config_for(server, "Account"), state=first.state)
    assert_resumed(first, second, server, since)


def test_told_to_stop_while_the_job_runs(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, polls_until_complete=NEVER)
    running = tap.start(config_for(server, "Account"))
    wait_for_polls(server, 1)
    running.kill(signal.SIGTERM)
    first = running.end()
    complete_job(only_job(server))
    assert first.exit_code == 143, first.stderr
    since = len(server.calls)
    assert_resumed(first, tap(config_for(server, "Account"), state=first.state), server, since)


def test_told_to_stop_while_jobs_are_created(tap: Tap, start_sandbox: StartSandbox) -> None:
    """No job stays at Salesforce that nobody reads."""
    server = start_sandbox(rows={"Account": 3, "Contact": 3}, polls_until_complete=NEVER)
    # The reply takes its time, when the job is there already.
    server.add_fault(place="create", kind="drip", bytes=20, seconds=0.1, times="forever")
    running = tap.start(config_for(server, "Account", "Contact"))
    wait_until(lambda: len([*server.jobs]) == 2)
    running.kill(signal.SIGTERM)
    run = running.end()
    assert run.exit_code == 143, run.stderr
    assert "Traceback" not in run.stderr
    kept = run.state["bookmarks"].values() if run.states else ()
    known = [each["query_job"]["id"] for each in kept if each.get("query_job")]
    assert [job.id for job in server.jobs if job.state != "Aborted" and job.id not in known] == []


@pytest.mark.parametrize("place", ["delete", "poll"])
def test_told_to_stop_while_the_last_call_for_a_job_is_tried_again(
    tap: Tap, start_sandbox: StartSandbox, place: str
) -> None:
    server = start_sandbox(rows={"Account": 3})
    # The total is asked for again if it does not fit.
    server.add_fault(place="poll", kind="wrong_total" if place == "poll" else "empty_body")
    busy = {"kind": "status", "status": 503, "headers": {"Retry-After": "600"}}
    server.add_fault(place=place, first=2 if place == "poll" else 1, times="forever", **busy)
    running = tap.start(config_for(server, "Account", delete_finished_jobs=True))
    reader = threading.Thread(target=running.read_records, args=(100,), daemon=True)
    reader.start()
    while "Trying again in 6" not in running.read_log():
        assert running.is_alive()
        time.sleep(0.05)
    running.kill(signal.SIGTERM)
    reader.join()
    run = running.end()
    assert run.exit_code == 143, run.stderr
    assert len(run.records("Account")) == 3
    assert ("query_job" in run.bookmark("Account")) == (place == "poll")


def test_a_second_signal_ends_it_at_once(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    running = tap.start(config_for(server, "Account"))
    running.read_states(2)
    # It stands inside a write and cannot reach a safe point.
    running.wait_until_it_cannot_write()
    running.kill(signal.SIGTERM)
    time.sleep(0.1)
    assert running.is_alive()
    running.kill(signal.SIGTERM)
    assert running.end_without_reading().exit_code == 143


def test_a_target_that_dies(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    running = tap.start(config_for(server, "Account"))
    running.read_states(3)
    running.close_pipe()
    run = running.end()
    assert run.exit_code == 74
    assert "The target has closed its input" in run.stderr
    assert "Traceback" not in run.stderr


def half_read(tap: Tap, server: SandboxServer, config: dict[str, Any] | None = None) -> TapRun:
    return tap.killed(config or config_for(server, "Account"), after_states=6)


def assert_read_anew(second: TapRun, server: SandboxServer) -> None:
    assert second.exit_code == 0, second.stderr
    assert created(server) == 2
    assert_same_records(second.records("Account"), expected_records(server, "Account"))
    assert set(second.bookmark("Account")) == {"replication_key", "replication_key_value"}


def test_saved_job_is_gone(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server)
    requests.delete(
        f"{server.url}/services/data/v67.0/jobs/query/{only_job(server).id}",
        headers={"Authorization": "Bearer any"},
        timeout=60,
    ).raise_for_status()
    assert_read_anew(tap(config_for(server, "Account"), state=first.state), server)


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_saved_job_has_failed(tap: Tap, start_sandbox: StartSandbox, state: Any) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server)
    only_job(server).end(state, "out of luck")
    assert_read_anew(tap(config_for(server, "Account"), state=first.state), server)


@pytest.mark.parametrize("kind", ["job_gone", "job_failed"])
def test_saved_job_ends_while_it_is_read_on(
    tap: Tap, start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server)
    server.add_fault(place="page", kind=kind, first=2)
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert created(server) == 2
    unique = {record["Id"]: record for record in second.records("Account")}
    assert_same_records(list(unique.values()), expected_records(server, "Account"))


def test_saved_job_answers_another_query(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server)
    catalog = tap.catalog(config_for(server, "Account"))
    select_fields(catalog["streams"][0], ["Name"])
    second = tap(config_for(server, "Account"), state=first.state, catalog=catalog)
    assert second.exit_code == 0, second.stderr
    assert created(server) == 2
    expected = expected_records(server, "Account", fields=["Id", "Name", "SystemModstamp"])
    assert_same_records(second.records("Account"), expected)


def test_another_filter_or_operation_is_another_query(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server)
    for settings in ({"filters": {"Account": "Name != 'x'"}}, {"include_deleted": False}):
        before = created(server)
        second = tap(config_for(server, "Account", **settings), state=first.state)
        assert second.exit_code == 0, second.stderr
        assert created(server) == before + 1


def test_saved_job_is_read_with_the_version_that_made_it(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    first = half_read(tap, server, config_for(server, "Account", api_version="60.0"))
    since = len(server.calls)
    second = tap(config_for(server, "Account", api_version="62.0"), state=first.state)
    assert_resumed(first, second, server, since)
    places = {"poll", "list_pages", "page"}
    calls = [each.path for each in server.calls[since:] if each.place in places]
    assert {path.split("/")[3] for path in calls} == {"v60.0"}


def test_saved_job_of_a_version_that_is_wrong(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    state = half_read(tap, server).state
    state["bookmarks"]["Account"]["query_job"]["api_version"] = "61.0"
    assert_read_anew(tap(config_for(server, "Account"), state=state), server)


@pytest.mark.parametrize("serial", [False, True])
def test_saved_locators_that_salesforce_refuses(
    tap: Tap, start_sandbox: StartSandbox, *, serial: bool
) -> None:
    server = start_sandbox(**SMALL, result_pages="refused" if serial else "offered")
    state = half_read(tap, server).state
    saved = state["bookmarks"]["Account"]["query_job"]
    what = "results" if serial else "resultPages"
    saved["next_records_url"] = f"/jobs/query/{saved['id']}/{what}?locator=bm9wZQ"
    assert_read_anew(tap(config_for(server, "Account"), state=state), server)


def test_one_stream_with_a_broken_state_stops_no_other(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 9, "Contact": 9})
    state = {"bookmarks": {"Account": {"query_job": {"id": "750x"}}}}
    run = tap(config_for(server, "Account", "Contact"), state=state)
    assert run.exit_code == 1
    assert "Failed: Account: The saved query_job was not written by this tap" in run.stderr
    assert "Remove it from the state" in run.stderr
    assert run.records("Account") == []
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))
    assert run.bookmark("Account") == state["bookmarks"]["Account"]


@pytest.mark.parametrize(
    "bookmark", [5, "x", [], {"query_job": 5}, {"query_job": {"id": 5}}, {"query_job": []}]
)
def test_a_foreign_state_is_refused_in_words(
    tap: Tap, start_sandbox: StartSandbox, bookmark: Any
) -> None:
    server = start_sandbox(rows={"Account": 9})
    run = tap(config_for(server, "Account"), state={"bookmarks": {"Account": bookmark}})
    assert "Traceback" not in run.stderr
    assert run.exit_code == 1
    assert run.records("Account") == []


def test_saved_form_has_a_bounded_size(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 150}, page_rows=1)
    catalog = tap.catalog(config_for(server, "Account"))
    select_fields(catalog["streams"][0], [])
    run = tap(config_for(server, "Account"), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert len(run.states) > 150
    sizes = [len(json.dumps(state)) for state in run.states]
    assert max(sizes) < 4_000


def test_finished_jobs_are_deleted_when_asked(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = tap(config_for(server, "Account"))
    assert kept.exit_code == 0
    assert only_job(server)
    tap(config_for(server, "Account", delete_finished_jobs=True))
    assert len(list(server.jobs)) == 1
    assert [each.place for each in server.calls][-1] == "delete"


def test_a_job_that_cannot_be_deleted_is_read_all_the_same(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="delete", kind="status", status=403, times="forever")
    run = tap(config_for(server, "Account", delete_finished_jobs=True))
    assert run.exit_code == 0, run.stderr
    assert "could not be deleted" in run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_the_bookmark_of_a_resumed_job_goes_no_further_than_its_creation(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    now = datetime.now(timezone.utc)
    # A late chunk of the job shows a change that was made while the job was running.
    late = (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    server.org.upsert("Account", [{"Name": "late", "SystemModstamp": late}])
    first = tap.killed(config_for(server, "Account"), after_states=4)
    only_job(server).created = now - timedelta(hours=2)
    second = tap(config_for(server, "Account"), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert created(server) == 1
    bookmark = datetime.fromisoformat(
        second.bookmark("Account")["replication_key_value"].replace("Z", "+00:00")
    )
    # An early chunk may have missed whatever was changed since.
    assert bookmark <= now - timedelta(hours=2) + timedelta(seconds=1)
