"""Calls whose refusals are wanted, too: each reply as it came, whatever its status."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.salesforce.call_allowance import CallAllowance
from tap_sfbulk_pages.salesforce.reply_errors import parse_error, parse_json
from tap_sfbulk_pages.salesforce.retries import call_with_retries
from tap_sfbulk_pages.salesforce.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from tap_sfbulk_pages.settings import Settings


@dataclass(frozen=True)
class Reply:
    """A reply.

    Attributes:
        status: HTTP status.
        headers: By name, in any case of letters.
        body: Decoded.
        json: The body parsed; None where it is not JSON.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None

    @property
    def is_success(self) -> bool:
        """Whether it is what was asked for."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class OrgCalls:
    """The calls to one org, signed in.

    Args:
        settings: The tap's; a run's share of the org's daily calls counts here, too.
        on_retry: Called with a sentence that says why a call is sent again.
    """

    def __init__(self, settings: Settings, on_retry: Callable[[str], None]) -> None:
        self._transport = Transport(
            connections=1,
            silence_seconds=settings.request_timeout_seconds,
            user_agent=f"sfbulk-evidence/{version('tap-sfbulk-pages')}",
        )
        self._sessions = settings.sign_in.connect(self._transport, max_tries=settings.max_tries)
        self._max_tries = settings.max_tries
        self._on_retry = on_retry
        self.allowance = CallAllowance(
            percent_total=settings.quota_percent_total,
            percent_per_run=settings.quota_percent_per_run,
        )

    def __call__(
        self,
        method: str,
        link: str,
        *,
        api_version: str,
        json: object | None = None,
        without_body: bool = False,
    ) -> Reply:
        """Return the reply to a call.

        Args:
            method: HTTP method.
            link: As of `SalesforceClient.call`.
            api_version: As of `SalesforceClient.call`.
            json: Body to send.
            without_body: Leave the body of a successful reply unread; it may be large.

        Raises:
            ExtractionError: If there is none: no session, no connection, no calls left.
        """

        def send() -> Reply:
            return self._send(method, link, api_version, json, without_body=without_body)

        def attempt() -> Reply:
            session = self._sessions.session()
            reply = send()
            if reply.status != HTTPStatus.UNAUTHORIZED:
                return reply
            self._sessions.renew(session, f"{method} {link} answered 401.")
            return send()

        return call_with_retries(attempt, max_tries=self._max_tries, on_retry=self._on_retry)

    def _send(
        self, method: str, link: str, api_version: str, json: object | None, *, without_body: bool
    ) -> Reply:
        session = self._sessions.session()
        url = session.address.resolve(link, api_version=api_version)
        headers = {"Accept": "*/*", "Authorization": f"Bearer {session.access_token}"}
        self.allowance.take()
        limit_info: str | None = None
        try:
            with self._transport.send(method, url, headers=headers, json=json) as response:
                limit_info = response.headers.get("Sforce-Limit-Info")
                if without_body and response.ok:
                    return Reply(response.status_code, response.headers, b"")
                return self._read(response)
        finally:
            self.allowance.note(limit_info)

    def _read(self, response: requests.Response) -> Reply:
        """Read a reply; one that is worth a retry, or says that no calls are left, is raised."""
        body = self._transport.whole_body(response)
        reply = Reply(response.status_code, response.headers, body)
        if not reply.is_success:
            error = parse_error(response, body)
            if not isinstance(error, RefusedError):
                raise error
        if "json" not in response.headers.get("Content-Type", "") or not body:
            return reply
        return Reply(reply.status, reply.headers, body, parse_json(body, response))
