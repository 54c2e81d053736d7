"""Records that clients read and write: alone, in collections and composite calls, by jobs."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient

NOW = datetime(2026, 5, 4, 12, tzinfo=timezone.utc)
INVOICES = "/sobjects/Invoice__c"


@pytest.fixture
def org(start: StartClient) -> Client:
    """Return a client of an org that it may change."""
    return start(now=NOW.isoformat())


def find(client: Client, soql: str) -> list[dict[str, Any]]:
    records = client.get("/queryAll", params={"q": soql}).json()["records"]
    return [{k: v for k, v in record.items() if k != "attributes"} for record in records]


def first(client: Client, sobject: str = "Account") -> dict[str, Any]:
    soql = f"SELECT Id, Name FROM {sobject} WHERE IsDeleted = false LIMIT 1"  # noqa: S608 - SOQL
    return find(client, soql)[0]


def create(client: Client, sobject: str = "Account", **values: Any) -> str:
    reply = client.post(f"/sobjects/{sobject}", json=values)
    assert reply.status_code == 201, reply.text
    assert reply.json() == {"id": reply.json()["id"], "success": True, "errors": []}
    assert reply.headers["Location"].endswith(f"/sobjects/{sobject}/{reply.json()['id']}")
    return str(reply.json()["id"])


def test_a_record_is_read_by_its_id(org: Client) -> None:
    record = first(org)
    whole = org.get(f"/sobjects/Account/{record['Id'][:15]}").json()
    fields = org.get("/sobjects/Account/describe").json()["fields"]
    assert whole.keys() == {"attributes", *(field["name"] for field in fields)}
    some = org.get(f"/sobjects/Account/{record['Id']}", params={"fields": "Name,Owner.Name"}).json()
    assert (some.keys(), some["Name"]) == ({"attributes", "Name", "Owner"}, record["Name"])
    wrong = org.get(f"/sobjects/Account/{record['Id']}", params={"fields": "Nope"})
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert org.get("/sobjects/Account/001000000000000AAA").status_code == 404


def test_a_record_lives_and_dies(org: Client) -> None:
    record_id = create(
        org, Name="Initech", AnnualRevenue=12.5, SLAExpirationDate__c="2026-06-01", Phone=None
    )
    path = f"/sobjects/Account/{record_id}"
    made = org.get(path).json()
    assert (made["Name"], made["AnnualRevenue"]) == ("Initech", 12.5)
    assert made["CreatedDate"] == "2026-05-04T12:00:00.000+0000"
    assert made["OwnerId"] == made["CreatedById"] == org.server.org.user.id
    org.server.set_now(NOW + timedelta(hours=1))
    assert org.call("PATCH", path, json={"Name": "Initrode"}).status_code == 204
    changed = org.get(path).json()
    assert (changed["Name"], changed["AnnualRevenue"]) == ("Initrode", 12.5)
    assert changed["SystemModstamp"] == "2026-05-04T13:00:00.000+0000"
    assert org.post(f"{path}?_HttpMethod=PATCH", json={"Phone": "1"}).status_code == 204
    span = {"start": NOW.isoformat(), "end": (NOW + timedelta(hours=2)).isoformat()}
    updated = org.get("/sobjects/Account/updated/", params=span).json()
    assert updated == {"ids": [record_id], "latestDateCovered": "2026-05-04T13:00:00.000+0000"}
    assert org.call("DELETE", path).status_code == 204
    for method in ("GET", "DELETE"):
        gone = org.call(method, path)
        assert gone.status_code == 404
        assert gone.json() == [
            {"errorCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}
        ]
    deleted = org.get("/sobjects/Account/deleted/", params=span).json()["deletedRecords"]
    assert [each["id"] for each in deleted] == [record_id]
    assert find(org, f"SELECT IsDeleted FROM Account WHERE Id = '{record_id}'") == [  # noqa: S608
        {"IsDeleted": True}
    ]


@pytest.mark.parametrize(
    ("sobject", "values", "code", "fields"),
    [
        ("Account", {}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ("Contact", {"FirstName": "Ada"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ("Account", {"Name": "a", "Nope__c": 1}, "INVALID_FIELD", []),
        (
            "Account",
            {"Name": "a", "CreatedDate": "2020-01-01T00:00:00Z"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            ["CreatedDate"],
        ),
        ("Account", {"Name": "a" * 256}, "STRING_TOO_LONG", ["Name"]),
        ("Account", {"Name": "a", "AnnualRevenue": "much"}, "JSON_PARSER_ERROR", []),
        ("Account", {"Name": "a", "SLAExpirationDate__c": "soon"}, "JSON_PARSER_ERROR", []),
        ("Account", {"Name": "a", "OwnerId": "me"}, "MALFORMED_ID", ["OwnerId"]),
        ("AppDefinition", {"Label": "a"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", []),
    ],
)
def test_records_that_are_refused(
    client: Client, sobject: str, values: dict[str, Any], code: str, fields: list[str]
) -> None:
    reply = client.post(f"/sobjects/{sobject}", json=values)
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"], error["fields"]) == (400, code, fields)


def test_names_are_made_as_salesforce_makes_them(org: Client) -> None:
    person = create(org, "Contact", FirstName="Ada", LastName="Lovelace")
    assert org.get(f"/sobjects/Contact/{person}").json()["Name"] == "Ada Lovelace"
    numbers = find(org, "SELECT Name FROM Invoice__c ORDER BY Name DESC LIMIT 1")
    invoice = org.get(f"{INVOICES}/{create(org, 'Invoice__c', Status__c='Draft')}").json()
    assert int(invoice["Name"][4:]) == int(numbers[0]["Name"][4:]) + 1


def test_upsert_by_an_external_id(org: Client) -> None:
    path = f"{INVOICES}/External_Id__c/new%201"
    made = org.call("PATCH", path, json={"Status__c": "Draft"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    again = org.call("PATCH", path, json={"Status__c": "Paid"})
    assert (again.status_code, again.json()["created"]) == (200, False)
    assert again.json()["id"] == made.json()["id"]
    assert org.get(path).json()["Status__c"] == "Paid"
    assert org.get(f"{INVOICES}/External_Id__c/nobody").status_code == 404
    wrong = org.call("PATCH", f"{INVOICES}/Status__c/Paid", json={})
    assert wrong.json()[0]["errorCode"] == "INVALID_FIELD"


def account(name: str | None, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **values}


def test_collections(org: Client) -> None:
    body = {"records": [account("one"), account(None), account("two")]}
    results = org.post("/composite/sobjects", json=body).json()
    assert [result["success"] for result in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    ids = [results[0]["id"], results[2]["id"]]
    update = {"records": [account("uno", id=ids[0])]}
    assert org.call("PATCH", "/composite/sobjects", json=update).json()[0]["success"]
    read = org.get(f"/composite/sobjects/Account?ids={','.join(ids)}&fields=Name").json()
    assert [record["Name"] for record in read] == ["uno", "two"]
    gone = org.call("DELETE", f"/composite/sobjects?ids={','.join(ids)}").json()
    assert [each["success"] for each in gone] == [True, True]
    left = org.post("/composite/sobjects/Account", json={"ids": ids, "fields": ["Id"]})
    assert left.json() == [None, None]
    upsert = {"records": [{"attributes": {"type": "Invoice__c"}, "External_Id__c": "x"}]}
    path = "/composite/sobjects/Invoice__c/External_Id__c"
    assert [org.call("PATCH", path, json=upsert).json()[0]["created"] for _ in range(2)] == [
        True,
        False,
    ]
    many = {"records": [account("a")] * 201}
    assert org.post("/composite/sobjects", json=many).json()[0]["errorCode"] == "EXCEEDED_ID_LIMIT"


def test_all_or_none_of_a_collection(org: Client) -> None:
    body = {"allOrNone": True, "records": [account("one"), account(None)]}
    results = org.post("/composite/sobjects", json=body).json()
    codes = [result["errors"][0]["statusCode"] for result in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert find(org, "SELECT Id FROM Account WHERE Name = 'one'") == []
    ids = f"{first(org)['Id']},001000000000000AAA"
    org.call("DELETE", f"/composite/sobjects?ids={ids}&allOrNone=true")
    assert org.get(f"/sobjects/Account/{ids[:18]}").status_code == 200


def composite(client: Client, *requests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    numbered = [{"referenceId": f"r{n}", **each} for n, each in enumerate(requests)]
    body = {"compositeRequest": numbered, **options}
    return list(client.post("/composite", json=body).json()["compositeResponse"])


def test_references_in_composite_calls(org: Client) -> None:
    base = "/services/data/v62.0"
    soql = "SELECT Id FROM Account WHERE Id = '@{r0.id}'"
    made, read, contact, contacts = composite(
        org,
        {"method": "POST", "url": f"{base}/sobjects/Account", "body": {"Name": "Globex"}},
        {"method": "GET", "url": f"{base}/query?q={soql}"},
        {
            "method": "POST",
            "url": f"{base}/sobjects/Contact",
            "body": {"LastName": "Scorpio", "AccountId": "@{r1.records[0].Id}"},
        },
        {"method": "GET", "url": f"{base}/sobjects/Contact/@{{r2.id}}"},
    )
    assert [each["httpStatusCode"] for each in (made, read, contact, contacts)] == [
        201,
        200,
        201,
        200,
    ]
    assert contacts["body"]["AccountId"] == made["body"]["id"]
    lost, dependent = composite(
        org,
        {"method": "GET", "url": f"{base}/sobjects/Nope"},
        {"method": "GET", "url": f"{base}/sobjects/Account/@{{r0.id}}"},
    )
    assert (lost["httpStatusCode"], dependent["httpStatusCode"]) == (404, 400)
    assert dependent["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_all_or_none_of_a_composite_call(org: Client) -> None:
    requests = (
        {"method": "POST", "url": "/sobjects/Account", "body": {"Name": "Hooli"}},
        {"method": "POST", "url": "/sobjects/Account", "body": {}},
    )
    made, refused = composite(org, *requests, allOrNone=True)
    assert made["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert refused["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert find(org, "SELECT Id FROM Account WHERE Name = 'Hooli'") == []
    composite(org, *requests, allOrNone=False)
    assert len(find(org, "SELECT Id FROM Account WHERE Name = 'Hooli'")) == 1


def test_a_batch_may_write(org: Client) -> None:
    record = first(org)
    request = {
        "method": "PATCH",
        "url": f"v62.0/sobjects/Account/{record['Id']}",
        "richInput": {"Name": "changed"},
    }
    reply = org.post("/composite/batch", json={"batchRequests": [request]}).json()
    assert reply == {"hasErrors": False, "results": [{"statusCode": 204, "result": None}]}
    assert org.get(f"/sobjects/Account/{record['Id']}").json()["Name"] == "changed"


def ingest(client: Client, text: str, operation: str, sobject: str, **options: str) -> str:
    """Run an ingest job; return its path."""
    body = {"operation": operation, "object": sobject, **options}
    job = client.post("/jobs/ingest", json=body).json()
    assert job["state"] == "Open"
    upload = client.call("PUT", f"/{job['contentUrl']}", data=text.encode())
    assert upload.status_code == 201, upload.text
    path = f"/jobs/ingest/{job['id']}"
    closed = client.call("PATCH", path, json={"state": "UploadComplete"}).json()
    assert (closed["state"], closed["jobType"]) == ("UploadComplete", "V2Ingest")
    return path


def results(client: Client, path: str, kind: str) -> list[dict[str, str]]:
    text = client.get(f"{path}/{kind}").content.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_ingest_job_inserts_and_says_what_failed(org: Client) -> None:
    path = ingest(org, 'Name,Phone\n"a ""b""",1\n,2\nc,\n', "insert", "Account")
    info = org.get(path).json()
    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 3)
    assert info["numberRecordsFailed"] == 1
    done = results(org, path, "successfulResults")
    assert [(row["sf__Created"], row["Name"]) for row in done] == [
        ("true", 'a "b"'),
        ("true", "c"),
    ]
    (failed,) = results(org, path, "failedResults")
    assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing")
    assert results(org, path, "unprocessedrecords") == []
    assert org.get(f"/sobjects/Account/{done[0]['sf__Id']}").json()["Phone"] == "1"
    assert path.rpartition("/")[2] in org.get("/jobs/ingest").text
    assert org.call("DELETE", path).status_code == 204
    assert org.get(path).status_code == 404


def test_ingest_jobs_change_and_delete(org: Client) -> None:
    record = first(org)
    ingest(org, f"Id,Phone,Fax\n{record['Id']},#N/A,5\n", "update", "Account")
    changed = org.get(f"/sobjects/Account/{record['Id']}").json()
    assert (changed["Phone"], changed["Fax"], changed["Name"]) == (None, "5", record["Name"])
    options = {"externalIdFieldName": "External_Id__c", "columnDelimiter": "PIPE"}
    text = "External_Id__c|Status__c\nnew|Draft\nnew|Paid\n"
    path = ingest(org, text, "upsert", "Invoice__c", **options)
    created = org.get(f"{path}/successfulResults").text.splitlines()[1:]
    assert [line.split("|")[1] for line in created] == ['"true"', '"false"']
    ingest(org, f"Id\n{record['Id']}\n", "delete", "Account")
    assert org.get(f"/sobjects/Account/{record['Id']}").status_code == 404
    assert find(org, f"SELECT Id FROM Account WHERE Id = '{record['Id']}'")  # noqa: S608 - SOQL
    other = first(org)
    ingest(org, f"Id\n{other['Id']}\n", "hardDelete", "Account")
    assert not find(org, f"SELECT Id FROM Account WHERE Id = '{other['Id']}'")  # noqa: S608 - SOQL


def test_ingest_jobs_that_do_not_fit(org: Client) -> None:
    path = ingest(org, "Name,Nope\na,b\n", "insert", "Account")
    info = org.get(path).json()
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 0)
    assert info["errorMessage"] == "InvalidBatch : Field name not found : Nope"
    again = org.call("PATCH", path, json={"state": "UploadComplete"})
    assert again.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    for body in (
        {"operation": "query", "object": "Account"},
        {"operation": "insert", "object": "Nope"},
        {"operation": "upsert", "object": "Account"},
        {"operation": "insert", "object": "Account", "lineEnding": "CR"},
    ):
        assert org.post("/jobs/ingest", json=body).status_code == 400
