"""Settings: which of them sign in, which cannot work, and that no secret is shown."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.salesforce.sign_in.flows import (
    ClientCredentials,
    JwtBearer,
    RefreshToken,
    UsernamePassword,
)
from tap_sfbulk_pages.salesforce.sign_in.session import ReadyToken
from tap_sfbulk_pages.salesforce.sign_in.token_endpoint import TokenEndpoint
from tap_sfbulk_pages.settings import Settings
from tap_sfbulk_pages.settings_schema import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = "https://login.salesforce.com"
TOKEN = {"instance_url": "https://acme.my.salesforce.com", "access_token": "t"}
HOME = "https://acme.my.salesforce.com"
VALUES = {
    "access_token": "SECRET-token",
    "client_id": "app",
    "client_secret": "SECRET-of-the-app",
    "refresh_token": "SECRET-refresh",
    "username": "ada@example.com",
    "private_key": "SECRET-key",
    "private_key_passphrase": "SECRET-passphrase",
    "password": "SECRET-password",
    "security_token": "SECRET-security",
}
FLOWS = {
    frozenset({"access_token"}): ReadyToken,
    frozenset({"client_id", "client_secret"}): ClientCredentials,
    frozenset({"client_id", "refresh_token"}): RefreshToken,
    frozenset({"client_id", "client_secret", "refresh_token"}): RefreshToken,
    frozenset({"client_id", "username", "private_key"}): JwtBearer,
    frozenset({"client_id", "username", "private_key_path"}): JwtBearer,
    frozenset({"client_id", "username", "private_key", "private_key_passphrase"}): JwtBearer,
    frozenset({"client_id", "username", "private_key_path", "private_key_passphrase"}): JwtBearer,
    frozenset({"client_id", "client_secret", "username", "password"}): UsernamePassword,
    frozenset(
        {"client_id", "client_secret", "username", "password", "security_token"}
    ): UsernamePassword,
}


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """Give every setting of every flow a value."""
    path = tmp_path / "key.pem"
    path.write_text("SECRET-key-of-a-file")
    return {**VALUES, "private_key_path": str(path)}


def token_endpoint(config: dict[str, Any]) -> TokenEndpoint:
    sign_in = Settings.parse(config).sign_in
    assert isinstance(sign_in, TokenEndpoint)
    return sign_in


def test_every_combination_makes_one_flow_or_is_refused(values: dict[str, str]) -> None:
    for count in range(len(values) + 1):
        for names in combinations(sorted(values), count):
            config = {"instance_url": HOME, **{name: values[name] for name in names}}
            if frozenset(names) in FLOWS:
                parsed = Settings.parse(config)
                sign_in = parsed.sign_in
                chosen = sign_in.flow if isinstance(sign_in, TokenEndpoint) else sign_in
                assert type(chosen) is FLOWS[frozenset(names)]
                assert "SECRET" not in repr(parsed)
                continue
            with pytest.raises(SettingsError) as error:
                Settings.parse(config)
            told = f"{error.value!s} {error.value!r} {error.value.errors}"
            assert "SECRET" not in told
            if "private_key" in names and "private_key_path" in names:
                assert "private_key_path" in told
            else:
                assert all(name in told for name in names)


def test_the_form_of_every_flow(values: dict[str, str]) -> None:
    grants = {}
    for names in FLOWS:
        if names == {"access_token"}:
            continue
        flow = token_endpoint({"instance_url": HOME, **{name: values[name] for name in names}}).flow
        if not isinstance(flow, JwtBearer):
            grants[type(flow), "client_secret" in names, "security_token" in names] = flow.form()
    app = {"client_id": "app", "client_secret": "SECRET-of-the-app"}
    refresh = {"grant_type": "refresh_token", "refresh_token": "SECRET-refresh"}
    user = {"grant_type": "password", "username": "ada@example.com"}
    assert grants == {
        (ClientCredentials, True, False): {**app, "grant_type": "client_credentials"},
        (RefreshToken, False, False): {"client_id": "app", **refresh},
        (RefreshToken, True, False): {**app, **refresh},
        (UsernamePassword, True, False): {**app, **user, "password": "SECRET-password"},
        (UsernamePassword, True, True): {
            **app,
            **user,
            "password": "SECRET-passwordSECRET-security",
        },
    }


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_setting_is_not_set(values: dict[str, str], empty: Any) -> None:
    parsed = Settings.parse(
        {
            **dict.fromkeys(values, empty),
            "instance_url": HOME,
            "login_url": empty,
            "start_date": empty,
            "client_id": "app",
            "client_secret": "s",
        }
    )
    assert parsed.sign_in.title == ClientCredentials.title
    assert parsed.start_date is None


@pytest.mark.parametrize(
    ("config", "login"),
    [
        ({"instance_url": HOME}, HOME),
        ({}, "https://login.salesforce.com"),
        ({"is_sandbox": True}, "https://test.salesforce.com"),
        ({"instance_url": HOME, "is_sandbox": True}, HOME),
        ({"instance_url": HOME, "login_url": "https://login.example"}, "https://login.example"),
    ],
)
def test_where_the_token_is_asked_for(config: dict[str, Any], login: str) -> None:
    endpoint = token_endpoint({"client_id": "app", "refresh_token": "r", **config})
    assert endpoint.login.origin == login


@pytest.mark.parametrize(
    ("config", "audience"),
    [
        ({}, "https://login.salesforce.com"),
        ({"is_sandbox": True}, "https://test.salesforce.com"),
        ({"instance_url": HOME}, "https://login.salesforce.com"),
        (
            {"instance_url": "https://acme--dev.sandbox.my.salesforce.com"},
            "https://test.salesforce.com",
        ),
        (
            {"instance_url": HOME, "login_url": "https://test.salesforce.com"},
            "https://test.salesforce.com",
        ),
        ({"instance_url": "https://acme.my.salesforce.mil"}, "https://acme.my.salesforce.mil"),
        (
            {"instance_url": "https://acme--uat.sandbox.my.sfcrmproducts.cn"},
            "https://acme--uat.sandbox.my.sfcrmproducts.cn",
        ),
        (
            {"instance_url": "https://acme.my.salesforce.mil", "login_url": f"{LOGIN}/"},
            "https://login.salesforce.com",
        ),
    ],
)
def test_audience_of_the_jwt(config: dict[str, Any], audience: str) -> None:
    flow = token_endpoint({"client_id": "app", "username": "u", "private_key": "k", **config}).flow
    assert isinstance(flow, JwtBearer)
    assert flow.audience == audience


@pytest.mark.parametrize("setting", ["instance_url", "login_url"])
@pytest.mark.parametrize(
    ("page", "right"),
    [
        ("https://acme.lightning.force.com/lightning/page/home", HOME),
        ("https://Acme.lightning.force.com", HOME),
        (
            "https://acme--uat.sandbox.lightning.force.com",
            "https://acme--uat.sandbox.my.salesforce.com",
        ),
        ("https://acme.my.salesforce-setup.com", HOME),
        ("https://acme.lightning.crmforce.mil", "https://acme.my.salesforce.mil"),
        ("https://acme.lightning.sfcrmapps.cn", "https://acme.my.sfcrmproducts.cn"),
        ("https://acme.setup.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"),
    ],
)
def test_the_address_of_a_page_is_corrected(setting: str, page: str, right: str) -> None:
    config = {"access_token": "t", "instance_url": HOME, setting: page}
    with pytest.raises(SettingsError, match=rf"^{setting} .* set it to {re.escape(right)}$"):
        Settings.parse(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"access_token": "t", "instance_url": None}, "instance_url"),
        ({"access_token": "t", "instance_url": LOGIN}, "login_url"),
        ({"client_id": "a", "client_secret": "s", "login_url": LOGIN}, "no login_url"),
        ({"client_id": "a", "client_secret": "s", "instance_url": None}, "instance_url"),
        ({"access_token": "t", "instance_url": "http://acme.my.salesforce.com"}, "https"),
        ({"access_token": "t", "login_url": "ftp://x"}, "login_url"),
        ({"access_token": "t", "api_version": "57.0"}, "58.0"),
        ({"access_token": "t", "api_version": "new"}, "api_version"),
        ({"access_token": "t", "start_date": "soon"}, "start_date"),
        ({"access_token": "t", "start_date": "0001-01-01T00:00:00+14:00"}, "start_date"),
        (
            {"client_id": "a", "username": "u", "private_key_path": "/nowhere/key.pem"},
            "private_key_path",
        ),
    ],
)
def test_what_cannot_work_is_named(config: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.parse({"instance_url": HOME, **config})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01", datetime(2024, 1, 1, tzinfo=timezone.utc)),
        ("2024-01-01T00:00:00Z", datetime(2024, 1, 1, tzinfo=timezone.utc)),
        ("2024-01-01T02:00:00+02:00", datetime(2024, 1, 1, tzinfo=timezone.utc)),
        ("2024-01-01T00:00:00.000Z", datetime(2024, 1, 1, tzinfo=timezone.utc)),
    ],
)
def test_start_dates(text: str, moment: datetime) -> None:
    parsed = Settings.parse({"instance_url": HOME, "access_token": "t", "start_date": text})
    assert parsed.start_date == moment


def test_every_setting_is_described_and_every_secret_marked() -> None:
    properties = SCHEMA["properties"]
    assert all(schema.get("description") for schema in properties.values())
    secret = {name for name, schema in properties.items() if schema.get("secret")}
    assert secret == {name for name, value in VALUES.items() if value.startswith("SECRET")}


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P7D", timedelta(days=7)),
        ("P2W", timedelta(weeks=2)),
        ("PT12H", timedelta(hours=12)),
        ("P1DT6H", timedelta(hours=30)),
    ],
)
def test_periods(text: str, period: timedelta) -> None:
    assert (
        Settings.parse({**TOKEN, "refresh_formula_fields": text}).refresh_formula_fields == period
    )


@pytest.mark.parametrize("text", ["7", "weekly", "P1M", "P1Y", "-P7D", "P0D", "P", "P7", "7D"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="refresh_formula_fields must be a period"):
        Settings.parse({**TOKEN, "refresh_formula_fields": text})


MIL = "https://acme.my.salesforce.mil"
JWT = {"client_id": "app", "username": "u", "private_key": "k"}


@pytest.mark.parametrize(
    ("config", "audiences"),
    [
        ({}, (LOGIN, None)),
        ({"instance_url": HOME}, (LOGIN, HOME)),
        ({"instance_url": HOME, "login_url": LOGIN}, (LOGIN, HOME)),
        ({"login_url": HOME}, (LOGIN, HOME)),
        ({"instance_url": MIL}, (MIL, None)),
        ({"instance_url": HOME, "jwt_audience": "https://a.example"}, ("https://a.example", None)),
    ],
)
def test_the_audience_that_is_tried_second(
    config: dict[str, str], audiences: tuple[str, str | None]
) -> None:
    flow = token_endpoint({**JWT, **config}).flow
    assert isinstance(flow, JwtBearer)
    assert (flow.audience, flow.other_audience) == audiences


def test_an_audience_without_a_jwt_is_refused() -> None:
    config = {"client_id": "app", "client_secret": "s", "instance_url": HOME}
    with pytest.raises(SettingsError, match=r"jwt_audience together are not a way to sign in"):
        Settings.parse({**config, "jwt_audience": HOME})
