"""The command `sfbulk-sandbox`, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner
from programs import run_program

from sfbulk_sandbox.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

SANDBOX = [sys.executable, "-m", "sfbulk_sandbox"]
PREFIX = "TAP_SFBULK_PAGES_"
SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
SIGN_IN = """
import os, sys, requests
url = os.environ["TAP_SFBULK_PAGES_INSTANCE_URL"]
form = {"grant_type": "client_credentials", "client_id": os.environ["TAP_SFBULK_PAGES_CLIENT_ID"]}
for secret in (os.environ["TAP_SFBULK_PAGES_CLIENT_SECRET"], "wrong"):
    reply = requests.post(url + "/services/oauth2/token", data={**form, "client_secret": secret})
    print(reply.status_code)
"""
WAIT_FOR_SIGNAL = """
import signal, sys
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: sys.exit(number + 40))
print("ready", flush=True)
while True:
    signal.pause()
"""


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a server; yield the line that it prints when it is ready."""
    command = [*SANDBOX, "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline(), process
        finally:
            process.kill()


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*SANDBOX, "run", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, **options
    )


def environment_of(*options: str, **inherited: str) -> dict[str, str]:
    """Return the environment that a command run beside a sandbox has."""
    command = [*options, "--", sys.executable, "-c", SHOW_ENVIRONMENT]
    return dict(json.loads(run(*command, env={**os.environ, **inherited}).stdout))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_and_stops_when_told(number: int) -> None:
    with serving() as (line, process):
        words = line.split()
        assert words[:3] == ["sfbulk-sandbox", "listening", "on"]
        assert requests.get(f"{words[3]}/services/data", timeout=60).status_code == 200
        process.send_signal(number)
        assert process.wait(timeout=60) == 0


def test_serve_with_tls_says_where_the_certificate_is() -> None:
    with serving("--tls") as (line, _):
        url, certificate = line.split()[3], line.partition("CA certificate: ")[2].rstrip(")\n")
        assert url.startswith("https://127.0.0.1:")
        reply = requests.get(f"{url}/services/data", verify=certificate, timeout=60)
        assert reply.status_code == 200


def test_serve_follows_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yml"
    path.write_text("api_versions: [62.0]")
    with serving("--scenario", str(path)) as (line, _):
        versions = requests.get(f"{line.split()[3]}/services/data", timeout=60).json()
    assert [version["version"] for version in versions] == ["62.0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pagerows: 2", "unknown key pagerows"),
        ("rows: {Nothing__c: 2}", "Nothing__c"),
        ("faults: [{place: page, kind: magic}]", "faults[0].kind: 'magic' is not one of"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "run"])
def test_scenario_that_does_not_fit(tmp_path: Path, command: str, text: str, said: str) -> None:
    path = tmp_path / "scenario.yml"
    path.write_text(text)
    arguments = [command, "--scenario", str(path), *(["true"] if command == "run" else [])]
    done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert said in done.stderr


def test_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*SANDBOX, "serve", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_gives_the_command_one_way_to_sign_in() -> None:
    leftovers = {f"{PREFIX}ACCESS_TOKEN": "mine", f"{PREFIX}LOGIN_URL": "https://x.example"}
    environment = environment_of(**leftovers)
    settings = {key for key in environment if key.startswith(PREFIX)}
    assert settings == {f"{PREFIX}{n}" for n in ("INSTANCE_URL", "CLIENT_ID", "CLIENT_SECRET")}
    assert environment["SFBULK_SANDBOX_URL"] == environment[f"{PREFIX}INSTANCE_URL"]
    assert environment["SFBULK_SANDBOX_URL"].startswith("http://127.0.0.1:")


def test_run_requires_its_credentials() -> None:
    done = run("--", sys.executable, "-c", SIGN_IN)
    assert done.stdout.split() == ["200", "400"]


def test_run_keeps_other_settings_of_the_tap() -> None:
    assert environment_of(**{f"{PREFIX}API_VERSION": "62.0"})[f"{PREFIX}API_VERSION"] == "62.0"


def test_run_with_tls_tells_the_command_whom_to_trust() -> None:
    done = run("--tls", "--", sys.executable, "-c", SIGN_IN)
    assert done.stdout.split() == ["200", "400"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -9 $$"], 137),
        (["/no/such/command"], 127),
        (["/"], 126),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_run_passes_the_exit_code_on(command: list[str], code: int) -> None:
    assert run("--", *command).returncode == code


def test_options_behind_the_command_are_its_own() -> None:
    assert run("echo", "--tls").stdout == "--tls\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_passes_signals_on(number: int) -> None:
    command = [*SANDBOX, "run", "--", sys.executable, "-c", WAIT_FOR_SIGNAL]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(timeout=60) == number + 40


def test_without_its_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    missing = 'raise ModuleNotFoundError("No module named aiohttp", name="aiohttp")'
    (tmp_path / "aiohttp.py").write_text(missing, encoding="utf-8")
    command = [Path(sys.executable).with_name("sfbulk-sandbox"), "--help"]
    run = run_program(command, variables={"PYTHONPATH": str(tmp_path)})
    assert run.returncode == 1
    assert run.stderr == ("Error: aiohttp is missing: pip install 'tap-sfbulk-pages[sandbox]'\n")
