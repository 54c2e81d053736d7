"""Salesforce's refusals and their bodies.

REST and Bulk API 2.0 errors are a JSON array of ``errorCode`` and ``message`` (REST API Developer
Guide, "Status Codes and Error Responses"); OAuth errors are one object of ``error`` and
``error_description``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import HTML, JSON, Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USUAL_ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("API_ERROR", "An error occurred in the request"),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("INSUFFICIENT_ACCESS", "insufficient access rights on object id"),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    405: ("METHOD_NOT_ALLOWED", "HTTP Method not allowed"),
    409: ("INVALIDVERSION", "The API version of the request isn't the version of the job"),
    410: ("GONE", "The requested resource is no longer available"),
    414: ("URI_TOO_LONG", "The URI is longer than 16,384 bytes"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The entity in the request is in an unsupported format"),
    429: ("REQUEST_LIMIT_EXCEEDED", "Too many requests"),
    431: ("REQUEST_HEADER_FIELDS_TOO_LARGE", "The URI and headers are longer than 16,384 bytes"),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1203912318-51432"),
    502: ("SERVER_UNAVAILABLE", "Bad gateway"),
    503: ("SERVER_UNAVAILABLE", "The server is unavailable"),
}
"""What Salesforce usually says with a status, by status."""

_BARE_STATUSES = {406}
_EDGE_STATUSES = {420}


class SalesforceError(Exception):
    """A request that Salesforce refuses.

    Args:
        status: HTTP status.
        error_code: Salesforce's code, e.g. ``NOT_FOUND``.
        message: Salesforce's words.
        headers: Further headers of the reply.
        fields: The fields that are to blame; None leaves them out of the reply.
    """

    def __init__(
        self,
        status: int,
        error_code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> None:
        super().__init__(f"{error_code}: {message}")
        self.status = status
        self.error_code = error_code
        self.message = message
        self.headers = headers or {}
        self.fields = tuple(fields or ())
        self._named = {} if fields is None else {"fields": list(fields)}

    def reply(self) -> Reply:
        """Return the error as the reply of a REST call."""
        body = [{"errorCode": self.error_code, "message": self.message, **self._named}]
        return json_reply(body, status=self.status, headers=self.headers)


class OAuthError(Exception):
    """A sign-in that the token endpoint refuses, always with status 400.

    Args:
        error: Code of the OAuth error, e.g. ``invalid_grant``.
        description: Salesforce's words.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description

    def reply(self) -> Reply:
        """Return the error as the reply of the token endpoint."""
        body = {"error": self.error, "error_description": self.description}
        return json_reply(body, status=HTTPStatus.BAD_REQUEST)


def usual_error(status: int) -> SalesforceError:
    """Return the error that usually comes with a status."""
    code, message = USUAL_ERRORS.get(status, ("UNKNOWN_EXCEPTION", f"HTTP {status}"))
    return SalesforceError(status, code, message)


def usual_reply(status: int) -> Reply:
    """Return the whole reply that usually comes with a status.

    406 comes without a body, and 420 as a page of Salesforce Edge, both as seen in live clients.
    """
    if status in _BARE_STATUSES:
        return Reply(status)
    if status in _EDGE_STATUSES:
        return html_page(status, "Salesforce Edge could not route the request")
    if status < HTTPStatus.BAD_REQUEST:
        return Reply(status, b"", JSON)
    return usual_error(status).reply()


def not_found() -> SalesforceError:
    """Return the error for a path, sObject or job that does not exist."""
    return usual_error(HTTPStatus.NOT_FOUND)


def html_page(status: int, title: str) -> Reply:
    """Return a web page where an API reply was expected."""
    head, body = f"<head><title>{title}</title></head>", f"<body><h1>{title}</h1></body>"
    text = f"<!DOCTYPE html>\n<html>{head}{body}</html>\n"
    return Reply(status, text.encode(), HTML)
