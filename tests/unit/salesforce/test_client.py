"""A call: signed for the org's host only, retried, renewed, counted, and its errors."""

from __future__ import annotations

from typing import Any

import pytest
from fake_transport import BUSY, ORG, FakeTransport, refusal

from tap_sfbulk_pages.errors import (
    AllowanceError,
    RefusedError,
    SignInError,
    UnavailableError,
    UntrustedLinkError,
)
from tap_sfbulk_pages.salesforce.addresses import HostAddress
from tap_sfbulk_pages.salesforce.call_allowance import CallAllowance
from tap_sfbulk_pages.salesforce.client import SalesforceClient
from tap_sfbulk_pages.salesforce.sign_in.session import Session


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr("time.sleep", lambda _: None)


class Tokens:
    """Stands in for `session.Sessions`: another token after each renewal."""

    def __init__(self) -> None:
        self.number = 1

    def session(self) -> Session:
        return Session(f"token-{self.number}", HostAddress(ORG))

    def renew(self, dead: Session, reason: str) -> None:
        assert dead.access_token == f"token-{self.number}"
        assert reason
        self.number += 1


def client_for(transport: Any, *, max_tries: int = 3, percent: float = 100) -> SalesforceClient:
    allowance = CallAllowance(percent_total=percent, percent_per_run=percent)
    return SalesforceClient(transport, Tokens(), allowance, max_tries=max_tries)


def fetch(client: SalesforceClient, link: str = "/limits", **others: Any) -> Any:
    others.setdefault("parse", lambda reply: reply)
    return client.fetch_json(link, api_version="62.0", **others)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/limits", f"{ORG}/services/data/v62.0/limits"),
        ("/services/data/v60.0/limits", f"{ORG}/services/data/v60.0/limits"),
        (f"{ORG}/services/oauth2/userinfo", f"{ORG}/services/oauth2/userinfo"),
    ],
)
def test_a_call_is_signed_for_the_org(link: str, url: str) -> None:
    transport = FakeTransport((200, {"a": 1}))
    assert fetch(client_for(transport), link) == {"a": 1}
    (request,) = transport.requests
    assert request.url == url
    assert request.headers["Authorization"] == "Bearer token-1"


def test_nothing_is_sent_to_another_host() -> None:
    transport = FakeTransport((200, {}))
    with pytest.raises(UntrustedLinkError):
        fetch(client_for(transport), "https://elsewhere.example/limits")
    assert transport.requests == []


def test_what_may_pass_is_retried() -> None:
    transport = FakeTransport(BUSY, BUSY, (200, {"a": 1}))
    assert fetch(client_for(transport)) == {"a": 1}
    assert len(transport.requests) == 3


def test_retries_have_an_end_and_name_the_address() -> None:
    transport = FakeTransport(BUSY)
    with pytest.raises(UnavailableError, match="check instance_url"):
        fetch(client_for(transport, max_tries=2))
    assert len(transport.requests) == 2


def test_what_is_retried_in_vain_has_its_advice() -> None:
    transport = FakeTransport(refusal(403, "TXN_SECURITY_METERING_ERROR", "too slow."))
    with pytest.raises(UnavailableError, match=r"too slow\. A transaction security policy"):
        fetch(client_for(transport, max_tries=2))
    assert len(transport.requests) == 2


def test_a_refusal_is_not_retried() -> None:
    transport = FakeTransport(refusal(400))
    with pytest.raises(
        RefusedError, match=r"GET /services/data/v62\.0/limits answered 400"
    ) as error:
        fetch(client_for(transport))
    assert (error.value.status, error.value.error_code, error.value.said) == (
        400,
        "INVALID_TYPE",
        "no",
    )
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "parse", [lambda reply: reply["b"], lambda reply: int(reply["a"])], ids=["key", "value"]
)
def test_a_document_of_another_form_is_asked_for_again(parse: Any) -> None:
    transport = FakeTransport((200, {"a": "x"}), (200, {"a": 1, "b": 1}))
    assert fetch(client_for(transport), parse=parse) == 1


def test_a_dead_session_is_replaced() -> None:
    transport = FakeTransport(refusal(401, "INVALID_SESSION_ID"), (200, {"a": 1}))
    assert fetch(client_for(transport)) == {"a": 1}
    assert [each.headers["Authorization"] for each in transport.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_sessions_that_are_all_refused_have_an_end() -> None:
    transport = FakeTransport(refusal(401, "INVALID_SESSION_ID"))
    with pytest.raises(SignInError, match="INVALID_SESSION_ID"):
        fetch(client_for(transport))
    assert len(transport.requests) == 4


def test_a_page_of_another_server_names_the_settings_until_one_call_has_succeeded() -> None:
    page = (404, "<html>Not found</html>")
    with pytest.raises(RefusedError, match="instance_url"):
        fetch(client_for(FakeTransport(page)))
    client = client_for(FakeTransport((200, {}), page))
    fetch(client)
    with pytest.raises(RefusedError) as error:
        fetch(client)
    assert "instance_url" not in str(error.value)


def test_every_try_is_counted() -> None:
    usage = {"Sforce-Limit-Info": "api-usage=50/100"}
    client = client_for(FakeTransport((200, {}, usage)), percent=50)
    fetch(client)
    with pytest.raises(AllowanceError, match="50 of the org's 100"):
        fetch(client)
