"""Versions, describe, composite calls and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient

NOT_FOUND = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


def test_versions_need_no_sign_in_and_come_oldest_first(client: Client) -> None:
    del client.session.headers["Authorization"]
    versions = client.get("/services/data").json()
    assert versions[0] == {
        "label": "Summer '14",
        "url": "/services/data/v31.0",
        "version": "31.0",
    }
    assert versions[-1]["label"] == "Summer '26"
    assert [float(each["version"]) for each in versions] == sorted(
        float(each["version"]) for each in versions
    )


def test_resources_of_a_version_need_sign_in(client: Client) -> None:
    assert client.get("/").json()["sobjects"] == "/services/data/v62.0/sobjects"
    del client.session.headers["Authorization"]
    assert client.get("/").status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/services/data/v30.0/limits", 410),
        ("/services/data/v99.0/limits", 404),
        ("/services/data/v62/limits", 404),
        ("/services/data/v62.0/nothing", 404),
        ("/services/data/v62.0/jobs//query", 404),
    ],
)
def test_paths_that_are_not_there(client: Client, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_method_that_a_path_does_not_know(client: Client) -> None:
    reply = client.call("PUT", "/limits")
    assert reply.status_code == 405
    assert reply.json()[0]["errorCode"] == "METHOD_NOT_ALLOWED"


def test_versions_offered_can_be_chosen(start: StartClient) -> None:
    client = start(api_versions=[58.0, "59.0"])
    assert [each["version"] for each in client.get("/services/data").json()] == ["58.0", "59.0"]
    assert client.get("/limits").status_code == 404


def test_global_describe_lists_sobjects_with_their_paths(client: Client) -> None:
    body = client.get("/sobjects").json()
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    account = next(each for each in body["sobjects"] if each["name"] == "Account")
    assert account["urls"]["describe"] == "/services/data/v62.0/sobjects/Account/describe"
    assert client.get("/sobjects/Account").json()["objectDescribe"] == account


def test_describe_gives_fields(client: Client) -> None:
    fields = {
        each["name"]: each for each in client.get("/sobjects/Account/describe").json()["fields"]
    }
    assert fields["Id"]["type"] == "id"
    assert {"Name", "SystemModstamp", "IsDeleted"} <= set(fields)


@pytest.mark.parametrize("path", ["/sobjects/Nothing", "/sobjects/Nothing/describe"])
def test_unknown_sobject_is_not_found(client: Client, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


def subrequest(url: str, **keys: Any) -> dict[str, Any]:
    return {"method": "GET", "url": url, **keys}


def test_composite_answers_each_subrequest_under_its_reference(client: Client) -> None:
    before = len(client.server.calls)
    path = "/services/data/v62.0/sobjects"
    requests = [
        subrequest(f"{path}/Account/describe", referenceId="account"),
        subrequest(f"{path}/Nothing/describe", referenceId="nothing"),
    ]
    parts = client.post("/composite", json={"compositeRequest": requests}).json()
    account, nothing = parts["compositeResponse"]
    assert account["body"] == client.get("/sobjects/Account/describe").json()
    assert (account["referenceId"], account["httpStatusCode"]) == ("account", 200)
    assert nothing == {
        "body": NOT_FOUND,
        "httpHeaders": {},
        "httpStatusCode": 404,
        "referenceId": "nothing",
    }
    assert len(client.server.calls) == before + 2


@pytest.mark.parametrize(
    "url", ["/services/data/v62.0/limits", "v62.0/limits", "/v62.0/limits", "limits"]
)
def test_batch_takes_short_paths(client: Client, url: str) -> None:
    reply = client.post("/composite/batch", json={"batchRequests": [subrequest(url)]}).json()
    assert not reply["hasErrors"]
    assert reply["results"][0]["statusCode"] == 200
    assert "DailyApiRequests" in reply["results"][0]["result"]


def test_batch_goes_on_after_an_error_unless_told_to_halt(client: Client) -> None:
    requests = [subrequest("v62.0/sobjects/Nothing/describe"), subrequest("v62.0/limits")]
    going_on = client.post("/composite/batch", json={"batchRequests": requests})
    assert going_on.status_code == 200
    assert going_on.json()["hasErrors"]
    assert [each["statusCode"] for each in going_on.json()["results"]] == [404, 200]
    halting = client.post(
        "/composite/batch", json={"batchRequests": requests, "haltOnError": True}
    ).json()
    assert [each["statusCode"] for each in halting["results"]] == [404, 412]


@pytest.mark.parametrize(
    ("path", "key"), [("/composite", "compositeRequest"), ("/composite/batch", "batchRequests")]
)
def test_no_more_than_25_subrequests(client: Client, path: str, key: str) -> None:
    requests = [subrequest("/services/data/v62.0/limits", referenceId=str(n)) for n in range(26)]
    assert client.post(path, json={key: requests[:25]}).status_code == 200
    assert client.post(path, json={key: requests}).status_code == 400


def test_limits_and_the_header_count_requests_and_jobs(start: StartClient) -> None:
    client = start(daily_api_requests={"max": 1000, "used": 100})
    client.create_job()
    reply = client.get("/limits")
    assert reply.headers["Sforce-Limit-Info"] == "api-usage=102/1000"
    assert reply.json()["DailyApiRequests"]["Max"] == 1000
    assert reply.json()["DailyApiRequests"]["Remaining"] == 898
    assert reply.json()["DailyApiRequests"]["Workbench"] == {"Max": 0, "Remaining": 0}
    assert reply.json()["DailyBulkV2QueryJobs"] == {"Max": 10000, "Remaining": 9999}
    assert reply.json()["DailyBulkV2QueryFileStorageMB"]["Max"] == 976562


def test_requests_beyond_the_daily_limit_are_refused(start: StartClient) -> None:
    client = start(daily_api_requests={"max": 11, "used": 10})
    assert client.get("/limits").status_code == 200
    reply = client.get("/limits")
    assert reply.status_code == 403
    assert reply.json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("allowance", "said"),
    [
        ("daily_query_jobs", "Max bulk v2 query jobs (7) per 24 hrs has been reached"),
        ("daily_query_storage_mb", "Max bulk v2 query result size stored"),
    ],
)
def test_jobs_beyond_the_daily_limits_are_refused(
    start: StartClient, allowance: str, said: str
) -> None:
    client = start(**{allowance: {"max": 7, "used": 7}})
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    reply = client.post("/jobs/query", json=body)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    assert said in reply.json()[0]["message"]


def test_record_counts_leave_out_what_they_do_not_know(client: Client) -> None:
    counts = client.get("/limits/recordCount", params={"sObjects": "Account,Nothing"}).json()
    assert counts == {
        "sObjects": [{"count": client.server.org.count("Account"), "name": "Account"}]
    }
