"""The command line as users call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, parse_message

import tap_sfbulk_pages
from tap_sfbulk_pages.decoding import compiled

if TYPE_CHECKING:
    from command_process import CommandServer
    from fixture_types import StartSandbox
    from tap_process import Tap


def test_run_as_a_module(tmp_path: Path, start_sandbox: StartSandbox) -> None:
    """Without `tap_server.py`: a process of its own, imported anew, in a serial walk."""
    server = start_sandbox(rows={"Account": 7}, result_pages="refused")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_for(server, "Account")))
    command = [sys.executable, "-m", "tap_sfbulk_pages", "--config", str(config)]
    run = subprocess.run(command, capture_output=True, check=True, timeout=300)
    messages = [parse_message(line) for line in run.stdout.splitlines()]
    records = [each["record"] for each in messages if each["type"] == "RECORD"]
    assert_same_records(records, expected_records(server, "Account"))
    (page,) = (each.path for each in server.calls if each.place == "page")
    assert page.endswith("/results?maxRecords=50000")


def test_settings_from_the_environment(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 7})
    environment = {
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "any",
        "TAP_SFBULK_PAGES_OBJECTS": '["Account"]',
        "TAP_SFBULK_PAGES_LOOKBACK_SECONDS": "5",
    }
    run = tap.start(None, "--config=ENV", environment=environment).end()
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 7


def test_about_lists_every_setting_and_no_value(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    run = tap(config_for(server, access_token="s3cr3t"), "--about", "--format=json")
    assert run.exit_code == 0, run.stderr
    about = json.loads(run.stdout)
    settings = about["settings"]["properties"]
    assert {"instance_url", "objects", "stream_maps"} <= settings.keys()
    secret = {name for name, schema in settings.items() if schema.get("secret")}
    assert secret == {
        "access_token",
        "client_secret",
        "refresh_token",
        "private_key",
        "private_key_passphrase",
        "password",
        "security_token",
    }
    assert "s3cr3t" not in run.stdout.decode() + run.stderr
    assert server.calls == []


def test_connection_test_reads_one_record_of_each_stream(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 30, "Contact": 30})
    run = tap(config_for(server, "Account", "Contact"), "--test")
    assert run.exit_code == 0, run.stderr
    assert [len(run.records(stream)) for stream in ("Account", "Contact")] == [1, 1]
    assert all(job.soql.endswith(" LIMIT 1") for job in server.jobs)


def test_connection_test_fails_where_signing_in_does(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    server.add_fault(place="versions", kind="status", status=401, times="forever")
    run = tap(config_for(server, "Account"), "--test")
    assert run.exit_code == 1
    assert "INVALID_SESSION_ID" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"access_token": None}, "no way to sign in"),
        ({"client_id": "x"}, "two ways to sign in"),
        ({"instance_url": "http://acme.my.salesforce.com"}, "https"),
        ({"instance_url": 5}, "instance_url"),
        ({"max_retries": 0}, "max_retries"),
        ({"api_version": "57.0"}, "58.0"),
        ({"start_date": "soon"}, "start_date"),
    ],
)
def test_wrong_settings_are_named(
    tap: Tap,
    start_sandbox: StartSandbox,
    arguments: list[str],
    change: dict[str, Any],
    words: str,
) -> None:
    server = start_sandbox()
    config = {**config_for(server), **change}
    run = tap({name: value for name, value in config.items() if value is not None}, *arguments)
    assert run.exit_code == 1
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert "00D!token" not in run.stderr
    assert run.stdout == b""
    assert server.calls == []


@pytest.mark.parametrize(
    "command", [["tap"], ["tap", "--test"], ["sfbulk-load", "--into", "duckdb:///x"]]
)
def test_without_a_config_the_environment_is_not_read_which_is_said(
    commands: CommandServer, tmp_path: Path, command: list[str]
) -> None:
    run = commands(tmp_path, *command, environment={"TAP_SFBULK_PAGES_ACCESS_TOKEN": "x"})
    assert run.exit_code == 1
    assert "use --config ENV to read the environment variables TAP_SFBULK_PAGES_…" in run.stderr


def test_a_secret_of_a_wrong_type_is_not_shown(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    run = tap(
        config_for(server, access_token=["s3cr3t"]),
        environment={"TAP_SFBULK_PAGES_LOGLEVEL": "DEBUG"},
    )
    assert run.exit_code == 1
    assert "access_token" in run.stderr
    assert "s3cr3t" not in run.stderr


def loaded_by(*arguments: str | Path) -> set[str]:
    """Run a command in a process of its own, and tell what it has loaded at its end."""
    program = (
        "import sys\n"
        "from tap_sfbulk_pages.singer.tap import TapSFBulkPages\n"
        "try:\n"
        "    TapSFBulkPages.cli()\n"
        "finally:\n"
        "    print(*sys.modules, file=sys.stderr)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )
    assert run.stdout
    loaded = set(run.stderr.splitlines()[-1].split())
    assert "tap_sfbulk_pages.singer.tap" in loaded
    return loaded


@pytest.mark.parametrize("option", ["--version", "--about"])
def test_nothing_is_loaded_that_is_not_needed(option: str) -> None:
    assert not loaded_by(option) & {"polars", "pyarrow", "jwt", "cryptography"}


@pytest.mark.parametrize("change", ["nothing is compiled", "other sources", "a broken library"])
def test_records_are_the_same_where_nothing_is_compiled(
    start_sandbox: StartSandbox, tmp_path: Path, change: str
) -> None:
    """The package is copied, with another library or none."""
    package = tmp_path / "tap_sfbulk_pages"
    shutil.copytree(Path(tap_sfbulk_pages.__file__).parent, package)
    decoding = package / "decoding"
    library = decoding / compiled.LIBRARY.name
    if change == "nothing is compiled":
        library.unlink()
    elif change == "other sources":
        (decoding / "fast_lines.c").write_text("/* another release */", encoding="utf-8")
    else:
        library.write_bytes(b"of another platform")
    server = start_sandbox(rows={"Account": 25}, page_rows=10)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_for(server, "Account")), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "tap_sfbulk_pages", "--config", config],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    messages = [parse_message(line) for line in run.stdout.splitlines()]
    records = [each["record"] for each in messages if each["type"] == "RECORD"]
    assert_same_records(records, expected_records(server, "Account"))
    assert b"Pages are decoded by the slower code, because the compiled code" in run.stderr


def test_columns_are_not_loaded_for_lines_that_are_copied(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_for(start_sandbox(), "Account")), encoding="utf-8")
    loaded = loaded_by("--config", config)
    assert "tap_sfbulk_pages.decoding.fast_lines" in loaded
    assert not loaded & {"polars", "pyarrow", "jwt", "cryptography"}


def test_a_machine_without_shared_memory_is_not_warned_of(tmp_path: Path) -> None:
    """Of the SDK's imports, one wants semaphores, as it cannot have in some containers."""
    without = (
        "import _multiprocessing\n"
        "class SemLock:\n"
        "    SEM_VALUE_MAX = 1\n"
        "    def __init__(self, *_, **__): raise PermissionError(13, 'Permission denied')\n"
        "    _rebuild = sem_unlink = None\n"
        "_multiprocessing.SemLock = SemLock\n"
    )
    (tmp_path / "sitecustomize.py").write_text(without, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "tap_sfbulk_pages", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert run.stderr == ""
