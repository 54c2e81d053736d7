"""Faults below HTTP, seen from a bare socket or from urllib3."""

from __future__ import annotations

import gzip
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3

if TYPE_CHECKING:
    from bare_client import Client, StartClient

ANY_TEXT = "SELECT Id, Name, Description FROM Account"


def raw_reply(
    client: Client, path: str, *, stop_after: int | None = None, silent_after: bytes | None = None
) -> tuple[bytes, bool]:
    """Send a GET by hand.

    Returns:
        What came, and whether the connection ended; it has not if after `silent_after` nothing
        came for half a second. It is left after `stop_after` bytes.
    """
    address = urlsplit(client.server.url)
    request = (
        f"GET /services/data/v62.0{path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Authorization: Bearer any\r\n\r\n"
    )
    received = b""
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(request.encode())
        while stop_after is None or len(received) < stop_after:
            is_to_be_silent = silent_after is not None and silent_after in received
            connection.settimeout(0.5 if is_to_be_silent else 60)
            try:
                part = connection.recv(65536)
            except TimeoutError:
                return received, False
            if not part:
                return received, True
            received += part
    return received, False


def struck_page(start: StartClient, **fault: Any) -> tuple[Client, str, bytes]:
    """Return a client, the path of a page that is struck next, and its whole text."""
    client = start(page_rows=1000)
    path = f"{client.finished_job(ANY_TEXT)}/results"
    whole = client.get(path).content
    client.server.add_fault(place="page", **fault)
    return client, path, whole


@pytest.mark.parametrize(
    ("framing", "header"),
    [("length", b"Content-Length:"), ("chunked", b"Transfer-Encoding: chunked"), ("close", None)],
)
def test_cut_in_the_middle(start: StartClient, framing: str, header: bytes | None) -> None:
    client, path, whole = struck_page(start, kind="cut", framing=framing)
    received, ended = raw_reply(client, path)
    head, _, body = received.partition(b"\r\n\r\n")
    assert ended
    assert whole[: len(whole) // 2] in body
    assert whole[: len(whole) // 2 + 20] not in body
    assert not body.endswith(b"0\r\n\r\n")
    for name in (b"Content-Length:", b"Transfer-Encoding: chunked"):
        assert (name in head) == (name == header)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_cut_is_noticed_by_clients_that_count(
    start: StartClient, framing: str, encoding: str
) -> None:
    client, path, whole = struck_page(start, kind="cut", framing=framing)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(path, headers={"Accept-Encoding": encoding})
    assert client.get(path).content == whole


def test_cut_without_a_length_goes_unnoticed(start: StartClient) -> None:
    client, path, whole = struck_page(start, kind="cut", framing="close")
    reply = client.get(path, headers={"Accept-Encoding": "identity"})
    assert reply.content == whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "reset"}, requests.exceptions.ConnectionError),
        ({"kind": "reset", "fraction": 0.5}, requests.exceptions.ChunkedEncodingError),
    ],
)
def test_reset(start: StartClient, fault: dict[str, Any], error: type[Exception]) -> None:
    client, path, _ = struck_page(start, **fault)
    with pytest.raises(error, match="reset by peer"):
        client.get(path)


def test_reset_happens_after_the_work_is_done(start: StartClient) -> None:
    client = start(faults=[{"place": "create", "kind": "reset"}])
    with pytest.raises(requests.exceptions.ConnectionError):
        client.create_job()
    assert len(client.get("/jobs/query").json()["records"]) == 1


@pytest.mark.parametrize("fraction", [None, 0, 0.5])
def test_stall_leaves_the_connection_open(start: StartClient, fraction: float | None) -> None:
    client, path, whole = struck_page(start, kind="stall", fraction=fraction)
    half = len(whole) // 2
    sent = {None: b"", 0: b"\r\n\r\n", 0.5: whole[:half]}
    received, ended = raw_reply(client, path, silent_after=sent[fraction])
    assert not ended
    assert (received == b"") == (fraction is None)
    assert sent[fraction] in received
    assert (whole[:half] in received) == (fraction == 0.5)
    assert whole[: half + 20] not in received
    assert client.get(path).content == whole


def test_stop_does_not_wait_for_stalled_connections(start: StartClient) -> None:
    client, path, _ = struck_page(start, kind="stall")
    address = urlsplit(client.server.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        request = f"GET /services/data/v62.0{path} HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{request}Authorization: Bearer any\r\n\r\n".encode())
        assert connection.recv(10) == b"HTTP/1.1 2"
        client.server.__exit__(None, None, None)
        connection.settimeout(60)
        while connection.recv(65536):
            pass


def test_drip_delivers_everything_slowly(start: StartClient) -> None:
    client, path, whole = struck_page(start, kind="drip", bytes=500, seconds=0.001)
    url = f"{client.server.url}/services/data/v62.0{path}"
    with urllib3.PoolManager() as pool:
        headers = {"Authorization": "Bearer any"}
        reply = pool.request("GET", url, headers=headers, preload_content=False)
        chunks = list(reply.read_chunked())
    assert b"".join(chunks) == whole
    assert max(map(len, chunks)) == 500


@pytest.mark.parametrize("how", ["truncated", "checksum", "inside"])
def test_broken_gzip_in_a_whole_message(start: StartClient, how: str) -> None:
    client, path, whole = struck_page(start, kind="broken_gzip", how=how)
    reply = client.get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    body = reply.raw.read(decode_content=False)
    assert reply.headers["Content-Encoding"] == "gzip"
    with pytest.raises((EOFError, OSError, gzip.zlib.error)):  # type: ignore[attr-defined]
        gzip.decompress(body)
    assert client.get(path).content == whole


def test_speed_of_a_connection_can_be_limited(start: StartClient) -> None:
    client = start(page_rows=1000, bytes_per_second=1_000_000, latency_seconds=0.001)
    path = f"{client.finished_job(ANY_TEXT)}/results"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert int(plain.headers["Sforce-NumberOfRecords"]) == plain.content.count(b'\n"001')
