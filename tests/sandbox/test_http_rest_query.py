"""The REST query resource and its cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_client import Client


def query(client: Client, soql: str, resource: str = "query", **options: Any) -> Any:
    return client.get(f"/{resource}", params={"q": soql}, **options).json()


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


def test_large_results_are_read_batch_by_batch(start: Callable[..., Client]) -> None:
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
    start: Callable[..., Client], asked: int, given: int
) -> None:
    client = start(rows={"Account": 2500})
    options = {"Sforce-Query-Options": f"batchSize={asked}"}
    body = query(client, "SELECT Id FROM Account", headers=options)
    assert len(body["records"]) == given


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
