"""Tokens and keys that cannot be used are refused by every command, and shown by none."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from token_server import TokenServer

from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.workers.org_access import OrgAccess

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandServer

TOKEN = "00D5g000008Kf2Z!the-part-that-is-secret"
UNUSABLE = {
    "line end": f"{TOKEN}\n",
    "carriage return": f"{TOKEN}\r\n",
    "in the middle": f"{TOKEN}\r\nX-Injected: 1{TOKEN}",
    "space": f" {TOKEN}",
    "not ASCII": f"{TOKEN}é",
    "NUL": f"{TOKEN}\0",
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("tap",),
    "discover": ("tap", "--discover"),
    "test": ("tap", "--test"),
    "plan": ("sfbulk-plan",),
}


def told_by(
    commands: CommandServer, command: str, config: dict[str, Any], folder: Path, **given: Any
) -> str:
    """Run a command that must fail in words; return all that it printed."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    run = commands(folder, *COMMANDS[command], "--config", str(path), **given)
    assert run.exit_code == 1
    assert run.stdout == ""
    return run.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("token", UNUSABLE)
def test_a_ready_token(commands: CommandServer, tmp_path: Path, command: str, token: str) -> None:
    config = {"instance_url": "http://127.0.0.1:9", "access_token": UNUSABLE[token]}
    told = told_by(commands, command, config, tmp_path)
    assert "access_token contains a line end, a space or" in told
    assert "secret-of" not in told
    assert "is-secret" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("token", ["line end", "in the middle", "not ASCII"])
def test_a_token_that_was_issued(
    commands: CommandServer, tmp_path: Path, command: str, token: str
) -> None:
    with TokenServer(UNUSABLE[token]) as server:
        config = {
            "instance_url": server.url,
            "client_id": "app",
            "client_secret": "s3cret-of-app",
            "max_retries": 1,
        }
        told = told_by(commands, command, config, tmp_path)
    assert "access token that was issued contains" in told
    assert "is-secret" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("token", ["line end", "not ASCII"])
def test_a_token_of_the_cli(commands: CommandServer, tmp_path: Path, token: str) -> None:
    program = tmp_path / "bin" / "sf"
    program.parent.mkdir()
    result = {"accessToken": UNUSABLE[token], "instanceUrl": "http://127.0.0.1:9"}
    answer = json.dumps({"status": 0, "result": result})
    program.write_text(f"#!{sys.executable}\nprint({answer!r})\n")
    program.chmod(0o755)
    environment = {"PATH": str(program.parent)}
    told = told_by(commands, "run", {"sf_cli_org": "acme"}, tmp_path, environment=environment)
    assert "access token that was issued contains" in told
    assert "is-secret" not in told
    assert "Traceback" not in told


def test_a_token_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_SFBULK_PAGES_ACCESS_TOKEN", f"{TOKEN}\n")
    access = OrgAccess.of({"instance_url": "http://127.0.0.1:9"})
    with pytest.raises(ExtractionError, match="access_token contains a line end") as error:
        access.org()
    assert "is-secret" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["client_id", "client_secret", "refresh_token", "username", "password"]
)
def test_other_settings_with_a_line_end(commands: CommandServer, tmp_path: Path, name: str) -> None:
    config = {
        "instance_url": "http://127.0.0.1:9",
        "client_id": "app",
        "client_secret": "client-secret",
        "username": "ada",
        "password": "hidden",
        **({"refresh_token": "hidden"} if name == "refresh_token" else {}),
    }
    config[name] = "the-part-that-is-secret\n"
    told = told_by(commands, "run", config, tmp_path)
    assert f"{name} contains a line end" in told
    assert "is-secret" not in told
