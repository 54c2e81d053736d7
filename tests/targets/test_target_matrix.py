"""What each target makes of the object with every type of field is what docs/targets.md says.

`TARGET_TABLE=write python -m pytest tests/targets/test_target_matrix.py` writes the table anew.
"""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from databases import SCHEMA, DuckDB, JsonLines, Postgres
from landed_values import (
    COLUMNS,
    Landed,
    describe_landed,
    read_csv,
    read_duckdb,
    read_json_lines,
    read_parquet,
    read_postgres,
    read_sqlite,
)
from salesforce_data import expected_records, fields_of
from tap_process import Tap, TapRun, TapServer, config_for, select_fields
from target_programs import LONGEST_RUN_SECONDS, ROOT, TargetPrograms

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

STREAM = "Everything__c"
PAGE = ROOT / "docs" / "targets.md"
BEGIN, END = "<!-- targets -->\n", "<!-- /targets -->"
# It holds the greatest double, which fits no decimal, so it is left out of Arrow files.
NO_DECIMAL = "Double__c"

# The SQLAlchemy that target-sqlite insists on needs names that Python 3.10 removed.
_SQLITE = """
import collections, collections.abc
vars(collections).update(vars(collections.abc))
import target_sqlite
target_sqlite.main()
"""
_SNOWFLAKE = """
import json, sys
from target_snowflake.arrow_batch import convert_arrow_manifest_to_parquet
from target_snowflake.connector import SnowflakeConnector
folder, *manifest = sys.argv[1:]
convert_arrow_manifest_to_parquet(manifest, folder)
connector = SnowflakeConnector({})
properties = json.load(sys.stdin)
print(json.dumps({name: str(connector.to_sql_type(each)) for name, each in properties.items()}))
"""


class Runs(NamedTuple):
    """A sandbox, and what the tap has written.

    Attributes:
        server: The sandbox.
        records: RECORD messages.
        arrow: Arrow files; the SCHEMA says how many digits decimals have.
    """

    server: SandboxServer
    records: TapRun
    arrow: TapRun


@pytest.fixture(scope="module")
def runs(tap_server: TapServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Run the tap once each way, for all targets."""
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "batches").mkdir()
    storage = {"root": (folder / "batches").as_uri()}
    scenario = {"page_rows": 60, "data_until": "2026-01-01T00:00:00Z"}
    with SandboxServer(scenario) as server, Tap(tap_server, folder) as tap:
        config = config_for(server, STREAM)
        records = tap(config)
        assert records.exit_code == 0, records.stderr
        config["use_singer_decimal"] = True
        catalog = tap.catalog(config)
        fields = fields_of(server, STREAM)
        select_fields(catalog["streams"][0], [name for name in fields if name != NO_DECIMAL])
        batches = {"encoding": {"format": "arrow"}, "storage": storage}
        arrow = tap({**config, "batch_config": batches}, catalog=catalog)
        assert arrow.exit_code == 0, arrow.stderr
        yield Runs(server, records, arrow)


class Load:
    """One load into an empty folder or database.

    Args:
        runs: What the tap has written.
        programs: Finds the targets.
        folder: An empty one.
        request: Finds the PostgreSQL server, which is only started for the target that needs it.
    """

    def __init__(
        self, runs: Runs, programs: TargetPrograms, folder: Path, request: pytest.FixtureRequest
    ) -> None:
        self.runs = runs
        self.folder = folder
        self._programs = programs
        self._request = request

    def postgres(self) -> dict[str, Any]:
        """Return how to connect to the PostgreSQL server."""
        connection: dict[str, Any] = self._request.getfixturevalue("postgres")
        return connection

    def config(self, **config: Any) -> list[str]:
        """Write a target's settings; return the arguments that name them."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return ["--config", str(path)]

    def run(self, target: str, *arguments: str) -> None:
        """Run a target on the RECORD messages."""
        self._finish([str(self._programs.path(target)), *arguments], self.runs.records.stdout)

    def run_python(self, target: str, code: str, *arguments: str, stdin: bytes) -> str:
        """Run code in a target's environment; return what it prints."""
        python = self._programs.path(target).with_name("python")
        return self._finish([str(python), "-c", code, *arguments], stdin)

    def _finish(self, command: list[str], stdin: bytes) -> str:
        run = subprocess.run(
            command, input=stdin, capture_output=True, check=False, timeout=LONGEST_RUN_SECONDS
        )
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode()


def load_json_lines(load: Load) -> Landed:
    load.run("target-jsonl", *load.config(**JsonLines(load.folder).config))
    return read_json_lines(load.folder / "jsonl" / f"{STREAM}.jsonl")


def load_csv(load: Load) -> Landed:
    load.run("target-csv", *load.config(output_path=str(load.folder)))
    return read_csv(load.folder / f"{STREAM}.csv")


def load_postgres(load: Load) -> Landed:
    connection = load.postgres()
    load.run("target-postgres", *load.config(**Postgres(connection).config))
    return read_postgres(connection, SCHEMA, STREAM)


def load_duckdb(load: Load) -> Landed:
    load.run("target-duckdb", *load.config(**DuckDB(load.folder).config))
    return read_duckdb(load.folder / "warehouse.duckdb", f"{SCHEMA}.{STREAM.lower()}")


def load_sqlite(load: Load) -> Landed:
    path = load.folder / "warehouse.db"
    arguments = load.config(database=str(path))
    load.run_python("target-sqlite", _SQLITE, *arguments, stdin=load.runs.records.stdout)
    return read_sqlite(path, STREAM.lower())


def load_by_sfbulk_load(load: Load) -> Landed:
    path = load.folder / "warehouse.duckdb"
    load.run("sfbulk-load", "--from-singer", "--into", f"duckdb:///{path}", "--schema", SCHEMA)
    return read_duckdb(path, f"{SCHEMA}.{STREAM}")


def convert_for_snowflake(load: Load, schema: TapRun) -> Landed:
    """Convert Arrow files as the target does before it uploads them, and type its columns.

    Args:
        load: Where to.
        schema: The run whose SCHEMA the columns are made by.
    """
    messages = load.runs.arrow.messages
    manifests = [message["manifest"] for message in messages if message["type"] == "BATCH"]
    uploaded = load.folder / "uploaded"
    types = load.run_python(
        "target-snowflake",
        _SNOWFLAKE,
        str(uploaded),
        *(address for manifest in manifests for address in manifest),
        stdin=json.dumps(schema.schema(STREAM)["schema"]["properties"]).encode(),
    )
    columns = json.loads(types)
    rows = [
        {name: cast_as_snowflake(value, columns[name]) for name, value in row.items()}
        for row in read_parquet(f"{uploaded}/*.parquet").rows
    ]
    return Landed(rows, columns)


def cast_as_snowflake(value: Any, type_: str) -> Any:
    """Cast a value to the type of its column; DECIMAL without digits is one of whole numbers."""
    if value is None or not type_.startswith(("FLOAT", "DECIMAL")):
        return value
    if type_ == "FLOAT":
        return float(value)
    _, _, scale = type_.rstrip(")").partition(", ")
    return Decimal(value).quantize(Decimal(1).scaleb(-int(scale or 0)), context=Context(prec=60))


TARGETS: Mapping[str, tuple[Callable[[Load], Landed], tuple[str, ...]]] = {
    "target-jsonl": (load_json_lines, ()),
    "meltanolabs-target-csv": (load_csv, ()),
    "meltanolabs-target-postgres": (load_postgres, ()),
    "target-duckdb": (load_duckdb, ()),
    "target-sqlite (see below)": (load_sqlite, ()),
    "meltanolabs-target-snowflake, Arrow files": (
        lambda load: convert_for_snowflake(load, load.runs.records),
        (NO_DECIMAL,),
    ),
    "the same with `use_singer_decimal`": (
        lambda load: convert_for_snowflake(load, load.runs.arrow),
        (NO_DECIMAL,),
    ),
    "sfbulk-load --from-singer": (load_by_sfbulk_load, ()),
}


def table_of(page: str) -> list[str]:
    return page.partition(BEGIN)[2].partition(END)[0].splitlines()


@pytest.mark.parametrize("target", TARGETS)
def test_what_lands_is_what_the_table_says(
    runs: Runs,
    programs: TargetPrograms,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    target: str,
) -> None:
    load_into, left_out = TARGETS[target]
    landed = load_into(Load(runs, programs, tmp_path, request))
    fields = fields_of(runs.server, STREAM)
    types = {name: type_ for name, type_ in fields.items() if name not in left_out}
    cells = describe_landed(landed, expected_records(runs.server, STREAM), types)
    row = f"| {target} | {' | '.join(cells)} |"
    page = PAGE.read_text(encoding="utf-8")
    lines = table_of(page)
    place = [*TARGETS].index(target) + 2
    if os.environ.get("TARGET_TABLE") == "write":
        head = [f"| target | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
        others = (lines + [""] * (2 + len(TARGETS)))[2 : 2 + len(TARGETS)]
        lines = [*head, *others]
        lines[place] = row
        before, _, after = page.partition(BEGIN)
        table = "\n".join(lines)
        PAGE.write_text(f"{before}{BEGIN}{table}\n{END}{after.partition(END)[2]}", encoding="utf-8")
    assert lines[place] == row
