"""Signing in to the sandbox."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    import requests
    from bare_client import Client, StartClient

CREDENTIALS = {
    "client_id": "app",
    "client_secret": "secret",
    "username": "ann@example.com",
    "password": "pass",
    "security_token": "word",
    "refresh_token": "first",
    "access_token": "ready",
}
APP = {"client_id": "app", "client_secret": "secret"}
CLIENT_CREDENTIALS = {"grant_type": "client_credentials", **APP}
REFRESH = {"grant_type": "refresh_token", **APP, "refresh_token": "first"}
PASSWORD = {
    "grant_type": "password",
    **APP,
    "username": "ann@example.com",
    "password": "password",
}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def token(client: Client, form: dict[str, str], **options: Any) -> requests.Response:
    client.session.headers.pop("Authorization", None)
    return client.post("/services/oauth2/token", data=form, **options)


def limits_with(client: Client, access_token: str) -> requests.Response:
    return client.get("/limits", headers={"Authorization": f"Bearer {access_token}"})


@pytest.mark.parametrize(
    "form", [CLIENT_CREDENTIALS, REFRESH, PASSWORD], ids=lambda form: form["grant_type"]
)
def test_right_credentials_open_a_session(start: StartClient, form: dict[str, str]) -> None:
    client = start(credentials=CREDENTIALS)
    reply = token(client, form)
    assert reply.status_code == 200
    body = reply.json()
    assert body["instance_url"] == client.server.url
    assert body["token_type"] == "Bearer"
    assert body["issued_at"].isdigit()
    assert "expires_in" not in body
    assert "refresh_token" not in body
    assert limits_with(client, body["access_token"]).status_code == 200


def test_app_may_sign_in_with_basic_authentication(start: StartClient) -> None:
    client = start(credentials=CREDENTIALS)
    form = {"grant_type": "client_credentials"}
    assert token(client, form, auth=("app", "secret")).status_code == 200
    assert token(client, form, auth=("app", "wrong")).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        (
            {**CLIENT_CREDENTIALS, "client_id": "other"},
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            {**CLIENT_CREDENTIALS, "client_secret": "wrong"},
            "invalid_client",
            "invalid client credentials",
        ),
        ({**REFRESH, "refresh_token": "old"}, "invalid_grant", "expired access/refresh token"),
        (
            {**PASSWORD, "password": "pass"},
            "invalid_grant",
            "authentication failure - Invalid Password",
        ),
        (
            {**CLIENT_CREDENTIALS, "grant_type": "magic"},
            "unsupported_grant_type",
            "grant type not supported",
        ),
    ],
)
def test_wrong_credentials_get_an_error_object(
    start: StartClient, form: dict[str, str], error: str, description: str
) -> None:
    reply = token(start(credentials=CREDENTIALS), form)
    assert reply.status_code == 400
    assert reply.json() == {"error": error, "error_description": description}


def test_unknown_token_is_refused_when_credentials_are_required(
    start: StartClient,
) -> None:
    client = start(credentials=CREDENTIALS)
    assert limits_with(client, "ready").status_code == 200
    reply = limits_with(client, "unknown")
    assert reply.status_code == 401
    assert reply.json() == [
        {"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}
    ]


def test_anything_goes_without_credentials_in_the_scenario(start: StartClient) -> None:
    client = start()
    assert limits_with(client, "whatever").status_code == 200
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    assert token(client, form).status_code == 200
    assert client.get("/limits").status_code == 401


def test_rotated_refresh_token_works_once(start: StartClient) -> None:
    client = start(credentials=CREDENTIALS, refresh_token_rotation=True)
    second = token(client, REFRESH).json()["refresh_token"]
    assert token(client, REFRESH).json()["error"] == "invalid_grant"
    assert token(client, {**REFRESH, "refresh_token": second}).status_code == 200


def test_token_dies_after_its_calls(start: StartClient) -> None:
    client = start(token_lifetime_calls=2)
    statuses = [limits_with(client, "mine").status_code for _ in range(3)]
    assert statuses == [200, 200, 401]


def test_revoked_token_is_dead(start: StartClient) -> None:
    client = start()
    assert limits_with(client, "mine").status_code == 200
    assert client.post("/services/oauth2/revoke", data={"token": "mine"}).status_code == 200
    assert limits_with(client, "mine").status_code == 401


def test_introspection_tells_until_when_a_token_lives(start: StartClient) -> None:
    client = start(credentials=CREDENTIALS)
    access_token = token(client, CLIENT_CREDENTIALS).json()["access_token"]
    path = "/services/oauth2/introspect"
    known = client.post(path, data={"token": access_token}, auth=("app", "secret")).json()
    assert known["active"]
    assert known["exp"] > time.time()
    unknown = client.post(path, data={"token": "unknown"}, auth=("app", "secret")).json()
    assert unknown == {"active": False}


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({}, None),
        ({"aud": "https://test.salesforce.com"}, None),
        ({"aud": "https://example.com"}, "invalid_grant"),
        ({"exp": 1}, "invalid_grant"),
        ({"iss": "other"}, "invalid_client_id"),
        ({"sub": "bob@example.com"}, "invalid_grant"),
    ],
    ids=["right", "test host", "wrong audience", "expired", "wrong app", "wrong user"],
)
def test_jwt_bearer_assertion_is_checked(
    start: StartClient,
    key_pair: tuple[str, str],
    claims: dict[str, Any],
    error: str | None,
) -> None:
    client = start(credentials={**CREDENTIALS, "public_key": key_pair[1]})
    usual = {
        "iss": "app",
        "sub": "ann@example.com",
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 180,
    }
    assertion = jwt.encode({**usual, **claims}, key_pair[0], algorithm="RS256")
    reply = token(client, {"grant_type": JWT_BEARER, "assertion": assertion})
    assert reply.json().get("error") == error


@pytest.mark.parametrize(("seconds", "status"), [(180, 200), (-1, 400)])
def test_jwt_bearer_claims_are_checked_without_a_key_too(
    start: StartClient, key_pair: tuple[str, str], seconds: int, status: int
) -> None:
    claims = {
        "iss": "any",
        "sub": "any",
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + seconds),
    }
    assertion = jwt.encode(claims, key_pair[0], algorithm="RS256")
    reply = token(start(), {"grant_type": JWT_BEARER, "assertion": assertion})
    assert reply.status_code == status


def test_jwt_bearer_assertion_of_another_key_is_refused(
    start: StartClient, key_pair: tuple[str, str]
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    client = start(credentials={**CREDENTIALS, "public_key": key_pair[1]})
    claims = {
        "iss": "app",
        "sub": "ann@example.com",
        "aud": client.server.url,
        "exp": int(time.time()) + 180,
    }
    assertion = jwt.encode(claims, stranger, algorithm="RS256")
    reply = token(client, {"grant_type": JWT_BEARER, "assertion": assertion})
    assert reply.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}


@pytest.mark.parametrize(
    ("version", "password", "status", "said"),
    [
        ("59.0", "password", 200, "<sessionId>"),
        ("59.0", "wrong", 500, "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>"),
        ("65.0", "password", 500, "UNSUPPORTED_API_VERSION"),
    ],
)
def test_soap_login(
    start: StartClient, version: str, password: str, status: int, said: str
) -> None:
    body = f"""<e:Envelope xmlns:e="x"><e:Body><n1:login xmlns:n1="urn:partner.soap.sforce.com">
        <n1:username>ann@example.com</n1:username><n1:password>{password}</n1:password>
        </n1:login></e:Body></e:Envelope>"""
    client = start(credentials=CREDENTIALS)
    reply = client.post(f"/services/Soap/u/{version}", data=body)
    assert reply.status_code == status
    assert said in reply.text


def test_userinfo_tells_whose_session_it_is(start: StartClient) -> None:
    client = start(credentials=CREDENTIALS)

    def asked(access_token: str) -> requests.Response:
        return client.session.get(
            f"{client.server.url}/services/oauth2/userinfo",
            headers={"Authorization": f"Bearer {access_token}"},
        )

    assert asked("ready").json()["preferred_username"] == "ann@example.com"
    reply = asked("unknown")
    assert (reply.status_code, reply.text) == (403, "Bad_OAuth_Token")


def authorize(client: Client, **query: str) -> requests.Response:
    asked = {"response_type": "code", "client_id": "app", "redirect_uri": "http://localhost/back"}
    path = "/services/oauth2/authorize"
    return client.get(path, params={**asked, **query})


def test_the_authorization_code_grant_with_pkce(start: StartClient) -> None:
    client = start(credentials=CREDENTIALS)
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    sent_back = authorize(client, state="a b", code_challenge=challenge)
    assert sent_back.status_code == 302
    address = urlsplit(sent_back.headers["Location"])
    assert address.netloc == "localhost"
    query = dict(parse_qsl(address.query))
    assert query["state"] == "a b"
    form = {
        "grant_type": "authorization_code",
        "client_id": "app",
        "redirect_uri": "http://localhost/back",
        "code": query["code"],
    }
    token = "/services/oauth2/token"
    granted = client.post(token, data={**form, "code_verifier": verifier}).json()
    assert {"access_token", "refresh_token", "id"} <= granted.keys()
    refresh = {**REFRESH, "refresh_token": granted["refresh_token"]}
    assert client.post(token, data=refresh).status_code == 200
    again = client.post(token, data={**form, "code_verifier": verifier}).json()
    assert again["error_description"] == "expired authorization code"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": "http://localhost/other"}, "redirect_uri_mismatch"),
        ({"client_id": "other"}, "invalid_client_id"),
        ({"client_secret": "wrong"}, "invalid_client"),
    ],
)
def test_codes_of_somebody_else(start: StartClient, change: dict[str, str], error: str) -> None:
    client = start(credentials=CREDENTIALS)
    sent_back = authorize(client, code_challenge="c")
    code = dict(parse_qsl(urlsplit(sent_back.headers["Location"]).query))["code"]
    form = {"client_id": "app", "redirect_uri": "http://localhost/back", "code": code}
    form |= {"grant_type": "authorization_code", "code_verifier": "v"}
    reply = client.post("/services/oauth2/token", data={**form, **change})
    assert (reply.status_code, reply.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"client_id": "other"}, "invalid_client_id"),
        ({"redirect_uri": ""}, "redirect_uri_missing"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_authorizations_that_are_refused(
    start: StartClient, change: dict[str, str], error: str
) -> None:
    assert authorize(start(credentials=CREDENTIALS), **change).json()["error"] == error


def test_the_identity_is_that_of_rows_of_the_org(start: StartClient) -> None:
    credentials = {"client_id": "app", "client_secret": "secret", "username": "ann@example.com"}
    client = start(credentials=credentials)
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}
    granted = client.post("/services/oauth2/token", data=form).json()
    client.session.headers["Authorization"] = f"Bearer {granted['access_token']}"
    identity = client.get(granted["id"]).json()
    assert identity["id"] == granted["id"]
    assert identity["urls"]["rest"] == f"{client.server.url}/services/data/v{{version}}/"
    soql = "SELECT Id, Name, Profile.Name FROM User WHERE Username = 'ann@example.com'"
    (user,) = client.get("/query", params={"q": soql}).json()["records"]
    assert (user["Id"], user["Name"]) == (identity["user_id"], identity["display_name"])
    soql = "SELECT Id, OrganizationType, IsSandbox FROM Organization"
    (organization,) = client.get("/query", params={"q": soql}).json()["records"]
    assert organization["Id"] == identity["organization_id"]
    assert granted["access_token"].startswith(organization["Id"][:15] + "!")
    info = client.get("/services/oauth2/userinfo").json()
    assert (info["user_id"], info["email"]) == (user["Id"], identity["email"])
    stranger = granted["id"][:-18] + "005000000000000AAA"
    assert client.get(stranger).text == "Wrong_Org"
    client.session.headers["Authorization"] = "Bearer nobody"
    assert client.get(granted["id"]).text == "Bad_OAuth_Token"
