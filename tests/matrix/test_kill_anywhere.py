"""A tap that is killed again and again ends with exact records, in one job."""

from __future__ import annotations

import random
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from interrupted_runs import PAGE_ROWS, SOBJECT, History, config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SCENARIO = {"rows": {SOBJECT: 200}, "page_rows": PAGE_ROWS, "latency_seconds": 0.002}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("result_pages", ["offered", "refused"])
def test_sigkill_again_and_again(
    tap: Tap, start_sandbox: StartSandbox, result_pages: str, seed: int
) -> None:
    strike = random.Random(seed)  # noqa: S311 - the same moments each time
    server = start_sandbox(**SCENARIO, result_pages=result_pages)
    history = History(server)
    kills = 0
    for _ in range(60):
        # Every run may end itself in the middle of a page: its pipe holds a few records only.
        running = tap.start(config_for(server), state=history.state)
        if history.state is None:
            # The third at the latest names the job; killed before, another is made.
            running.read_states(3 + strike.randrange(3))
        running.read_records(strike.randrange(60))
        with suppress(ProcessLookupError):  # it may have come to its end
            running.kill(signal.SIGKILL)
        run = running.end()
        history.add(run)
        kills += run.exit_code != 0
        # Killed between its last state and its end, a run has read everything, too.
        if history.has_read_the_job:
            break
    assert history.has_read_the_job, run.stderr
    assert kills >= 3
    assert history.jobs_made == 1
    history.assert_whole(most_repeated=kills * PAGE_ROWS)


@pytest.mark.parametrize("result_pages", ["offered", "refused"])
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_at_a_safe_point(
    tap: Tap,
    start_sandbox: StartSandbox,
    number: int,
    exit_code: int,
    result_pages: str,
) -> None:
    server = start_sandbox(**SCENARIO, result_pages=result_pages)
    history = History(server)
    for records in (1, 35, 120):
        running = tap.start(config_for(server), state=history.state)
        running.read_records(records)
        with suppress(ProcessLookupError):
            running.kill(number)
        run = running.end()
        assert run.exit_code in (exit_code, 0), run.stderr
        assert run.exit_code == exit_code or records > 1
        history.add(run)
    final = tap(config_for(server), state=history.state)
    assert final.exit_code == 0, final.stderr
    history.add(final)
    assert history.jobs_made == 1
    history.assert_whole(most_repeated=0)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("place", ["poll", "list_pages", "page"])
def test_a_signal_ends_a_wait(
    tap: Tap,
    start_sandbox: StartSandbox,
    place: str,
    number: int,
    exit_code: int,
) -> None:
    server = start_sandbox(**SCENARIO)
    server.add_fault(place=place, kind="stall", times="forever")
    history = History(server)
    running = tap.start(config_for(server))
    wait_for_fault(server)
    running.kill(number)
    run = running.end()
    assert run.exit_code == exit_code, run.stderr
    history.add(run)
    assert history.state is not None
    assert "query_job" in history.state["bookmarks"][SOBJECT]
    server.clear_faults()
    final = tap(config_for(server), state=history.state)
    history.add(final)
    assert history.jobs_made == 1
    history.assert_whole(most_repeated=0)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(tap: Tap, start_sandbox: StartSandbox, first: int) -> None:
    server = start_sandbox(**SCENARIO)
    history = History(server)
    running = tap.start(config_for(server))
    running.read_records(15)
    # Nobody reads its output any more, so that it cannot come to a safe point.
    running.kill(first)
    running.kill(signal.SIGTERM)
    run = running.end()
    assert run.exit_code in (143, 130)
    history.add(run)
    final = tap(config_for(server), state=history.state)
    assert final.exit_code == 0, final.stderr
    history.add(final)
    assert history.jobs_made == 1
    history.assert_whole(most_repeated=PAGE_ROWS)


def wait_for_fault(server: SandboxServer) -> None:
    """Wait until a fault has struck; the test's own limit ends a wait in vain."""
    for _ in range(3000):
        if any(each.fault for each in server.calls):
            return
        time.sleep(0.01)
    raise AssertionError("no fault has struck")
