"""Spark and Sail read what the tap writes, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import date, datetime, timezone
from decimal import Context, Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from documentation import script
from salesforce_data import assert_same_records, expected_records, fields_of
from sandbox_calls import places, struck
from spark_lane import SECRET, Lane, executor_processes
from tap_process import select_fields

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra spark brings it")

from tap_sfbulk_pages.workers.options import check_total, create_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL: dict[str, Any] = {"rows": {"Account": 25}, "page_rows": 2}
FIELDS = ["Id", "Name", "AnnualRevenue", "IsDeleted", "SystemModstamp", "LastActivityDate"]
ACCOUNT = {"object": "Account", "fields": ",".join(FIELDS)}
# Fields that hold numbers of 300 digits.
TOO_LARGE = {"Double__c"}


def plain(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the values of rows as RECORD messages do; numbers compare by their value."""
    return [{name: _plain(value) for name, value in record.items()} for record in records]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.astimezone(timezone.utc)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    if isinstance(value, date):
        return value.isoformat()
    return value


def rounded(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Round numbers as the columns of Arrow do."""
    step, exact = Decimal(1).scaleb(-18), Context(prec=38)
    return [
        {
            name: value.quantize(step, context=exact) if isinstance(value, Decimal) else value
            for name, value in record.items()
        }
        for record in records
    ]


def assert_account_is_whole(lane: Lane, server: SandboxServer, **options: str) -> None:
    found = plain(lane.records(lane.load(server, **ACCOUNT, **options)))
    assert_same_records(found, expected_records(server, "Account", fields=FIELDS))


def test_every_type_as_the_tap_writes_it(lane: Lane, tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Everything__c": 60}, page_rows=9)
    names = [name for name in fields_of(server, "Everything__c") if name not in TOO_LARGE]
    config = {"instance_url": server.url, "access_token": "00D!t", "objects": ["Everything__c"]}
    catalog = tap.catalog(config)
    select_fields(catalog["streams"][0], names)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    frame = lane.load(server, object="Everything__c", fields=",".join(names))
    assert_same_records(plain(lane.records(frame)), rounded(run.records("Everything__c")))


def test_one_job_and_each_page_once(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    assert_account_is_whole(lane, server)
    assert places(server).count("create") == 1
    assert places(server).count("page") == 13
    # Not one a page: on Spark two processes plan and two read, on Sail there is but one.
    assert places(server).count("token") <= {"sail": 1, "spark": 4}[lane.name]


def test_an_object_without_records(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 0}, empty_result_links=0)
    frame = lane.load(server, **ACCOUNT)
    assert frame.columns == FIELDS
    assert lane.records(frame) == []
    assert "page" not in places(server)


def test_pages_that_are_unavailable_at_first(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="status", status=503, first=2, times=3)
    assert_account_is_whole(lane, server)
    assert struck(server) == ["status"] * 3


def test_a_session_that_dies_in_the_middle(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="expire_tokens", first=6)
    assert_account_is_whole(lane, server)
    assert struck(server) == ["expire_tokens"]
    assert 401 in [call.status for call in server.calls]


def test_an_org_that_lists_no_pages(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, result_pages="refused")
    assert_account_is_whole(lane, server)
    assert places(server).count("page") == 1


def test_a_page_that_cannot_be_read(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="short_page", match={"page": 4}, times="forever")
    frame = lane.load(server, **ACCOUNT, max_retries="1")
    with pytest.raises(Exception, match="holds 1 record; Salesforce announced 2"):
        lane.records(frame)


def test_a_job_that_fails(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="poll", kind="job_failed")
    frame = lane.load(server, **ACCOUNT)
    with pytest.raises(Exception, match="The job is Failed"):
        lane.records(frame)


def test_tables_and_views_of_sql(cluster: Lane, start_sandbox: StartSandbox) -> None:
    """Spark adds options of its own to those of a table, and passes none of them to a query."""
    server = start_sandbox(**SMALL)
    given = {**ACCOUNT, "instance_url": server.url}
    options = ", ".join(f"{name} = '{text}'" for name, text in given.items())
    run = cluster.session.sql
    run(f"CREATE TABLE kept USING sfbulk OPTIONS ({options})")
    run(f"CREATE TEMPORARY VIEW view USING sfbulk OPTIONS ({options})")
    try:
        assert run("SELECT * FROM view").columns == FIELDS
        found = plain(cluster.records(run(f"SELECT * FROM kept WITH ({options})")))  # noqa: S608
        assert_same_records(found, expected_records(server, "Account", fields=FIELDS))
        with pytest.raises(Exception, match="use CREATE TEMPORARY VIEW"):
            run("SELECT * FROM kept").collect()
    finally:
        run("DROP TABLE kept")
        run("DROP VIEW view")


def test_a_job_that_exists(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    options = {**ACCOUNT, "instance_url": server.url}
    options["job"] = create_job(options)
    frame = lane.load(server, **options)
    assert frame.count() == 25
    assert_same_records(
        plain(lane.records(frame)), expected_records(server, "Account", fields=FIELDS)
    )
    check_total(options, records=25)
    assert places(server).count("create") == 1


def test_a_query_with_a_schema(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    soql = "SELECT Id, Owner.Name, AnnualRevenue FROM Account"
    schema = "`Id` string, `Owner.Name` string, `AnnualRevenue` string"
    rows = {row["Id"]: row for row in lane.records(lane.load(server, schema, soql=soql))}
    assert len(rows) == 25
    for record in expected_records(server, "Account", fields=["Id", "AnnualRevenue"]):
        text = rows[record["Id"]]["AnnualRevenue"]
        assert (None if text is None else Decimal(text)) == record["AnnualRevenue"]
    assert any(row["Owner.Name"] for row in rows.values())


def test_a_secret_among_the_options(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    with pytest.raises(Exception, match="TAP_SFBULK_PAGES_ACCESS_TOKEN") as raised:
        lane.load(server, **ACCOUNT, access_token="keep me").collect()
    assert "keep me" not in str(raised.value)


@pytest.mark.parametrize("is_pushed", [False, True])
def test_filters(
    lane: Lane,
    start_sandbox: StartSandbox,
    is_pushed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    server = start_sandbox(rows={"Account": 60}, page_rows=20)
    options = {**ACCOUNT, "push_filters": "true"} if is_pushed else ACCOUNT
    condition = (
        "SystemModstamp >= timestamp'2025-01-01T00:00:00Z' AND LastActivityDate > "
        "date'2020-01-01' AND IsDeleted = false AND Name LIKE '%a%'"
    )
    found = plain(lane.records(lane.load(server, **options).where(condition)))
    expected = [
        record
        for record in expected_records(server, "Account", fields=FIELDS)
        if record["SystemModstamp"] >= "2025-01-01T00:00:00.000Z"
        and (record["LastActivityDate"] or "") > "2020-01-01"
        and not record["IsDeleted"]
        and "a" in record["Name"]
    ]
    assert expected
    assert_same_records(found, expected)
    pages = places(server).count("page")
    assert pages < 3 if is_pushed else pages == 3


def test_a_filter_that_salesforce_refuses(lane: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 60})
    frame = lane.load(server, object="Account", fields="Id,Description", push_filters="true")
    texts = [row["Description"] for row in lane.records(frame)]
    text = next(text for text in texts if text and text.isprintable())
    found = lane.records(frame.where(frame.Description == text))
    assert len(found) == texts.count(text)
    creations = [call.status for call in server.calls if call.place == "create"]
    assert creations == [200, 400, 200]


def test_an_executor_that_is_killed(
    cluster: Lane, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL, latency_seconds=0.2)
    frame = cluster.load(server, **ACCOUNT)
    folder = str(tmp_path / "accounts")
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(frame.write.parquet, folder)
        while places(server).count("page") < 4:
            assert not writing.done()
        before = executor_processes()
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        writing.result(timeout=60)
    assert before[0] not in executor_processes()
    found = plain(cluster.records(cluster.session.read.parquet(folder)))
    assert_same_records(found, expected_records(server, "Account", fields=FIELDS))
    assert places(server).count("create") == 1
    # Only what the dead one was at is asked for again.
    assert 13 <= places(server).count("page") <= 15


def test_the_script_of_the_documentation(
    lane: Lane,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if lane.remote is None:
        pytest.skip("the script starts an engine of its own here, which takes half a minute")
    server = start_sandbox(**SMALL)
    monkeypatch.setenv("TAP_SFBULK_PAGES_INSTANCE_URL", server.url)
    # The engine runs in this process, and so resolves the script's paths.
    monkeypatch.chdir(tmp_path)
    start = "spark = SparkSession.builder.getOrCreate()\n"
    before, found_start, after = script("spark.md", "accounts.py").partition(start)
    register = "spark.dataSource.register(__import__('pyspark_sfbulk').DefaultSource)\n"
    run = subprocess.run(
        [sys.executable, "-c", before + found_start + register + after],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SPARK_REMOTE": lane.remote},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    folder = str(tmp_path / "accounts")
    found = plain(lane.records(lane.session.read.parquet(folder).select(FIELDS)))
    assert_same_records(found, expected_records(server, "Account", fields=FIELDS))
    assert places(server).count("create") == 1
    pages = [call.path for call in server.calls if call.place == "page"]
    # One more call, for the names of the columns.
    assert len([path for path in pages if "locator=" in path]) == len(pages) - 1 == 13


def test_secrets_stay_out_of_plans_and_logs(cluster: Lane, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    frame = cluster.load(server, **ACCOUNT)
    assert frame.count() == 25
    with redirect_stdout(StringIO()) as shown:
        frame.explain(extended=True)
    assert cluster.event_log
    logged = "".join(path.read_text() for path in cluster.event_log.rglob("*") if path.is_file())
    for text in (shown.getvalue(), logged):
        assert "sfbulk" in text
        assert SECRET not in text
