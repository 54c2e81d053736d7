"""An app or a user that is not admitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bare_client import StartClient

FORM = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}


def test_an_app_that_is_not_admitted(start: StartClient) -> None:
    client = start(
        faults=[{"place": "token", "kind": "sign_in_refused", "reason": "no_run_as_user"}],
    )
    reply = client.post("/services/oauth2/token", data=FORM)
    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_grant",
        "error_description": "no client credentials user enabled",
    }
    assert client.post("/services/oauth2/token", data=FORM).status_code == 200


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("expired_password", 403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
        ("api_disabled_for_user", 403, "API_CURRENTLY_DISABLED"),
        ("api_disabled_for_org", 403, "API_DISABLED_FOR_ORG"),
        ("session_not_for_api", 401, "INVALID_SESSION_ID"),
    ],
)
def test_a_user_who_may_not_use_the_api(
    start: StartClient, reason: str, status: int, code: str
) -> None:
    client = start(faults=[{"place": "limits", "kind": "user_refused", "reason": reason}])
    reply = client.get("/limits")
    assert reply.status_code == status
    assert reply.json()[0]["errorCode"] == code
