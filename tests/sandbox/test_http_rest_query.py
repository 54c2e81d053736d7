"""The REST query resource and its cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient


def query(client: Client, soql: str, resource: str = "query", **options: Any) -> Any:
    return client.get(f"/{resource}", params={"q": soql}, **options).json()


CONTACTS = "SELECT count() FROM Contact"


def test_records_carry_their_type_and_path(client: Client) -> None:
    body = query(client, "SELECT Id, Name FROM Account LIMIT 1")
    assert (body["totalSize"], body["done"]) == (1, True)
    assert "nextRecordsUrl" not in body
    record = body["records"][0]
    assert record["attributes"] == {
        "type": "Account",
        "url": f"/services/data/v62.0/sobjects/Account/{record['Id']}",
    }
    assert list(record) == ["attributes", "Id", "Name"]


def test_large_results_are_read_batch_by_batch(start: StartClient) -> None:
    client = start(rows={"Account": 2500})
    first = query(client, "SELECT Id FROM Account")
    total = first["totalSize"]
    assert (len(first["records"]), first["done"]) == (2000, False)
    assert first["nextRecordsUrl"].startswith("/services/data/v62.0/query/01g")
    assert first["nextRecordsUrl"].endswith("-2000")
    second = client.get(first["nextRecordsUrl"]).json()
    assert (len(second["records"]), second["done"]) == (total - 2000, True)
    assert client.get(first["nextRecordsUrl"]).json() == second
    ids = {record["Id"] for record in first["records"] + second["records"]}
    assert len(ids) == total


@pytest.mark.parametrize(("asked", "given"), [(300, 300), (1, 200), (5000, 2000)])
def test_batch_size_can_be_asked_for_within_bounds(
    start: StartClient, asked: int, given: int
) -> None:
    client = start(rows={"Account": 2500})
    options = {"Sforce-Query-Options": f"batchSize={asked}"}
    body = query(client, "SELECT Id FROM Account", headers=options)
    assert len(body["records"]) == given


def test_the_usual_batch_size_is_the_scenarios(start: StartClient) -> None:
    client = start(rows={"Account": 25}, query_rows=10)
    body = query(client, "SELECT Id FROM Account", "queryAll")
    assert (len(body["records"]), body["totalSize"]) == (10, 25)
    assert body["nextRecordsUrl"].endswith("-10")


def test_numbers_have_the_digits_of_bulk_results(start: StartClient) -> None:
    client = start(rows={"Everything__c": 60})
    text = client.get("/query", params={"q": "SELECT Double__c FROM Everything__c"}).text
    assert '"Double__c":3.141592653589793238462643383279' in text
    assert '"Double__c":null' in text


def test_a_query_is_too_long_for_an_address_but_not_for_a_composite_request(
    client: Client,
) -> None:
    soql = "SELECT Id FROM Account WHERE Name != '" + "x" * 16_400 + "'"
    reply = client.get("/query", params={"q": soql})
    assert reply.status_code == 414
    part = {"method": "GET", "url": f"/v62.0/query?q={soql}", "referenceId": "a"}
    body = client.post("/composite", json={"compositeRequest": [part]}).json()
    assert body["compositeResponse"][0]["body"]["totalSize"] > 0


def test_only_query_all_shows_deleted_records(client: Client) -> None:
    soql = "SELECT Id FROM Account WHERE IsDeleted = true"
    assert query(client, soql)["totalSize"] == 0
    deleted = query(client, "SELECT Id, IsDeleted FROM Account", "queryAll")["totalSize"]
    assert (
        deleted
        == query(client, "SELECT Id FROM Account")["totalSize"]
        + (query(client, soql, "queryAll")["totalSize"])
    )


def test_count_has_a_size_and_no_records(client: Client) -> None:
    body = query(client, "SELECT COUNT() FROM Contact")
    assert body["totalSize"] == query(client, "SELECT Id FROM Contact")["totalSize"]
    assert (body["records"], body["done"]) == ([], True)


@pytest.mark.parametrize(
    ("path", "error_code"),
    [
        ("/query?q=SELEKT", "MALFORMED_QUERY"),
        ("/query?q=SELECT+Nothing+FROM+Account", "INVALID_FIELD"),
        ("/query?q=SELECT+Id+FROM+Nothing", "INVALID_TYPE"),
        ("/query?q=", "MALFORMED_QUERY"),
        ("/query/01g5g0000000000AAA-2000", "INVALID_QUERY_LOCATOR"),
    ],
)
def test_refused_queries_say_why(client: Client, path: str, error_code: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 400
    assert reply.json()[0]["errorCode"] == error_code


def test_children_beyond_a_reply_have_an_address_of_their_own(start: StartClient) -> None:
    client = start(rows={"Account": 3, "Contact": 100}, query_rows=10)
    soql = "SELECT Id, (SELECT Id FROM Contacts ORDER BY Id) FROM Account"
    records = client.get("/query", params={"q": soql}).json()["records"]
    children = [record["Contacts"] for record in records if record["Contacts"]]
    assert {len(each["records"]) for each in children} == {10}
    total = client.get("/query", params={"q": f"{CONTACTS} WHERE AccountId != null"}).json()
    assert sum(each["totalSize"] for each in children) == total["totalSize"]
    ids: set[str] = set()
    for child in children:
        page = child
        while True:
            ids.update(record["Id"] for record in page["records"])
            if page["done"]:
                break
            page = client.get(page["nextRecordsUrl"]).json()
    assert len(ids) == total["totalSize"]
