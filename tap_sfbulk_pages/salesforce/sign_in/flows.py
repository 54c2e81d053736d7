"""Sign-in: the OAuth flows, and one session for all threads.

Token endpoint: `POST https://<host>/services/oauth2/token` (Salesforce Help, "OAuth Authorization
Flows"). The reply names no lifetime; a session ends when Salesforce answers 401.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Protocol

from tap_sfbulk_pages.errors import RefusedError, SettingsError, SignInError, UnavailableError
from tap_sfbulk_pages.salesforce.advice import of_sign_in
from tap_sfbulk_pages.salesforce.links import HostAddress
from tap_sfbulk_pages.salesforce.reply_errors import error_of
from tap_sfbulk_pages.salesforce.retries import retried
from tap_sfbulk_pages.watching import activity

if TYPE_CHECKING:
    from tap_sfbulk_pages.salesforce.sign_in.refresh_tokens import RefreshTokenStore
    from tap_sfbulk_pages.salesforce.transport import Transport

# Salesforce takes assertions that end within five minutes.
_ASSERTION_SECONDS = 180

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """A session of the org.

    Attributes:
        access_token: The bearer token.
        address: The one host that it may be sent to.
    """

    access_token: str = field(repr=False)
    address: HostAddress


class Flow(Protocol):
    """A way to sign in at the token endpoint.

    Attributes:
        title: What a person calls it.
    """

    title: ClassVar[str]

    def form(self) -> dict[str, str]:
        """Make the parameters of a token request."""


@dataclass(frozen=True)
class ClientCredentials:
    """The app signs in as its Run As user."""

    title: ClassVar[str] = "client credentials"
    client_id: str
    client_secret: str = field(repr=False)

    def form(self) -> dict[str, str]:
        """Make the parameters of a token request."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


@dataclass(frozen=True)
class RefreshToken:
    """A user's lasting consent, which Salesforce may replace at each use."""

    title: ClassVar[str] = "refresh token"
    client_id: str
    client_secret: str | None = field(repr=False)
    store: RefreshTokenStore = field(repr=False)

    def form(self) -> dict[str, str]:
        """Make the parameters of a token request."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": self.store.current(),
        }
        if self.client_secret:
            form["client_secret"] = self.client_secret
        return form


@dataclass(frozen=True)
class JwtBearer:
    """A user, vouched for by the app's private key (RS256)."""

    title: ClassVar[str] = "JWT bearer"
    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str

    def form(self) -> dict[str, str]:
        """Make the parameters of a token request, with an assertion that ends in minutes.

        Raises:
            SettingsError: If the private key cannot sign.
        """
        import jwt  # noqa: PLC0415 - loads cryptography, which no other flow needs

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(time.time()) + _ASSERTION_SECONDS,
        }
        try:
            assertion = jwt.encode(claims, self.private_key, algorithm="RS256")
        except (jwt.PyJWTError, TypeError, ValueError):
            # Not `from` the error, which may quote the key.
            raise SettingsError(
                "private_key (or private_key_path) holds no RSA private key in PEM form"
            ) from None
        return {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion,
        }


@dataclass(frozen=True)
class UsernamePassword:
    """A user's password, followed by the security token (blocked by default in newer orgs)."""

    title: ClassVar[str] = "username and password"
    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    security_token: str = field(repr=False)

    def form(self) -> dict[str, str]:
        """Make the parameters of a token request."""
        return {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self.username,
            "password": self.password + self.security_token,
        }


class SignIn(Protocol):
    """Gives the session of a run, and another when it has died."""

    def session(self) -> Session:
        """Give the session that is held to be alive."""

    def renew(self, dead: Session, reason: str) -> None:
        """Replace a session that Salesforce has refused, unless that was done meanwhile."""


class ReadySession:
    """A token that was handed in, and cannot be renewed."""

    def __init__(self, access_token: str, address: HostAddress) -> None:
        self._session = Session(access_token, address)

    def session(self) -> Session:
        """Give the session."""
        return self._session

    def renew(self, dead: Session, reason: str) -> None:  # noqa: ARG002 - there is but one
        """Report that the session is dead.

        Raises:
            SignInError: Always.
        """
        raise SignInError(
            f"The access_token is not valid (any more): {reason} Set a new one, or a sign-in flow "
            "that can renew it."
        )


class TokenEndpoint:
    """Signs in by one of the flows; one login serves all threads.

    Args:
        flow: How to sign in.
        login: Host of the token endpoint.
        instance: Host of the org; None to take the one that the reply names.
        transport: The connections.
        max_tries: How often a login that fails for the moment is tried.
    """

    def __init__(
        self,
        flow: Flow,
        *,
        login: HostAddress,
        instance: HostAddress | None,
        transport: Transport,
        max_tries: int,
    ) -> None:
        self._flow = flow
        self._login_address = login
        self._instance = instance
        self._transport = transport
        self._max_tries = max_tries
        self._lock = threading.Lock()
        self._session: Session | None = None

    def session(self) -> Session:
        """Give the session, signing in at the first call.

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
            return retried(self._request, max_tries=self._max_tries, on_retry=logger.warning)
        except RefusedError as error:
            advice = of_sign_in(error.error_code, error.said)
            text = f"Salesforce refused the sign-in at {self._login_address.origin}. {error}."
            raise SignInError(f"{text} {advice}".rstrip()) from error
        except UnavailableError as error:
            # Not another `UnavailableError`, for which the call that needs a session would begin
            # all these tries anew.
            raise SignInError(
                f"No sign-in at {self._login_address.origin}. {error} If it stays so, check "
                "instance_url and login_url."
            ) from error

    def _request(self) -> Session:
        url = f"{self._login_address.origin}/services/oauth2/token"
        form = self._flow.form()
        accept = {"Accept": "application/json"}
        with self._transport.send("POST", url, headers=accept, form=form) as response:
            if response.status_code != HTTPStatus.OK:
                raise error_of(response, self._transport.error_body(response))
            body = self._transport.whole_body(response)
        reply = _token_reply(body)
        if isinstance(self._flow, RefreshToken) and reply.get("refresh_token"):
            self._flow.store.replace(str(reply["refresh_token"]))
        return Session(str(reply["access_token"]), self._instance or _instance_of(reply))


def _token_reply(body: bytes) -> dict[str, object]:
    """Read a successful reply, which is never quoted: whatever it is, it may hold a token."""
    try:
        reply = json.loads(body)
    except ValueError:
        # Not `from` the error, which holds the text.
        raise UnavailableError(
            "The token endpoint answered with a body that is not JSON."
        ) from None
    if not isinstance(reply, dict) or not reply.get("access_token"):
        raise UnavailableError("The token endpoint answered without an access_token.")
    return reply


def _instance_of(reply: dict[str, object]) -> HostAddress:
    try:
        return HostAddress.parse(str(reply.get("instance_url", "")), setting="instance_url")
    except SettingsError as error:
        raise SignInError(
            "Salesforce named no usable instance_url at sign-in: set instance_url."
        ) from error
