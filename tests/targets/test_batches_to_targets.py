"""`tap | target` with BATCH messages: the target reads the files, and loses nothing."""

from __future__ import annotations

import csv
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from databases import assert_holds
from salesforce_data import expected_records
from target_programs import LONGEST_RUN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databases import Database
    from fixture_types import StartSandbox
    from tap_process import Tap
    from target_programs import TargetPrograms

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 130}, "page_rows": 20}


def config_for(server: SandboxServer, files: Path, encoding: dict[str, str]) -> dict[str, Any]:
    files.mkdir()
    return {
        "instance_url": server.url,
        "access_token": "00D!token",
        "objects": ["Account"],
        "batch_config": {"encoding": encoding, "storage": {"root": files.as_uri()}},
    }


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_json_lines_into_postgres(
    tap: Tap,
    load: Callable[[Database, bytes], Any],
    start_sandbox: StartSandbox,
    database: Database,
    tmp_path: Path,
) -> None:
    server = start_sandbox(**SMALL)
    encoding = {"format": "jsonl", "compression": "gzip"}
    run = tap(config_for(server, tmp_path / "files", encoding))
    assert run.exit_code == 0, run.stderr
    assert not run.records("Account")
    assert load(database, run.stdout) == run.state
    assert_holds(database, server, "Account")


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_into_csv(
    tap: Tap,
    start_sandbox: StartSandbox,
    programs: TargetPrograms,
    tmp_path: Path,
    format_: str,
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, tmp_path / "files", {"format": format_}))
    assert run.exit_code == 0, run.stderr
    config = tmp_path / "target.json"
    config.write_text(json.dumps({"output_path": str(tmp_path / "csv")}), encoding="utf-8")
    loaded = subprocess.run(
        [str(programs.path("target-csv")), "--config", str(config)],
        input=run.stdout,
        capture_output=True,
        check=False,
        timeout=LONGEST_RUN_SECONDS,
    )
    assert loaded.returncode == 0, loaded.stderr.decode()
    with (tmp_path / "csv" / "Account.csv").open(encoding="utf-8", newline="") as file:
        written = {row["Id"]: row["Name"] for row in csv.DictReader(file, escapechar="\\")}
    expected = expected_records(server, "Account")
    assert written == {record["Id"]: record["Name"] for record in expected}
