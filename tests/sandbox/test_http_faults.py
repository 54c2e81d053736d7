"""Faults: which calls they strike, and what each kind does to a reply."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from bare_client import SMALL

from sfbulk_sandbox import SandboxServer
from sfbulk_sandbox.fault_kind import JOB_PLACES
from sfbulk_sandbox.faults.kinds import KINDS

if TYPE_CHECKING:
    from bare_client import Client, StartClient

SESSION_DEAD = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]


def statuses(client: Client, path: str, count: int) -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, [503, 200, 200, 200]),
        ({"first": 2, "times": 2}, [200, 503, 503, 200]),
        ({"first": 3, "times": "forever"}, [200, 200, 503, 503]),
    ],
)
def test_first_and_times(start: StartClient, when: dict[str, Any], expected: list[int]) -> None:
    client = start(faults=[{"place": "limits", "kind": "status", "status": 503, **when}])
    assert client.get("/sobjects").status_code == 200
    assert statuses(client, "/limits", 4) == expected


def test_match_by_text_counts_only_matching_calls(start: StartClient) -> None:
    fault = {"place": "describe", "kind": "status", "status": 500, "match": "sobjects/Contact"}
    client = start(faults=[{**fault, "first": 2}])
    assert statuses(client, "/sobjects/Account/describe", 2) == [200, 200]
    assert statuses(client, "/sobjects/Contact/describe", 3) == [200, 500, 200]


def test_match_by_sobject_knows_queries_jobs_and_describes(start: StartClient) -> None:
    shared = {"kind": "status", "status": 500, "match": {"sobject": "Contact"}}
    places = ["create", "query", "describe", "poll"]
    client = start(faults=[{"place": place, **shared} for place in places])
    account = client.create_job()
    body = {"operation": "query", "query": "SELECT Id FROM Contact"}
    assert client.post("/jobs/query", json=body).status_code == 500
    contact = client.create_job("SELECT Id FROM Contact")
    assert client.get(account).status_code == 200
    assert client.get(contact).status_code == 500
    assert client.get("/query?q=SELECT+Id+FROM+Account").status_code == 200
    assert client.get("/query?q=SELECT+Id+FROM+Contact").status_code == 500
    assert client.get("/sobjects/Contact/describe").status_code == 500


@pytest.mark.parametrize(("page", "struck"), [(1, 0), (2, 1), (-1, -1)])
def test_match_by_page(start: StartClient, page: int, struck: int) -> None:
    fault = {"place": "page", "kind": "status", "status": 500, "match": {"page": page}}
    client = start(faults=[{**fault, "times": "forever"}], links_per_reply=100)
    chunks = client.get(f"{client.finished_job()}/resultPages").json()["resultChunks"]
    found = [client.get(chunk["resultLink"]).status_code for chunk in chunks]
    expected = [200] * len(chunks)
    expected[struck] = 500
    assert found == expected


def test_first_fault_of_several_strikes(start: StartClient) -> None:
    faults = [
        {"place": "limits", "kind": "status", "status": 500},
        {"place": "limits", "kind": "status", "status": 502, "times": 2},
    ]
    assert statuses(start(faults=faults), "/limits", 4) == [500, 502, 502, 200]


def test_fault_strikes_a_part_of_a_composite_call(start: StartClient) -> None:
    client = start(faults=[{"place": "describe", "kind": "status", "status": 500}])
    url = "/services/data/v62.0/sobjects/Account/describe"
    parts = [{"method": "GET", "url": url, "referenceId": str(n)} for n in range(2)]
    reply = client.post("/composite", json={"compositeRequest": parts})
    assert reply.status_code == 200
    found = [part["httpStatusCode"] for part in reply.json()["compositeResponse"]]
    assert found == [500, 200]


@pytest.mark.parametrize(
    ("fault", "status", "error_code"),
    [
        ({"kind": "status", "status": 400}, 400, "API_ERROR"),
        ({"kind": "status", "status": 401}, 401, "INVALID_SESSION_ID"),
        ({"kind": "status", "status": 404}, 404, "NOT_FOUND"),
        ({"kind": "status", "status": 429}, 429, "REQUEST_LIMIT_EXCEEDED"),
        ({"kind": "status", "status": 500}, 500, "UNKNOWN_EXCEPTION"),
        ({"kind": "status", "status": 503}, 503, "SERVER_UNAVAILABLE"),
        ({"kind": "status", "status": 403, "error_code": "API_DISABLED"}, 403, "API_DISABLED"),
        ({"kind": "daily_limit"}, 403, "REQUEST_LIMIT_EXCEEDED"),
        ({"kind": "daily_limit", "form": "jobs"}, 400, "LIMIT_EXCEEDED"),
        ({"kind": "daily_limit", "form": "storage"}, 400, "LIMIT_EXCEEDED"),
        ({"kind": "locator_refused"}, 400, "INVALID_QUERY_LOCATOR"),
        ({"kind": "locator_refused", "status": 404}, 404, "NOT_FOUND"),
        ({"kind": "job_version"}, 409, "INVALIDVERSION"),
    ],
    ids=str,
)
def test_refusals_speak_salesforces_language(
    start: StartClient, fault: dict[str, Any], status: int, error_code: str
) -> None:
    client = start(faults=[{"place": "page", **fault}])
    job = client.finished_job()
    reply = client.get(f"{job}/results")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (status, error_code)
    assert client.get(f"{job}/results").status_code == 200


def test_status_with_text_and_headers_of_ones_own(start: StartClient) -> None:
    fault = {"kind": "status", "status": 503, "message": "later", "headers": {"Retry-After": "2"}}
    client = start(faults=[{"place": "limits", **fault}])
    reply = client.get("/limits")
    assert reply.headers["Retry-After"] == "2"
    assert reply.json() == [{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "html"}, 200),
        ({"kind": "html", "status": 503}, 503),
        ({"kind": "status", "status": 420}, 420),
    ],
    ids=str,
)
def test_web_page_instead_of_a_reply(
    start: StartClient, fault: dict[str, Any], status: int
) -> None:
    reply = start(faults=[{"place": "limits", **fault}]).get("/limits")
    assert reply.status_code == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert reply.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "no_content"}, 204),
        ({"kind": "empty_body"}, 200),
        ({"kind": "status", "status": 406}, 406),
    ],
    ids=str,
)
def test_replies_without_a_body(start: StartClient, fault: dict[str, Any], status: int) -> None:
    reply = start(faults=[{"place": "limits", **fault}]).get("/limits")
    assert (reply.status_code, reply.content) == (status, b"")


def test_redirect_leads_to_another_host(start: StartClient) -> None:
    client = start(faults=[{"place": "query", "kind": "redirect"}])
    reply = client.get("/query?q=SELECT+Id+FROM+Account")
    assert reply.status_code == 302
    target = reply.headers["Location"]
    assert target.startswith("http://localhost:")
    requests.get(target, timeout=60, headers={"Authorization": "Bearer leaked"})
    leak = client.server.calls[-1]
    assert leak.host == client.server.url.replace("127.0.0.1", "localhost")
    assert leak.authorized


def test_redirect_to_an_address(start: StartClient) -> None:
    client = start(faults=[{"place": "limits", "kind": "redirect", "to": "https://x.example/"}])
    assert client.get("/limits").headers["Location"] == "https://x.example/"


def test_wrong_charset(start: StartClient) -> None:
    label = {"place": "page", "kind": "wrong_charset"}
    client = start(faults=[label, {**label, "what": "bytes"}])
    path = f"{client.finished_job()}/results"
    assert client.get(path).headers["Content-Type"] == "text/csv;charset=ISO-8859-1"
    spoilt = client.get(path)
    assert spoilt.headers["Content-Type"] == "text/csv;charset=UTF-8"
    with pytest.raises(UnicodeDecodeError):
        spoilt.content.decode()
    assert len(csv_rows(spoilt.content.decode("latin-1"))) == 3


def csv_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


PAGE = slice(1, None)


@pytest.mark.parametrize(
    ("fault", "rows", "headers"),
    [
        ({"kind": "short_page"}, 1, {}),
        ({"kind": "long_page"}, 3, {}),
        ({"kind": "long_page", "match": {"page": -1}}, 2, {}),
        ({"kind": "no_header"}, 1, {}),
        ({"kind": "missing_count"}, 2, {"Sforce-NumberOfRecords": None}),
        ({"kind": "wrong_count", "by": -1}, 2, {"Sforce-NumberOfRecords": "1"}),
        ({"kind": "missing_locator"}, 2, {"Sforce-Locator": None}),
        ({"kind": "wrong_locator", "locator": "x"}, 2, {"Sforce-Locator": "x"}),
    ],
    ids=str,
)
def test_faults_of_a_page(
    start: StartClient, fault: dict[str, Any], rows: int, headers: dict[str, Any]
) -> None:
    client = start(faults=[{"place": "page", **fault}], links_per_reply=100)
    job = client.finished_job("SELECT Id, Name FROM Account LIMIT 5")
    chunks = client.get(f"{job}/resultPages").json()["resultChunks"]
    link = chunks[-1 if "match" in fault else 0]["resultLink"]
    struck, healthy = client.get(link), client.get(link)
    assert len(csv_rows(struck.text)[PAGE]) == rows
    for name in ("Sforce-NumberOfRecords", "Sforce-Locator"):
        expected = headers.get(name, healthy.headers[name])
        assert struck.headers.get(name) == expected


def test_missing_column(start: StartClient) -> None:
    client = start(faults=[{"place": "page", "kind": "missing_column", "position": 0}])
    path = f"{client.finished_job()}/results"
    struck, healthy = csv_rows(client.get(path).text), csv_rows(client.get(path).text)
    assert struck == [row[1:] for row in healthy]


@pytest.mark.parametrize("compressed", ["gzip", "identity"])
def test_total_given_twice(start: StartClient, compressed: str) -> None:
    client = start(faults=[{"place": "poll", "kind": "duplicate_total"}])
    job = client.create_job("SELECT Id FROM Account LIMIT 5")
    text = client.get(job, headers={"Accept-Encoding": compressed}).text
    assert '"numberRecordsProcessed" : 5,\n  "numberRecordsProcessed" : 6' in text


@pytest.mark.parametrize("compressed", ["gzip", "identity"])
def test_total_size_of_a_rest_query(start: StartClient, compressed: str) -> None:
    client = start(faults=[{"place": "query", "kind": "wrong_total_size", "by": -2}])
    headers, params = {"Accept-Encoding": compressed}, {"q": "SELECT Id FROM Account LIMIT 5"}
    totals = [
        client.get("/query", params=params, headers=headers).json()["totalSize"] for _ in range(2)
    ]
    assert totals == [3, 5]


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ({"kind": "wrong_total", "by": 2}, {"numberRecordsProcessed": 7}),
        ({"kind": "missing_total"}, {"numberRecordsProcessed": None}),
        ({"kind": "unknown_state"}, {"state": "Suspended"}),
        (
            {"kind": "job_failed", "error_message": "why"},
            {"state": "Failed", "errorMessage": "why"},
        ),
        ({"kind": "job_failed", "error_message": None}, {"state": "Failed", "errorMessage": None}),
        ({"kind": "job_aborted"}, {"state": "Aborted"}),
    ],
    ids=str,
)
def test_faults_of_job_info(
    start: StartClient, fault: dict[str, Any], changed: dict[str, Any]
) -> None:
    client = start(faults=[{"place": "poll", **fault}])
    info = client.get(client.create_job("SELECT Id FROM Account LIMIT 5")).json()
    assert {key: info.get(key) for key in changed} == changed


@pytest.mark.parametrize("place", JOB_PLACES)
def test_job_that_disappears(start: StartClient, place: str) -> None:
    client = start(faults=[{"place": place, "kind": "job_gone"}])
    job = client.create_job()
    method, path = {
        "poll": ("GET", job),
        "list_pages": ("GET", f"{job}/resultPages"),
        "page": ("GET", f"{job}/results"),
        "abort": ("PATCH", job),
        "delete": ("DELETE", job),
    }[place]
    assert client.call(method, path).status_code == 404
    assert client.get(job).status_code == 404


def listing(client: Client, rows: int, **fault: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same listing struck and healthy."""
    client.server.add_fault(place="list_pages", **fault)
    soql = f"SELECT Id FROM Account LIMIT {rows}"  # noqa: S608 - SOQL of a test
    path = f"{client.finished_job(soql)}/resultPages"
    return client.get(path).json(), client.get(path).json()


def test_page_listed_twice_or_not_at_all(start: StartClient) -> None:
    client = start()
    struck, healthy = listing(client, 6, kind="page_twice", position=1)
    assert struck["resultChunks"] == healthy["resultChunks"] + healthy["resultChunks"][1:2]
    struck, healthy = listing(client, 6, kind="page_missing", position=1)
    assert struck["resultChunks"] == healthy["resultChunks"][::2]


def test_continuations_that_lead_astray(start: StartClient) -> None:
    client = start()
    struck, _ = listing(client, 20, kind="repeat_continuation")
    again = client.get(struck["nextRecordsUrl"]).json()
    assert again["resultChunks"] == struck["resultChunks"]
    struck, _ = listing(client, 20, kind="dead_continuation")
    assert client.get(struck["nextRecordsUrl"]).status_code == 400


@pytest.mark.parametrize("rows", [2, 20])
def test_done_and_continuation_that_disagree(start: StartClient, rows: int) -> None:
    client = start()
    struck, healthy = listing(client, rows, kind="done_but_continuation")
    assert struck["done"]
    assert struck["nextRecordsUrl"]
    assert struck["resultChunks"] == healthy["resultChunks"]
    struck, _ = listing(client, rows, kind="not_done_no_continuation")
    assert (struck["done"], struck["nextRecordsUrl"]) == (False, None)


def test_links_to_another_host(start: StartClient) -> None:
    client = start()
    struck, _ = listing(client, 20, kind="other_host_link")
    links = [chunk["resultLink"] for chunk in struck["resultChunks"]]
    for link in [*links, struck["nextRecordsUrl"]]:
        assert link.startswith("http://localhost:")
    struck, _ = listing(client, 20, kind="other_host_link", to="https://x.example")
    assert struck["nextRecordsUrl"].startswith("https://x.example/services/data/v62.0/jobs/")


def test_tokens_that_expire_in_the_middle(start: StartClient) -> None:
    client = start(faults=[{"place": "page", "kind": "expire_tokens", "first": 2}])
    path = f"{client.finished_job()}/results"
    assert client.get(path).status_code == 200
    dead = client.get(path)
    assert (dead.status_code, dead.json()) == (401, SESSION_DEAD)
    assert client.get("/limits").status_code == 401
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    token = client.post("/services/oauth2/token", data=form).json()["access_token"]
    client.session.headers["Authorization"] = f"Bearer {token}"
    assert client.get(path).status_code == 200


def test_revoked_refresh_token_opens_nothing(start: StartClient) -> None:
    credentials = {"client_id": "app", "refresh_token": "first"}
    fault = {"place": "token", "kind": "revoke_refresh", "first": 2}
    client = start(credentials=credentials, faults=[fault])
    form = {"grant_type": "refresh_token", **credentials}
    found = [client.post("/services/oauth2/token", data=form).status_code for _ in range(2)]
    assert found == [200, 400]


def test_every_kind_is_shown_by_some_test() -> None:
    tests = Path(__file__).parent.glob("test_http_*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    shown = set(re.findall(r'kind(?:": |=)"(\w+)"', text))
    assert set(KINDS) - shown == set()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "status"}, "fault: missing key place"),
        ({"place": "moon", "kind": "reset"}, "fault.place: 'moon' is not one of token, "),
        ({"place": "page", "kind": "magic"}, "fault.kind: 'magic' is not one of "),
        ({"place": "page", "kind": "reset", "often": 1}, "fault: unknown key often"),
        ({"place": "page", "kind": "status"}, "fault: missing key status"),
        ({"place": "token", "kind": "short_page"}, "short_page strikes at page, not token"),
        ({"place": "page", "kind": "reset", "first": 0}, "first and times count from 1"),
        (
            {"place": "page", "kind": "reset", "times": "often"},
            "fault.times: 'often' is not one of",
        ),
        ({"place": "page", "kind": "reset", "match": {"x": 1}}, "unknown key x"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_faults_that_are_written_wrongly(fault: dict[str, Any], said: str) -> None:
    server = SandboxServer(SMALL)
    with pytest.raises(ValueError, match="fault") as raised:
        server.add_fault(**fault)
    assert said in str(raised.value)
