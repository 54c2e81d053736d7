"""HTTP as Salesforce needs it: one connection pool, streamed bodies, stalled connections noticed.

A transport knows nothing of tokens and sends each request once. Bodies are read undecoded in small
pieces, so that a connection that stalls, or is too slow, is closed after `silence_seconds`, and so
that a page can be kept compressed as it came.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import requests
import urllib3
from isal import isal_zlib

from tap_sfbulk_pages.errors import UnavailableError, UnreachableError
from tap_sfbulk_pages.quoting import keep_secret, quote
from tap_sfbulk_pages.salesforce.addresses import is_loopback
from tap_sfbulk_pages.salesforce.advice import (
    DEAD_PROXY,
    MISSING_CERTIFICATES,
    UNKNOWN_CERTIFICATE,
    WRONG_PROXY,
)
from tap_sfbulk_pages.salesforce.deadline import DeadlineAdapter, Watchdog, find_deadline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CHUNK_BYTES = 1 << 16
# A chunk inflates up to ten times as a rule; what comes out is passed on in pieces of this size.
PIECE_BYTES = 1 << 18
CONNECT_TIMEOUT_SECONDS = 20.0
# A connection slower than this, averaged over the time allowed for silence, is given up.
SLOWEST_BYTES_PER_SECOND = 512
# No JSON reply comes near; one that goes on beyond it is not Salesforce's.
LARGEST_JSON_BYTES = 256 << 20
# A list of jobs or of pages, and a token, are far smaller. Parsed, JSON may take 50 times its size.
LARGEST_LIST_BYTES = 4 << 20
LARGEST_ERROR_BYTES = 16 << 10

# With one of these an incomplete body is noticed; without, only the connection's end marks its end.
_FRAMING = ("Content-Encoding", "Content-Length", "Transfer-Encoding")
_GZIP_WINDOW_BITS = 31
_LONGEST_SHOWN = 300
# In the texts of OpenSSL's errors: an unknown issuer or another host's name; a file without
# certificates, or one that may not be read.
_PERMANENT_TLS_PROBLEMS = (
    "CERTIFICATE_VERIFY_FAILED",
    "NO_CERTIFICATE_OR_CRL_FOUND",
    "Permission denied",
    "doesn't match",
)
# urllib3 puts the name of its own object before what happened.
_CONNECTION_NAME = re.compile(r"^<?\w*Connection[^:]*(?::[^:]*0x\w+>)?: ")


class Transport:
    """One `requests` session for all threads.

    Args:
        connections: Connections to one host that are kept open.
        silence_seconds: How long one connection may be silent.
        user_agent: Sent with each request.
    """

    def __init__(self, *, connections: int, silence_seconds: float, user_agent: str) -> None:
        self.silence_seconds = silence_seconds
        self._session = requests.Session()
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        )
        # Cookies are useless to an API client, and all threads would share the jar.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # Longer than silence, which the socket's own timeout notices.
        self._watchdog = Watchdog(2 * silence_seconds)
        for proxy in getproxies().values():
            with suppress(ValueError):
                keep_secret(unquote(urlsplit(proxy).password or ""))
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
        """Send a request; the body of the reply is read inside the `with` block.

        Redirects are not followed, since the token must not go to another host: the reply is the
        redirect itself.

        Args:
            method: HTTP method.
            url: Absolute; sent as it is.
            headers: Added to those of every request.
            json: Body to send as JSON.
            form: Body to send form-encoded.

        Raises:
            UnavailableError: If no reply arrived.
            UnreachableError: If another try would fail alike: certificates or proxies are wrong.
        """
        request = requests.Request(method, url, headers=dict(headers), json=json, data=form)
        # If `auth` is set, requests does not look for a password in a .netrc file.
        request.auth = _unchanged
        prepared = self._session.prepare_request(request)
        prepared.url = url
        # Proxies and certificates from the environment. The adapter is called directly, since a
        # session would read the whole body of a redirect.
        settings: dict[str, Any] = dict(
            self._session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        )
        if is_loopback(urlsplit(url).hostname or ""):
            # A proxy is for other machines; this one would be sent the token in clear.
            settings["proxies"] = {}
        try:
            response = self._session.get_adapter(url).send(
                prepared, timeout=(CONNECT_TIMEOUT_SECONDS, self.silence_seconds), **settings
            )
        # requests raises a bare OSError if a file of certificates is missing.
        except OSError as error:
            # Not `from` the error, which may repeat what was sent: engines print causes unquoted.
            raise _connection_error(error, f"{method} {_shorten(url)}") from None
        deadline = find_deadline(response)
        try:
            with response:
                yield response
        finally:
            if deadline:
                self._watchdog.forget(deadline)

    def body_chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body of a reply as it arrives, still encoded.

        Raises:
            UnavailableError: If the body is incomplete, or the connection stalls.
        """
        where = f"{response.request.method} {_shorten(response.url)}"
        deadline = find_deadline(response)
        since, received = time.monotonic(), 0
        while True:
            try:
                chunk = response.raw.read1(CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise UnavailableError(f"{_explain(error)} ({where}).") from None
            if deadline and deadline.is_over:
                raise UnavailableError(f"The reply stalled ({where}).")
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
                        f"The reply is too slow: {received} bytes in {waited:.0f} s ({where})."
                    )
                since, received = time.monotonic(), 0

    def whole_body(self, response: requests.Response, largest: int = LARGEST_JSON_BYTES) -> bytes:
        """Read a reply of moderate size (JSON, errors), decoded.

        Raises:
            UnavailableError: As `body_chunks`, or if the compressed body is corrupt or too long.
        """
        body = bytearray()
        encoding = response.headers.get("Content-Encoding")
        for piece in decode_body(self.body_chunks(response), encoding):
            body += piece
            if len(body) > largest:
                raise UnavailableError(
                    f"The reply of {_shorten(response.url)} is too long for a JSON document."
                )
        return bytes(body)

    def error_body(self, response: requests.Response) -> bytes:
        """Read the beginning of an unsuccessful reply, decoded; nothing of a redirect.

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
    """Return whether a reply's end can be told from a lost connection."""
    return any(name in response.headers for name in _FRAMING)


def decode_body(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """Decode a body piece by piece, each at most `PIECE_BYTES` long if it was compressed.

    Args:
        chunks: The body as it arrived.
        encoding: The `Content-Encoding` header; None for none.

    Raises:
        UnavailableError: If the encoding was not asked for, or the body is corrupt or incomplete.
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        yield from chunks
        return
    if name not in ("gzip", "x-gzip"):
        raise UnavailableError(f"The body is encoded as {encoding!r}, which was not asked for.")
    member: Any = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if member is None or member.eof:
                    # A file may have several members, and zeros after each (RFC 1952, gzip manual).
                    rest = rest if member is None else rest.lstrip(b"\0")
                    if not rest:
                        break
                    member = isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
                yield member.decompress(rest, PIECE_BYTES)
                while member.unconsumed_tail and not member.eof:
                    yield member.decompress(member.unconsumed_tail, PIECE_BYTES)
                rest = member.unused_data
    except isal_zlib.error as error:  # type: ignore[misc]  # an exception class in truth
        raise UnavailableError(f"The compressed body is corrupt ({error}).") from error
    if member is not None and not member.eof:
        raise UnavailableError("The compressed body is incomplete.")


def _connection_error(error: OSError, where: str) -> UnavailableError | UnreachableError:
    """Return the error for a request without a reply.

    Args:
        error: Raised by requests.
        where: Method and URL, for the message.
    """
    message = f"{_explain(error)} ({where})."
    if isinstance(error, requests.exceptions.ProxyError):
        return UnavailableError(f"{message} {DEAD_PROXY}")
    if isinstance(error, requests.exceptions.SSLError):
        # Without a reason: the handshake was cut, which may pass.
        if not any(words in message for words in _PERMANENT_TLS_PROBLEMS):
            return UnavailableError(message)
        return UnreachableError(f"{message} {UNKNOWN_CERTIFICATE}")
    if not isinstance(error, requests.RequestException):
        return UnreachableError(f"{message} {MISSING_CERTIFICATES}")
    if isinstance(error, ValueError):
        return UnreachableError(f"{message} {WRONG_PROXY}")
    return UnavailableError(message)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _shorten(url: str) -> str:
    """Shorten a URL for a message."""
    return quote(url, limit=_LONGEST_SHOWN)


def _explain(error: BaseException) -> str:
    """Return what failed, without the layers of exceptions around it."""
    if isinstance(error, requests.ConnectTimeout):
        return f"No connection within {CONNECT_TIMEOUT_SECONDS:.0f} s"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return "The connection stalled"
    if isinstance(error, urllib3.exceptions.IncompleteRead):
        return "The connection ended before the reply was complete"
    cause = getattr(error.args[0], "reason", error) if error.args else error
    cause = getattr(cause, "original_error", cause)
    # Quoted before it is cut, which might leave half a secret.
    said = quote(_CONNECTION_NAME.sub("", str(cause)), limit=_LONGEST_SHOWN)
    return f"The connection failed: {said}"
