"""One call to the sandbox and the reply to it, as values free of any HTTP library."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

# Unlike `json` it writes decimals, with all their digits.
import simplejson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.fault_kind import FaultKind

LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
MY_DOMAIN = "https://sfbulk-sandbox.my.salesforce.com"
"""Where the org is for clients that take the sandbox for Salesforce."""
LONGEST_URI_BYTES = 16_384
"""Longest path and query string (REST guide, "Status Codes and Error Responses")."""
JSON = "application/json;charset=UTF-8"
CSV = "text/csv"
HTML = "text/html;charset=UTF-8"


@dataclass(frozen=True)
class Call:
    """One request.

    Args:
        method: In capitals.
        path: Percent-decoded, without the query string.
        query: The query string's parameters, the first value of each.
        headers: Names compare without regard to case.
        body: As received, after removal of any transfer or content encoding.
        origin: Scheme, host and port the client used, e.g. ``http://127.0.0.1:8765``.
        peer: The client's IP address.
        version: API version in the path, e.g. ``62.0``; empty outside ``/services/data/vXX.X``.
        fault: The fault that strikes this call.
        nested: Whether the call is a subrequest of a composite one.
        uri_bytes: Length of path and query string as they were sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str
    peer: str
    version: str = ""
    fault: FaultKind | None = None
    nested: bool = False
    uri_bytes: int = 0

    @property
    def instance_url(self) -> str:
        """Address of the org: the one the client used, or My Domain where it used a login host."""
        return MY_DOMAIN if self.origin in LOGIN_HOSTS else self.origin

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client asked for gzip; Salesforce compresses for those that ask."""
        return not self.nested and "gzip" in self.headers.get("Accept-Encoding", "").lower()

    @property
    def token(self) -> str | None:
        """The session in the Authorization header; Salesforce takes both scheme names."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in {"bearer", "oauth"} and token.strip() else None


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Args:
        status: HTTP status.
        body: Encoded as its ``Content-Encoding`` header says.
        content_type: None sends no such header.
        headers: Further headers.
        value: The JSON value of the body, for composite replies.
        chunked: Send with chunked transfer encoding instead of a length.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    value: Any = None
    chunked: bool = False

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """Return the same reply with further headers."""
        return replace(self, headers={**self.headers, **headers})


def dump_pretty(value: Any) -> bytes:
    """Return a JSON value over several lines, with ``" : "`` between key and value."""
    return str(
        simplejson.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
    ).encode()


def json_reply(
    value: Any,
    *,
    status: int = 200,
    pretty: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Make a JSON reply.

    Args:
        value: Anything JSON holds.
        status: HTTP status.
        pretty: Spread over lines, as job replies are.
        headers: Further headers.
    """
    if pretty:
        return Reply(status, dump_pretty(value), JSON, headers or {}, value)
    text = simplejson.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Reply(status, text.encode(), JSON, headers or {}, value)
