"""Requests and bodies as they go over a socket, and bodies that are decoded piece by piece."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tap_sfbulk_pages.errors import UnavailableError, UnreachableError
from tap_sfbulk_pages.salesforce.transport import PIECE_BYTES, Transport, decode_body, is_framed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """Answers as a test says, and keeps the requests."""

    status = 200
    body = b"{}"
    sent: ClassVar[dict[str, str]] = {}
    requests: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.requests.append((self.path, dict(self.headers), content))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        for name, value in self.sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST  # noqa: N815 - as `BaseHTTPRequestHandler` looks for it

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def handler() -> type[Handler]:
    """Give a handler of the test's own."""
    return type("Own", (Handler,), {"requests": []})


@pytest.fixture
def url(handler: type[Handler]) -> Iterator[str]:
    """Serve."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def transport() -> Transport:
    """Give a transport."""
    return Transport(connections=1, silence_seconds=60, user_agent="tap/1")


def whole(transport: Transport, url: str, **others: Any) -> bytes:
    with transport.send("GET", url, headers={}, **others) as response:
        return transport.whole_body(response)


def test_a_request_as_it_is_sent(transport: Transport, url: str, handler: type[Handler]) -> None:
    path = "/a%2Fb/?q=SELECT+Id&x='%20"
    with transport.send("POST", url + path, headers={"X-A": "b"}, json={"k": "ü"}) as response:
        assert transport.whole_body(response) == b"{}"
        assert is_framed(response)
    with transport.send("POST", url, headers={}, form={"a": "b c"}):
        pass
    (sent, headers, content), (_, _, form) = handler.requests
    assert sent == path
    assert (headers["User-Agent"], headers["X-A"]) == ("tap/1", "b")
    assert content == b'{"k": "\\u00fc"}'
    assert form == b"a=b+c"
    assert "Cookie" not in headers


def test_cookies_are_not_kept(transport: Transport, url: str, handler: type[Handler]) -> None:
    handler.sent = {"Set-Cookie": "sid=1; Path=/"}
    whole(transport, url)
    whole(transport, url)
    assert all("Cookie" not in headers for _, headers, _ in handler.requests)


def test_passwords_of_a_netrc_file_are_not_sent(
    transport: Transport,
    url: str,
    handler: type[Handler],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    whole(transport, url)
    assert "Authorization" not in handler.requests[0][1]


def test_a_redirect_is_the_reply(transport: Transport, url: str, handler: type[Handler]) -> None:
    handler.status, handler.sent = 302, {"Location": "/elsewhere"}
    with transport.send("GET", url, headers={}) as response:
        assert response.status_code == 302
        assert transport.error_body(response) == b""
    assert len(handler.requests) == 1


def test_a_compressed_body(transport: Transport, url: str, handler: type[Handler]) -> None:
    handler.body, handler.sent = gzip.compress(b"[]" * 100), {"Content-Encoding": "gzip"}
    with transport.send("GET", url, headers={}) as response:
        assert b"".join(transport.body_chunks(response)) == handler.body
    assert whole(transport, url) == b"[]" * 100


def test_json_has_a_largest_size(transport: Transport, url: str, handler: type[Handler]) -> None:
    handler.body = b"x" * 10
    with transport.send("GET", url, headers={}) as response:
        assert transport.whole_body(response, 10) == handler.body
    with (
        transport.send("GET", url, headers={}) as response,
        pytest.raises(UnavailableError, match="too long"),
    ):
        transport.whole_body(response, 9)


def test_of_a_long_error_only_the_beginning_is_read(
    transport: Transport, url: str, handler: type[Handler]
) -> None:
    handler.status, handler.body = 500, b"x" * (1 << 20)
    with transport.send("GET", url, headers={}) as response:
        assert 0 < len(transport.error_body(response)) < 1 << 17


def test_nobody_listens(transport: Transport) -> None:
    with (
        pytest.raises(
            UnavailableError, match=r"^The connection failed: .*\(GET http://127.0.0.1:9\)"
        ),
        transport.send("GET", "http://127.0.0.1:9", headers={}),
    ):
        pytest.fail("a reply")


BODY = b"0123456789" * 100_000


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " Gzip"])
@pytest.mark.parametrize("size", [1, 1000, 10**6])
@pytest.mark.parametrize("padding", [None, 0, 1, 3000])
def test_a_body_is_decoded_in_pieces(encoding: str, size: int, padding: int | None) -> None:
    packed = gzip.compress(BODY)
    if padding is not None:
        zeros = bytes(padding)
        halves = gzip.compress(BODY[:7]) + zeros + gzip.compress(b"") + gzip.compress(BODY[7:])
        packed = halves + zeros
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    pieces = list(decode_body(chunks, encoding))
    assert b"".join(pieces) == BODY
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
def test_a_body_that_is_not_encoded(encoding: str | None) -> None:
    assert list(decode_body([b"a", b"b"], encoding)) == [b"a", b"b"]


def test_an_empty_body_is_empty_whatever_its_encoding() -> None:
    assert list(decode_body([], "gzip")) == []


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (gzip.compress(BODY)[:-1], "gzip", "incomplete"),
        (gzip.compress(BODY) + b"x", "gzip", "incomplete"),
        (gzip.compress(BODY) + b"this is not gzip at all", "gzip", "corrupt"),
        (gzip.compress(BODY) + gzip.compress(BODY)[:-9], "gzip", "incomplete"),
        (b"this is not gzip at all", "gzip", "corrupt"),
        (b"x", "br", "'br'"),
    ],
)
def test_bodies_that_are_not_whole(body: bytes, encoding: str, said: str) -> None:
    with pytest.raises(UnavailableError, match=said):
        list(decode_body([body], encoding))


PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_asked_through_a_proxy(
    transport: Transport, url: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert whole(transport, url.replace("127.0.0.1", host)) == b"{}"


@contextmanager
def raw_proxy(answer: Iterator[bytes]) -> Iterator[str]:
    """Listen, take one request of any kind, and answer piece by piece."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            for piece in answer:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def dripping(start: bytes) -> Iterator[bytes]:
    yield start
    while True:
        time.sleep(0.05)
        yield b"a"


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://acme.example/limits", b"HTTP/1.1 200 OK\r\nX-A: "),
        ("https://acme.example/limits", b"HTTP/1.1 200 OK\r\nX-A: "),
        ("https://acme.example/limits", b"HTTP/1.1 200 O"),
    ],
)
def test_a_head_that_drips_out_of_a_proxy(
    url: str, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_proxy(dripping(start)) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy)
        transport = Transport(connections=1, silence_seconds=0.3, user_agent="tap/1")
        with pytest.raises(UnavailableError), transport.send("GET", url, headers={}):
            pytest.fail("a reply")


@pytest.mark.parametrize(
    ("proxy", "kind", "said"),
    [
        (
            "http://me:s3cret-of-proxy@127.0.0.1:9",
            UnavailableError,
            "Failed to establish a new connection: .*refused.*The environment names a proxy",
        ),
        ("ftp://127.0.0.1:9", UnreachableError, "unsupported scheme ftp.*HTTPS_PROXY"),
        ("http://", UnreachableError, "missing the host.*HTTPS_PROXY"),
        ("http://[", UnreachableError, "HTTPS_PROXY"),
        ("http://me:s3cret-of-proxy@127.0.0.1:port", UnreachableError, "HTTPS_PROXY"),
    ],
)
def test_a_proxy_that_does_not_work(
    proxy: str, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    transport = Transport(connections=1, silence_seconds=60, user_agent="tap/1")
    with (
        pytest.raises(kind, match=said) as error,
        transport.send("GET", "https://acme.example/limits", headers={}),
    ):
        pytest.fail("a reply")
    assert "s3cret" not in str(error.value)
