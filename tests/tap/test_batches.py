"""BATCH messages: files that others read, and a STATE that covers no more than they hold."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import duckdb
import pyarrow.ipc
import pytest
from salesforce_data import assert_same_records, expected_records, fields_of
from tap_process import config_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun


SMALL = {"rows": {"Account": 25}, "page_rows": 2}


def batch_config(folder: Path, format_: str, **encoding: str) -> dict[str, Any]:
    return {
        "encoding": {"format": format_, **encoding},
        "storage": {"root": folder.as_uri(), "prefix": "night-"},
    }


def files_of(run: TapRun) -> list[str]:
    manifests = [message["manifest"] for message in run.messages if message["type"] == "BATCH"]
    return [unquote(urlsplit(address).path) for manifest in manifests for address in manifest]


def as_json(value: Any, type_: str) -> Any:
    """Return a typed value as a query job writes it."""
    if value is None or type_ in {"boolean", "int", "long"}:
        return value
    if type_ in {"double", "currency", "percent"}:
        return Decimal(value)
    if type_ == "datetime":
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
    return str(value)


def rows_of(records: list[dict[str, Any]], types: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {name: as_json(value, types[name]) for name, value in record.items()} for record in records
    ]


def read_arrow(path: str) -> list[dict[str, Any]]:
    with pyarrow.ipc.open_file(path) as file:
        rows: list[dict[str, Any]] = file.read_all().to_pylist()
    return rows


def read_parquet(path: str) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # By Arrow, since DuckDB makes Python's zoned datetimes with a library of its own choice.
        table: Any = connection.read_parquet(path).to_arrow_table()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.mark.parametrize(("format_", "read"), [("arrow", read_arrow), ("parquet", read_parquet)])
def test_columns_are_read_by_others(
    tap: Tap,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    format_: str,
    read: Callable[[str], list[dict[str, Any]]],
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", batch_config=batch_config(tmp_path / "b", format_))
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    files = files_of(run)
    assert len(files) == 13
    assert all("/night-Account-750" in path and path.endswith(f".{format_}") for path in files)
    records = [record for path in files for record in read(path)]
    types = fields_of(server, "Account")
    assert_same_records(rows_of(records, types), expected_records(server, "Account"))


@pytest.mark.parametrize("compression", ["gzip", "none", None])
def test_json_lines_keep_every_digit_and_say_their_compression_truly(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, compression: str | None
) -> None:
    server = start_sandbox(page_rows=50)
    chosen = {"compression": compression} if compression else {}
    encoding = batch_config(tmp_path / "b", "jsonl", **chosen)
    run = tap(config_for(server, "Everything__c", batch_config=encoding))
    assert run.exit_code == 0, run.stderr
    records = []
    for path in files_of(run):
        with (gzip.open if compression == "gzip" else open)(path, "rb") as file:
            lines = file.read().decode().split("\n")
        records += [json.loads(line, parse_float=Decimal) for line in lines[:-1]]
    assert_same_records(records, expected_records(server, "Everything__c"))


def test_a_state_covers_only_pages_whose_message_is_out(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", batch_config=batch_config(tmp_path / "b", "arrow")))
    announced = 0
    for message in run.messages:
        if message["type"] == "BATCH":
            announced += sum(len(read_arrow(urlsplit(one).path)) for one in message["manifest"])
        elif message["type"] == "STATE":
            job = message["value"]["bookmarks"].get("Account", {}).get("query_job")
            assert job is None or job["records_done"] <= announced
    assert announced == len(expected_records(server, "Account"))
    assert "query_job" not in run.bookmark("Account")


def test_a_page_that_is_read_again_overwrites_its_file(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", batch_config=batch_config(tmp_path / "b", "parquet"))
    first = tap(config)
    begun = next(state for state in first.states if "query_job" in str(state))
    again = tap(config, state=begun)
    assert sorted(files_of(again)) == sorted(files_of(first))
    assert len(list((tmp_path / "b").iterdir())) == len(files_of(first))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"format_": "avro"}, "arrow, parquet, jsonl"),
        ({"format_": "arrow", "compression": "gzip"}, "lz4"),
        ({"format_": "jsonl", "compression": "zstd"}, "gzip"),
    ],
)
def test_what_a_format_cannot_be_is_refused(
    tap: Tap,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    settings: dict[str, str],
    named: str,
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", batch_config=batch_config(tmp_path / "b", **settings)))
    assert run.exit_code == 1
    assert named in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("format_", ["arrow", "parquet", "jsonl"])
def test_a_storage_that_cannot_be_written_to_is_named(
    tap: Tap, start_sandbox: StartSandbox, format_: str
) -> None:
    root = "file:///proc/nowhere"
    batches = {"encoding": {"format": format_}, "storage": {"root": root}}
    server = start_sandbox(rows={"Account": 3})
    run = tap(config_for(server, "Account", batch_config=batches))
    assert run.exit_code == 1
    assert f"batch_config.storage.root: {root} cannot be written to" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("protocol", "named"),
    [
        ("s3", "pip install 'tap-sfbulk-pages[s3]'"),
        ("gs", "pip install 'tap-sfbulk-pages[gcs]'"),
        ("abfs", "pip install 'tap-sfbulk-pages[azure]'"),
        ("shelf", "shelf:// is not a known storage"),
    ],
)
def test_a_storage_without_its_library_is_named_before_anything_is_asked(
    tap: Tap, start_sandbox: StartSandbox, protocol: str, named: str
) -> None:
    batches = {"encoding": {"format": "parquet"}, "storage": {"root": f"{protocol}://nowhere"}}
    server = start_sandbox(rows={"Account": 3})
    run = tap(config_for(server, "Account", batch_config=batches))
    assert run.exit_code == 1
    assert named in run.stderr
    assert not server.calls


def test_decimals_have_the_digits_that_the_describe_says(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", batch_config=batch_config(tmp_path / "b", "arrow"))
    (path, *_) = files_of(tap(config))
    with pyarrow.ipc.open_file(path) as file:
        schema = file.schema
    described = server.org.describe("Account")
    assert described is not None
    decimals = 0
    for field in described["fields"]:
        if field["type"] in ("double", "currency", "percent") and not field["calculated"]:
            scale = min(field["scale"] + 38 - field["precision"], 24)
            assert str(schema.field(field["name"]).type) == f"decimal128(38, {scale})"
            decimals += 1
    assert decimals


@pytest.mark.parametrize("format_", ["arrow", "parquet", "jsonl"])
def test_a_page_of_more_than_a_file_becomes_several(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, format_: str
) -> None:
    server = start_sandbox(rows={"Account": 9_000})
    encoding = batch_config(tmp_path / "b", format_)
    run = tap(config_for(server, "Account", batch_config=encoding, batch_file_mb=1))
    (manifest,) = [message["manifest"] for message in run.messages if message["type"] == "BATCH"]
    assert len(manifest) > 1
    assert [address.rpartition("-")[2][:4] for address in manifest] == [
        f"{number:04}" for number in range(len(manifest))
    ]
    if format_ == "arrow":
        assert sum(len(read_arrow(path)) for path in files_of(run)) == 9_000


@pytest.mark.parametrize(
    "kind", ["short_page", "long_page", "wrong_count", "broken_gzip", "cut", "missing_column"]
)
def test_a_page_that_fails_its_check_leaves_no_file(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, kind: str
) -> None:
    """Each time it is fetched, until the tap gives up; the other page is announced."""
    fault = {"place": "page", "kind": kind, "match": {"page": 2}, "times": 100}
    server = start_sandbox(rows={"Account": 4}, page_rows=2, faults=[fault])
    encoding = batch_config(tmp_path / "b", "arrow")
    # One after the other: a page that still arrives when the tap gives up leaves its beginning.
    options = {"batch_config": encoding, "max_retries": 2, "max_parallel_downloads": 1}
    run = tap(config_for(server, "Account", **options))
    assert run.exit_code == 1
    left = {path.name for path in (tmp_path / "b").glob("*")}
    assert left == {path.rpartition("/")[2] for path in files_of(run)}


@pytest.mark.parametrize("format_", ["arrow", "parquet"])
def test_a_number_that_fits_no_decimal_is_named(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, format_: str
) -> None:
    """The sandbox's awkward values hold the greatest double, 1.8E308."""
    server = start_sandbox(rows={"Account": 3, "Everything__c": 100})
    encoding = batch_config(tmp_path / "b", format_)
    run = tap(config_for(server, "Account", "Everything__c", batch_config=encoding))
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    told = run.stderr[run.stderr.rindex("Failed: Everything__c: Field ") :]
    assert told.startswith("Failed: Everything__c: Field Double__c holds '1.79")
    assert "which does not fit decimal128(38, " in told
    assert "Read the field as text, or the stream as RECORD messages or jsonl files." in told
    assert {"Account"} == {m["stream"] for m in run.messages if m["type"] == "BATCH"}
    assert len([*(tmp_path / "b").iterdir()]) == 1


@pytest.mark.parametrize("format_", ["arrow", "parquet", "jsonl"])
def test_simple_stream_maps_are_followed_in_files(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, format_: str
) -> None:
    """Beside the records of the SDK's own mapper, which one expression more brings about."""
    server = start_sandbox(rows={"Account": 60}, page_rows=20)
    maps = {
        "__alias__": "clients",
        "__filter__": "Industry != 'Banking'",
        "Phone": None,
        "title": "Name",
        "Name": None,
        "Website": "md5(config['salt'] + Website) if Website else None",
        "source": "'crm'",
    }
    settings = {"stream_map_config": {"salt": "s"}, "stream_maps": {"Account": maps}}
    encoding = batch_config(tmp_path / "b", format_)
    run = tap(config_for(server, "Account", batch_config=encoding, **settings))
    assert run.exit_code == 0, run.stderr
    maps["source"] = "str('crm')"
    one_by_one = tap(config_for(server, "Account", **settings))
    expected = one_by_one.records("clients")
    assert 0 < len(expected) < 60
    assert run.schema("clients") == one_by_one.schema("clients")
    if format_ == "jsonl":
        text = "".join(Path(path).read_text(encoding="utf-8") for path in files_of(run))
        records = [json.loads(line, parse_float=Decimal) for line in text.split("\n")[:-1]]
    else:
        read = {"arrow": read_arrow, "parquet": read_parquet}[format_]
        types = {**fields_of(server, "Account"), "title": "string", "source": "string"}
        records = rows_of([each for path in files_of(run) for each in read(path)], types)
    assert_same_records(records, expected)


def test_other_stream_maps_do_not_go_with_batches(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    encoding = batch_config(tmp_path / "b", "arrow")
    config = config_for(
        server, "Account", batch_config=encoding, stream_maps={"Account": {"shout": "str(Name)"}}
    )
    run = tap(config)
    assert run.exit_code == 1
    assert "Error: Wrong settings:\n  batch_config works only with simple stream maps" in run.stderr
    assert "or the flattening of Account" in run.stderr
    assert run.stdout == b""
    assert "create" not in {each.place for each in server.calls}


def test_the_connection_test_writes_no_files(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", batch_config=batch_config(tmp_path / "b", "arrow"))
    run = tap(config, "--test")
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 1
    assert not (tmp_path / "b").exists()
