"""A state names the org that it is of, and is refused with another."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for
from token_server import TokenServer

from tap_sfbulk_pages.salesforce.org_id import find_in_identity, find_in_token, parse_org_id

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandServer
    from fixture_types import StartSandbox
    from tap_process import Tap

SMALL = {"rows": {"Account": 7, "Contact": 5}, "page_rows": 5}
HERE, ELSEWHERE = "00D5g000008Kf2ZEAS", "00D5g00000AaAaAEAV"


def token_of(org: str) -> str:
    """Make a token of an org, in the form of the opaque ones."""
    return f"{org[:15]}!AQ.a_token_of.this_org"


def jwt_of(org: str) -> str:
    """Make a token of an org, in the form of the JWT-based ones, which are not signed here."""
    header = {"tnk": f"core/acme/{org}", "tty": "sfdc-core-token", "typ": "JWT", "alg": "RS256"}
    return f"{urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.e30.c2ln"


@pytest.mark.parametrize("make_token", [token_of, jwt_of])
def test_a_state_of_another_org_is_refused(
    tap: Tap, start_sandbox: StartSandbox, make_token: Any
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    first = tap({**config, "access_token": make_token(HERE)})
    assert first.state["bookmarks"]["Account"]["org"] == HERE
    calls = len(server.calls)
    other = tap({**config, "access_token": make_token(ELSEWHERE)}, state=first.state)
    assert other.exit_code == 1
    assert "Traceback" not in other.stderr
    assert not other.stdout
    assert not [call for call in server.calls[calls:] if "/jobs/" in call.path]
    for said in ("Account", HERE, ELSEWHERE, server.url, "--full-refresh"):
        assert said in other.stderr
    again = tap({**config, "access_token": make_token(HERE)}, state=first.state)
    assert again.exit_code == 0, again.stderr
    assert again.state["bookmarks"]["Account"]["org"] == HERE


def test_a_state_of_an_earlier_release_is_taken_over(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", access_token=token_of(HERE))
    state = tap(config).state
    del state["bookmarks"]["Account"]["org"]
    run = tap(config, state=state)
    assert run.exit_code == 0, run.stderr
    assert run.state["bookmarks"]["Account"]["org"] == HERE
    assert len(run.records("Account")) < len(tap(config).records("Account"))


def test_the_token_endpoint_tells_the_org(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", client_id="app", client_secret="secret")
    del config["access_token"]
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert parse_org_id(run.state["bookmarks"]["Account"]["org"])
    assert not [call for call in server.calls if "Organization" in call.path]
    other = tap(config_for(server, "Account", access_token=token_of(ELSEWHERE)), state=run.state)
    assert other.exit_code == 1


def test_an_org_that_the_sign_in_does_not_tell_is_asked_for(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    first = tap(config)
    assert "org" not in first.state["bookmarks"]["Account"]
    state = {"bookmarks": {"Account": {**first.state["bookmarks"]["Account"], "org": ELSEWHERE}}}
    assert "is of another org" in tap(config, state=state).stderr
    server.add_fault(place="query", kind="status", status=400, times="forever")
    run = tap(config, state=state)
    assert run.exit_code == 0, run.stderr
    assert "neither the sign-in nor the org itself says which org this is" in run.stderr


@pytest.mark.parametrize("identity", [None, 7, "", "https://login.example/id/me", {"id": HERE}])
def test_an_odd_identity_is_no_org(tap: Tap, start_sandbox: StartSandbox, identity: Any) -> None:
    server = start_sandbox(**SMALL)
    with TokenServer(
        answer=lambda _: (200, {"access_token": token_of(HERE), "id": identity})
    ) as login:
        config = config_for(
            server, "Account", client_id="app", client_secret="secret", login_url=login.url
        )
        del config["access_token"]
        run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert "org" not in run.state["bookmarks"]["Account"]


def test_what_a_merged_state_still_holds_of_another_org(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    old = tap(config_for(server, "Account", "Contact", access_token=token_of(ELSEWHERE))).state
    config = config_for(server, "Account", access_token=token_of(HERE))
    new = tap(config).state
    # As Meltano merges what a run with --full-refresh writes.
    merged = {"bookmarks": {**old["bookmarks"], **new["bookmarks"]}}
    run = tap(config, state=merged)
    assert run.exit_code == 0, run.stderr
    assert run.state["bookmarks"]["Contact"]["org"] == ELSEWHERE
    refused = tap({**config, "objects": ["Account", "Contact"]}, state=merged)
    assert refused.exit_code == 1
    assert f"is of another org: of {ELSEWHERE} (Contact)," in refused.stderr


def test_a_plan_with_a_state_of_another_org(
    commands: CommandServer, tap: Tap, tmp_path: Path, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", access_token=token_of(HERE))
    state = tap(config).state
    config["access_token"] = token_of(ELSEWHERE)
    folder = tmp_path / "plan"
    folder.mkdir()
    arguments: list[str] = []
    for name, content in (("config", config), ("state", state)):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        arguments += [f"--{name}", str(path)]
    plan = commands(folder, "sfbulk-plan", *arguments)
    assert plan.exit_code == 1
    assert ELSEWHERE in plan.stderr


@pytest.mark.parametrize(
    ("value", "org"),
    [
        ("00D5g000008Kf2Z", HERE),
        (HERE, HERE),
        # The letters of the checksum are not taken on trust.
        ("00D5g000008Kf2Zaaa", HERE),
        ("00D5g000008Kf2", None),
        ("0055g000008Kf2Z", None),
        ("00D5g000008Kf2Z\n", None),
        (None, None),
    ],
)
def test_ids_of_orgs(value: Any, org: str | None) -> None:
    assert parse_org_id(value) == org


def test_where_an_org_is_named() -> None:
    for host in ("https://login.salesforce.com", "https://acme.my.salesforce.com"):
        assert find_in_identity(f"{host}/id/{HERE}/0055g000008Kf2ZAAS") == HERE
    assert find_in_token(token_of(HERE)) == HERE
    assert find_in_token(jwt_of(HERE)) == HERE
    for odd in ("", "!", "00D!token", "é.é", "W10.e30.x", "eyJ0bmsiOjd9.e30.x", "token"):
        assert find_in_token(odd) is None
