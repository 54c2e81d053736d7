"""Access tokens: which are alive, how often each was used, and how they die."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.salesforce_errors import SalesforceError, usual_error

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION_SECONDS = 7200


@dataclass
class Session:
    """One access token's life.

    Args:
        calls: API calls made with it.
        opened: Seconds since the epoch.
        dead: Whether it has expired or was revoked.
    """

    calls: int = 0
    opened: float = field(default_factory=time.time)
    dead: bool = False


@dataclass(frozen=True)
class Authorization:
    """What an authorization code stands for.

    Args:
        client_id: Of the app that asked.
        redirect_uri: Where the browser was sent.
        challenge: PKCE's, None without it.
    """

    client_id: str
    redirect_uri: str
    challenge: str | None


class Sessions:
    """All access and refresh tokens; iterates over the access tokens seen, dead ones included.

    Args:
        organization_id: Access tokens begin with it.
        known_only: Refuse tokens that were not issued here. Otherwise any token that has not been
            killed is a session, so that clients work which bring one of their own.
        access_token: A session that is open from the start.
        refresh_token: A refresh token that is valid from the start.
    """

    def __init__(
        self,
        *,
        organization_id: str,
        known_only: bool,
        access_token: str | None = None,
        refresh_token: str | None = None,
    ) -> None:
        self._organization_id = organization_id
        self._known_only = known_only
        self._sessions: dict[str, Session] = {}
        self._refresh_tokens: dict[str, bool] = {}
        self._authorizations: dict[str, Authorization] = {}
        if access_token is not None:
            self._sessions[access_token] = Session()
        if refresh_token is not None:
            self._refresh_tokens[refresh_token] = True

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._sessions))

    def open(self) -> str:
        """Issue an access token in Salesforce's form: organization id, ``!``, secret."""
        token = f"{self._organization_id[:15]}!AQ{secrets.token_urlsafe(60)}"
        self._sessions[token] = Session()
        return token

    def check(self, token: str | None, *, lifetime_calls: int | None) -> None:
        """Count one call of a token.

        Args:
            token: From the Authorization header, None without one.
            lifetime_calls: After so many calls a token expires.

        Raises:
            SalesforceError: 401 ``INVALID_SESSION_ID``.
        """
        session = self.find(token)
        if session is None:
            raise expired_session()
        session.calls += 1
        if lifetime_calls is not None and session.calls > lifetime_calls:
            session.dead = True
            raise expired_session()

    def find(self, token: str | None) -> Session | None:
        """Return the living session of a token."""
        if not token:
            return None
        session = self._sessions.get(token)
        if session is None and not self._known_only:
            session = self._sessions[token] = Session()
        return session if session is not None and not session.dead else None

    def expire_all(self) -> int:
        """Kill every token issued or seen so far; return how many were alive."""
        alive = [session for session in self._sessions.values() if not session.dead]
        for session in alive:
            session.dead = True
        return len(alive)

    def revoke(self, token: str) -> bool:
        """Kill one access or refresh token; return whether it was known."""
        if token in self._refresh_tokens:
            self._refresh_tokens[token] = False
            return True
        session = self.find(token)
        if session is not None:
            session.dead = True
        return session is not None

    def authorize(self, authorization: Authorization) -> str:
        """Issue an authorization code."""
        code = f"aPrx{secrets.token_urlsafe(40)}"
        self._authorizations[code] = authorization
        return code

    def take_authorization(self, code: str) -> Authorization | None:
        """Return what a code stands for, which can be asked once; None for any other text."""
        return self._authorizations.pop(code, None)

    def open_refresh_token(self) -> str:
        """Issue a refresh token."""
        token = f"5Aep{secrets.token_urlsafe(60)}"
        self._refresh_tokens[token] = True
        return token

    def knows_refresh_token(self, token: str) -> bool:
        """Whether a refresh token is valid; without configured credentials any is until revoked."""
        return self._refresh_tokens.get(token, not self._known_only)

    def revoke_refresh_tokens(self) -> None:
        """Kill every refresh token issued or configured."""
        for token in self._refresh_tokens:
            self._refresh_tokens[token] = False

    def summary(self) -> dict[str, int]:
        """Count the tokens, for the admin endpoint."""
        alive = sum(not session.dead for session in self._sessions.values())
        return {
            "alive": alive,
            "dead": len(self._sessions) - alive,
            "refresh_tokens": sum(self._refresh_tokens.values()),
        }


def expired_session() -> SalesforceError:
    """Return the error of a call with a dead or unknown token."""
    return usual_error(HTTPStatus.UNAUTHORIZED)
