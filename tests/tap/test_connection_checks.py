"""`--test`: a line for each check, and the diagnosis of the first that fails."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

NAMES = ("sign-in", "API access", "Bulk query jobs", "limits")
SECRET = "S3CRET0F4N4PP"


@pytest.fixture
def server(start_sandbox: StartSandbox) -> SandboxServer:
    """Start a sandbox that lets in one app, which runs as Ada."""
    return start_sandbox(
        rows={"Account": 30},
        credentials={
            "client_id": "app",
            "client_secret": SECRET,
            "username": "ada@example.com",
        },
        daily_api_requests={"max": 100_000, "used": 1_230},
    )


def checked(tap: Tap, server: SandboxServer, *arguments: str, **settings: Any) -> TapRun:
    config = config_for(server, "Account", client_id="app", client_secret=SECRET, **settings)
    del config["access_token"]
    return tap(config, *(arguments or ("--test",)))


def lines(run: TapRun) -> dict[str, str]:
    """Return what was told of each check."""
    pattern = rf"^({'|'.join(NAMES)}): (.*)$"
    return dict(re.findall(pattern, run.stderr, flags=re.MULTILINE))


@pytest.mark.parametrize("argument", ["--test", "--test=schema"])
def test_a_sound_connection(tap: Tap, server: SandboxServer, argument: str) -> None:
    run = checked(tap, server, argument)
    assert run.exit_code == 0, run.stderr
    assert lines(run) == {
        "sign-in": f"ok (client credentials, {server.url}, user ada@example.com)",
        "API access": "ok (version 67.0; 1,231 of 100,000 daily calls used)",
        "Bulk query jobs": "ok (the user may use them)",
        "limits": "ok (left of 24 hours: 98,767 of 100,000 API calls, 10,000 of 10,000 query "
        "jobs, 976,562 of 976,562 MB of query results)",
    }
    read = "\nrecords: ok (asked for one of each of 1 stream)\n"
    assert (read in run.stderr) == (argument == "--test")
    assert [each.place for each in server.calls].count("token") == 1
    assert len(run.records("Account")) == (argument == "--test")
    assert run.streams == {"Account"}
    # A state of it would say that all older records have been read.
    assert not run.states


def test_a_terminal_shows_the_checks_without_the_messages(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows={"Account": 3})
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_for(server, "Account")), encoding="utf-8")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "tap_sfbulk_pages", "--config", str(config), "--test"]
    with subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, text=True) as run:
        os.close(terminal)
        _, log = run.communicate()
    assert run.returncode == 0, log
    assert log.endswith("records: ok (asked for one of each of 1 stream)\n")
    assert "Stream Account: Job 750" in log
    # Linux has an error in place of the end.
    with pytest.raises(OSError, match="Input/output error"):
        os.read(controller, 1)
    os.close(controller)


def test_a_person_does_not_wait_for_eight_tries(tap: Tap, server: SandboxServer) -> None:
    server.add_fault(place="token", kind="status", status=503, times="forever")
    run = checked(tap, server)
    assert run.exit_code == 1
    assert "sign-in: failed. " in run.stderr
    assert [each.place for each in server.calls] == ["token"] * 3


def test_a_stream_that_cannot_be_read_does_not_hide_the_others(
    tap: Tap, server: SandboxServer
) -> None:
    bad = {"name": "aaa_bad", "soql": "SELECT Id FROM Account WHERE Nonsense__c = 1"}
    run = checked(tap, server, "--test", queries=[bad])
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert len(run.records("Account")) == 1
    assert "Failed: aaa_bad: " in run.stderr
    assert "INVALID_FIELD" in run.stderr


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("no_run_as_user", "set Run As"),
        ("wrong_domain", "set instance_url to its My Domain address"),
        ("wrong_audience", "signs in at another host"),
        ("not_preapproved", "Permitted Users"),
        ("not_approved", "permission set or profile"),
        ("not_installed", "install the app"),
        ("ip_restricted", "Login IP Ranges"),
        ("inactive_user", "not active"),
    ],
)
def test_a_sign_in_that_is_refused(
    tap: Tap, server: SandboxServer, reason: str, advice: str
) -> None:
    server.add_fault(place="token", kind="sign_in_refused", reason=reason, times="forever")
    run = checked(tap, server)
    assert run.exit_code == 1
    told = lines(run)
    assert list(told) == ["sign-in"]
    assert told["sign-in"].startswith("failed. ")
    assert advice in told["sign-in"]
    assert [each.place for each in server.calls] == ["token"]
    assert SECRET not in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == b""


@pytest.mark.parametrize(
    ("place", "reason", "advice"),
    [
        ("versions", "expired_password", "set a new one"),
        ("versions", "api_disabled_for_user", "API Enabled"),
        ("versions", "api_disabled_for_org", "edition"),
        ("versions", "session_not_for_api", "OAuth scope"),
        ("list_jobs", "api_disabled_for_org", "API Enabled"),
    ],
)
def test_a_user_who_may_not_use_the_api(
    tap: Tap, server: SandboxServer, place: str, reason: str, advice: str
) -> None:
    server.add_fault(place=place, kind="user_refused", reason=reason, times="forever")
    run = checked(tap, server, api_version="67.0")
    assert run.exit_code == 1
    told = lines(run)
    failing = list(told)[-1]
    assert failing == {"versions": "API access", "list_jobs": "Bulk query jobs"}[place]
    assert told[failing].startswith("failed. ")
    assert advice in told[failing]
    assert all(told[name].startswith("ok ") for name in list(told)[:-1])
    assert run.stdout == b""


def test_a_host_that_is_not_salesforces(tap: Tap, server: SandboxServer) -> None:
    server.add_fault(place="token", kind="html", status=404, title="Not found", times="forever")
    run = checked(tap, server)
    assert run.exit_code == 1
    assert "check that instance_url and login_url" in lines(run)["sign-in"]


def test_allowances_that_are_used_up(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(daily_query_jobs={"max": 10_000, "used": 10_000})
    run = tap(config_for(server, "Account"), "--test")
    assert run.exit_code == 1
    assert lines(run)["limits"].startswith("failed. The org's daily query jobs")


def test_calls_that_are_used_up(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(daily_api_requests={"max": 1_000, "used": 900})
    run = tap(config_for(server, "Account"), "--test")
    assert run.exit_code == 1
    assert "\nlimits: failed. 9" in run.stderr
    assert "quota_percent_total allows 80 %" in run.stderr
    assert "API access: failed" not in run.stderr


def test_a_user_who_may_not_see_the_limits(tap: Tap, server: SandboxServer) -> None:
    server.add_fault(place="limits", kind="status", status=403, times="forever")
    run = checked(tap, server)
    assert run.exit_code == 0, run.stderr
    assert lines(run)["limits"].startswith("not known")
    assert len(run.records("Account")) == 1


def test_a_ready_token_that_is_dead(tap: Tap, server: SandboxServer) -> None:
    run = tap(config_for(server, "Account"), "--test")
    assert run.exit_code == 1
    told = lines(run)
    assert told["sign-in"] == f"ok (ready token, {server.url})"
    assert "Set a new one" in told["API access"]


@pytest.mark.parametrize(
    ("sign_in", "advice"),
    [
        ({"client_id": "app", "client_secret": SECRET}, "check instance_url and login_url"),
        ({"access_token": SECRET}, "check instance_url: it must be the org's own address"),
    ],
    ids=["login", "token"],
)
def test_a_host_that_is_not_there(tap: Tap, sign_in: dict[str, Any], advice: str) -> None:
    run = tap({"instance_url": "https://localhost:9", "max_retries": 2, **sign_in}, "--test")
    assert run.exit_code == 1
    assert advice in lines(run)["sign-in"]
    assert run.stderr.count("Trying again") == 1


@pytest.mark.parametrize("settings", [{}, {"api_version": "67.0"}], ids=["any version", "67.0"])
def test_a_token_for_a_host_that_is_not_salesforces(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any]
) -> None:
    server = start_sandbox()
    for place in ("versions", "sobjects"):
        server.add_fault(place=place, kind="html", status=404, title="Not found", times="forever")
    run = tap(config_for(server, "Account", **settings))
    assert run.exit_code == 1
    assert "check that instance_url and login_url are addresses of the org" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Error: Wrong settings:\n  api_version: the org has no version 65.0"),
        (["--discover"], "Error: Wrong settings:\n  api_version: the org has no version 65.0"),
        (["--test"], "API access: failed. api_version: the org has no version 65.0"),
    ],
    ids=["sync", "discover", "test"],
)
def test_a_version_that_the_org_lacks(
    tap: Tap, start_sandbox: StartSandbox, arguments: list[str], said: str
) -> None:
    server = start_sandbox(api_versions=[58.0, 64.0])
    run = tap(config_for(server, "Account", api_version="65.0"), *arguments)
    assert run.exit_code == 1
    assert f"{said}; its newest is 64.0. Set that, or leave api_version out." in run.stderr


def test_a_version_that_the_org_lacks_with_a_catalog(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(api_versions=[58.0, 64.0])
    catalog = tap.catalog(config_for(server, "Account"))
    run = tap(config_for(server, "Account", api_version="65.0"), catalog=catalog)
    assert run.exit_code == 1
    assert "api_version: the org has no version 65.0; its newest is 64.0." in run.stderr
