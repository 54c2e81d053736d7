"""What a client must know to sign in to a sandbox that asks for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Credentials:
    """The one app and the one user of the sandbox. What is None cannot be used to sign in.

    Args:
        client_id: Consumer key of the connected app.
        client_secret: Consumer secret.
        username: For the username-password, JWT bearer and SOAP flows.
        password: Without the security token.
        security_token: Follows the password directly.
        refresh_token: Given to the app beforehand.
        access_token: A session that is open from the start.
        public_key: PEM; JWT bearer assertions must be signed with its private half.
    """

    client_id: str
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    security_token: str = ""
    refresh_token: str | None = None
    access_token: str | None = None
    public_key: str | None = None

    @classmethod
    def generate(cls) -> Credentials:
        """Make up credentials that look like Salesforce's."""
        return cls(
            client_id="3MVG9" + secrets.token_urlsafe(40),
            client_secret=secrets.token_hex(32).upper(),
            username=f"integration.{secrets.token_hex(4)}@example.com",
            password=secrets.token_urlsafe(12),
            security_token=secrets.token_hex(12),
            refresh_token="5Aep8" + secrets.token_urlsafe(40),
        )
