"""Sessions from the token endpoint: one login for all, renewed once, its errors without secrets."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs

import pytest
from fake_transport import BUSY, ORG, FakeTransport

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.salesforce.addresses import LOGIN, HostAddress
from tap_sfbulk_pages.salesforce.sign_in.flows import ClientCredentials
from tap_sfbulk_pages.salesforce.sign_in.token_endpoint import TokenEndpoint, TokenSessions

SECRET = "S3CRET-of-the-app"
FLOW = ClientCredentials("app", SECRET)


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr("time.sleep", lambda _: None)


def sessions_for(
    *replies: Any, instance: str | None = ORG, login: HostAddress = LOGIN
) -> tuple[TokenSessions, FakeTransport]:
    transport: Any = FakeTransport(*replies)
    address = HostAddress(instance) if instance else None
    return TokenEndpoint(FLOW, login, address).connect(transport, max_tries=3), transport


def token(name: str = "first", **others: str) -> tuple[int, dict[str, str]]:
    return 200, {"access_token": name, "instance_url": "https://reply.my.salesforce.com", **others}


def test_the_request_and_the_session() -> None:
    sessions, transport = sessions_for(token())
    assert transport.requests == []
    session = sessions.session()
    assert (session.access_token, session.address.origin) == ("first", ORG)
    assert "first" not in repr(session)
    assert sessions.session() is session
    (request,) = transport.requests
    assert request.url == "https://login.salesforce.com/services/oauth2/token"
    assert parse_qs(str(request.body)) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": [SECRET],
    }


def test_the_address_of_the_reply_is_taken_where_none_is_set() -> None:
    sessions, _ = sessions_for(token(), instance=None)
    assert sessions.session().address.origin == "https://reply.my.salesforce.com"


@pytest.mark.parametrize("instance", ["", "http://acme.my.salesforce.com", "nonsense"])
def test_an_address_that_cannot_be_used(instance: str) -> None:
    sessions, _ = sessions_for(token(instance_url=instance), instance=None)
    with pytest.raises(SignInError, match="set instance_url"):
        sessions.session()


def test_one_renewal_for_all_threads() -> None:
    sessions, transport = sessions_for(token("first"), token("second"))
    dead = sessions.session()
    threads = [threading.Thread(target=sessions.renew, args=(dead, "expired")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sessions.session().access_token == "second"
    sessions.renew(dead, "expired")
    assert sessions.session().access_token == "second"
    assert len(transport.requests) == 2


def test_a_login_that_fails_for_the_moment_is_retried() -> None:
    sessions, transport = sessions_for(BUSY, (200, "<html>"), token())
    assert sessions.session().access_token == "first"
    assert len(transport.requests) == 3


@pytest.mark.parametrize("reply", [BUSY, (200, "<html>secret"), (200, ["secret"]), (200, {})])
def test_a_login_that_fails_for_good(reply: Any) -> None:
    sessions, transport = sessions_for(reply)
    with pytest.raises(SignInError, match="check instance_url and login_url") as error:
        sessions.session()
    assert len(transport.requests) == 3
    assert "secret" not in str(error.value)


def test_a_refusal_is_not_retried_and_has_advice() -> None:
    refused = {"error": "invalid_client", "error_description": "invalid client credentials"}
    sessions, transport = sessions_for((400, refused))
    with pytest.raises(SignInError, match=r"invalid_client: invalid client.*Check client_secret"):
        sessions.session()
    assert len(transport.requests) == 1
