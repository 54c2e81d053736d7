"""Sessions from the token endpoint, by one of the flows.

`POST https://<host>/services/oauth2/token` (Salesforce Help, "OAuth Authorization Flows"). The
reply names no lifetime; a session ends when Salesforce answers 401.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import RefusedError, SettingsError, SignInError, UnavailableError
from tap_sfbulk_pages.salesforce.addresses import HostAddress
from tap_sfbulk_pages.salesforce.advice import advise_on_sign_in
from tap_sfbulk_pages.salesforce.org_id import find_in_identity
from tap_sfbulk_pages.salesforce.reply_errors import parse_error
from tap_sfbulk_pages.salesforce.retries import call_with_retries
from tap_sfbulk_pages.salesforce.sign_in.flows import Flow, JwtBearer, RefreshToken
from tap_sfbulk_pages.salesforce.sign_in.session import Session
from tap_sfbulk_pages.salesforce.transport import LARGEST_LIST_BYTES
from tap_sfbulk_pages.watching import activity

if TYPE_CHECKING:
    from tap_sfbulk_pages.salesforce.transport import Transport

# What External Client Apps answer to a JWT for login.salesforce.com or test.salesforce.com.
_UNKNOWN_APP = "app_not_found"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenEndpoint:
    """Where a flow gets its sessions.

    Attributes:
        flow: How to sign in.
        login: Host of the token endpoint.
        instance: Host of the org; None to take the one that the reply names.
    """

    flow: Flow
    login: HostAddress
    instance: HostAddress | None

    @property
    def title(self) -> str:
        """What people call the flow."""
        return self.flow.title

    def connect(self, transport: Transport, *, max_tries: int) -> TokenSessions:
        """Return the sessions of a run, without a request yet (see `session.SignIn`)."""
        return TokenSessions(self, transport, max_tries=max_tries)


class TokenSessions:
    """Sessions from a token endpoint (see `session.Sessions`).

    Args:
        endpoint: Where and how.
        transport: The connections.
        max_tries: How often a sign-in that fails for the moment is tried.
    """

    def __init__(self, endpoint: TokenEndpoint, transport: Transport, *, max_tries: int) -> None:
        self._endpoint = endpoint
        self._flow = endpoint.flow
        self._transport = transport
        self._max_tries = max_tries
        self._lock = threading.Lock()
        self._session: Session | None = None

    def session(self) -> Session:
        """Return the session, signing in at the first call.

        Raises:
            SignInError: If Salesforce refuses, or no login succeeded.
        """
        with self._lock:
            if self._session is None:
                self._session = self._sign_in()
            return self._session

    def renew(self, dead: Session, reason: str) -> None:
        """Sign in again, unless another thread has done so since `dead` was in use."""
        with self._lock:
            if self._session is dead:
                logger.info("The session has ended; signing in again. %s", reason)
                self._session = None
                if stream := activity.current():
                    stream.note("The session had ended; signed in again.")

    def _sign_in(self) -> Session:
        try:
            return call_with_retries(
                self._request, max_tries=self._max_tries, on_retry=logger.warning
            )
        except RefusedError as error:
            advice = advise_on_sign_in(error.error_code, error.said)
            text = f"Salesforce refused the sign-in at {self._endpoint.login.origin}. {error}"
            raise SignInError(f"{text} {advice}".rstrip()) from error
        except UnavailableError as error:
            # Not another `UnavailableError`, for which the call that needs a session would start
            # all these tries anew.
            raise SignInError(
                f"Could not sign in at {self._endpoint.login.origin}. {error} If this persists, "
                "check instance_url and login_url."
            ) from error

    def _request(self) -> Session:
        try:
            return self._ask_for_token(self._flow)
        except RefusedError as refusal:
            flow = self._flow
            if (
                refusal.error_code != _UNKNOWN_APP
                or not isinstance(flow, JwtBearer)
                or flow.other_audience is None
            ):
                raise
            logger.info("%s Trying the audience %s.", refusal, flow.other_audience)
            self._flow = replace(flow, audience=flow.other_audience, other_audience=None)
            return self._ask_for_token(self._flow)

    def _ask_for_token(self, flow: Flow) -> Session:
        if isinstance(flow, RefreshToken):
            with flow.store.alone():
                return self._exchange(flow)
        return self._exchange(flow)

    def _exchange(self, flow: Flow) -> Session:
        url = f"{self._endpoint.login.origin}/services/oauth2/token"
        accept = {"Accept": "application/json"}
        with self._transport.send("POST", url, headers=accept, form=flow.form()) as response:
            if response.status_code != HTTPStatus.OK:
                raise parse_error(response, self._transport.error_body(response))
            body = self._transport.whole_body(response, LARGEST_LIST_BYTES)
        reply = _parse_reply(body)
        if isinstance(flow, RefreshToken) and reply.get("refresh_token"):
            flow.store.replace(str(reply["refresh_token"]))
        return Session(
            str(reply["access_token"]),
            self._endpoint.instance or _read_instance(reply),
            find_in_identity(reply.get("id")),
        )


def _parse_reply(body: bytes) -> dict[str, object]:
    """Read a successful reply, which is never quoted: whatever it is, it may contain a token."""
    try:
        reply = json.loads(body)
    except (RecursionError, ValueError):
        # Not `from` the error, which contains the text.
        raise UnavailableError(
            "The token endpoint answered with a body that is not JSON."
        ) from None
    if not isinstance(reply, dict) or not isinstance(reply.get("access_token") or None, str):
        raise UnavailableError("The token endpoint answered without an access_token.")
    return reply


def _read_instance(reply: dict[str, object]) -> HostAddress:
    try:
        return HostAddress.parse(str(reply.get("instance_url", "")), setting="instance_url")
    except SettingsError as error:
        raise SignInError(
            "The sign-in returned no usable instance_url: set instance_url."
        ) from error
