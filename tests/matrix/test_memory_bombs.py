"""No reply makes a run take much memory: pages, lists, documents and errors that swell.

The peak is that of the run itself (`small_pages_server.py`).
"""

from __future__ import annotations

import gzip
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from raw_server import RawServer, reply
from swelling import swelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_process import Tap

_MOST_KILOBYTES = 300_000
HEADER = b'"Id","Name"\n'


PAGES: dict[str, Callable[[], bytes]] = {
    "a header of commas": partial(swelling, b","),
    "a header of one name": partial(swelling, b"a"),
    "a header of many names": partial(swelling, b"ab,", megabytes=1),
    "a cell that never ends": partial(swelling, b"a", before=HEADER + b'"1","'),
    "a cell of 100 MB": partial(
        swelling, b"\xf0\x9f\x98\x80", before=HEADER + b'"1","', megabytes=100
    ),
    "a huge cell": partial(
        swelling, b"\xf0\x9f\x98\x80", before=HEADER + b'"1","', after=b'"\n', megabytes=30
    ),
    "a cell of NUL": partial(swelling, b"\0", before=HEADER + b'"1","', after=b'"\n', megabytes=30),
    "a cell of line ends": partial(swelling, b"\n", before=HEADER + b'"1","'),
    "a cell of quotes": partial(swelling, b'""', before=HEADER + b'"1","'),
    "a row of commas": partial(swelling, b",", before=HEADER),
    "empty lines": partial(swelling, b"\n", before=HEADER),
    "rows of too few cells": partial(swelling, b"1\n", before=HEADER),
    "gzip in gzip": lambda: gzip.compress(swelling(b"1,a\n", before=HEADER)),
    "gzip of many members": lambda: gzip.compress(HEADER) + gzip.compress(b"1,a\n") * 20_000,
}
LINK = b'{"resultUrl":"/jobs/query/7505g00000RAWAAA0A/results?locator=p1"},'
LISTS = {
    "lists in a list": partial(swelling, b"[],", before=b'{"resultPages":[', megabytes=40),
    "links": partial(swelling, LINK, before=b'{"resultPages":[', after=LINK[:-1] + b"]}"),
    "depth": partial(swelling, b"[", before=b'{"resultPages":'),
    "a long link": partial(swelling, b"a", before=b'{"resultPages":[{"resultUrl":"', after=b'"}]}'),
    "a long next link": partial(swelling, b"a", before=b'{"nextRecordsUrl":"', after=b'"}'),
    "a number": partial(swelling, b"9", before=b'{"resultPages":', after=b"}"),
    "keys": partial(swelling, b'"a":1,', before=b"{", after=b'"a":1}'),
    "spaces": partial(swelling, b" "),
}
# Their number of records is right; the job has one more.
WHOLE = ("a huge cell", "a cell of NUL")


def peak_of(tap: Tap, answers: dict[str, bytes], **settings: Any) -> int:
    """Run against an org that sends these answers; return the peak in kilobytes."""
    made = {end: lambda _, answer=answer: answer for end, answer in answers.items()}
    with RawServer(made) as server:
        config = {
            "instance_url": server.url,
            "access_token": "00D!token",
            "api_version": "62.0",
            "max_retries": 1,
        }
        run = tap({**config, **settings})
        assert all(server.count(end) for end in answers)
    assert "Traceback" not in run.stderr
    assert run.exit_code == 1
    return int(run.stderr.rpartition("peak memory ")[2])


def page(body: bytes, announced: str | None) -> bytes:
    counted = {} if announced is None else {"Sforce_NumberOfRecords": announced}
    return reply(body, "text/csv", Content_Encoding="gzip", **counted)


@pytest.mark.parametrize("name", PAGES)
def test_a_page(tap: Tap, name: str) -> None:
    announced = "1" if name in WHOLE else "2"
    assert peak_of(tap, {"/results": page(PAGES[name](), announced)}) < _MOST_KILOBYTES


def test_an_error(tap: Tap) -> None:
    answer = reply(swelling(b"a"), Content_Encoding="gzip").replace(
        b"200 OK", b"400 Bad Request", 1
    )
    assert peak_of(tap, {"/results": answer}) < _MOST_KILOBYTES


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("end", ["/resultPages", "/jobs/query"])
def test_a_list_and_a_job(tap: Tap, end: str, name: str) -> None:
    answers = {end: reply(LISTS[name](), Content_Encoding="gzip")}
    assert peak_of(tap, answers) < _MOST_KILOBYTES
