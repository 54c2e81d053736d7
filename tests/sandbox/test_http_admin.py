"""The sandbox's own endpoints, and scenarios."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from bare_client import ACCOUNTS

from sfbulk_sandbox import SandboxServer
from sfbulk_sandbox.admin import answer_admin
from sfbulk_sandbox.answering import Sandbox
from sfbulk_sandbox.exchange import Call
from sfbulk_sandbox.scenario import (
    Scenario,
    ScenarioError,
    scenario_from,
    scenario_from_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bare_client import Client, StartClient


def total(client: Client, soql: str, resource: str = "query") -> int:
    return int(client.get(f"/{resource}", params={"q": soql}).json()["totalSize"])


def test_calls_are_logged_with_what_struck_them(start: StartClient) -> None:
    client = start(faults=[{"place": "page", "kind": "short_page"}])
    job = client.finished_job()
    page = client.get(f"{job}/results?maxRecords=5", headers={"Accept-Encoding": "identity"})
    client.get("/services/data/v62.0/nothing")
    calls = client.get("/_sandbox/calls").json()
    assert [call["place"] for call in calls] == ["create", "poll", "page", None]
    assert calls[2] == {
        "number": 3,
        "method": "GET",
        "path": f"/services/data/v62.0{job}/results?maxRecords=5",
        "host": client.server.url,
        "authorized": True,
        "place": "page",
        "sobject": "Account",
        "status": 200,
        "bytes": len(page.content),
        "fault": "short_page",
    }
    assert calls[3]["status"] == 404
    assert client.call("DELETE", "/_sandbox/calls").status_code == 204
    assert client.server.calls == []


def test_scenario_can_be_changed_while_it_runs(start: StartClient) -> None:
    client = start()
    job = client.finished_job()
    changed = client.call("PATCH", "/_sandbox/scenario", json={"reply_form": "documented"})
    assert changed.json()["reply_form"] == "documented"
    assert changed.json() == client.get("/_sandbox/scenario").json()
    assert "resultUrl" in client.get(f"{job}/resultPages").json()["resultPages"][0]
    refused = client.call("PATCH", "/_sandbox/scenario", json={"seed": 2})
    assert refused.status_code == 400
    assert "seed" in refused.json()["error"]


def test_page_size_of_a_job_stays(start: StartClient) -> None:
    client = start()
    job = client.finished_job()
    before = client.get(f"{job}/resultPages").json()
    client.call("PATCH", "/_sandbox/scenario", json={"page_rows": 3})
    assert client.get(f"{job}/resultPages").json() == before
    later = client.get(f"{client.finished_job()}/results")
    assert later.headers["Sforce-NumberOfRecords"] == "3"


def test_secrets_are_not_shown(start: StartClient) -> None:
    client = start(credentials={"client_id": "app", "client_secret": "hidden"})
    assert client.get("/_sandbox/scenario").json()["credentials"] == "required"
    for path in ("scenario", "state", "calls"):
        assert "hidden" not in client.get(f"/_sandbox/{path}").text


def test_faults_come_and_go(start: StartClient) -> None:
    client = start()
    fault = {"place": "limits", "kind": "status", "status": 503, "times": "forever"}
    reported = client.post("/_sandbox/faults", json=fault).json()
    assert reported[0] == {
        **fault,
        "error_code": None,
        "message": None,
        "headers": {},
        "match": {},
        "first": 1,
        "seen": 0,
        "struck": 0,
    }
    assert client.get("/limits").status_code == 503
    assert client.get("/_sandbox/faults").json()[0]["struck"] == 1
    assert client.call("DELETE", "/_sandbox/faults").status_code == 204
    assert client.get("/limits").status_code == 200
    wrong = client.post("/_sandbox/faults", json=[fault, {"place": "limits", "kind": "magic"}])
    assert wrong.status_code == 400
    assert "faults[1].kind: 'magic'" in wrong.json()["error"]
    assert client.get("/_sandbox/faults").json() == []


def test_tokens_can_be_expired(start: StartClient) -> None:
    client = start()
    assert client.get("/limits").status_code == 200
    assert client.post("/_sandbox/expire-tokens").json() == {"expired": 1}
    assert client.get("/limits").status_code == 401


def test_records_can_be_changed(start: StartClient) -> None:
    client = start()
    before = total(client, ACCOUNTS)
    path = "/_sandbox/sobjects/Account/records"
    new = client.post(path, json=[{"Name": "New one"}]).json()["ids"][0]
    client.post(path, json={"Id": new, "Name": "Newer one"})
    assert total(client, f"{ACCOUNTS} WHERE Id = '{new}' AND Name = 'Newer one'") == 1
    assert total(client, ACCOUNTS) == before + 1
    assert client.call("DELETE", path, json=[new]).status_code == 204
    assert total(client, ACCOUNTS) == before
    assert total(client, f"{ACCOUNTS} WHERE Id = '{new}'", "queryAll") == 1
    assert client.call("DELETE", path, json={"ids": [new], "hard": True}).status_code == 204
    assert total(client, f"{ACCOUNTS} WHERE Id = '{new}'", "queryAll") == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sobjects/Nothing/records", {"Name": "x"}),
        ("sobjects/Account/records", {"Nothing": "x"}),
        ("sobjects/Account/records", "x"),
        ("visibility", {"sobject": "Nothing"}),
        ("faults", "x"),
    ],
)
def test_requests_that_make_no_sense(client: Client, path: str, body: Any) -> None:
    reply = client.post(f"/_sandbox/{path}", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert client.get("/_sandbox/nothing").status_code == 404


def test_fields_and_sobjects_can_be_hidden(start: StartClient) -> None:
    client = start()

    def show(**what: Any) -> None:
        assert client.post("/_sandbox/visibility", json=what).status_code == 204

    show(sobject="Account", field="Industry", visible=False)
    assert client.get("/query?q=SELECT+Industry+FROM+Account").status_code == 400
    show(sobject="Account", field="Industry", visible=True)
    assert client.get("/query?q=SELECT+Industry+FROM+Account").status_code == 200
    show(sobject="Account", visible=False)
    assert client.get("/sobjects/Account/describe").status_code == 404


def test_jobs_and_state_can_be_looked_at(start: StartClient) -> None:
    client = start()
    job = client.finished_job()
    client.get(f"{job}/results")
    (seen,) = client.get("/_sandbox/jobs").json()
    assert seen["query"] == ACCOUNTS
    assert seen["pages"] == len(seen["locators"]) == (seen["rows"] + 1) // 2
    assert client.get(f"{job}/results?locator={seen['locators'][-1]}").status_code == 200
    state = client.get("/_sandbox/state").json()
    assert state["usage"]["query_jobs"] == state["jobs"] == 1
    assert state["tokens"]["alive"] == 1


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403)])
def test_admin_is_for_this_machine_alone(peer: str, status: int) -> None:
    call = Call("GET", "/_sandbox/state", {}, {}, b"", "http://sandbox.example", peer)
    assert asyncio.run(answer_admin(Sandbox(Scenario()), call)).status == status


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"page_row": 2, "seeds": 1}, "unknown key page_row, seeds"),
        ({"page_rows": "2"}, "scenario.page_rows: expected a whole number, found '2'"),
        ({"page_rows": 0}, "page_rows must be at least 1, not 0"),
        ({"page_rows": True}, "scenario.page_rows: expected a whole number, found True"),
        ({"reply_form": "new"}, "'new' is not one of live, documented, postman"),
        ({"rows": [1]}, "scenario.rows: expected keys and values"),
        ({"faults": {"place": "page"}}, "scenario.faults: expected a list"),
        ({"daily_api_requests": {"used": 1}}, "scenario.daily_api_requests: missing key max"),
        ({"credentials": {"client_id": 1}}, "scenario.credentials.client_id: expected a string"),
        ({"now": "soon"}, "scenario.now: 'soon' is not a date and time"),
        ([], "scenario: expected keys and values"),
    ],
    ids=str,
)
def test_scenarios_that_are_written_wrongly(keys: Any, said: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        scenario_from(keys)
    assert said in str(raised.value)


def test_a_fault_that_is_written_wrongly() -> None:
    fault = {"place": "page", "kind": "cut", "part": 1}
    with pytest.raises(ValueError, match=r"faults\[0\]: unknown key part"):
        SandboxServer({"faults": [fault]})


def test_scenario_file_is_yaml_or_json(tmp_path: Path) -> None:
    path = tmp_path / "scenario"
    path.write_text(
        "page_rows: 7\nlast_continuation: null\napi_versions: [62.0]\nqueued_seconds: 1"
    )
    expected = Scenario(page_rows=7, api_versions=("62.0",), queued_seconds=1.0)
    assert scenario_from_file(path) == expected
    path.write_text('{"page_rows": 7, "api_versions": ["62.0"], "queued_seconds": 1}')
    assert scenario_from_file(path) == expected
    path.write_text("")
    assert scenario_from_file(path) == Scenario()
    path.write_text("now: 2026-05-01T10:00:00Z")
    quoted = scenario_from({"now": "2026-05-01T10:00:00Z"})
    assert scenario_from_file(path) == quoted


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "not YAML"), ("pages: 1", "unknown key pages"), (None, "No such")]
)
def test_scenario_files_that_cannot_be_read(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "scenario.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScenarioError, match=said) as raised:
        scenario_from_file(path)
    assert str(path) in str(raised.value)
