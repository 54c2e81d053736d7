"""The `deleted` resource, record counts, and transactions that are still open."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient

NOW = datetime(2026, 5, 1, 10, 30, 40, tzinfo=timezone.utc)
DELETED = "/sobjects/Account/deleted/"


def span(minutes: float, end: datetime = NOW + timedelta(seconds=20)) -> dict[str, str]:
    return {"start": (end - timedelta(minutes=minutes)).isoformat(), "end": end.isoformat()}


def some_ids(client: Client, count: int) -> list[str]:
    result = client.server.org.query("SELECT Id FROM Account", include_deleted=False, bulk=True)
    return [record["Id"] for record in result.records(0, count)]


def test_deleted_records_are_told_with_their_moment(start: StartClient) -> None:
    client = start(now=NOW.isoformat())
    first, second, kept = some_ids(client, 3)
    client.server.org.delete("Account", [first])
    client.server.org.delete("Account", [second], hard=True, at=NOW - timedelta(minutes=30))
    client.server.org.delete("Account", [kept])
    client.server.org.upsert("Account", [{"Id": kept, "IsDeleted": False}])
    assert client.get(DELETED, params=span(60)).json() == {
        "deletedRecords": [
            {"id": first, "deletedDate": "2026-05-01T10:30:40.000+0000"},
            {"id": second, "deletedDate": "2026-05-01T10:00:40.000+0000"},
        ],
        "earliestDateAvailable": "2026-04-16T10:30:00.000+0000",
        "latestDateCovered": "2026-05-01T10:30:00.000+0000",
    }
    assert client.get("/sobjects/Contact/deleted", params=span(60)).json()["deletedRecords"] == []
    before = client.get(DELETED, params=span(20, NOW - timedelta(minutes=20))).json()
    assert [record["id"] for record in before["deletedRecords"]] == [second]
    assert before["latestDateCovered"] == "2026-05-01T10:10:00.000+0000"


def test_a_record_is_deleted_once(start: StartClient) -> None:
    client = start(now=NOW.isoformat())
    (victim,) = some_ids(client, 1)
    client.server.org.delete("Account", [victim], at=NOW - timedelta(minutes=30))
    client.server.org.delete("Account", [victim], hard=True)
    (told,) = client.get(DELETED, params=span(60)).json()["deletedRecords"]
    assert told["deletedDate"] == "2026-05-01T10:00:40.000+0000"


def test_the_delete_log_forgets(start: StartClient) -> None:
    client = start(now=NOW.isoformat(), delete_log_days=1)
    first, second = some_ids(client, 2)
    client.server.org.delete("Account", [first], hard=True, at=NOW - timedelta(days=2))
    client.server.org.delete("Account", [second], hard=True, at=NOW - timedelta(hours=2))
    told = client.get(DELETED, params=span(60 * 24 * 20)).json()
    assert [record["id"] for record in told["deletedRecords"]] == [second]
    assert told["earliestDateAvailable"] == "2026-04-30T10:30:00.000+0000"


@pytest.mark.parametrize(
    ("sobject", "params", "error_code"),
    [
        ("Account", span(1), "INVALID_REPLICATION_DATE"),
        ("Account", span(-5), "INVALID_REPLICATION_DATE"),
        ("Account", span(60 * 24 * 31), "INVALID_REPLICATION_DATE"),
        ("Account", {"start": "yesterday", "end": NOW.isoformat()}, "INVALID_REPLICATION_DATE"),
        ("Account", {}, "INVALID_REPLICATION_DATE"),
        ("User", span(60), "INVALID_TYPE"),
        ("Nothing", span(60), "NOT_FOUND"),
    ],
)
def test_refused_time_spans(
    start: StartClient, sobject: str, params: dict[str, str], error_code: str
) -> None:
    client = start(now=NOW.isoformat())
    reply = client.get(f"/sobjects/{sobject}/deleted/", params=params)
    assert reply.json()[0]["errorCode"] == error_code


def test_too_many_ids_are_refused(start: StartClient) -> None:
    client = start(now=NOW.isoformat(), deleted_ids_limit=1)
    first, second = some_ids(client, 2)
    client.server.org.delete("Account", [first])
    assert client.get(DELETED, params=span(60)).status_code == 200
    client.server.org.delete("Account", [second])
    assert client.get(DELETED, params=span(60)).json()[0]["errorCode"] == "EXCEEDED_ID_LIMIT"


def test_record_counts_of_the_scenario(start: StartClient) -> None:
    client = start(record_counts={"Account": 50_000_000})
    counts = client.get("/limits/recordCount", params={"sObjects": "Account,Case"}).json()
    assert counts == {
        "sObjects": [{"count": 50_000_000, "name": "Account"}, {"count": 10, "name": "Case"}]
    }


@pytest.mark.parametrize("written", [[{"Name": "late"}], {"Name": "late"}])
def test_an_open_transaction_is_seen_when_it_is_committed(start: StartClient, written: Any) -> None:
    client = start()
    body = {"records": written, "committed": False}
    path = "/_sandbox/sobjects/Account/records"
    before = datetime.now(timezone.utc)
    (late,) = client.post(path, json=body).json()["ids"]
    soql = f"SELECT SystemModstamp FROM Account WHERE Id = '{late}'"  # noqa: S608 - SOQL only reads
    assert client.get("/query", params={"q": soql}).json()["totalSize"] == 0
    client.post(path, json={"Name": "on time"})
    assert client.get("/query", params={"q": soql}).json()["totalSize"] == 0
    after = datetime.now(timezone.utc)
    assert client.post("/_sandbox/commit").status_code == 204
    (record,) = client.get("/query", params={"q": soql}).json()["records"]
    stamp = datetime.strptime(record["SystemModstamp"], "%Y-%m-%dT%H:%M:%S.000%z")
    assert before.replace(microsecond=0) <= stamp <= after
