"""Spark streams an object: its checkpoint is the resume, and each run reads what has changed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timezone
from typing import TYPE_CHECKING, Any

import pytest
import stream_run
from documentation import script
from salesforce_data import assert_same_records, expected_records
from sandbox_calls import places, struck
from spark_lane import Lane, descendants

from tap_sfbulk_pages.errors import RecordCountError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

SMALL: dict[str, Any] = {"rows": {"Account": 25}, "page_rows": 2}
_LONGEST_START_SECONDS = 600
_LONGEST_END_SECONDS = 60


def batches(folder: Path, log: str) -> list[str]:
    """Name the batches that a log of the checkpoint holds."""
    paths = (folder / "checkpoint" / log).glob("[0-9]*")
    return sorted(path.name for path in paths)


def assert_table_is_whole(lane: Lane, server: SandboxServer, folder: Path) -> None:
    found = lane.records(lane.session.read.parquet(str(folder / "table")))
    for record in found:
        moment = record["SystemModstamp"].astimezone(timezone.utc)
        record["SystemModstamp"] = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    expected = expected_records(server, "Account", fields=stream_run.FIELDS)
    assert_same_records(found, expected)


def kill_once_it_stalls(server: SandboxServer, folder: Path) -> None:
    """Start a driver, and kill it and all of its processes when both of its tasks stand still."""
    command = [sys.executable, stream_run.__file__, server.url, str(folder)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as driver:
        deadline = time.monotonic() + _LONGEST_START_SECONDS
        while driver.poll() is None and len(struck(server)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        below = [os.pidfd_open(each) for each in descendants(driver.pid)]
        driver.kill()
        for process in below:
            # Some end by themselves when the first are gone.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
    assert driver.returncode == -signal.SIGKILL, (folder / "log").read_text()
    assert struck(server) == ["stall"] * 2
    assert below
    # A process that has ended is ready to be read; the memory of an engine takes a moment to free.
    for process in below:
        assert select.select([process], [], [], _LONGEST_END_SECONDS)[0]
        os.close(process)


def test_a_driver_that_is_killed(
    cluster: Lane, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    # Two pages of the second batch are read, and then none.
    server.add_fault(place="page", kind="stall", first=8, times=2)
    kill_once_it_stalls(server, tmp_path)
    # The first batch has no page; its offset is the job.
    assert batches(tmp_path, "offsets") == ["0", "1", "2"]
    assert batches(tmp_path, "commits") == ["0", "1"]
    assert places(server).count("page") == 9

    stream_run.read_available(cluster.session, server.url, tmp_path)
    assert_table_is_whole(cluster, server, tmp_path)
    assert places(server).count("create") == 1
    # The five pages of the batch that was committed are not asked for again. One more call is for
    # the names of the job's columns.
    assert places(server).count("page") == 9 + 13 - 5 + 1

    new = server.org.upsert("Account", [{"Name": "new"}])
    stream_run.read_available(cluster.session, server.url, tmp_path)
    assert_table_is_whole(cluster, server, tmp_path)
    assert places(server).count("create") == 2
    assert places(server).count("page") == 9 + 13 - 5 + 1 + 1
    assert len(new) == 1


def test_a_job_that_expires(cluster: Lane, start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="status", status=400, match={"page": 8}, times="forever")
    with pytest.raises(Exception, match="400"):
        stream_run.read_available(cluster.session, server.url, tmp_path)
    assert batches(tmp_path, "commits") == ["0", "1"]

    server.add_fault(place="poll", kind="job_gone")
    with pytest.raises(Exception, match="new checkpoint") as raised:
        stream_run.read_available(cluster.session, server.url, tmp_path)
    assert "job_gone" in struck(server)
    assert "Salesforce keeps jobs for seven days" in str(raised.value)
    assert places(server).count("create") == 1


@pytest.mark.parametrize("recipe", ["delta", "iceberg"])
@pytest.mark.filterwarnings("ignore:Delete operation did not match any records")
def test_a_recipe_that_writes_a_repeated_batch_once(
    cluster: Lane,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
) -> None:
    read = {"delta": read_delta, "iceberg": read_iceberg}[recipe]
    server = start_sandbox(**SMALL)
    text = script("spark.md", f"accounts_{recipe}.py")
    for before, after in (
        ("SparkSession.builder.getOrCreate()", "session"),
        ('{"object"', '{"instance_url": url, "object"'),
        ('"accounts.checkpoint"', f'"{tmp_path}/checkpoint"'),
    ):
        assert before in text
        text = text.replace(before, after)
    monkeypatch.chdir(tmp_path)

    names: dict[str, Any] = {"session": cluster.session, "url": server.url}

    def run() -> int:
        exec(text, names)  # noqa: S102 - our own
        version, rows = read()
        found = [{name: row[name] for name in ("Id", "Name")} for row in rows]
        assert_same_records(found, expected_records(server, "Account", fields=["Id", "Name"]))
        return version

    version = run()
    # As if the driver had been killed behind the last batch's commit to the table.
    last = batches(tmp_path, "commits")[-1]
    for path in (tmp_path / "checkpoint" / "commits").glob(f"*{last}*"):
        path.unlink()
    assert run() == version
    assert batches(tmp_path, "commits")[-1] == last
    _, old = read()
    changed = [{**old[0], "Name": "changed"}, {**old[1], "Id": "001new", "Name": "new"}]
    columns = "Id string, Name string, Industry string, SystemModstamp timestamp, IsDeleted boolean"
    batch = cluster.session.createDataFrame(changed, columns)
    names["write"](batch, int(last) + 1)
    _, new_rows = read()
    assert {row["Id"]: row for row in new_rows} == {row["Id"]: row for row in [*old, *changed]}
    assert len(new_rows) == len(old) + 1


def read_delta() -> tuple[int, list[dict[str, Any]]]:
    """Read the recipe's table: its version, and its rows."""
    deltalake = pytest.importorskip("deltalake")
    table = deltalake.DeltaTable("accounts")
    return table.version(), table.to_pyarrow_table().to_pylist()


def read_iceberg() -> tuple[int, list[dict[str, Any]]]:
    """Read the recipe's table: the number of its snapshots, and its rows."""
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    table = sql.SqlCatalog("local", uri="sqlite:///warehouse/catalog.db").load_table(
        "salesforce.accounts"
    )
    return len(table.snapshots()), table.scan().to_arrow().to_pylist()


@pytest.fixture
def streamed(
    cluster: Lane,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., tuple[SandboxServer, str]]:
    """Run the script of the documentation; return the sandbox, and what the script prints."""
    text = script("spark.md", "accounts_stream.py")
    # The session is there already, and so is its environment.
    for before, after in (
        ('"accounts', f'"{tmp_path}/accounts'),
        ("SparkSession.builder.getOrCreate()", "session"),
        ('{"object"', '{"instance_url": url, "pages_per_batch": "5", "object"'),
    ):
        assert before in text
        text = text.replace(before, after)

    def run(**fault: Any) -> tuple[SandboxServer, str]:
        server = start_sandbox(**SMALL)
        if fault:
            server.add_fault(**fault)
        exec(text, {"session": cluster.session, "url": server.url})  # noqa: S102 - our own
        found = cluster.records(cluster.session.read.parquet(f"{tmp_path}/accounts"))
        expected = expected_records(server, "Account", fields=["Id", "Name"])
        names = [{name: record[name] for name in ("Id", "Name")} for record in found]
        assert_same_records(names, expected)
        return server, capfd.readouterr().out

    return run


def test_the_script_of_the_documentation(
    streamed: Callable[..., tuple[SandboxServer, str]],
) -> None:
    server, printed = streamed()
    (job,) = {call.path.split("/")[6] for call in server.calls if call.place == "poll"}
    assert f"All records of job {job} have arrived.\n" in printed
    assert places(server).count("create") == 1


def test_a_total_that_differs_from_what_has_arrived(
    streamed: Callable[..., tuple[SandboxServer, str]],
) -> None:
    with pytest.raises(RecordCountError, match="hold 25 records, but Salesforce processed 26"):
        streamed(place="poll", kind="wrong_total", times="forever")


def test_a_stream_of_what_is_no_object(
    cluster: Lane, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    stream = cluster.session.readStream.format("sfbulk").option("instance_url", server.url)
    query = (
        stream.option("soql", "SELECT Id FROM Account")
        .load()
        .writeStream.format("noop")
        .option("checkpointLocation", str(tmp_path))
        .start()
    )
    with pytest.raises(Exception, match="set object, not soql or job"):
        query.awaitTermination()
