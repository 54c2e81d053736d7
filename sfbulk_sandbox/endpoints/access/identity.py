"""Who a session is of: the identity URL, OpenID's ``userinfo``, and what both say.

Salesforce Help, "Identity URLs"; OpenID Connect, "UserInfo Endpoint".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import HTML, Call, Reply, json_reply

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_RESOURCES = {
    "metadata": "/services/Soap/m/{version}/{org}",
    "enterprise": "/services/Soap/c/{version}/{org}",
    "partner": "/services/Soap/u/{version}/{org}",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_rest": "/services/data/v{version}/tooling/",
    "profile": "/{user}",
}


async def show_identity(state: State, call: Call, organization_id: str, user_id: str) -> Reply:
    """Answer the URL that the token endpoint names ``id``, with a session."""
    if state.sessions.find(call.token or call.query.get("oauth_token")) is None:
        return Reply(HTTPStatus.FORBIDDEN, b"Bad_OAuth_Token", HTML)
    user = state.org.user
    if (organization_id[:15], user_id[:15]) != (user.organization_id[:15], user.id[:15]):
        return Reply(HTTPStatus.FORBIDDEN, b"Wrong_Org", HTML)
    return json_reply(
        {
            "id": identity_url(state, call),
            "asserted_user": True,
            "user_id": user.id,
            "organization_id": user.organization_id,
            "username": user.username,
            "nick_name": user.username.partition("@")[0],
            "display_name": user.name,
            "email": user.email,
            "email_verified": True,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "timezone": user.time_zone,
            "active": True,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": user.locale,
            "utcOffset": 0,
            "urls": _list_urls(state, call),
        }
    )


async def describe_user(state: State, call: Call) -> Reply:
    """Answer ``/services/oauth2/userinfo``; a session that is over gets a bare text."""
    if state.sessions.find(call.token) is None:
        return Reply(HTTPStatus.FORBIDDEN, b"Bad_OAuth_Token", HTML)
    user = state.org.user
    return json_reply(
        {
            "sub": identity_url(state, call),
            "user_id": user.id,
            "organization_id": user.organization_id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": user.name,
            "email": user.email,
            "email_verified": True,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "zoneinfo": user.time_zone,
            "active": True,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": user.locale,
            "urls": _list_urls(state, call),
        }
    )


def identity_url(state: State, call: Call) -> str:
    """Return the address of the signed-in user's identity."""
    user = state.org.user
    return f"{call.origin}/id/{user.organization_id}/{user.id}"


def _list_urls(state: State, call: Call) -> dict[str, str]:
    user = state.org.user
    ids = {"{org}": user.organization_id, "{user}": user.id}
    urls = {}
    for name, path in _RESOURCES.items():
        for mark, record_id in ids.items():
            path = path.replace(mark, record_id)  # noqa: PLW2901 - mark after mark
        urls[name] = call.instance_url + path
    return urls
