"""The life of a query job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bare_client import ACCOUNTS

if TYPE_CHECKING:
    import requests
    from bare_client import Client, StartClient

CREATION_KEYS = [
    "id",
    "operation",
    "object",
    "createdById",
    "createdDate",
    "systemModstamp",
    "state",
    "concurrencyMode",
    "contentType",
    "apiVersion",
    "lineEnding",
    "columnDelimiter",
]


def create(client: Client, **body: Any) -> requests.Response:
    return client.post("/jobs/query", json={"operation": "query", "query": ACCOUNTS, **body})


def error(reply: requests.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()[0]["errorCode"]


def test_creation_is_a_200_with_the_job(client: Client) -> None:
    reply = create(client)
    assert reply.status_code == 200
    assert list(reply.json()) == CREATION_KEYS
    assert reply.json()["id"].startswith("750")
    assert len(reply.json()["id"]) == 18
    assert reply.json()["state"] == "UploadComplete"
    assert reply.json()["object"] == "Account"
    assert '"apiVersion" : 62.0,\n' in reply.text


def test_finished_job_is_counted(client: Client) -> None:
    info = client.get(client.create_job()).json()
    rows = client.get("/query", params={"q": ACCOUNTS}).json()["totalSize"]
    assert info["state"] == "JobComplete"
    assert info["numberRecordsProcessed"] == rows
    assert (info["jobType"], info["retries"]) == ("V2Query", 0)
    assert info["isPkChunkingSupported"] is False
    assert "errorMessage" not in info


def test_query_all_counts_deleted_rows(client: Client) -> None:
    deleted = client.get("/queryAll", params={"q": f"{ACCOUNTS} WHERE IsDeleted = true"}).json()
    without = client.get(client.create_job()).json()["numberRecordsProcessed"]
    job = client.create_job(operation="queryAll")
    assert client.get(job).json()["numberRecordsProcessed"] == without + deleted["totalSize"]


def test_states_over_info_calls(start: StartClient) -> None:
    client = start(polls_until_complete=4)
    job = client.create_job()
    infos = [client.get(job).json() for _ in range(4)]
    assert [info["state"] for info in infos] == [
        "UploadComplete",
        "InProgress",
        "InProgress",
        "JobComplete",
    ]
    assert ["numberRecordsProcessed" in info for info in infos] == [False, False, False, True]


@pytest.mark.parametrize(
    ("timing", "state"),
    [({"queued_seconds": 3600}, "UploadComplete"), ({"running_seconds": 3600}, "InProgress")],
)
def test_states_over_time(start: StartClient, timing: dict[str, float], state: str) -> None:
    client = start(**timing)
    job = client.create_job()
    assert client.get(job).json()["state"] == state
    assert client.get(f"{job}/results").status_code == 204
    assert error(client.get(f"{job}/resultPages")) == (400, "INVALIDJOBSTATE")
    assert error(client.call("DELETE", job)) == (400, "API_ERROR")


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "insert"},
        {"object": "Account"},
        {"contentType": "XML"},
        {"columnDelimiter": ","},
        {"lineEnding": "CR"},
        {"query": ""},
    ],
    ids=str,
)
def test_malformed_creation_is_refused(client: Client, body: dict[str, str]) -> None:
    assert error(create(client, **body)) == (400, "INVALIDJOB")


def test_body_that_is_no_json_is_refused(client: Client) -> None:
    assert error(client.post("/jobs/query", data=b"query")) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize(
    ("soql", "error_code"),
    [
        ("SELECT BillingAddress FROM Account", "API_ERROR"),
        ("SELECT COUNT(Id) FROM Account", "API_ERROR"),
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
    ],
)
def test_queries_are_refused_at_creation(client: Client, soql: str, error_code: str) -> None:
    assert error(create(client, query=soql)) == (400, error_code)


def test_every_call_with_another_version_is_a_conflict(client: Client) -> None:
    job = client.finished_job()
    client.version = "63.0"
    for method, path in [
        ("GET", job),
        ("GET", f"{job}/results"),
        ("GET", f"{job}/resultPages"),
        ("PATCH", job),
        ("DELETE", job),
    ]:
        assert client.call(method, path, json={"state": "Aborted"}).status_code == 409


def test_deleted_job_is_gone(client: Client) -> None:
    job = client.finished_job()
    reply = client.call("DELETE", job)
    assert (reply.status_code, reply.content) == (204, b"")
    for path in (job, f"{job}/results", f"{job}/resultPages"):
        assert error(client.get(path)) == (404, "NOT_FOUND")
    assert error(client.call("DELETE", job)) == (404, "NOT_FOUND")


def test_running_job_can_be_aborted_once(start: StartClient) -> None:
    client = start(running_seconds=3600)
    job = client.create_job()
    aborted = client.call("PATCH", job, json={"state": "Aborted"})
    assert aborted.status_code == 200
    assert aborted.json()["state"] == "Aborted"
    assert "lineEnding" not in aborted.json()
    assert client.get(job).json()["state"] == "Aborted"
    assert error(client.get(f"{job}/results")) == (400, "INVALIDJOBSTATE")
    assert error(client.call("PATCH", job, json={"state": "Aborted"})) == (400, "INVALIDJOBSTATE")
    assert client.call("DELETE", job).status_code == 204


def test_finished_job_cannot_be_aborted(client: Client) -> None:
    reply = client.call("PATCH", client.finished_job(), json={"state": "Aborted"})
    assert error(reply) == (400, "INVALIDJOBSTATE")
    assert reply.json()[0]["message"] == "Aborting already Completed Job not allowed"


def test_jobs_are_listed_a_thousand_at_a_time(start: StartClient) -> None:
    client = start()
    for _ in range(1002):
        client.create_job("SELECT Id FROM Account LIMIT 1")
    first = client.get("/jobs/query").json()
    assert (len(first["records"]), first["done"]) == (1000, False)
    assert list(first["records"][0]) == [
        *CREATION_KEYS[:10],
        "jobType",
        *CREATION_KEYS[10:],
        "isPkChunkingSupported",
    ]
    second = client.get(first["nextRecordsUrl"]).json()
    assert (len(second["records"]), second["done"]) == (2, True)
    assert second["nextRecordsUrl"] is None
    assert client.get("/jobs/query?jobType=Classic").json()["records"] == []
    assert error(client.get("/jobs/query?queryLocator=x")) == (400, "INVALID_QUERY_LOCATOR")


def test_query_jobs_exist_from_version_47_on(start: StartClient) -> None:
    client = start()
    client.version = "46.0"
    body = {"operation": "query", "query": ACCOUNTS}
    for reply in (client.post("/jobs/query", json=body), client.get("/jobs/query")):
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    client.version = "47.0"
    assert client.post("/jobs/query", json=body).status_code == 200
