"""The OAuth endpoints: token, revoke, introspect.

Flows and errors as in Salesforce Help, "OAuth Authorization Flows" and "OAuth 2.0 Error Codes";
parameters arrive form-encoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt

from sfbulk_sandbox.endpoints.access.authorization import check_code
from sfbulk_sandbox.endpoints.access.identity import identity_url
from sfbulk_sandbox.exchange import LOGIN_HOSTS, Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import OAuthError
from sfbulk_sandbox.state.sessions import SESSION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.scenario import Credentials
    from sfbulk_sandbox.state.state import State

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def issue_token(state: State, call: Call) -> Reply:
    """Answer ``POST /services/oauth2/token``."""
    form = _read_form(call)
    credentials = state.scenario.credentials
    grant_type = form.get("grant_type", "")
    if grant_type == "client_credentials":
        _check_app(form, credentials, secret_required=True)
    elif grant_type == "authorization_code":
        _check_app(form, credentials, secret_required=False)
        check_code(state, form)
        return _grant_session(state, call, refresh_token=state.sessions.open_refresh_token())
    elif grant_type == "refresh_token":
        return _refresh_session(state, call, form)
    elif grant_type == "password":
        _check_app(form, credentials, secret_required=True)
        check_user(credentials, form.get("username", ""), form.get("password", ""))
    elif grant_type == JWT_BEARER:
        _check_assertion(form.get("assertion", ""), credentials, call.origin)
    else:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    return _grant_session(state, call)


async def revoke_token(state: State, call: Call) -> Reply:
    """Answer ``/services/oauth2/revoke`` with an empty 200, or an error for an unknown token."""
    token = _read_form(call).get("token") or call.query.get("token", "")
    if not state.sessions.revoke(token):
        raise OAuthError("invalid_token", "invalid token")
    return Reply(HTTPStatus.OK)


async def introspect_token(state: State, call: Call) -> Reply:
    """Answer ``POST /services/oauth2/introspect``: whether a token lives and until when."""
    form = _read_form(call)
    _check_app(form, state.scenario.credentials, secret_required=True)
    session = state.sessions.find(form.get("token"))
    if session is None:
        return json_reply({"active": False})
    opened = int(session.opened)
    return json_reply(
        {
            "active": True,
            "scope": "api",
            "client_id": form.get("client_id", ""),
            "username": state.org.user.username,
            "sub": identity_url(state, call),
            "token_type": "access_token",
            "exp": opened + SESSION_SECONDS,
            "iat": opened,
            "nbf": opened,
        }
    )


def check_user(credentials: Credentials | None, username: str, password: str) -> None:
    """Compare a user's name, password and security token with the configured ones.

    Raises:
        OAuthError: ``invalid_grant``.
    """
    if credentials is None:
        return
    expected = f"{credentials.password}{credentials.security_token}"
    if credentials.password is None or (username, password) != (credentials.username, expected):
        raise OAuthError("invalid_grant", "authentication failure - Invalid Password")


def _read_form(call: Call) -> dict[str, str]:
    """Return the form's fields, with the app's id and secret from Basic authentication, if any."""
    form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    scheme, _, encoded = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client", "invalid client credentials") from error
        form |= {"client_id": client_id, "client_secret": secret}
    return form


def _check_app(
    form: Mapping[str, str], credentials: Credentials | None, *, secret_required: bool
) -> None:
    """Compare the app's id and secret with the configured ones."""
    if not form.get("client_id"):
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if credentials is None:
        return
    if form["client_id"] != credentials.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    given = form.get("client_secret")
    if (given is not None or secret_required) and given != credentials.client_secret:
        raise OAuthError("invalid_client", "invalid client credentials")


def _refresh_session(state: State, call: Call, form: Mapping[str, str]) -> Reply:
    """Answer the refresh-token flow; the secret may be left out, as for public clients."""
    _check_app(form, state.scenario.credentials, secret_required=False)
    given = form.get("refresh_token", "")
    if not given or not state.sessions.knows_refresh_token(given):
        raise OAuthError("invalid_grant", "expired access/refresh token")
    if not state.scenario.refresh_token_rotation:
        return _grant_session(state, call)
    state.sessions.revoke(given)
    return _grant_session(state, call, refresh_token=state.sessions.open_refresh_token())


def _check_assertion(assertion: str, credentials: Credentials | None, origin: str) -> None:
    """Check a JWT bearer assertion: its signature with the configured key, and its claims.

    Raises:
        OAuthError: ``invalid_grant`` or ``invalid_client_id``.
    """
    key = credentials.public_key if credentials else None
    options: Any = {"verify_signature": key is not None, "verify_aud": False, "verify_exp": True}
    options["require"] = ["iss", "sub", "aud", "exp"]
    try:
        claims = jwt.decode(assertion, key or "", algorithms=["RS256"], options=options)
    except jwt.ExpiredSignatureError as error:
        raise OAuthError("invalid_grant", "expired authorization code") from error
    except jwt.InvalidTokenError as error:
        raise OAuthError("invalid_grant", "invalid assertion") from error
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not {*audiences} & {*LOGIN_HOSTS, origin}:
        raise OAuthError("invalid_grant", "Audience validation failed")
    if credentials is None:
        return
    if claims["iss"] != credentials.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if claims["sub"] != credentials.username:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")


def _grant_session(state: State, call: Call, **extra: str) -> Reply:
    """Open a session; like Salesforce's, the reply does not say when it ends."""
    identity = identity_url(state, call)
    issued_at = str(int(time.time() * 1000))
    signature = base64.b64encode(hashlib.sha256((identity + issued_at).encode()).digest()).decode()
    body = {
        "access_token": state.sessions.open(),
        "signature": signature,
        "scope": "api refresh_token",
        "instance_url": call.instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
        **extra,
    }
    return json_reply(body, headers={"Cache-Control": "no-cache, no-store"})
