"""What time it is in the org, restored records, and spans that the `deleted` resource refuses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from bare_client import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_client import Client

MONDAY = datetime(2026, 5, 4, 22, 0, tzinfo=timezone.utc)
DELETED = "/sobjects/Account/deleted/"


def some_ids(client: Client, count: int) -> list[str]:
    result = client.server.org.query("SELECT Id FROM Account", include_deleted=False, bulk=True)
    return [record["Id"] for record in result.records(0, count)]


def span(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def count(client: Client, condition: str) -> int:
    soql = f"SELECT count() FROM Account WHERE {condition}"  # noqa: S608 - SOQL
    return int(client.get("/query", params={"q": soql}).json()["totalSize"])


def count_days(client: Client) -> tuple[int, int]:
    return count(client, "CreatedDate = TODAY"), count(client, "CreatedDate = YESTERDAY")


def test_yesterday_is_another_day_after_midnight(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat())
    client.server.org.upsert("Account", [{"Name": "on Monday"}])
    assert (count(client, "CreatedDate = TODAY"), count(client, "CreatedDate = YESTERDAY")) == (
        1,
        0,
    )
    reply = client.post("/_sandbox/clock", json={"advance_seconds": 3 * 3600})
    assert reply.json() == {"now": "2026-05-05T01:00:00+00:00"}
    assert client.get("/_sandbox/clock").json() == reply.json()
    assert (count(client, "CreatedDate = TODAY"), count(client, "CreatedDate = YESTERDAY")) == (
        0,
        1,
    )


def test_replies_and_jobs_have_the_time_of_the_org(start: Callable[..., Client]) -> None:
    client = start()
    client.post("/_sandbox/clock", json={"now": MONDAY.isoformat()})
    assert client.get("/limits").headers["Date"] == "Mon, 04 May 2026 22:00:00 GMT"
    assert client.get(client.create_job()).json()["createdDate"] == "2026-05-04T22:00:00.000+0000"
    client.post("/_sandbox/clock", json={"now": None})
    assert "2026-05-04T22" not in client.get("/_sandbox/clock").text


def test_jobs_are_gone_after_seven_days(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat())
    job = client.finished_job(ACCOUNTS)
    client.server.set_now(MONDAY + timedelta(days=6))
    assert client.get(job).status_code == 200
    client.server.set_now(MONDAY + timedelta(days=7, seconds=1))
    assert client.get(job).status_code == 404


def test_the_day_changes_in_the_midst_of_a_run(start: Callable[..., Client]) -> None:
    fault = {"place": "query", "kind": "advance_clock", "seconds": 7200, "first": 2}
    client = start(now=MONDAY.isoformat(), faults=[fault])
    client.server.org.upsert("Account", [{"Name": "on Monday"}])
    assert [count(client, "CreatedDate = TODAY") for _ in range(2)] == [1, 0]


def test_a_restored_record_is_no_longer_deleted(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat())
    restored, gone = some_ids(client, 2)
    client.call("DELETE", "/_sandbox/sobjects/Account/records", json=[restored, gone])
    client.server.set_now(MONDAY + timedelta(hours=1))
    reply = client.post("/_sandbox/sobjects/Account/records/undelete", json=[restored])
    assert reply.status_code == 204, reply.text
    soql = f"SELECT IsDeleted, SystemModstamp FROM Account WHERE Id = '{restored}'"  # noqa: S608
    (record,) = client.get("/query", params={"q": soql}).json()["records"]
    assert record["SystemModstamp"] == "2026-05-04T23:00:00.000+0000"
    deleted = client.get(DELETED, params=span(MONDAY - timedelta(hours=1), MONDAY + timedelta(1)))
    assert [each["id"] for each in deleted.json()["deletedRecords"]] == [gone]
    again = client.post("/_sandbox/sobjects/Account/records/undelete", json=[restored])
    assert again.json() == {"error": f"{restored} is not in the recycle bin"}


def test_a_delete_can_be_dated(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat())
    body = {"ids": some_ids(client, 1), "hard": True, "at": "2026-05-01T10:00:00Z"}
    client.call("DELETE", "/_sandbox/sobjects/Account/records", json=body)
    (told,) = client.get(DELETED, params=span(MONDAY - timedelta(days=5), MONDAY)).json()[
        "deletedRecords"
    ]
    assert told["deletedDate"] == "2026-05-01T10:00:00.000+0000"


def test_a_span_beyond_what_the_log_covers_is_refused(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat(), delete_log_lag_seconds=600)
    day_before = MONDAY - timedelta(days=1)
    (error,) = client.get(DELETED, params=span(day_before, MONDAY)).json()
    assert error["errorCode"] == "INVALID_REPLICATION_DATE"
    assert "latestDateCovered, which is 2026-05-04T21:50:00.000+0000" in error["message"]
    covered = client.get(DELETED, params=span(day_before, MONDAY - timedelta(minutes=10))).json()
    assert covered["latestDateCovered"] == "2026-05-04T21:50:00.000+0000"


def test_a_purged_log_refuses_what_it_no_longer_knows(start: Callable[..., Client]) -> None:
    client = start(now=MONDAY.isoformat())
    before, after = some_ids(client, 2)
    client.server.org.delete("Account", [before])
    client.server.set_now(MONDAY + timedelta(hours=1))
    assert client.post("/_sandbox/sobjects/Account/purge-deleted").status_code == 204
    client.server.org.delete("Account", [after])
    end = MONDAY + timedelta(hours=2)
    (error,) = client.get(DELETED, params=span(MONDAY, end)).json()
    assert error["errorCode"] == "INVALID_REPLICATION_DATE"
    told = client.get(DELETED, params=span(MONDAY + timedelta(hours=1), end)).json()
    assert [each["id"] for each in told["deletedRecords"]] == [after]
    all_of_it = "SELECT count() FROM Account WHERE IsDeleted = true"
    in_bin = client.get("/queryAll", params={"q": all_of_it}).json()["totalSize"]
    assert in_bin == 1
