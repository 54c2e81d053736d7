"""Unsuccessful replies as errors: worth a retry, a used-up allowance, or a refusal.

REST and Bulk errors are an array of `{"errorCode", "message"}`, sign-in errors an object
`{"error", "error_description"}`; edge servers answer in HTML.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import (
    DAILY_LIMITS,
    AllowanceError,
    ExtractionError,
    RefusedError,
    UnavailableError,
    end_sentence,
)
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.salesforce.advice import advise_on_call
from tap_sfbulk_pages.salesforce.retries import is_transient, retry_after_seconds

if TYPE_CHECKING:
    import requests

_LONGEST_QUOTE = 1000
# Far more than is quoted; a secret that is cut here is not shown.
_LONGEST_DECODED = 100_000
_LONGEST_CODE = 100
_LONGEST_PATH = 300


def parse_json(body: bytes, response: requests.Response, *, numbers_as_text: bool = False) -> Any:
    """Parse a JSON reply.

    Args:
        body: Decoded.
        response: The reply that it belongs to.
        numbers_as_text: Return each number as a string, with every digit.

    Raises:
        UnavailableError: If it is not JSON: a maintenance page, an empty or incomplete body.
    """
    try:
        if numbers_as_text:
            return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
        return json.loads(body)
    # RecursionError: it is nested too deep.
    except (RecursionError, ValueError) as error:
        raise UnavailableError(
            f"{_request_of(response)} answered {response.status_code}, and the body is not JSON: "
            f"{_quote(body)}."
        ) from error


def unknown_form_error(response: requests.Response, body: bytes) -> UnavailableError:
    """Return the error for a JSON reply that is not the document that was asked for."""
    return UnavailableError(
        f"{_request_of(response)} answered {response.status_code} with a document of unknown form: "
        f"{_quote(body)}."
    )


def parse_error(response: requests.Response, body: bytes) -> ExtractionError:
    """Return the error for an unsuccessful reply.

    Args:
        response: With a status other than 2xx.
        body: Its body, decoded.

    Returns:
        An `UnavailableError` if a retry can help, an `AllowanceError` if a daily limit is reached,
        else a `RefusedError`.
    """
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        target = response.headers.get("Location", "")
        return RefusedError(
            f"{_request_of(response)} was redirected to {target.split('?')[0]!r}. The access token "
            "is not sent there: set instance_url to the org's own My Domain address.",
            status=status,
            error_code="",
            said=target,
        )
    try:
        error_code, said = read_code_and_message(json.loads(body))
    except (RecursionError, ValueError):
        error_code, said = "", _quote(body) if body else ""
    wait = retry_after_seconds(response.headers.get("Retry-After"))
    return build_error(_request_of(response), status, error_code, said, retry_after=wait)


def build_error(
    called: str, status: int, error_code: str, said: str, *, retry_after: float | None = None
) -> ExtractionError:
    """Return the error for a status and Salesforce's words.

    Args:
        called: Method and path, for the message.
        status: Other than 2xx.
        error_code: `errorCode`; empty if there is none.
        said: `message`.
        retry_after: How many seconds Salesforce asks to wait.

    Returns:
        As `parse_error`.
    """
    name = f" {error_code}" if error_code else ""
    message = end_sentence(f"{called} answered {status}{name}: {said or 'no reason given'}")
    if advice := advise_on_call(error_code, said):
        message = f"{message} {advice}"
    if is_transient(status, error_code, said):
        return UnavailableError(message, retry_after=retry_after)
    if error_code in DAILY_LIMITS:
        return AllowanceError(f"{message} The limit covers the last 24 hours: run again later.")
    return RefusedError(message, status=status, error_code=error_code, said=said)


def read_code_and_message(parsed: Any) -> tuple[str, str]:
    """Read `errorCode` and `message` from the body of an error, or of a composite subrequest."""
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return "", quote(repr(parsed), limit=_LONGEST_QUOTE)
    code = parsed.get("errorCode") or parsed.get("error") or ""
    said = parsed.get("message") or parsed.get("error_description") or ""
    return quote(str(code), limit=_LONGEST_CODE), quote(str(said).strip(), limit=_LONGEST_QUOTE)


def _request_of(response: requests.Response) -> str:
    # Quoted before it is cut, which might leave half a secret.
    return f"{response.request.method} {quote(response.request.path_url, limit=_LONGEST_PATH)}"


def _quote(body: bytes) -> str:
    """Quote the text of a body, without tags, for a message."""
    text = quote(
        body[:_LONGEST_DECODED].decode("utf-8", "replace"),
        limit=4 * _LONGEST_QUOTE,
        keep_lines=True,
    )
    if "<" in text:
        text = re.sub(
            r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE
        )
    text = " ".join(text.split())
    return repr(text[:_LONGEST_QUOTE]) if text else "nothing"
