"""Result pages: the CSV, its headers, and the walk from locator to locator."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient


def rows(text: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter))


def test_headers_of_a_page(client: Client) -> None:
    reply = client.get(f"{client.finished_job()}/results")
    assert reply.headers["Content-Type"] == "text/csv"
    assert reply.headers["Sforce-NumberOfRecords"] == "2"
    assert reply.headers["Sforce-Locator"] != "null"
    assert reply.headers["Sforce-Limit-Info"].startswith("api-usage=")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert rows(reply.content)[0] == ["Id", "Name"]


@pytest.mark.parametrize(
    ("query", "page_rows"), [("", 2), ("&maxRecords=7", 7), ("&maxRecords=1000", 1000)]
)
def test_walk_from_locator_to_locator(client: Client, query: str, page_rows: int) -> None:
    job = client.finished_job()
    total = client.get(job).json()["numberRecordsProcessed"]
    found: list[list[str]] = []
    locator = None
    while locator != "null":
        start = "" if locator is None else f"locator={locator}"
        reply = client.get(f"{job}/results?{start}{query}")
        header, *page = rows(reply.content)
        assert header == ["Id", "Name"]
        assert len(page) == int(reply.headers["Sforce-NumberOfRecords"])
        assert len(page) == min(page_rows, total - len(found))
        found += page
        locator = reply.headers["Sforce-Locator"]
    assert len({row[0] for row in found}) == len(found) == total


def test_locators_work_again_in_any_order(client: Client) -> None:
    job = client.finished_job()
    first = client.get(f"{job}/results")
    path = f"{job}/results?locator={first.headers['Sforce-Locator']}"
    second = client.get(path)
    assert client.get(f"{job}/results").content == first.content
    assert client.get(path).content == second.content != first.content


def test_result_without_rows_is_a_header_line(client: Client) -> None:
    job = client.finished_job("SELECT Id, Name FROM Account WHERE Name = 'nobody'")
    reply = client.get(f"{job}/results")
    assert reply.content == b'"Id","Name"\n'
    assert reply.headers["Sforce-NumberOfRecords"] == "0"
    assert reply.headers["Sforce-Locator"] == "null"


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [
        ("BACKQUOTE", "`"),
        ("CARET", "^"),
        ("COMMA", ","),
        ("PIPE", "|"),
        ("SEMICOLON", ";"),
        ("TAB", "\t"),
    ],
)
@pytest.mark.parametrize(("ending", "line_ending"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_delimiters_and_line_endings(
    client: Client, name: str, delimiter: str, ending: str, line_ending: str
) -> None:
    job = client.finished_job(columnDelimiter=name, lineEnding=ending)
    text = client.get(f"{job}/results").content
    assert text.startswith(f'"Id"{delimiter}"Name"{line_ending}'.encode())
    assert text.endswith(line_ending.encode())
    plain = client.get(f"{client.finished_job()}/results").content
    assert rows(text, delimiter) == rows(plain)


def test_gzip_only_for_those_who_ask(client: Client) -> None:
    job = client.finished_job()
    compressed = client.get(f"{job}/results", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert compressed.headers["Content-Encoding"] == "gzip"
    plain = client.get(f"{job}/results", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(compressed.raw.read(decode_content=False)) == plain.content


def test_pages_can_have_a_length_instead_of_chunks(start: StartClient) -> None:
    client = start(chunked_results=False)
    reply = client.get(f"{client.finished_job()}/results", headers={"Accept-Encoding": "identity"})
    assert int(reply.headers["Content-Length"]) == len(reply.content)
    assert "Transfer-Encoding" not in reply.headers


@pytest.mark.parametrize("wanted", ["0", "-1", "many"])
def test_max_records_must_be_a_positive_number(client: Client, wanted: str) -> None:
    reply = client.get(f"{client.finished_job()}/results?maxRecords={wanted}")
    assert reply.status_code == 400


def test_result_is_fixed_when_the_job_is_made(start: StartClient) -> None:
    client = start()
    job = client.finished_job()
    before = client.get(f"{job}/results?maxRecords=1000").content
    total = client.get(job).json()["numberRecordsProcessed"]
    client.server.org.upsert("Account", [{"Name": "A late one"}])
    assert client.get(f"{job}/results?maxRecords=1000").content == before
    later = client.get(client.finished_job()).json()["numberRecordsProcessed"]
    assert later == total + 1
