"""Faults that put another reply in place of the usual one."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - fields are read by their types
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlencode, urlsplit

from typing_extensions import override

from sfbulk_sandbox.exchange import Reply
from sfbulk_sandbox.fault_kind import JOB_PLACES, FaultKind, Place
from sfbulk_sandbox.salesforce_errors import (
    SalesforceError,
    html_page,
    usual_error,
    usual_reply,
)
from sfbulk_sandbox.state.usage import query_jobs_exceeded, request_limit_exceeded
from sfbulk_sandbox.typed_mapping import MappingError

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Call

_STATUSES_END = 600


class Refusal(FaultKind):
    """A reply in place of the usual one; the request is not carried out."""

    def reply(self, call: Call) -> Reply:
        """Return the reply."""
        raise NotImplementedError


@dataclass(frozen=True)
class Status(Refusal):
    """An HTTP status with Salesforce's usual body for it, or with the given code and text."""

    kind: ClassVar[str] = "status"
    status: int
    error_code: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_status(self.status)

    @override
    def reply(self, _call: Call) -> Reply:
        if self.error_code is None and self.message is None:
            return usual_reply(self.status).with_headers(self.headers)
        usual = usual_error(self.status)
        return SalesforceError(
            self.status,
            self.error_code or usual.error_code,
            usual.message if self.message is None else self.message,
            headers=self.headers,
        ).reply()


@dataclass(frozen=True)
class Html(Refusal):
    """A web page, as from a proxy or during maintenance, with any status."""

    kind: ClassVar[str] = "html"
    status: int = 200
    title: str = "Salesforce is down for maintenance"

    def __post_init__(self) -> None:
        check_status(self.status)

    @override
    def reply(self, _call: Call) -> Reply:
        return html_page(self.status, self.title)


@dataclass(frozen=True)
class NoContent(Refusal):
    """204 without a body."""

    kind: ClassVar[str] = "no_content"

    @override
    def reply(self, _call: Call) -> Reply:
        return Reply(HTTPStatus.NO_CONTENT)


@dataclass(frozen=True)
class DailyLimit(Refusal):
    """An allowance is used up: the org's API requests (403), its query jobs or volume (400)."""

    kind: ClassVar[str] = "daily_limit"
    form: Literal["requests", "jobs", "storage"] = "requests"

    @override
    def reply(self, _call: Call) -> Reply:
        if self.form == "requests":
            return request_limit_exceeded().reply()
        if self.form == "jobs":
            return query_jobs_exceeded(10_000).reply()
        return SalesforceError(
            HTTPStatus.BAD_REQUEST,
            "LIMIT_EXCEEDED",
            "Max bulk v2 query result size stored (1000000000) kb per 24 hrs has been exceeded",
        ).reply()


@dataclass(frozen=True)
class Redirect(Refusal):
    """A redirect to the given address, or to the same path under another name of this server."""

    kind: ClassVar[str] = "redirect"
    to: str | None = None
    status: int = 302

    def __post_init__(self) -> None:
        check_status(self.status)

    @override
    def reply(self, call: Call) -> Reply:
        query = f"?{urlencode(call.query)}" if call.query else ""
        location = self.to or other_origin(call.origin) + call.path + query
        return Reply(self.status, headers={"Location": location})


@dataclass(frozen=True)
class LocatorRefused(Refusal):
    """A locator that no longer works."""

    kind: ClassVar[str] = "locator_refused"
    places: ClassVar[tuple[Place, ...]] = ("list_pages", "page", "query")
    status: int = 400

    def __post_init__(self) -> None:
        check_status(self.status)

    @override
    def reply(self, _call: Call) -> Reply:
        if self.status == HTTPStatus.BAD_REQUEST:
            code, message = "INVALID_QUERY_LOCATOR", "invalid query locator"
            return SalesforceError(self.status, code, message).reply()
        return usual_reply(self.status)


@dataclass(frozen=True)
class JobVersion(Refusal):
    """409: the job was created with another API version."""

    kind: ClassVar[str] = "job_version"
    places: ClassVar[tuple[Place, ...]] = JOB_PLACES

    @override
    def reply(self, _call: Call) -> Reply:
        return usual_error(HTTPStatus.CONFLICT).reply()


def check_status(status: int) -> None:
    """Refuse what HTTP cannot send as a final status.

    Raises:
        MappingError: It is none.
    """
    if not HTTPStatus.OK <= status < _STATUSES_END:
        raise MappingError(f"status must be from 200 to 599, not {status}")


def other_origin(origin: str) -> str:
    """Return another name of this server: ``localhost`` for a number and the reverse.

    To a client that is another host, and the call log shows whether the token went there.
    """
    parts = urlsplit(origin)
    host = "127.0.0.1" if parts.hostname == "localhost" else "localhost"
    return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"
