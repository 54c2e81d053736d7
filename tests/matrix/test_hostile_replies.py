"""Replies that no honest server sends: an end, a message, and bounded memory."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Any

import pytest
from raw_server import JOB, PAGE, Answer, RawServer, json_reply, reply
from swelling import swelling

from tap_sfbulk_pages.errors import UnavailableError
from tap_sfbulk_pages.salesforce.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_process import Tap, TapRun

_MEGABYTE = 1 << 20


def run_against(
    tap: Tap,
    answers: dict[str, Callable[[int], Answer]],
    *,
    silence_seconds: float = 30,
    signs_in: bool = False,
) -> tuple[TapRun, RawServer]:
    flow = {"client_id": "app", "client_secret": "00D!token-of-the-test"}
    with RawServer(answers) as server:
        config = {
            "instance_url": server.url,
            **(flow if signs_in else {"access_token": "00D!token-of-the-test"}),
            "api_version": "62.0",
            "max_retries": 2,
            "request_timeout_seconds": silence_seconds,
        }
        run = tap(config)
    assert run.exit_code in (0, 1), run.stderr[-2000:]
    assert "Traceback" not in run.stderr, run.stderr[run.stderr.index("Traceback") :]
    assert "token-of-the-test" not in run.stderr
    return run, server


def slowly(pieces: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    for piece in pieces:
        time.sleep(seconds)
        yield piece


def forever(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def started(head: bytes, then: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from then


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
HOSTILE: dict[str, Callable[[], Answer]] = {
    "no-http": lambda: iter([b"\x00\x01\x02 what is this\r\n\r\n"]),
    "closed-at-once": lambda: iter([]),
    "status-line-drips": lambda: started(b"HTTP/1.1 200 O", slowly(forever(b"K"), 0.1)),
    "headers-drip": lambda: started(_HEAD + b"X-A: ", slowly(forever(b"a"), 0.1)),
    "endless-headers": lambda: started(_HEAD, forever(b"X-A: b\r\n")),
    "header-too-long": lambda: started(_HEAD + b"X-A: ", forever(b"a" * 4096)),
    "endless-continue": lambda: slowly(forever(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.01),
    "negative-length": lambda: iter([_HEAD + b"Content-Length: -5\r\n\r\n" + PAGE]),
    "broken-chunk-size": lambda: iter([_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc"]),
    "chunk-size-drips": lambda: started(
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", slowly(forever(b"0"), 0.1)
    ),
    "endless-trailers": lambda: started(
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", slowly(forever(b"X: y\r\n"), 0.01)
    ),
    "encoding-unknown": lambda: reply(PAGE, "text/csv", Content_Encoding="br"),
    "redirect-to-no-address": lambda: iter(
        [b"HTTP/1.1 302 Found\r\nLocation: http://[x/\r\nContent-Length: 0\r\n\r\n"]
    ),
    "redirect-with-endless-body": lambda: started(
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n\r\n",
        slowly(forever(b"a" * 100), 0.05),
    ),
    "retry-after-nan": lambda: iter(
        [b"HTTP/1.1 503 Busy\r\nRetry-After: nan\r\nContent-Length: 0\r\n\r\n"]
    ),
}
HOSTILE_PAGES: dict[str, bytes] = {
    "carriage-return-in-the-header": b"Id,Na\rme\n1,a\n2,b\n",
    "no-line-end": b"x" * 200_000,
    "nul": b"\0" * 100,
    "bytes": bytes(range(256)) * 100,
    "header-over-a-megabyte": "é".encode() * 600_001 + b"\n",
    "open-quote": b'"Id","Name"\n"1","a\n',
    "cut-character": b'"Id","Name"\n"1","a"\n"2",b\xc3',
    "quote-within-a-value": b'"Id","Name"\n"1","a"b"\n"2",c\n',
}
HOSTILE_JSON: dict[str, Any] = {
    "null": None,
    "number": 7,
    "empty-list": [],
    "empty-object": {},
    "list-of-null": [None],
    "text": "text",
}
PLACES = (
    "/sobjects",
    "/composite",
    "/limits",
    "/jobs/query",
    f"/jobs/query/{JOB}",
    "/resultPages",
    "/results",
)


SLOW = ("drip", "endless")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (answer, place)
        for answer in HOSTILE
        for place in ("/results", "/composite", f"/jobs/query/{JOB}", "/resultPages")
        if place == "/results" or not any(word in answer for word in SLOW)
    ],
)
def test_http_that_is_none(tap: Tap, answer: str, place: str) -> None:
    silence_seconds = 1 if any(word in answer for word in SLOW) else 30
    run, server = run_against(
        tap, {place: lambda _: HOSTILE[answer]()}, silence_seconds=silence_seconds
    )
    assert server.count(place) >= 1
    if run.exit_code == 0:
        assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]
    else:
        assert "Error: " in run.stderr


def test_a_head_that_is_cut_is_no_reply() -> None:
    transport = Transport(connections=1, silence_seconds=0.5, user_agent="test")
    with (
        RawServer({"/limits": lambda _: HOSTILE["headers-drip"]()}) as server,
        pytest.raises(UnavailableError),
        transport.send("GET", f"{server.url}/limits", headers={}),
    ):
        pytest.fail("a reply")


@pytest.mark.parametrize("page", HOSTILE_PAGES)
def test_pages_that_are_none(tap: Tap, page: str) -> None:
    body = HOSTILE_PAGES[page]
    run, _ = run_against(
        tap, {"/results": lambda _: reply(body, "text/csv", Sforce_NumberOfRecords="2")}
    )
    assert run.exit_code == 1
    assert "Thing" in run.stderr


@pytest.mark.parametrize("place", PLACES[:-1])
@pytest.mark.parametrize("value", HOSTILE_JSON)
def test_json_of_another_shape(tap: Tap, value: str, place: str) -> None:
    run, _ = run_against(tap, {place: lambda _: json_reply(HOSTILE_JSON[value])})
    if run.exit_code == 0:
        assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]


@pytest.mark.parametrize(
    "listing",
    [
        {"resultPages": [{"resultUrl": "http://[x/?locator=1"}]},
        {
            "resultPages": [{"resultUrl": f"/jobs/query/{JOB}/results"}],
            "nextRecordsUrl": "http://[x",
        },
        {"resultPages": [{"resultUrl": "http://127.0.0.1@evil.example/?locator=1"}]},
        {"resultPages": [{"resultUrl": "//evil.example/?locator=1"}]},
        {"resultPages": [{"resultUrl": "https://127.0.0.1/?locator=1"}]},
        {"resultPages": [{"resultUrl": "\\\\evil.example/?locator=1"}]},
        {"resultPages": [{"resultUrl": "file:///etc/passwd"}]},
        {"resultPages": [{"resultUrl": "/a b\r\nHost: evil.example?locator=1"}]},
        {"resultPages": [{"resultUrl": 7}]},
        {"resultPages": [], "nextRecordsUrl": ["x"]},
        {"resultPages": {}, "done": True},
        {"resultPages": [], "done": True},
    ],
)
def test_lists_of_pages_that_lead_nowhere(tap: Tap, listing: dict[str, Any]) -> None:
    run, server = run_against(tap, {"/resultPages": lambda _: json_reply(listing)})
    assert all(headers["host"] == server.url[7:] for _, headers in server.requests)
    if run.exit_code == 0:
        assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]
    else:
        assert "Thing" in run.stderr


@pytest.mark.parametrize(
    "job",
    [
        {"numberRecordsProcessed": "two"},
        {"numberRecordsProcessed": -1},
        {"numberRecordsProcessed": 2.0},
        {"columnDelimiter": "SPACE", "numberRecordsProcessed": 2},
        {"id": 7},
        {"state": ["JobComplete"]},
    ],
)
def test_jobs_of_another_shape(tap: Tap, job: dict[str, Any]) -> None:
    info = {"id": JOB, "state": "JobComplete", **job}
    run, _ = run_against(tap, {f"/jobs/query/{JOB}": lambda _: json_reply(info)})
    if run.exit_code == 0:
        assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]


@pytest.mark.parametrize(
    ("place", "kind", "piece", "most_megabytes"),
    [
        # Never held inflated.
        ("/results", "text/csv", b"1,%s\n" % (b"a" * 1021), 300),
        # Parsed, these lists would be far larger than their text.
        ("/resultPages", "application/json", b" " * 1024, 300),
        ("/resultPages", "application/json", b"[[],[],[],[]," * 64, 300),
        (f"/jobs/query/{JOB}", "application/json", b'["a","b","c"],' * 64, 300),
    ],
)
def test_a_gzip_bomb_has_a_bound(
    tap: Tap, place: str, kind: str, piece: bytes, most_megabytes: int
) -> None:
    answer = reply(swelling(piece), kind, Content_Encoding="gzip", Sforce_NumberOfRecords="2")
    run, _ = run_against(tap, {place: lambda _: answer})
    assert run.exit_code == 1
    assert int(run.stderr.rpartition("peak memory ")[2]) < most_megabytes * 1000


def test_a_header_line_of_commas_has_a_bound(tap: Tap) -> None:
    answer = reply(swelling(b",", megabytes=100), "text/csv", Content_Encoding="gzip")
    run, _ = run_against(tap, {"/results": lambda _: answer})
    assert run.exit_code == 1
    assert "The header line of the page exceeds" in run.stderr
    assert int(run.stderr.rpartition("peak memory ")[2]) < 300_000


@pytest.mark.parametrize("announced", [b"1", b"2"])
def test_a_page_that_goes_on_after_its_announced_end_is_left(tap: Tap, announced: bytes) -> None:
    head = _HEAD + b"Sforce-NumberOfRecords: " + announced + b"\r\n\r\n" + PAGE
    run, server = run_against(tap, {"/results": lambda _: started(head, forever(b"3,c\n" * 999))})
    assert run.exit_code == 1
    assert f"; Salesforce announced {announced.decode()}." in run.stderr
    assert server.count("/results") > 1
    assert run.records("Thing") == []


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
def test_gzip_in_two_members_with_padding_is_read(tap: Tap, encoding: str) -> None:
    body = gzip.compress(PAGE[:12]) + gzip.compress(PAGE[12:]) + bytes(100)
    answer = reply(body, "text/csv", Content_Encoding=encoding, Sforce_NumberOfRecords="2")
    run, _ = run_against(tap, {"/results": lambda _: answer})
    assert run.exit_code == 0, run.stderr
    assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]


@pytest.mark.parametrize("place", [*PLACES[:-1], "/services/oauth2/token"])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_json_that_is_too_deep(tap: Tap, place: str, status: str) -> None:
    answer = reply(b'[{"a":' * 100_000).replace(b"200 OK", status.encode(), 1)
    run, _ = run_against(tap, {place: lambda _: answer}, signs_in=place.endswith("token"))
    if run.exit_code == 0:
        assert [record["Id"] for record in run.records("Thing")] == ["1", "2"]
    else:
        assert "Error: " in run.stderr or "ERROR" in run.stderr
