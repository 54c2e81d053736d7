"""Requests that are odd, too large or not meant for the sandbox, and values that it cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from bare_client import Client, StartClient

LIMIT_INFO = "Sforce-Limit-Info"


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "sandbox:8765"])
@pytest.mark.parametrize("path", ["/_sandbox/calls", "/services/data", "/limits"])
def test_a_request_for_another_host_is_refused(client: Client, host: str, path: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 403
    for own in ("localhost", "acme.localhost:1", "127.0.0.2", "[::1]:8765"):
        assert client.get(path, headers={"Host": own}).status_code == 200


def test_a_web_page_of_another_origin_is_refused(client: Client) -> None:
    for origin, status in (("http://example.com", 403), ("null", 403), (client.server.url, 200)):
        assert client.get("/_sandbox/state", headers={"Origin": origin}).status_code == status


def test_a_server_for_other_machines_takes_any_name() -> None:
    with SandboxServer({"rows": {"Account": 1}}, host="0.0.0.0") as server:  # noqa: S104 - that is it
        url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - the same
        for host, status in (("sandbox:8765", 200), ("example.com", 200)):
            reply = requests.get(f"{url}/services/data", headers={"Host": host}, timeout=60)
            assert reply.status_code == status


def test_addresses_that_are_too_long(client: Client) -> None:
    reply = client.get(f"/query?q={'x' * 17_000}")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (414, "URI_TOO_LONG")
    assert client.get(f"/query?q={'x' * 100_000}").status_code == 414
    assert client.get("/limits", headers={"X-Long": "x" * 20_000}).status_code == 200


def test_a_doubled_slash_is_taken_at_the_start_alone(client: Client) -> None:
    url = client.server.url
    assert client.get(f"{url}//services/data/v62.0/limits").status_code == 200
    assert client.get(f"{url}/services/data/v62.0//limits").status_code == 404


def test_head_has_the_headers_of_get_and_no_body(client: Client) -> None:
    job = client.finished_job()
    for path in ("/limits", "/services/data", f"{job}/results"):
        whole, head = client.get(path), client.call("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]


def test_replies_are_pretty_where_that_is_wanted(client: Client) -> None:
    reply = client.get("/limits", headers={"X-PrettyPrint": "1"})
    assert '"Max" : ' in reply.text
    assert reply.json().keys() == client.get("/limits").json().keys()


def test_every_reply_says_what_is_used(client: Client) -> None:
    for path in ("/limits", "/nothing", "/sobjects/Nope", "/query?q=x", f"/query?q={'x' * 17_000}"):
        assert client.get(path).headers[LIMIT_INFO].startswith("api-usage=")


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("LIMIT 99999999999999999999", 25),
        ("LIMIT 0", 0),
        ("WHERE CreatedDate > LAST_N_DAYS:99999999999999999999", 0),
        ("WHERE CreatedDate < NEXT_N_YEARS:99999999999999999999", 25),
        ("WHERE CreatedDate < N_WEEKS_AGO:99999999999999999999", 0),
    ],
)
def test_numbers_that_are_huge(client: Client, where: str, count: int) -> None:
    soql = f"SELECT Id FROM Account {where}"  # noqa: S608 - SOQL
    assert client.get("/queryAll", params={"q": soql}).json()["totalSize"] == count


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("sobjects/Account/records", {"AnnualRevenue": "much"}, "AnnualRevenue (currency) cannot"),
        ("sobjects/Account/records", {"CreatedDate": "soon"}, "CreatedDate (datetime) cannot hold"),
        ("sobjects/Account/records", {"IsDeleted": "maybe"}, "IsDeleted (boolean) cannot hold"),
        ("sobjects/Account/records", {"OwnerId": "me"}, "OwnerId (reference) cannot hold 'me'"),
        ("sobjects/Account/records", {"Name": ["a"]}, "Name cannot hold a value of type list"),
        ("sobjects/Account/records", {"Nope": 1}, "unknown: nope"),
        ("faults", {"place": "page", "kind": "status", "status": 99}, "from 200 to 599, not 99"),
        ("faults", {"place": "page", "kind": "html", "status": 1000}, "from 200 to 599, not 1000"),
        ("faults", {"place": "page", "kind": "cut", "fraction": 2.0}, "from 0 to 1, not 2.0"),
        ("faults", {"place": "page", "kind": "drip", "bytes": 0}, "bytes must be at least 1"),
        ("sobjects/Account/records", ["x"], "expected a JSON object"),
        (
            "sobjects/Account/records",
            {"records": [], "committed": "x"},
            "committed must be true",
        ),
        ("sobjects/Account/records/undelete", {"ids": 1}, "ids must be a list of record ids"),
        ("visibility", {"sobject": "Account", "visible": "x"}, "visible must be true or false"),
        ("clock", {"now": "0001-01-01T00:00:00Z"}, "now must be in the years 1990 to 2999"),
        ("clock", {"advance_seconds": 1e30}, "advance_seconds is too large"),
    ],
    ids=str,
)
def test_what_the_sandbox_cannot_hold_is_refused_at_once(
    client: Client, path: str, content: Any, said: str
) -> None:
    reply = client.post(f"/_sandbox/{path}", json=content)
    assert reply.status_code == 400
    assert said in reply.json()["error"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("result_pages_status", 99, "from 400 to 599, not 99"),
        ("latency_seconds", -1, "latency_seconds must not be negative"),
        ("query_rows", 0, "query_rows must be at least 1"),
        ("api_versions", ["newest"], "api_versions: could not convert"),
    ],
)
def test_scenarios_that_would_break_later(
    start: StartClient, key: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        start(**{key: value})
    refused = start().call("PATCH", "/_sandbox/scenario", json={key: value})
    assert refused.status_code == 400
    assert said in refused.json()["error"]
