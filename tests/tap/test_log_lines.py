"""The log as people and programs read it: each line names its stream, and so does its end."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandServer
    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

JSON_LOG = """
version: 1
disable_existing_loggers: false
formatters: {json: {(): singer_sdk.logging.StructuredFormatter}}
handlers: {log: {class: logging.StreamHandler, formatter: json, stream: ext://sys.stderr}}
root: {level: DEBUG, handlers: [log]}
"""
COMMAND = [sys.executable, "-m", "tap_sfbulk_pages", "--config"]


def json_lines(
    commands: CommandServer, server: SandboxServer, folder: Path, *arguments: str
) -> list[dict[str, Any]]:
    """Run the command with a log in JSON, whatever its end."""
    (folder / "log.yaml").write_text(JSON_LOG, encoding="utf-8")
    config = folder / "config.json"
    settings = config_for(server, "Account", "Contact", "Leed", max_retries=2)
    config.write_text(json.dumps(settings), encoding="utf-8")
    environment = {"SINGER_SDK_LOG_CONFIG": str(folder / "log.yaml")}
    run = commands(folder, "tap", "--config", str(config), *arguments, environment=environment)
    assert run.exit_code == 1
    lines = map(json.loads, run.stderr.splitlines())
    return [line for line in lines if line["level"] != "debug"]


def test_every_line_of_a_stream_names_it(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows={"Account": 7, "Contact": 5})
    fault = {"kind": "status", "status": 503, "times": "forever"}
    server.add_fault(place="page", match={"sobject": "Account"}, **fault)
    lines = json_lines(commands, server, tmp_path)
    failures = {
        line["stream_name"]: line["message"]
        for line in lines
        if line["level"] == "error" and line["stream_name"]
    }
    assert set(failures) == {"Account", "Leed"}
    for line in lines:
        text = json.dumps(line["message"])
        named = [name for name in ("Account", "Contact", "Leed") if name in text]
        if len(named) == 1 and "objects" not in text:
            assert line["stream_name"] == named[0], line
        if line["stream_name"] and "metric_info" not in line:
            is_named = line["stream_name"] in f"{text} {line['logger_name']}"
            assert is_named, line
    measured = [line for line in lines if "metric_info" in line]
    assert measured
    for line in measured:
        assert line["stream_name"] == line["metric_info"]["tags"]["stream"]
    # Of a download thread, which names only its page.
    assert any(line["stream_name"] == "Account" and "503" in line["message"] for line in lines)


def test_the_end_is_a_line_of_the_log(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    last = json_lines(commands, start_sandbox(), tmp_path)[-1]
    assert last["level"] == "error"
    assert last["message"].startswith("Error: 1 of 3 streams was not read to its end.")


def test_what_is_handled_is_not_called_unhandled(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows={"Account": 7})
    server.add_fault(place="page", kind="status", status=400, times="forever")
    lines = json_lines(commands, server, tmp_path)
    assert not [line for line in lines if "nhandled" in line["message"]]


def seen_on_a_terminal(server: SandboxServer, folder: Path, level: str) -> str:
    """Run the command with a terminal as its stderr, and return what is seen there."""
    config = folder / "config.json"
    config.write_text(json.dumps(config_for(server, "Account")), encoding="utf-8")
    controller, terminal = pty.openpty()
    terminal_of_80 = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "80"}
    environment = {**os.environ, "LOGLEVEL": level, **terminal_of_80}
    command = [*COMMAND, str(config)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=terminal, env=environment
    ) as run:
        os.close(terminal)
        seen = b""
        # Linux has an error in place of the end.
        with suppress(OSError):
            while piece := os.read(controller, 65_536):
                seen += piece
    os.close(controller)
    assert run.returncode == 0, seen
    return seen.decode()


@pytest.mark.parametrize(("level", "is_shown"), [("INFO", False), ("DEBUG", True)])
def test_measurements_do_not_clutter_a_terminal(
    start_sandbox: StartSandbox, tmp_path: Path, level: str, *, is_shown: bool
) -> None:
    seen = seen_on_a_terminal(start_sandbox(rows={"Account": 7}), tmp_path, level)
    assert ("METRIC" in seen) == is_shown
    assert "7 records of 1 stream" in seen
