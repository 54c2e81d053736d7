"""`sf_cli_org`: a stand-in for the command `sf`, with what its versions answer."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.salesforce.sign_in.salesforce_cli import SalesforceCli
from tap_sfbulk_pages.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

TOKEN = "00D5g000008Kf2Z!{}"
# Answers as it is told, in order; the last answer again and again.
PROGRAM = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with open(here / "asked", "a") as asked:
    print(*sys.argv[1:], file=asked)
name = "show-access-token" if "show-access-token" in sys.argv else "display"
answers = json.loads((here / name).read_text())
(here / name).write_text(json.dumps(answers[1:] or answers))
sys.stdout.write(answers[0]["stdout"])
sys.exit(answers[0]["exit_code"])
"""


class Cli:
    """The command, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "sf"
        program.write_text(PROGRAM.replace("{python}", sys.executable))
        program.chmod(0o755)

    def answers(self, command: str, *results: Any, exit_code: int = 0) -> None:
        """Say what a command prints: the JSON of a success, of an error, or a text."""
        answers = [
            {
                "stdout": each if isinstance(each, str) else json.dumps(each),
                "exit_code": exit_code,
            }
            for each in results
        ]
        (self.folder / command).write_text(json.dumps(answers))

    @property
    def asked(self) -> list[str]:
        """The arguments of every call."""
        return (self.folder / "asked").read_text().splitlines()

    @property
    def environment(self) -> dict[str, str]:
        """The tap's environment, in which it finds the command first."""
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Give the stand-in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return Cli(folder)


def success(**result: Any) -> dict[str, Any]:
    return {"status": 0, "result": result, "warnings": []}


def shown(server: SandboxServer, token: str) -> dict[str, Any]:
    """Make the answer of `sf org display`."""
    return success(
        id="00D5g000008Kf2ZEAS",
        accessToken=token,
        instanceUrl=server.url,
        username="ada@example.com",
        connectedStatus="Connected",
        alias="acme",
    )


def run_with(tap: Tap, cli: Cli, server: SandboxServer, **others: Any) -> TapRun:
    config = config_for(server, "Account", sf_cli_org="acme", **others)
    del config["access_token"], config["instance_url"]
    return tap(config, environment=cli.environment)


@pytest.fixture
def server(start_sandbox: StartSandbox) -> SandboxServer:
    """Start a sandbox."""
    return start_sandbox(rows={"Account": 25}, page_rows=2)


def test_a_session_of_the_cli(tap: Tap, cli: Cli, server: SandboxServer) -> None:
    cli.answers("display", shown(server, TOKEN.format("first")))
    run = run_with(tap, cli, server)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert cli.asked == ["org display --target-org acme --json"]
    assert "token" not in [each.place for each in server.calls]
    assert TOKEN.format("first") not in run.stdout.decode() + run.stderr


def test_an_alias_that_is_turned_to_another_org(tap: Tap, cli: Cli, server: SandboxServer) -> None:
    other = shown(server, TOKEN.format("second"))
    other["result"]["id"] = "00D5g00000AaAaAEAV"
    cli.answers("display", shown(server, TOKEN.format("first")), other)
    server.add_fault(place="page", kind="expire_tokens", first=4)
    run = run_with(tap, cli, server)
    assert run.exit_code == 1
    assert "leads to the org 00D5g00000AaAaAEAV now" in run.stderr
    assert run.state["bookmarks"]["Account"]["org"] == "00D5g000008Kf2ZEAS"


def test_a_cli_that_redacts_the_token(tap: Tap, cli: Cli, server: SandboxServer) -> None:
    cli.answers("display", shown(server, "[REDACTED] Use 'sf org auth show-access-token' to view"))
    cli.answers("show-access-token", success(accessToken=TOKEN.format("first")))
    run = run_with(tap, cli, server)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 25
    assert cli.asked == [
        "org display --target-org acme --json",
        "org auth show-access-token --target-org acme --json",
    ]


def test_a_session_that_dies_is_asked_for_once_more(
    tap: Tap, cli: Cli, server: SandboxServer
) -> None:
    cli.answers(
        "display", shown(server, TOKEN.format("first")), shown(server, TOKEN.format("second"))
    )
    server.add_fault(place="page", kind="expire_tokens", first=4)
    run = run_with(tap, cli, server)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert len(cli.asked) == 2
    assert [each.place for each in server.calls].count("create") == 1


def test_the_same_dead_session_again_is_an_error(tap: Tap, cli: Cli, server: SandboxServer) -> None:
    cli.answers("display", shown(server, TOKEN.format("first")))
    server.add_fault(place="page", kind="expire_tokens", first=4)
    run = run_with(tap, cli, server)
    assert run.exit_code == 1
    assert "sf org login web --alias acme" in run.stderr
    assert "INVALID_SESSION_ID" in run.stderr
    assert len(cli.asked) == 2
    assert "query_job" in run.bookmark("Account")
    assert TOKEN.format("first") not in run.stdout.decode() + run.stderr


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [
        (
            {
                "name": "NamedOrgNotFoundError",
                "message": "No authorization information found for acme.",
                "exitCode": 1,
                "status": 1,
            },
            1,
            ["NamedOrgNotFoundError: No authorization information found for acme.", "sf org list"],
        ),
        (f"Warning {TOKEN}", 0, ["exit code 0", "no reason"]),
        ("", 127, ["exit code 127"]),
        ({"status": 0, "result": {"instanceUrl": "https://x.my.salesforce.com"}}, 0, ["token"]),
        ({"status": 0, "result": {"accessToken": TOKEN}}, 0, ["address"]),
        (
            {"status": 0, "result": {"accessToken": TOKEN, "instanceUrl": "http://acme.example"}},
            0,
            ["https"],
        ),
    ],
)
def test_a_cli_that_gives_no_session(
    tap: Tap, cli: Cli, answer: Any, exit_code: int, words: list[str]
) -> None:
    cli.answers("display", answer, exit_code=exit_code)
    cli.answers("show-access-token", success(accessToken=""))
    run = tap({"sf_cli_org": "acme"}, environment=cli.environment)
    assert run.exit_code == 1
    assert all(each in run.stderr for each in words), run.stderr
    assert "Traceback" not in run.stderr
    assert TOKEN not in run.stderr


def test_without_the_cli(tap: Tap, cli: Cli, server: SandboxServer) -> None:
    (cli.folder / "sf").unlink()
    config = {"sf_cli_org": "acme"}
    run = tap(config, "--discover", environment={"PATH": str(cli.folder)})
    assert run.exit_code == 1
    assert "Install it" in run.stderr
    assert server.calls == []


@pytest.mark.parametrize(
    "other",
    ["access_token", "client_id", "refresh_token", "username", "instance_url", "login_url"],
)
def test_it_stands_alone(other: str) -> None:
    with pytest.raises(SettingsError, match=f"sf_cli_org.*{other}"):
        Settings.parse({"sf_cli_org": "acme", other: "https://acme.my.salesforce.com"})


def test_it_is_enough() -> None:
    parsed = Settings.parse({"sf_cli_org": "acme", "is_sandbox": False, "access_token": ""})
    assert parsed.sign_in == SalesforceCli("acme")
