"""HTTP as Salesforce needs it: one connection pool, bodies taken as they come, silence noticed.

A transport knows nothing of tokens and makes each request once. Bodies are read undecoded in
small pieces, so that a connection that falls silent, or drips, is given up after
`silence_seconds`, and so that a page can be kept compressed as it came.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from isal import isal_zlib

from tap_sfbulk_pages.errors import UnavailableError
from tap_sfbulk_pages.salesforce.deadline import DeadlineAdapter, Watchdog, find_deadline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CHUNK_BYTES = 1 << 16
# What a chunk inflates to, up to ten times as much as a rule, is handed on in pieces of this size.
PIECE_BYTES = 1 << 18
CONNECT_TIMEOUT_SECONDS = 20.0
# Less than this, averaged over the time allowed for silence, is a connection that drips.
SLOWEST_BYTES_PER_SECOND = 512
# No JSON reply comes near; a compressed reply that goes on beyond it is no reply.
LARGEST_JSON_BYTES = 256 << 20
LARGEST_ERROR_BYTES = 16 << 10

# With one of them a body that is cut is noticed; without, only the connection's end marks its end.
_FRAMING = ("Content-Encoding", "Content-Length", "Transfer-Encoding")
_GZIP_WINDOW_BITS = 31
_LONGEST_SHOWN = 300
# urllib3 puts the name of its own object before what happened.
_CONNECTION_NAME = re.compile(r"^<?HTTPS?Connection[^:]*(?::[^:]*0x\w+>)?: ")


class Transport:
    """One `requests` session for all threads.

    Args:
        connections: Connections to one host that are kept open.
        silence_seconds: How long one connection may stay silent.
        user_agent: Sent with each request.
    """

    def __init__(self, *, connections: int, silence_seconds: float, user_agent: str) -> None:
        self.silence_seconds = silence_seconds
        self._session = requests.Session()
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        )
        # Cookies are of no use to an API client, and a jar is shared by all threads.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # Longer than silence, which the socket's own timeout notices.
        self._watchdog = Watchdog(2 * silence_seconds)
        adapter = DeadlineAdapter(self._watchdog, pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    @contextmanager
    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: object | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        """Make a request; the body of the reply is read inside the `with` block.

        Redirects are not followed: they would carry the token along, and the reply is theirs.

        Args:
            method: HTTP method.
            url: Absolute; sent to the letter.
            headers: Added to the session's own.
            json: Body to send as JSON.
            form: Body to send form-encoded.

        Raises:
            UnavailableError: If no reply arrived.
        """
        request = requests.Request(method, url, headers=dict(headers), json=json, data=form)
        # With `auth` set, requests does not look for a password in a .netrc file.
        request.auth = _unchanged
        prepared = self._session.prepare_request(request)
        prepared.url = url
        # Proxies and certificates as the environment says. The adapter is asked directly, since a
        # session would read the whole body of a redirect.
        settings: dict[str, Any] = dict(
            self._session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        )
        try:
            response = self._session.get_adapter(url).send(
                prepared, timeout=(CONNECT_TIMEOUT_SECONDS, self.silence_seconds), **settings
            )
        except requests.RequestException as error:
            raise UnavailableError(f"{_explain(error)} ({method} {_shorten(url)}).") from error
        deadline = find_deadline(response)
        try:
            with response:
                yield response
        finally:
            if deadline:
                self._watchdog.forget(deadline)

    def body_chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body of a reply as it comes from the wire, still encoded.

        Raises:
            UnavailableError: If the body ends before its end, or the connection falls silent.
        """
        where = f"{response.request.method} {_shorten(response.url)}"
        deadline = find_deadline(response)
        since, received = time.monotonic(), 0
        while True:
            try:
                chunk = response.raw.read1(CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise UnavailableError(f"{_explain(error)} ({where}).") from error
            if deadline and deadline.is_over:
                raise UnavailableError(f"The reply makes no headway ({where}).")
            if not chunk:
                return
            yield chunk
            if deadline:
                deadline.extend()
            received += len(chunk)
            waited = time.monotonic() - since
            if waited >= self.silence_seconds:
                if received < SLOWEST_BYTES_PER_SECOND * waited:
                    raise UnavailableError(
                        f"The reply drips: {received} bytes in {waited:.0f} s ({where})."
                    )
                since, received = time.monotonic(), 0

    def whole_body(self, response: requests.Response) -> bytes:
        """Read a reply of moderate size (JSON, errors), decoded.

        Raises:
            UnavailableError: As `body_chunks`, or if the compressed body is broken.
        """
        body = bytearray()
        encoding = response.headers.get("Content-Encoding")
        for piece in decode_body(self.body_chunks(response), encoding):
            body += piece
            if len(body) > LARGEST_JSON_BYTES:
                raise UnavailableError(f"The reply of {_shorten(response.url)} has no end.")
        return bytes(body)

    def error_body(self, response: requests.Response) -> bytes:
        """Read as much of an unsuccessful reply as an error may need; of a redirect nothing.

        Raises:
            UnavailableError: As `whole_body`.
        """
        body = bytearray()
        if response.is_redirect:
            return b""
        encoding = response.headers.get("Content-Encoding")
        for piece in decode_body(self.body_chunks(response), encoding):
            body += piece
            if len(body) > LARGEST_ERROR_BYTES:
                break
        return bytes(body)


def is_framed(response: requests.Response) -> bool:
    """Tell whether the end of a reply's body can be told from a connection that is lost."""
    return any(name in response.headers for name in _FRAMING)


def decode_body(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """Decode a body piece by piece, each at most `PIECE_BYTES` long if it was compressed.

    Args:
        chunks: The body as it came.
        encoding: The `Content-Encoding` header; None for none.

    Raises:
        UnavailableError: If the encoding is not one that was asked for, or the body is broken or
            ends early.
    """
    if encoding in (None, "", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise UnavailableError(f"The body is encoded as {encoding!r}, which was not asked for.")
    stream = isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
    empty = True
    try:
        for chunk in chunks:
            if stream.eof:
                raise UnavailableError("The compressed body goes on after its end.")
            empty = False
            yield stream.decompress(chunk, PIECE_BYTES)
            while stream.unconsumed_tail and not stream.eof:
                yield stream.decompress(stream.unconsumed_tail, PIECE_BYTES)
    except isal_zlib.error as error:  # type: ignore[misc]  # an exception class in truth
        raise UnavailableError(f"The compressed body is broken ({error}).") from error
    if stream.unused_data:
        raise UnavailableError("The compressed body goes on after its end.")
    if not stream.eof and not empty:
        raise UnavailableError("The compressed body ends early.")


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _shorten(url: str) -> str:
    """Shorten a URL for a message; no URL of ours holds a secret."""
    return url if len(url) <= _LONGEST_SHOWN else url[:_LONGEST_SHOWN] + "…"


def _explain(error: BaseException) -> str:
    """Say what broke, without the layers of exceptions around it."""
    text = str(error)
    if isinstance(error, requests.ConnectTimeout):
        return f"No connection within {CONNECT_TIMEOUT_SECONDS:.0f} s"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return "The connection fell silent"
    if isinstance(error, requests.exceptions.SSLError):
        return f"The TLS certificate could not be checked: {text}"
    if isinstance(error, urllib3.exceptions.IncompleteRead):
        return "The connection ended before the reply was whole"
    cause = getattr(error.args[0], "reason", error) if error.args else error
    return f"The connection failed: {_CONNECTION_NAME.sub('', str(cause))[:_LONGEST_SHOWN]}"
