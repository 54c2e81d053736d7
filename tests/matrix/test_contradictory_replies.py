"""Faults that only together would go unseen, or that come several times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from raw_server import RawServer, json_reply
from salesforce_data import assert_same_records, expected_records

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SCENARIO = {"rows": {"Account": 19}, "page_rows": 3, "links_per_reply": 3}


def config_for(server: SandboxServer) -> dict[str, Any]:
    return {
        "instance_url": server.url,
        "client_id": "contradictory",
        "client_secret": "secret",
        "objects": ["Account"],
        "max_retries": 3,
    }


@pytest.mark.parametrize("by", [-3, -1, 3])
@pytest.mark.parametrize("times", [1, "forever"])
def test_wrong_total_of_a_serial_walk(
    tap: Tap, start_sandbox: StartSandbox, by: int, times: int | str
) -> None:
    server = start_sandbox(**SCENARIO, result_pages="refused")
    server.add_fault(place="poll", kind="wrong_total", by=by, times=times)
    run = tap(config_for(server))
    if run.exit_code == 0:
        assert_same_records(run.records("Account"), expected_records(server, "Account"))
    else:
        assert "Salesforce processed" in run.stderr


@pytest.mark.parametrize("by", [-3, 3])
@pytest.mark.parametrize("result_pages", ["offered", "refused"])
def test_a_total_that_does_not_fit_is_asked_for_again(
    tap: Tap, start_sandbox: StartSandbox, result_pages: str, by: int
) -> None:
    server = start_sandbox(**SCENARIO, result_pages=result_pages)
    server.add_fault(place="poll", kind="wrong_total", by=by)
    run = tap(config_for(server))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


@pytest.mark.parametrize("locator", ["bm93aGVyZQ", "null-but-not-quite"])
def test_a_wrong_locator_is_no_dead_end(
    tap: Tap, start_sandbox: StartSandbox, locator: str
) -> None:
    server = start_sandbox(**SCENARIO, result_pages="refused")
    server.add_fault(place="page", kind="wrong_locator", locator=locator, first=2)
    runs = [tap(config_for(server))]
    assert runs[0].exit_code == 1
    runs.append(tap(config_for(server), state=runs[0].state))
    assert runs[1].exit_code == 0, runs[1].stderr
    records = {record["Id"]: record for run in runs for record in run.records("Account")}
    assert_same_records(list(records.values()), expected_records(server, "Account"))


def test_a_list_that_says_it_is_the_last_is_followed_while_records_are_missing(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SCENARIO)
    server.add_fault(place="list_pages", kind="done_but_continuation")
    run = tap(config_for(server))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert [each.place for each in server.calls].count("create") == 1


_CURSOR = "/services/data/v62.0/queryAll/01g-1"
_RECORDS = [{"Id": "1", "Name": "a"}, {"Id": "2", "Name": "b"}]


@pytest.mark.parametrize(
    "told",
    [
        {"done": True, "nextRecordsUrl": _CURSOR, "records": _RECORDS[:1]},
        {"done": False, "nextRecordsUrl": _CURSOR, "records": []},
        {"done": False, "records": _RECORDS},
    ],
    ids=["done and a cursor", "a cursor behind no record", "more to come without a cursor"],
)
def test_a_query_that_tells_two_things_is_asked_again(tap: Tap, told: dict[str, Any]) -> None:
    whole = {"totalSize": 2, "done": True, "records": _RECORDS}
    count = {"sObjects": [{"name": "Thing", "count": 2}]}
    answers = {
        "/limits/recordCount": lambda _: json_reply(count),
        "/queryAll": lambda number: json_reply({**whole, **told} if number == 1 else whole),
        "/01g-1": lambda _: json_reply({**whole, "records": _RECORDS[1:]}),
    }
    with RawServer(answers) as server:
        config = {
            "instance_url": server.url,
            "access_token": "00D!token",
            "api_version": "62.0",
            "max_retries": 2,
            "small_objects_through_rest": True,
        }
        run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert run.records("Thing") == _RECORDS
    assert server.count("/queryAll") == 2


def test_session_that_dies_at_every_tenth_call(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO, token_lifetime_calls=10)
    run = tap(config_for(server))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert [each.place for each in server.calls].count("token") >= 2


def test_short_pages_and_no_total(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO)
    server.add_fault(place="poll", kind="missing_total", times="forever")
    server.add_fault(place="page", kind="short_page", match={"page": 2}, times=2)
    run = tap(config_for(server))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


@pytest.mark.parametrize(
    "kind", ["page_missing", "not_done_no_continuation", "repeat_continuation"]
)
def test_pages_left_out_and_no_total(tap: Tap, start_sandbox: StartSandbox, kind: str) -> None:
    server = start_sandbox(**SCENARIO)
    server.add_fault(place="poll", kind="missing_total", times="forever")
    server.add_fault(place="list_pages", kind=kind)
    run = tap(config_for(server))
    if run.exit_code == 0 and len(run.records("Account")) != 19:
        assert "does not say how many records" in run.stderr
