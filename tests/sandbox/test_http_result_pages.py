"""The list of result pages in all its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient

VERSIONED = "/services/data/v62.0"
FORMS = {
    "live": ("resultChunks", "resultLink", "", "resultPages"),
    "documented": ("resultPages", "resultUrl", VERSIONED, "resultpages"),
    "postman": ("resultPages", "resultLink", "", "resultpages"),
}


@pytest.mark.parametrize("form", FORMS)
def test_form_of_the_reply(start: StartClient, form: str) -> None:
    pages_key, link_key, prefix, path = FORMS[form]
    client = start(reply_form=form)
    job = client.finished_job()
    body = client.get(f"{job}/resultPages").json()
    assert list(body) == [pages_key, "nextRecordsUrl", "done"]
    assert body["done"] is False
    assert len(body[pages_key]) == 5
    for page in body[pages_key]:
        assert list(page) == [link_key]
        assert page[link_key].startswith(f"{prefix}{job}/results?locator=")
    assert body["nextRecordsUrl"].startswith(f"{prefix}{job}/{path}?locator=")


@pytest.mark.parametrize(
    ("style", "prefix"),
    [("relative", ""), ("rooted", VERSIONED), ("absolute", "http://127.0.0.1:")],
)
def test_style_of_the_links(start: StartClient, style: str, prefix: str) -> None:
    client = start(link_style=style)
    body = client.get(f"{client.finished_job()}/resultPages").json()
    for link in [body["resultChunks"][0]["resultLink"], body["nextRecordsUrl"]]:
        assert link.startswith(f"{prefix}/jobs" if style != "absolute" else prefix)
        assert client.get(link).status_code == 200


@pytest.mark.parametrize(
    ("how", "last"),
    [
        ("null", {"nextRecordsUrl": None, "done": True}),
        ("absent", {"done": True}),
        ("empty", {"nextRecordsUrl": "", "done": True}),
    ],
)
def test_continuation_of_the_last_reply(start: StartClient, how: str, last: dict[str, Any]) -> None:
    client = start(page_rows=100, last_continuation=how)
    body = client.get(f"{client.finished_job()}/resultPages").json()
    assert len(body.pop("resultChunks")) == 1
    assert body == last


def test_name_of_the_continuation_can_be_the_documented_tables(
    start: StartClient,
) -> None:
    client = start(continuation_key="nextRecordUrl")
    body = client.get(f"{client.finished_job()}/resultPages").json()
    assert "nextRecordUrl" in body
    assert "nextRecordsUrl" not in body


@pytest.mark.parametrize("path", ["resultPages", "resultpages"])
def test_links_lead_to_all_rows_once(client: Client, path: str) -> None:
    job = client.finished_job()
    url, ids, links = f"{job}/{path}", [], []
    while url:
        body = client.get(url).json()
        for page in body["resultChunks"]:
            links.append(page["resultLink"])
            reply = client.get(page["resultLink"])
            rows = reply.text.splitlines()[1:]
            assert len(rows) == int(reply.headers["Sforce-NumberOfRecords"]) <= 2
            ids += [row.split(",")[0] for row in rows]
        url = body["nextRecordsUrl"]
    total = client.get(job).json()["numberRecordsProcessed"]
    assert len(ids) == len(set(ids)) == total
    assert len(links) == len(set(links)) == (total + 1) // 2


def test_same_links_every_time(client: Client) -> None:
    path = f"{client.finished_job()}/resultPages"
    assert client.get(path).json() == client.get(path).json()


@pytest.mark.parametrize("listed", [0, 1])
def test_links_of_a_job_without_rows(start: StartClient, listed: int) -> None:
    client = start(empty_result_links=listed)
    job = client.finished_job("SELECT Id FROM Account WHERE Name = 'nobody'")
    body = client.get(f"{job}/resultPages").json()
    assert (len(body["resultChunks"]), body["done"]) == (listed, True)


def test_doubled_slash_is_not_found(client: Client) -> None:
    job = client.finished_job().replace("/jobs/query/", "/jobs/query//")
    assert client.get(f"{job}/resultPages").status_code == 404
    assert client.get(f"{job}/results").status_code == 404


@pytest.mark.parametrize("status", [400, 403, 404])
def test_org_without_result_pages(start: StartClient, status: int) -> None:
    client = start(result_pages="refused", result_pages_status=status)
    job = client.finished_job()
    assert client.get(f"{job}/resultPages").status_code == status
    assert client.get(f"{job}/results").status_code == 200


def test_result_pages_came_with_version_58(client: Client) -> None:
    client.version = "57.0"
    job = client.finished_job()
    assert client.get(f"{job}/resultPages").status_code == 404
    assert client.get(f"{job}/results").status_code == 200


@pytest.mark.parametrize("resource", ["resultPages", "results"])
def test_locators_of_another_job_or_of_nobody_are_refused(client: Client, resource: str) -> None:
    job, other = client.finished_job(), client.finished_job()
    link = client.get(f"{other}/resultPages").json()["resultChunks"][1]["resultLink"]
    foreign = link.partition("locator=")[2]
    for locator in (foreign, "garbage", "é", "%00", foreign[:-1]):
        reply = client.get(f"{job}/{resource}?locator={locator}")
        assert reply.status_code == 400
        assert reply.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
