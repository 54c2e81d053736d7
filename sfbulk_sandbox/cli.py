"""The command ``sfbulk-sandbox``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

try:
    from sfbulk_sandbox.exchange import MY_DOMAIN
    from sfbulk_sandbox.scenario import Credentials, Scenario, ScenarioError, scenario_from_file
    from sfbulk_sandbox.server import LOOPBACK, SandboxServer
except ModuleNotFoundError as missing:
    # The command is there without its extra.
    sys.exit(f"Error: {missing.name} is missing: pip install 'tap-sfbulk-pages[sandbox]'")

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT = 8765
_PREFIX = "TAP_SFBULK_PAGES_"
_SIGN_IN_SETTINGS = (
    "INSTANCE_URL",
    "LOGIN_URL",
    "IS_SANDBOX",
    "ACCESS_TOKEN",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REFRESH_TOKEN",
    "USERNAME",
    "PASSWORD",
    "SECURITY_TOKEN",
    "PRIVATE_KEY",
    "PRIVATE_KEY_PATH",
    "SF_CLI_ORG",
)
_PASSED_ON = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_NOT_FOUND, _NOT_EXECUTABLE, _SIGNALLED = 127, 126, 128

_scenario_option = click.option(
    "--scenario",
    "scenario_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML or JSON file with data sizes, reply forms, timing and faults.",
)
_tls_option = click.option(
    "--tls", is_flag=True, help="Serve https with a certificate made for this run."
)
_as_salesforce_option = click.option(
    "--as-salesforce",
    is_flag=True,
    help="Let programs that know no host but Salesforce's reach the sandbox, through a proxy.",
)


@click.group()
def main() -> None:
    """Run a local stand-in for the Salesforce endpoints that Bulk API 2.0 clients use."""


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0 takes any free port.",
)
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@_scenario_option
@_tls_option
@_as_salesforce_option
def serve(
    port: int, host: str, scenario_path: Path | None, *, tls: bool, as_salesforce: bool
) -> None:
    """Serve until interrupted.

    A line with the address is printed when the sandbox is ready; with --as-salesforce, so are the
    variables that make a program take it for Salesforce. Without credentials in the scenario, any
    credentials and any access token are accepted.
    """
    stop = threading.Event()
    for number in _PASSED_ON:
        signal.signal(number, lambda *_: stop.set())
    scenario = _read_scenario(scenario_path)
    listen = {"host": host, "port": port, "tls": tls, "as_salesforce": as_salesforce}
    with _run_server(scenario, **listen) as server:
        certificate = f" (CA certificate: {server.ca_file})" if tls else ""
        click.echo(f"sfbulk-sandbox listening on {server.url}{certificate}")
        if as_salesforce:
            for name, value in server.environment.items():
                click.echo(f"export {name}={value}")
        sys.stdout.flush()
        stop.wait()


@main.command(
    short_help="Run a command with its own sandbox.",
    context_settings={"allow_interspersed_args": False},
)
@_scenario_option
@_tls_option
@_as_salesforce_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    scenario_path: Path | None, command: tuple[str, ...], *, tls: bool, as_salesforce: bool
) -> None:
    """Run COMMAND with its own sandbox, and exit with the exit code of COMMAND.

    COMMAND finds the address and the credentials in the tap's environment variables
    (TAP_SFBULK_PAGES_INSTANCE_URL, TAP_SFBULK_PAGES_CLIENT_ID, TAP_SFBULK_PAGES_CLIENT_SECRET), and
    the address also in SFBULK_SANDBOX_URL. With --as-salesforce it reaches the sandbox under
    Salesforce's own addresses, with credentials of its own, and no other host by https.
    """
    scenario = _read_scenario(scenario_path)
    if scenario.credentials is None and not as_salesforce:
        scenario = replace(scenario, credentials=Credentials.generate())
    listen = {"host": LOOPBACK, "port": 0, "tls": tls, "as_salesforce": as_salesforce}
    with _run_server(scenario, **listen) as server:
        url = MY_DOMAIN if as_salesforce else server.url
        code = _run_command(command, _make_environment(server, url))
    sys.exit(code)


def _read_scenario(path: Path | None) -> Scenario:
    """Read the scenario file, if there is one; end the command if it is not valid."""
    try:
        return Scenario() if path is None else scenario_from_file(path)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _run_server(scenario: Scenario, **listen: Any) -> Iterator[SandboxServer]:
    """Keep a server running; end the command if its data or port are not available."""
    try:
        server = SandboxServer(scenario, **listen)
        server.__enter__()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        address = f"{listen['host']}:{listen['port']}"
        raise click.ClickException(f"cannot listen on {address}: {error.strerror}") from error
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


def _make_environment(server: SandboxServer, instance_url: str) -> dict[str, str]:
    """Return the command's environment: one way to sign in, and no other that is left over."""
    environment = dict(os.environ)
    for setting in _SIGN_IN_SETTINGS:
        environment.pop(_PREFIX + setting, None)
    environment["SFBULK_SANDBOX_URL"] = server.url
    environment[f"{_PREFIX}INSTANCE_URL"] = instance_url
    environment[f"{_PREFIX}CLIENT_ID"] = server.credentials.client_id
    environment[f"{_PREFIX}CLIENT_SECRET"] = server.credentials.client_secret or ""
    return {**environment, **server.environment}


def _run_command(command: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run the command to its end, passing on signals; return its exit code as shells do."""
    process: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, _frame: object) -> None:
        if process is None:
            sys.exit(_SIGNALLED + number)
        # A Ctrl-C at the terminal has reached the command already, and a second one would tell
        # it to stop without care.
        if not (number == signal.SIGINT and _is_in_foreground()):
            process.send_signal(number)

    for number in _PASSED_ON:
        signal.signal(number, hand_on)
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own command
    except FileNotFoundError:
        click.echo(f"sfbulk-sandbox: command not found: {command[0]}", err=True)
        return _NOT_FOUND
    except OSError as error:
        click.echo(f"sfbulk-sandbox: {command[0]}: {error.strerror}", err=True)
        return _NOT_EXECUTABLE
    code = process.wait()
    return code if code >= 0 else _SIGNALLED - code


def _is_in_foreground() -> bool:
    """Whether this process belongs to those that the terminal's keys interrupt."""
    if sys.platform == "win32":
        # All processes of a console do, and there is no other way to send this signal.
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
