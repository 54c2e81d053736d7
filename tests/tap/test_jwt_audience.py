"""The audience of a JWT: External Client Apps take the org's My Domain address alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
import pytest
from token_server import TokenServer

if TYPE_CHECKING:
    from tap_process import Tap

LOGIN = "https://login.salesforce.com"


def audience_of(form: str) -> str:
    assertion = parse_qs(form)["assertion"][0]
    claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    return str(claims["aud"])


def audiences_tried(
    tap: Tap, key_pair: tuple[str, str], accepted: str | None, **settings: str
) -> tuple[list[str], str]:
    """Sign in at a token endpoint that knows the app for one audience (None: its own address)."""

    def answer(form: str) -> tuple[int, dict[str, str]]:
        if audience_of(form) == (server.url if accepted is None else accepted):
            return 200, {"access_token": "00D!issued-token"}
        return 400, {"error": "app_not_found", "error_description": "External client app not found"}

    with TokenServer(answer=answer) as server:
        config = {
            "instance_url": server.url,
            "client_id": "app",
            "username": "ada@example.com",
            "private_key": key_pair[0],
            "max_retries": 1,
            **settings,
        }
        run = tap(config, "--test")
        tried = [audience_of(form).replace(server.url, "home") for form in server.forms]
    return tried, run.stderr


def test_the_usual_audience_comes_first(tap: Tap, key_pair: tuple[str, str]) -> None:
    tried, told = audiences_tried(tap, key_pair, LOGIN)
    assert tried == [LOGIN]
    assert "sign-in: failed" not in told


def test_the_orgs_own_address_is_tried_once(tap: Tap, key_pair: tuple[str, str]) -> None:
    tried, told = audiences_tried(tap, key_pair, None)
    assert tried == [LOGIN, "home"]
    assert "sign-in: failed" not in told


@pytest.mark.parametrize("audience", [LOGIN, "https://acme.my.salesforce.com"])
def test_an_audience_that_is_set_is_the_only_one(
    tap: Tap, key_pair: tuple[str, str], audience: str
) -> None:
    tried, told = audiences_tried(tap, key_pair, "another", jwt_audience=audience)
    assert tried == [audience]
    assert "sign-in: failed" in told


def test_an_app_that_is_known_nowhere(tap: Tap, key_pair: tuple[str, str]) -> None:
    tried, told = audiences_tried(tap, key_pair, "another")
    assert tried == [LOGIN, "home"]
    assert "app_not_found: External client app not found" in told
    assert "set jwt_audience" in told
