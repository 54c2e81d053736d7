"""The OAuth flows, and what each sends to the token endpoint.

Salesforce Help, "OAuth Authorization Flows".
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.quoting import keep_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tap_sfbulk_pages.salesforce.sign_in.refresh_tokens import RefreshTokenStore

# Salesforce accepts assertions that expire within five minutes.
_ASSERTION_SECONDS = 180


class Flow(Protocol):
    """A way to sign in at the token endpoint.

    Attributes:
        title: What people call it.
    """

    title: ClassVar[str]

    def form(self) -> dict[str, str]:
        """Return the parameters of a token request."""


@dataclass(frozen=True)
class ClientCredentials:
    """The app signs in as its Run As user."""

    title: ClassVar[str] = "client credentials"
    client_id: str
    client_secret: str = field(repr=False)

    def form(self) -> dict[str, str]:
        """Return the parameters of a token request."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


@dataclass(frozen=True)
class RefreshToken:
    """A user's lasting consent; Salesforce may replace the token at each use."""

    title: ClassVar[str] = "refresh token"
    client_id: str
    client_secret: str | None = field(repr=False)
    store: RefreshTokenStore = field(repr=False)

    def form(self) -> dict[str, str]:
        """Return the parameters of a token request."""
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
    """A user, authorised by the app's private key (RS256).

    Attributes:
        audience: The `aud` of the assertion.
        other_audience: What to try once if the token endpoint does not know the app for `audience`;
            None for nothing.
    """

    title: ClassVar[str] = "JWT bearer"
    client_id: str
    username: str
    private_key: str = field(repr=False)
    passphrase: str | None = field(repr=False)
    audience: str
    other_audience: str | None = None

    def form(self) -> dict[str, str]:
        """Return the parameters of a token request, with an assertion that expires in minutes.

        Raises:
            SettingsError: If the private key cannot sign.
        """
        import jwt  # noqa: PLC0415 - loads cryptography, which no other flow needs

        key = _load_key(self.private_key, self.passphrase)
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(time.time()) + _ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, key, algorithm="RS256")
        keep_secret(assertion)
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
        """Return the parameters of a token request."""
        return {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self.username,
            "password": self.password + self.security_token,
        }


def _load_key(pem: str, passphrase: str | None) -> RSAPrivateKey:
    """Load an RSA private key.

    Raises:
        SettingsError: If it is not one, or the passphrase does not fit. The error of the library is
            not its cause, since it may quote the key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    problem = "private_key (or private_key_path) is not an RSA private key in PEM form"
    try:
        key = load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except TypeError:
        problem = (
            "private_key_passphrase is set, but the private key is not encrypted: remove it"
            if passphrase
            else "the private key is encrypted: set private_key_passphrase"
        )
    except (UnsupportedAlgorithm, ValueError):
        if passphrase:
            problem = f"{problem}, or private_key_passphrase is wrong"
    else:
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    raise SettingsError(problem)
