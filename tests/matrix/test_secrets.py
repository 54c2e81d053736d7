"""The session goes to the org's host alone, and no level of logging shows a secret."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from raw_server import RawServer
from salesforce_data import assert_same_records, expected_records

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun


SCENARIO = {"rows": {"Account": 19}, "page_rows": 3}
CREDENTIALS = {
    "client_id": "3MVG9client",
    "client_secret": "client-s3cret",
    "username": "ada@example.com",
    "password": "pass-w0rd-of-ada",
    "security_token": "t0ken-of-ada",
    "refresh_token": "5Aep861-refresh-of-ada",
}
NOISY = {"LOGLEVEL": "DEBUG", "TAP_SFBULK_PAGES_LOGLEVEL": "DEBUG", "SINGER_SDK_LOG_LEVEL": "DEBUG"}
FLOWS = (
    ("client_id", "client_secret"),
    ("client_id", "client_secret", "refresh_token"),
    ("client_id", "client_secret", "username", "password", "security_token"),
)


def config_for(server: SandboxServer, *names: str) -> dict[str, Any]:
    settings = {name: CREDENTIALS[name] for name in names}
    return {"instance_url": server.url, "objects": ["Account"], "max_retries": 2, **settings}


def assert_tells_no_secret(run: TapRun) -> None:
    told = run.stderr + run.stdout.decode()
    for name in ("client_secret", "password", "security_token", "refresh_token"):
        assert CREDENTIALS[name] not in told
    assert "00D5g000008Kf2Z!" not in told
    assert "5Aep" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("names", FLOWS)
@pytest.mark.parametrize(
    "fault",
    [
        None,
        {"place": "token", "kind": "status", "status": 400},
        {"place": "token", "kind": "wrong_charset", "what": "bytes"},
        {"place": "token", "kind": "cut", "framing": "close"},
        {"place": "page", "kind": "status", "status": 500},
        {"place": "list_pages", "kind": "expire_tokens"},
    ],
)
def test_logs_hold_no_secret(
    tap: Tap,
    start_sandbox: StartSandbox,
    names: tuple[str, ...],
    fault: dict[str, Any] | None,
) -> None:
    server = start_sandbox(**SCENARIO, refresh_token_rotation=True)
    if fault:
        server.add_fault(**fault, times="forever")
    run = tap(config_for(server, *names), environment=NOISY)
    assert (run.exit_code == 0) == (fault is None)
    assert_tells_no_secret(run)


@pytest.mark.parametrize("place", ["sobjects", "create", "poll", "list_pages", "page"])
def test_redirects_do_not_carry_the_session(
    tap: Tap, start_sandbox: StartSandbox, place: str
) -> None:
    server = start_sandbox(**SCENARIO)
    with RawServer({}) as other:
        server.add_fault(place=place, kind="redirect", to=f"{other.url}/sobjects", times="forever")
        run = tap(config_for(server, "client_id", "client_secret"))
        assert run.exit_code == 1
        assert other.requests == []
    assert other.url in run.stderr
    assert_tells_no_secret(run)


def test_a_netrc_file_does_not_take_the_place_of_the_session(tap: Tap, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password pass-w0rd-of-ada\n")
    with RawServer({}) as server:
        config = {"instance_url": server.url, "access_token": "00D!token", "api_version": "62.0"}
        run = tap(config, environment={"NETRC": str(netrc)})
    assert run.exit_code == 0, run.stderr
    sent = {headers["authorization"] for _, headers in server.requests}
    assert sent == {"bearer 00d!token"}


def test_a_certificate_that_nobody_vouches_for_ends_it(tap: Tap) -> None:
    with SandboxServer(SCENARIO, tls=True) as server:
        config = config_for(server, "client_id", "client_secret")
        run = tap(config)
        assert run.exit_code == 1
        assert "CERTIFICATE_VERIFY_FAILED" in run.stderr
        assert "set REQUESTS_CA_BUNDLE" in run.stderr
        assert "Trying again" not in run.stderr
        assert "Traceback" not in run.stderr
        assert server.calls == []
        trusting = tap(config, environment={"REQUESTS_CA_BUNDLE": str(server.ca_file)})
        assert trusting.exit_code == 0, trusting.stderr
        assert_same_records(trusting.records("Account"), expected_records(server, "Account"))


def test_certificates_that_are_not_there(tap: Tap, tmp_path: Path) -> None:
    with SandboxServer(SCENARIO, tls=True) as server:
        config = config_for(server, "client_id", "client_secret")
        missing = tmp_path / "missing.pem"
        run = tap(config, environment={"REQUESTS_CA_BUNDLE": str(missing)})
        assert run.exit_code == 1
        assert f"invalid path: {missing}" in run.stderr
        assert "REQUESTS_CA_BUNDLE" in run.stderr.partition("invalid path")[2]
        assert "Traceback" not in run.stderr
        assert "Trying again" not in run.stderr
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing")
        run = tap(config, environment={"REQUESTS_CA_BUNDLE": str(empty)})
        assert run.exit_code == 1
        assert "REQUESTS_CA_BUNDLE" in run.stderr
        assert "Trying again" not in run.stderr
        assert server.calls == []


def test_links_to_another_host_are_not_followed(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO)
    with RawServer({}) as other:
        server.add_fault(place="list_pages", kind="other_host_link", to=other.url)
        run = tap(config_for(server, "client_id", "client_secret"))
        assert run.exit_code == 1
        assert other.requests == []
    assert f"not to {server.url}" in run.stderr


def test_a_replaced_refresh_token_is_kept(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SCENARIO, refresh_token_rotation=True, token_lifetime_calls=8)
    config = config_for(server, "client_id", "client_secret", "refresh_token")
    first = tap(config)
    assert first.exit_code == 0, first.stderr
    (kept,) = (each for each in tmp_path.rglob("refresh-tokens/*") if each.is_file())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().startswith("5Aep")
    before = kept.read_text()
    second = tap(config)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Account"), expected_records(server, "Account"))
    assert kept.read_text() != before
    assert_tells_no_secret(first)
    assert before not in second.stderr


def test_a_refresh_token_that_cannot_be_kept_is_reported(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SCENARIO, refresh_token_rotation=True)
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    config = config_for(server, "client_id", "client_secret", "refresh_token")
    run = tap(config, environment={"XDG_STATE_HOME": str(blocked)})
    assert run.exit_code == 1
    assert "could not be saved" in run.stderr
    assert server.calls == []
    again = tap(config, environment={"XDG_STATE_HOME": str(tmp_path / "writable")})
    assert again.exit_code == 0, again.stderr
    assert_tells_no_secret(run)
