"""Every way to sign in; one login for all; what is secret stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

ROWS = {"rows": {"Account": 25, "Contact": 5}, "page_rows": 2}
SECRETS = {
    "client_secret": "S3CRET0F4N4PP",
    "password": "p4ssw0rd+of a user",
    "security_token": "s3cur1tyt0k3n",
    "refresh_token": "5Aep8refreshing",
    "access_token": "00D000000000001!accessing",
}


@pytest.fixture
def start_closed_sandbox(start_sandbox: StartSandbox, key_pair: tuple[str, str]) -> StartSandbox:
    """Start a sandbox that lets in nobody but the one app and the one user."""

    def start(**scenario: Any) -> SandboxServer:
        credentials = {
            "client_id": "3MVG9app",
            "username": "ada@example.com",
            "public_key": key_pair[1],
            **SECRETS,
        }
        return start_sandbox(**ROWS, credentials=credentials, **scenario)

    return start


APP = {"client_id": "3MVG9app"}
USER = {**APP, "username": "ada@example.com"}
SIGN_IN = {
    "token": {"access_token": SECRETS["access_token"]},
    "client credentials": {**APP, "client_secret": SECRETS["client_secret"]},
    "refresh": {**APP, "refresh_token": SECRETS["refresh_token"]},
    "password": {
        **USER,
        **{name: SECRETS[name] for name in ("client_secret", "password", "security_token")},
    },
}


@pytest.fixture(params=[*SIGN_IN, "jwt", "jwt file", "jwt escaped"])
def sign_in(
    request: pytest.FixtureRequest, key_pair: tuple[str, str], tmp_path: Path
) -> dict[str, str]:
    """Name the settings of one way to sign in."""
    if request.param == "jwt":
        return {**USER, "private_key": key_pair[0]}
    if request.param == "jwt escaped":
        return {**USER, "private_key": key_pair[0].replace("\n", "\\n")}
    if request.param == "jwt file":
        path = tmp_path / "key.pem"
        path.write_text(key_pair[0])
        return {**USER, "private_key_path": str(path)}
    return SIGN_IN[request.param]


def settings_for(server: SandboxServer, sign_in: dict[str, str], **others: Any) -> dict[str, Any]:
    config = config_for(server, "Account", **others)
    del config["access_token"]
    return {**config, **sign_in}


def test_every_flow(tap: Tap, start_closed_sandbox: StartSandbox, sign_in: dict[str, str]) -> None:
    server = start_closed_sandbox()
    run = tap(settings_for(server, sign_in), environment={"TAP_SFBULK_PAGES_LOGLEVEL": "DEBUG"})
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    logins = [each for each in server.calls if each.place == "token"]
    assert len(logins) == ("access_token" not in sign_in)
    assert "DEBUG" in run.stderr
    output = run.stdout.decode() + run.stderr
    opened = set(server.access_tokens)
    for secret in {*SECRETS.values(), *opened}:
        assert secret not in output
    assert "PRIVATE KEY" not in output
    assert "Bearer" not in output


@pytest.mark.parametrize("sign_in", ["client credentials", "jwt"], indirect=True)
def test_a_session_that_dies_is_renewed_once_for_all_threads(
    tap: Tap, start_closed_sandbox: StartSandbox, sign_in: dict[str, str]
) -> None:
    server = start_closed_sandbox()
    server.add_fault(place="page", kind="expire_tokens", first=4)
    run = tap(settings_for(server, sign_in))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert [each.place for each in server.calls].count("token") == 2
    assert [each.place for each in server.calls].count("create") == 1


@pytest.mark.parametrize(
    "place", ["versions", "sobjects", "composite", "create", "poll", "list_pages"]
)
def test_a_session_that_dies_anywhere(
    tap: Tap, start_closed_sandbox: StartSandbox, place: str
) -> None:
    server = start_closed_sandbox()
    server.add_fault(place=place, kind="expire_tokens")
    run = tap(settings_for(server, SIGN_IN["client credentials"]))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert [each.place for each in server.calls].count("token") == 2


def test_a_ready_token_that_dies_is_reported(tap: Tap, start_closed_sandbox: StartSandbox) -> None:
    server = start_closed_sandbox()
    server.add_fault(place="page", kind="expire_tokens", first=2)
    run = tap(settings_for(server, {"access_token": SECRETS["access_token"]}))
    assert run.exit_code == 1
    assert "INVALID_SESSION_ID" in run.stderr
    assert SECRETS["access_token"] not in run.stderr
    assert "query_job" in run.bookmark("Account")


def test_sessions_that_all_die_at_once_are_no_endless_loop(
    tap: Tap, start_closed_sandbox: StartSandbox
) -> None:
    server = start_closed_sandbox()
    server.add_fault(place="page", kind="expire_tokens", times="forever")
    run = tap(settings_for(server, SIGN_IN["client credentials"]))
    assert run.exit_code == 1
    assert "INVALID_SESSION_ID" in run.stderr
    assert [each.place for each in server.calls].count("token") < 30


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client_id"),
    ],
)
def test_a_login_that_is_refused(
    tap: Tap,
    start_closed_sandbox: StartSandbox,
    wrong: dict[str, str],
    said: str,
) -> None:
    server = start_closed_sandbox()
    run = tap(settings_for(server, {**SIGN_IN["client credentials"], **wrong}), "--discover")
    assert run.exit_code == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert [each.place for each in server.calls] == ["token"]


def test_a_rotated_refresh_token_is_kept_for_the_next_run(
    tap: Tap, start_closed_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_closed_sandbox(refresh_token_rotation=True)
    for _ in range(3):
        run = tap(settings_for(server, SIGN_IN["refresh"]))
        assert run.exit_code == 0, run.stderr
    kept = [path for path in tmp_path.rglob("refresh-tokens/*") if path.is_file()]
    assert len(kept) == 1
    assert kept[0].stat().st_mode & 0o077 == 0
    assert kept[0].read_text() not in run.stderr


def test_a_revoked_refresh_token_is_reported(tap: Tap, start_closed_sandbox: StartSandbox) -> None:
    server = start_closed_sandbox()
    server.add_fault(place="page", kind="revoke_refresh", first=2)
    run = tap(settings_for(server, SIGN_IN["refresh"]))
    assert run.exit_code == 1
    assert "authorise again" in run.stderr


def test_the_instance_of_the_token_reply_is_used(
    tap: Tap, start_closed_sandbox: StartSandbox
) -> None:
    server = start_closed_sandbox()
    config = settings_for(server, SIGN_IN["client credentials"], login_url=server.url)
    del config["instance_url"]
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 25
