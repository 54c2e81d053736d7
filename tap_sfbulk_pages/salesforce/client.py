"""Calls to one org: signed in, retried where that can help, errors in Salesforce's words.

One client serves all threads. A session that dies is renewed once for all of them
(`sign_in`), and the call is sent again.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tap_sfbulk_pages.errors import RefusedError, SignInError, UnavailableError
from tap_sfbulk_pages.salesforce.advice import SILENT_HOST, WRONG_HOST
from tap_sfbulk_pages.salesforce.clock import SalesforceClock
from tap_sfbulk_pages.salesforce.reply_errors import parse_error, parse_json, unknown_form_error
from tap_sfbulk_pages.salesforce.retries import call_with_retries
from tap_sfbulk_pages.salesforce.transport import LARGEST_JSON_BYTES
from tap_sfbulk_pages.watching import activity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

    from tap_sfbulk_pages.salesforce.call_allowance import CallAllowance
    from tap_sfbulk_pages.salesforce.sign_in.session import Session, Sessions
    from tap_sfbulk_pages.salesforce.transport import Transport

T = TypeVar("T")

# A session can die again between its renewal and the next try, where many threads wait.
_RENEWALS_A_CALL = 3

_SUCCESSES = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)

logger = logging.getLogger(__name__)


class SalesforceClient:
    """Sends the calls of one run.

    Attributes:
        clock: Salesforce's, as its replies show it.
        org_id: The org that is called, with 18 characters; None before the first call, and where
            the sign-in does not tell.

    Args:
        transport: The connections.
        sessions: Gives and renews the session.
        allowance: Counts the calls.
        max_tries: How often one call is sent at most.
    """

    def __init__(
        self, transport: Transport, sessions: Sessions, allowance: CallAllowance, *, max_tries: int
    ) -> None:
        self._transport = transport
        self._allowance = allowance
        self._sessions = sessions
        self._max_tries = max_tries
        self._has_succeeded = False
        self.clock = SalesforceClock()
        self.org_id: str | None = None

    def call(
        self,
        method: str,
        link: str,
        *,
        api_version: str,
        read: Callable[[requests.Response, Iterator[bytes]], T],
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Send a call and read its whole reply.

        Args:
            method: HTTP method.
            link: Absolute, from the root of the host, or without the version (`/jobs/query/…`).
            api_version: Inserted if the link has no version, such as `62.0`.
            read: Gets a successful reply and its body in pieces as they arrive, still encoded. If
                it raises `UnavailableError`, the call is retried as after a lost connection.
            json: Body to send.
            headers: Further headers.

        Returns:
            What `read` returned.

        Raises:
            UnavailableError: If no try succeeded.
            RefusedError: If Salesforce refused.
            AllowanceError: If the org's daily calls are used up, or left to others.
            SignInError: If no session is available.
            UntrustedLinkError: If the link is to another host.
        """

        def attempt() -> T:
            for _ in range(_RENEWALS_A_CALL + 1):
                session = self.open_session()
                url = session.address.resolve(link, api_version=api_version)
                sent = {"Accept": "application/json", **(headers or {})}
                sent["Authorization"] = f"Bearer {session.access_token}"
                with self._send(method, url, sent, json) as response:
                    if response.status_code in _SUCCESSES:
                        result = read(response, self._transport.body_chunks(response))
                        self._has_succeeded = True
                        return result
                    error = parse_error(response, self._transport.error_body(response))
                if response.status_code != HTTPStatus.UNAUTHORIZED:
                    raise error
                self._sessions.renew(session, str(error))
            raise SignInError(f"Salesforce refuses each new session. {error}")

        try:
            return call_with_retries(attempt, max_tries=self._max_tries, on_retry=_report_retry)
        except UnavailableError as error:
            if self._has_succeeded:
                raise
            raise UnavailableError(f"{error} {SILENT_HOST}") from error
        except RefusedError as error:
            # Salesforce's own refusals have a code.
            if self._has_succeeded or not error.is_missing or error.error_code:
                raise
            raise error.with_advice(WRONG_HOST) from error

    def open_session(self) -> Session:
        """Return a session of the org, signing in at the first call.

        Raises:
            SignInError: If there is none, or it is of another org than those before it: an alias
                of the Salesforce CLI can be turned to another one at any time.
        """
        session = self._sessions.session()
        if session.org_id is not None:
            self.org_id = self.org_id or session.org_id
            if session.org_id != self.org_id:
                raise SignInError(
                    f"The sign-in leads to the org {session.org_id} now, and led to {self.org_id} "
                    "when the run began: no more of it is read. Start again."
                )
        return session

    @contextmanager
    def _send(
        self, method: str, url: str, headers: Mapping[str, str], json: object | None
    ) -> Iterator[requests.Response]:
        """Send one call and count it against the org's daily allowance."""
        self._allowance.take()
        if stream := activity.current():
            stream.note_call(urlsplit(url).netloc)
        limit_info: str | None = None
        try:
            with self._transport.send(method, url, headers=headers, json=json) as response:
                limit_info = response.headers.get("Sforce-Limit-Info")
                self.clock.note(response.headers.get("Date"))
                yield response
        finally:
            self._allowance.note(limit_info)

    def fetch_json(
        self,
        link: str,
        *,
        api_version: str,
        parse: Callable[[Any], T],
        method: str = "GET",
        json: object | None = None,
        numbers_as_text: bool = False,
        largest: int = LARGEST_JSON_BYTES,
    ) -> T:
        """Send a call whose reply is a JSON document (see `call`).

        Args:
            link: As `call`.
            api_version: As `call`.
            parse: Turns the parsed document into the result. If the document has another form,
                and it therefore raises a `TypeError`, `LookupError` or the like, the call is
                retried.
            method: HTTP method.
            json: Body to send.
            numbers_as_text: Pass numbers to `parse` as strings, with every digit.
            largest: Bytes of the decoded body; a longer one is not Salesforce's.

        Returns:
            What `parse` returned.
        """

        def read(response: requests.Response, _: Iterator[bytes]) -> T:
            body = self._transport.whole_body(response, largest)
            parsed = parse_json(body, response, numbers_as_text=numbers_as_text)
            try:
                return parse(parsed)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise unknown_form_error(response, body) from error

        return self.call(method, link, api_version=api_version, read=read, json=json)

    def perform(
        self, method: str, link: str, *, api_version: str, json: object | None = None
    ) -> None:
        """Send a call whose reply does not matter unless it is an error (see `call`)."""

        def read(response: requests.Response, _: Iterator[bytes]) -> None:
            self._transport.whole_body(response)

        self.call(method, link, api_version=api_version, read=read, json=json)


def _report_retry(reason: str) -> None:
    logger.warning(reason)
    if stream := activity.current():
        stream.note_retry(reason)
