"""The authorization code grant, with PKCE: how a client signs in through a browser.

Salesforce Help, "OAuth 2.0 Web Server Flow"; RFC 7636. Nobody is asked anything here: the browser
is sent back at once.
"""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sfbulk_sandbox.exchange import Call, Reply
from sfbulk_sandbox.salesforce_errors import OAuthError
from sfbulk_sandbox.state.sessions import Authorization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.state.state import State


async def authorize(state: State, call: Call) -> Reply:
    """Answer ``GET /services/oauth2/authorize`` with a redirect that carries a code."""
    query = call.query
    redirect_uri = query.get("redirect_uri", "")
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response type not supported")
    credentials = state.scenario.credentials
    client_id = query.get("client_id", "")
    if not client_id or (credentials and client_id != credentials.client_id):
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not redirect_uri:
        raise OAuthError("redirect_uri_missing", "redirect_uri must match configuration")
    if query.get("code_challenge_method", "S256") != "S256":
        raise OAuthError("invalid_request", "code challenge method not supported")
    authorization = Authorization(client_id, redirect_uri, query.get("code_challenge"))
    parameters = {"code": state.sessions.authorize(authorization)}
    if "state" in query:
        parameters["state"] = query["state"]
    mark = "&" if "?" in redirect_uri else "?"
    location = f"{redirect_uri}{mark}{urlencode(parameters)}"
    return Reply(HTTPStatus.FOUND, headers={"Location": location})


def check_code(state: State, form: Mapping[str, str]) -> None:
    """Compare the token request with the authorization that its code stands for.

    Raises:
        OAuthError: The code is unknown or used, or the request is of somebody else.
    """
    authorization = state.sessions.take_authorization(form.get("code", ""))
    if authorization is None:
        raise OAuthError("invalid_grant", "expired authorization code")
    if form.get("client_id") != authorization.client_id:
        raise OAuthError("invalid_grant", "invalid authorization code")
    if form.get("redirect_uri") != authorization.redirect_uri:
        raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
    if authorization.challenge is not None:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != authorization.challenge.rstrip("="):
            raise OAuthError("invalid_grant", "invalid code verifier")
