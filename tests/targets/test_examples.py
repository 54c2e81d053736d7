"""The examples as a reader runs them: beside a sandbox, with the targets that they name."""

from __future__ import annotations

import fcntl
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from salesforce_data import expected_records
from target_programs import LONGEST_RUN_SECONDS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fixture_types import StartSandbox
    from target_programs import TargetPrograms

    from sfbulk_sandbox import SandboxServer

EXAMPLES = ROOT / "examples"
SMALL = {"rows": {"Account": 120, "Opportunity": 200}, "page_rows": 50}
LOOK = (EXAMPLES / "look.sql").read_text(encoding="utf-8")
OTHER_RUN_CODE = 75
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")

Run = subprocess.CompletedProcess[str]
Rows = list[tuple[Any, ...]]


@pytest.fixture
def run_example(programs: TargetPrograms, tmp_path: Path) -> Callable[..., Run]:
    """Run a script of the examples in an empty folder: `run_example(server, name, target)`."""

    def run(server: SandboxServer, name: str, target: str | None = None, **variables: str) -> Run:
        environment = {**variables_for(server, programs, target), **variables}
        return finished([str(EXAMPLES / name)], environment, tmp_path)

    return run


def variables_for(
    server: SandboxServer, programs: TargetPrograms, target: str | None
) -> dict[str, str]:
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if target:
        folders.append(str(programs.path(target).parent))
    return {
        **os.environ,
        "PATH": os.pathsep.join(folders),
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "00D!token",
    }


def finished(command: list[str], environment: Mapping[str, str], folder: Path) -> Run:
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_RUN_SECONDS,
    )


def biggest_pipelines(server: SandboxServer) -> Rows:
    """Find out by hand what `look.sql` asks."""
    of_accounts = {
        each["Id"]: each["Industry"]
        for each in expected_records(server, "Account", include_deleted=False)
    }
    amounts: dict[str | None, list[Decimal]] = {}
    for each in expected_records(server, "Opportunity", include_deleted=False):
        if each["AccountId"] in of_accounts and each["Amount"] is not None:
            amounts.setdefault(of_accounts[each["AccountId"]], []).append(Decimal(each["Amount"]))
    rows = [(industry, len(found), sum(found)) for industry, found in amounts.items()]
    return sorted(rows, key=lambda row: -row[2])[:5]


def look_at_duckdb(database: str, *files: Path) -> Rows:
    sql = "".join(file.read_text(encoding="utf-8") for file in files)
    with duckdb.connect(database) as connection:
        return connection.sql(sql).fetchall()


def test_duckdb_and_again_what_has_changed(
    run_example: Callable[..., Run], start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    first = run_example(server, "duckdb.sh", "target-duckdb")
    assert first.returncode == 0, first.stderr
    everything = biggest_pipelines(server)
    warehouse = str(tmp_path / "target.duckdb")
    assert look_at_duckdb(warehouse, EXAMPLES / "look.sql") == everything

    account = next(
        each["Id"]
        for each in expected_records(server, "Account", include_deleted=False)
        if each["Industry"] == everything[0][0]
    )
    server.org.upsert("Account", [{"Id": account, "Industry": "Shipbuilding"}])
    second = run_example(server, "duckdb.sh", "target-duckdb")
    assert second.returncode == 0, second.stderr
    assert biggest_pipelines(server) != everything
    assert look_at_duckdb(warehouse, EXAMPLES / "look.sql") == biggest_pipelines(server)
    assert [each.place for each in server.calls].count("create") == 4
    assert ["SystemModstamp >=" in job.soql for job in server.jobs] == [False] * 2 + [True] * 2


def test_postgres(
    run_example: Callable[..., Run],
    start_sandbox: StartSandbox,
    postgres: Mapping[str, Any],
) -> None:
    server = start_sandbox(**SMALL)
    with psycopg.connect(**postgres) as connection:
        connection.execute("DROP SCHEMA IF EXISTS salesforce CASCADE")
    names = {"dbname": "database"}
    connect = {
        f"TARGET_POSTGRES_{names.get(name, name).upper()}": str(value)
        for name, value in postgres.items()
    }
    run = run_example(server, "postgres.sh", "target-postgres", **connect)
    assert run.returncode == 0, run.stderr
    with psycopg.connect(**postgres) as connection:
        assert connection.execute(LOOK).fetchall() == biggest_pipelines(server)


def test_json_lines(
    run_example: Callable[..., Run], start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    run = run_example(server, "jsonl.sh", "target-jsonl")
    assert run.returncode == 0, run.stderr
    counts = {path.name: len(path.read_bytes().splitlines()) for path in tmp_path.glob("jsonl/*")}
    assert counts == {"Account.jsonl": 120, "Opportunity.jsonl": 200}


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_signal_stops_tap_and_target_with_a_true_state(
    programs: TargetPrograms,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    send: Callable[[int, int], None],
) -> None:
    """To the script alone, as a scheduler sends it, or to all of its group, as a terminal does."""
    server = start_sandbox(rows={"Account": 200}, page_rows=10)
    server.add_fault(place="page", kind="stall", match={"page": 15})
    environment = {
        **variables_for(server, programs, "target-jsonl"),
        "TAP_SFBULK_PAGES_OBJECTS": '["Account"]',
    }
    script = str(EXAMPLES / "jsonl.sh")
    with subprocess.Popen(
        [script], env=environment, cwd=tmp_path, start_new_session=True
    ) as running:
        deadline = time.monotonic() + LONGEST_RUN_SECONDS
        while not any(each.fault for each in server.calls) and time.monotonic() < deadline:
            time.sleep(0.05)
        send(running.pid, signal.SIGTERM)
    assert running.returncode == 128 + signal.SIGTERM
    state = json.loads((tmp_path / "jsonl.state").read_text(encoding="utf-8"))
    assert "query_job" in state["bookmarks"]["Account"]
    server.clear_faults()
    assert finished([script], environment, tmp_path).returncode == 0
    lines = (tmp_path / "jsonl" / "Account.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len({json.loads(line)["Id"] for line in lines}) == 200
    assert [each.place for each in server.calls].count("create") == 1


@needs_jq
def test_parquet_and_after_a_failure_the_rest(
    run_example: Callable[..., Run],
    start_sandbox: StartSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = start_sandbox(**SMALL)
    third_page = {"sobject": "Opportunity", "page": 3}
    server.add_fault(place="page", kind="status", status=404, match=third_page)
    failed = run_example(server, "parquet.sh")
    assert failed.returncode == 1
    assert "Opportunity" in failed.stderr
    fetched = len(server.calls)
    run = run_example(server, "parquet.sh")
    assert run.returncode == 0, run.stderr
    again = [each.path for each in server.calls[fetched:] if each.place == "page"]
    # The other pages of that job, and those of a new job of Account; not the whole once more.
    assert [each.place for each in server.calls].count("create") == 3
    assert len(again) < 4 + 3

    monkeypatch.chdir(tmp_path)
    files = [EXAMPLES / "parquet.sql", EXAMPLES / "look.sql"]
    assert look_at_duckdb(":memory:", *files) == biggest_pipelines(server)
    show = runpy.run_path(str(EXAMPLES / "look.py"))["show"]
    show(":memory:", *map(str, files))
    assert str(biggest_pipelines(server)[0][2]) in capsys.readouterr().out


def test_a_second_run_at_a_time_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "any.state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = finished([str(EXAMPLES / "load"), "any.state", "cat"], os.environ, tmp_path)
    assert run.returncode == OTHER_RUN_CODE
    assert "any.state.lock" in run.stderr


def test_the_line_for_cron(
    programs: TargetPrograms, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    lines = (EXAMPLES / "crontab").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if not line.startswith("#"))
    *moment, command = line.split(None, 5)
    bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    for field, (lowest, highest) in zip(moment, bounds, strict=True):
        assert field == "*" or lowest <= int(field) <= highest
    # Cron takes an unescaped percent sign for the end of the line.
    assert "%" not in command

    server = start_sandbox(**SMALL)
    shutil.copytree(EXAMPLES, tmp_path / "salesforce")
    for name, found in {
        "tap": Path(sys.executable).parent,
        "target": programs.path("target-duckdb").parent,
    }.items():
        (tmp_path / "salesforce" / name).mkdir()
        (tmp_path / "salesforce" / name / "bin").symlink_to(found)
    settings = (EXAMPLES / "salesforce.env.example").read_text(encoding="utf-8")
    settings = settings.replace("https://acme.my.salesforce.com", server.url)
    settings = re.sub(r"(_ID|_SECRET)=$", r"\1=any", settings, flags=re.MULTILINE)
    (tmp_path / "salesforce" / "salesforce.env").write_text(settings, encoding="utf-8")
    bare = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    run = finished(["/bin/sh", "-c", command], bare, Path("/"))
    log = (tmp_path / "salesforce" / "nightly.log").read_text(encoding="utf-8")
    assert run.returncode == 0, log
    assert run.stdout + run.stderr == ""
    warehouse = str(tmp_path / "salesforce" / "target.duckdb")
    assert look_at_duckdb(warehouse, EXAMPLES / "look.sql") == biggest_pipelines(server)
