"""From HTTP to committed tables: RECORD into targets, and Arrow into `sfbulk-load`.

Both read query jobs that are complete, whose pages the sandbox has made before. The first load is
of all records, the merge of a tenth of them into the same table. What the loader does with Arrow
files that are there already is compared with what the database does by itself with the same rows.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from environments import installed
from measuring import Measured, Usage, row_of
from plots import bars
from results import HERE, Ratio, Result, Row, parser, progress
from sandbox_process import Sandbox, tap_config

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

_OBJECT = "Account"
# A tenth of the accounts, whose names end in a number.
_TENTH = {_OBJECT: "Name LIKE '%7'"}
_TARGETS = {
    "target-duckdb": ("target-duckdb~=0.8.0", "duckdb>=1.1,<1.3"),
    "target-postgres": ("meltanolabs-target-postgres~=0.8.0",),
}
_LOAD = [sys.executable, "-m", "tap_sfbulk_pages.loading.command"]
_FIRST_TARGET, _MERGE_TARGET, _ALONE_TARGET = 30.0, 15.0, 0.6
_MOST_MB = 500.0
_SCHEMA = "salesforce"


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=500_000, help="that the loader loads")
    options.add_argument("--page-rows", type=int, default=50_000)
    options.add_argument("--target-records", type=int, default=30_000, help="that targets load")
    options.add_argument(
        "--repeat", type=int, default=2, help="runs of the loader; the best counts"
    )
    options.add_argument(
        "--arrow-target",
        help="what pip installs Meltano's own target-postgres from, which is not on PyPI, such as "
        "`target-postgres @ git+https://github.com/meltano/meltano-target-postgres`",
    )
    options.add_argument("--postgres", help="postgresql://user@host:port/database; else a server")
    chosen = options.parse_args()
    result = Result(
        "whole_chain",
        {
            "records": chosen.records,
            "page_rows": chosen.page_rows,
            "target_records": chosen.target_records,
            "repeat": chosen.repeat,
        },
    )
    with ExitStack() as stack:
        postgres = chosen.postgres or _started_postgres(stack)
        with Sandbox({"rows": {_OBJECT: chosen.target_records}, "page_rows": 10_000}) as sandbox:
            targets = _measure_targets(result, sandbox, chosen.target_records, postgres)
        scenario = {"rows": {_OBJECT: chosen.records}, "page_rows": chosen.page_rows}
        with Sandbox(scenario) as sandbox:
            progress("warming up the sandbox for the loader")
            states = [sandbox.warmed_state(_OBJECT, filters=each) for each in ({}, _TENTH)]
            loads = _measure_loads(result, sandbox, states, chosen, postgres)
            if chosen.arrow_target and postgres:
                _measure_arrow_target(result, sandbox, states, chosen, postgres)
    _compare(result, targets, loads)
    plot = result.save(chosen.output)
    rows = [row for table in result.tables.values() for row in table if row["records"]]
    bars(
        plot,
        "From HTTP to committed tables, 45 columns",
        "records per second",
        {row["case"]: row["records per s"] for row in rows},
    )


def _started_postgres(stack: ExitStack) -> str | None:
    """Start a server of its own, if one is installed."""
    script = runpy.run_path(str(HERE.parent / "tests" / "postgres_server.py"))
    programs = script["server_programs"]()
    if programs is None:
        progress("no PostgreSQL server is installed: measured with DuckDB alone")
        return None
    server = stack.enter_context(script["running_server"](programs))
    return f"postgresql://{server['user']}@{server['host']}:{server['port']}/{server['dbname']}"


def _measure_targets(
    result: Result, sandbox: Sandbox, records: int, postgres: str | None
) -> dict[str, tuple[float, float]]:
    """Measure RECORD messages into each target.

    Returns:
        Records per second of the first load and of the merge, by database.
    """
    configs: dict[str, dict[str, Any]] = {
        "target-duckdb": {
            "filepath": str(sandbox.folder / "targets.duckdb"),
            "default_target_schema": _SCHEMA,
        }
    }
    if postgres:
        configs["target-postgres"] = {
            **_connection(postgres),
            "database": urlsplit(postgres).path[1:],
            "default_target_schema": "targets",
        }
    progress("warming up the sandbox for targets")
    commands = [
        (records, sandbox.tap(_OBJECT, state=sandbox.warmed_state(_OBJECT))),
        (
            _count_tenth(records),
            sandbox.tap(
                _OBJECT, state=sandbox.warmed_state(_OBJECT, filters=_TENTH), filters=_TENTH
            ),
        ),
    ]
    speeds, rows = {}, list[Row]()
    for name, config in configs.items():
        program = installed(name, *_TARGETS[name]) / name
        target = [str(program), f"--config={sandbox.write(f'{name}.json', config)}"]
        found = []
        for what, (count, tap) in zip(("first load", "merge"), commands, strict=True):
            progress(f"RECORD into {name}: {what}")
            writing, loading = _piped(tap, target)
            rows += [
                row_of(f"RECORD into {name}: {what}, the target", count, loading),
                row_of(f"RECORD into {name}: {what}, the tap", count, writing),
            ]
            found.append(count / loading.wall_seconds)
        database = "DuckDB" if name == "target-duckdb" else "PostgreSQL"
        speeds[database] = (found[0], found[1])
    result.tables["RECORD into targets"] = rows
    return speeds


def _connection(postgres: str) -> dict[str, Any]:
    """Take an address apart for targets."""
    parts = urlsplit(postgres)
    return {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": parts.username,
        "password": parts.password or "none",
    }


def _measure_arrow_target(
    result: Result,
    sandbox: Sandbox,
    states: Sequence[Mapping[str, Any]],
    chosen: Namespace,
    postgres: str,
) -> None:
    """Measure Arrow files of the tap into Meltano's own target-postgres."""
    target = installed("meltano-target-postgres", chosen.arrow_target) / "target-postgres"
    config = {
        **_connection(postgres),
        "dbname": urlsplit(postgres).path[1:],
        "default_target_schema": "arrow",
    }
    command = [str(target), f"--config={sandbox.write('arrow-target.json', config)}"]
    files = {"encoding": {"format": "arrow"}, "storage": {"root": (sandbox.folder / "b").as_uri()}}
    cases = zip(
        ("first load", "merge"),
        (chosen.records, _count_tenth(chosen.records)),
        ({}, _TENTH),
        states,
        strict=True,
    )
    rows = result.tables["Arrow into Meltano's target-postgres"] = []
    for what, count, filters, state in cases:
        progress(f"Arrow into Meltano's target-postgres: {what}")
        tap = sandbox.tap(_OBJECT, state=state, filters=filters, batch_config=files)
        writing, loading = _piped(tap, command)
        rows += [
            row_of(f"{what}, the target", count, loading),
            row_of(f"{what}, the tap", count, writing),
        ]


def _count_tenth(records: int) -> int:
    """Count the accounts whose number ends in 7, numbered from 0."""
    return (records + 2) // 10


def _piped(tap: Sequence[str], target: Sequence[str]) -> tuple[Usage, Usage]:
    """Run the tap into a target."""
    writer = Measured(tap, stdout=subprocess.PIPE)
    assert writer.process.stdout  # noqa: S101 - a pipe was asked for
    reader = Measured(target, stdin=writer.process.stdout)
    writer.process.stdout.close()
    return writer.end(), reader.end()


def _measure_loads(
    result: Result,
    sandbox: Sandbox,
    states: Sequence[Mapping[str, Any]],
    chosen: Namespace,
    postgres: str | None,
) -> dict[str, tuple[float, float, float, float, float]]:
    """Measure the loader.

    Returns:
        Records per second of the first load and of the merge, what the loader reaches of the
        database's own speed, its peak memory in MB, and the records per second that the database
        takes by itself, by database.
    """
    records = chosen.records
    configs = [
        str(sandbox.write("first.json", tap_config(sandbox.url, _OBJECT))),
        str(sandbox.write("tenth.json", tap_config(sandbox.url, _OBJECT, filters=_TENTH))),
    ]
    counts = [records, _count_tenth(records)]
    messages = _write_arrow_files(sandbox)
    found, rows = {}, list[Row]()
    databases = [_DuckDB(sandbox.folder)] + ([_PostgreSQL(postgres)] if postgres else [])
    for database in databases:
        best: dict[str, Usage] = {}
        for _ in range(chosen.repeat):
            database.clear()
            cases = zip(("first load", "merge"), states, configs, strict=True)
            for what, state, config in cases:
                progress(f"Arrow into {database.name}: {what}")
                database.set_state(state["bookmarks"][_OBJECT])
                usage = Measured(
                    [*_LOAD, "--into", database.address, "--schema", _SCHEMA, "--config", config],
                ).end()
                _keep_best(best, what, usage)
            _keep_best(best, "the database itself", database.measure_limit(sandbox.folder))
            database.clear()
            progress(f"Arrow files into {database.name}")
            command = [*_LOAD, "--into", database.address, "--schema", _SCHEMA, "--from-singer"]
            _keep_best(best, "nothing", Measured(command).end())
            _keep_best(best, "files", _load_files(command, messages, sandbox.folder))
        for what, count in zip(("first load", "merge"), counts, strict=True):
            rows.append(row_of(f"Arrow into {database.name}: {what}", count, best[what]))
        rows += [
            row_of(f"Arrow files into {database.name}", records, best["files"]),
            row_of(
                f"{database.name} itself, {database.limit}", records, best["the database itself"]
            ),
        ]
        alone = best["files"].wall_seconds - best["nothing"].wall_seconds
        found[database.name] = (
            counts[0] / best["first load"].wall_seconds,
            counts[1] / best["merge"].wall_seconds,
            best["the database itself"].wall_seconds / alone,
            max(best[what].peak_mb for what in ("first load", "merge", "files")),
            records / best["the database itself"].wall_seconds,
        )
    result.tables["Arrow into sfbulk-load"] = rows
    return found


def _keep_best(best: dict[str, Usage], what: str, usage: Usage) -> None:
    if what not in best or usage.wall_seconds < best[what].wall_seconds:
        best[what] = usage


def _write_arrow_files(sandbox: Sandbox) -> list[str]:
    """Let the tap write all pages as Arrow files, and make them Parquet for DuckDB, too.

    Returns:
        Its messages.
    """
    progress("the tap writes Arrow files")
    folder = sandbox.folder / "arrow"
    config = {"encoding": {"format": "arrow"}, "storage": {"root": folder.as_uri()}}
    output = subprocess.check_output(
        sandbox.tap(_OBJECT, batch_config=config), stderr=subprocess.DEVNULL, text=True
    )
    (sandbox.folder / "parquet").mkdir()
    # In another process, since this one has to stay small.
    code = (
        "import pathlib, sys\n"
        "from pyarrow import ipc, memory_map, parquet\n"
        "source, drain = map(pathlib.Path, sys.argv[1:])\n"
        "for path in source.iterdir():\n"
        "    with memory_map(str(path)) as file:\n"
        "        table = ipc.open_file(file).read_all()\n"
        "    parquet.write_table(table, drain / f'{path.stem}.parquet', compression='zstd')\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder), str(sandbox.folder / "parquet")], check=True
    )
    return output.splitlines()


def _load_files(command: Sequence[str], messages: list[str], folder: Path) -> Usage:
    """Load Arrow files, which the loader deletes: links of them, for the next round."""
    linked = folder / "linked"
    linked.mkdir(exist_ok=True)
    lines = []
    for line in messages:
        message = json.loads(line)
        for place, uri in enumerate(message.get("manifest", ())):
            path = Path(urlsplit(uri).path)
            link = linked / path.name
            link.unlink(missing_ok=True)
            link.hardlink_to(path)
            message["manifest"][place] = link.as_uri()
        lines.append(json.dumps(message))
    stdin = folder / "messages.jsonl"
    stdin.write_text("\n".join(lines), encoding="utf-8")
    with stdin.open("rb") as file:
        return Measured(command, stdin=file).end()


class _DuckDB:
    """A DuckDB file."""

    name = "DuckDB"
    limit = "INSERT FROM read_parquet"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "loaded.duckdb"
        self.address = f"duckdb:////{str(self._path).lstrip('/')}"

    def clear(self) -> None:
        """Begin anew."""
        for path in (self._path, Path(f"{self._path}.wal")):
            path.unlink(missing_ok=True)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let the next load go on in a job that is complete."""
        # In another process, since this one has to stay small.
        code = (
            "import duckdb, json, sys\n"
            "with duckdb.connect(sys.argv[1]) as connection:\n"
            "    for statement, parameters in json.loads(sys.argv[2]):\n"
            "        connection.execute(statement, parameters)\n"
        )
        schema: tuple[str, list[str]] = (f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}", [])
        statements = json.dumps([schema, *_state_statements(state)])
        subprocess.run([sys.executable, "-c", code, str(self._path), statements], check=True)

    def measure_limit(self, folder: Path) -> Usage:
        """Let DuckDB load the same rows from Parquet files by itself."""
        limit = folder / "limit.duckdb"
        limit.unlink(missing_ok=True)
        code = (
            "import duckdb, sys\n"
            "with duckdb.connect(sys.argv[1]) as c:\n"
            "    c.execute(f\"CREATE TABLE t AS FROM read_parquet('{sys.argv[2]}') LIMIT 0\")\n"
            "    c.execute(f\"INSERT INTO t FROM read_parquet('{sys.argv[2]}')\")\n"
        )
        files = str(folder / "parquet" / "*.parquet")
        return Measured([sys.executable, "-c", code, str(limit), files]).end()


class _PostgreSQL:
    """A PostgreSQL database."""

    name = "PostgreSQL"
    limit = "COPY"

    def __init__(self, address: str) -> None:
        self.address = address

    def _execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        import psycopg  # noqa: PLC0415 - only where there is a server

        with psycopg.connect(self.address) as connection:
            connection.execute(statement.encode(), parameters or None)

    def clear(self) -> None:
        """Begin anew."""
        self._execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let the next load go on in a job that is complete."""
        self._execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
        for statement, parameters in _state_statements(state):
            self._execute(statement.replace("?", "%s"), parameters)

    def measure_limit(self, folder: Path) -> Usage:
        """Let PostgreSQL copy the rows of the table, from a file, into one like it."""
        file = folder / "rows.copy"
        code = (
            "import psycopg, sys\n"
            "address, path, statement, mode = sys.argv[1:]\n"
            "with psycopg.connect(address) as c, c.cursor().copy(statement) as copy:\n"
            "    if mode == 'read':\n"
            "        with open(path, 'wb') as file:\n"
            "            for data in copy: file.write(data)\n"
            "    else:\n"
            "        with open(path, 'rb') as file:\n"
            "            while data := file.read(1 << 20): copy.write(data)\n"
        )
        table = f'{_SCHEMA}."{_OBJECT}"'
        command = [sys.executable, "-c", code, self.address, str(file)]
        Measured([*command, f"COPY {table} TO STDOUT (FORMAT binary)", "read"]).end()
        self._execute(f"CREATE TABLE {_SCHEMA}.copied (LIKE {table} INCLUDING ALL)")
        return Measured(
            [*command, f"COPY {_SCHEMA}.copied FROM STDIN (FORMAT binary)", "write"]
        ).end()


def _state_statements(state: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Write a stream's state as the loader keeps it."""
    table = f"{_SCHEMA}._sfbulk_state"
    create = (
        f"CREATE TABLE IF NOT EXISTS {table} (stream VARCHAR PRIMARY KEY, state VARCHAR,"
        " loading VARCHAR, saved_at TIMESTAMPTZ)"
    )
    insert = (
        f"INSERT INTO {table} (stream, state) VALUES (?, ?)"  # noqa: S608 - a fixed name
        " ON CONFLICT (stream) DO UPDATE SET state = excluded.state"
    )
    return [(create, []), (insert, [_OBJECT, json.dumps(state)])]


def _compare(
    result: Result,
    targets: Mapping[str, tuple[float, float]],
    loads: Mapping[str, tuple[float, float, float, float, float]],
) -> None:
    """Make the ratios."""
    for database, (first, merge, alone, peak_mb, bare) in loads.items():
        name = f"target-{database.lower().removesuffix('ql')}"
        by_target = targets[database]
        result.ratios += [
            Ratio(
                f"{database}: first load / RECORD into {name}", first / by_target[0], _FIRST_TARGET
            ),
            Ratio(f"{database} itself, without a tap / RECORD into {name}", bare / by_target[0]),
            Ratio(f"{database}: merge / RECORD into {name}", merge / by_target[1], _MERGE_TARGET),
            Ratio(f"{database}: loading alone / the database itself", alone, _ALONE_TARGET),
            Ratio(f"{database}: peak MB of the loader", peak_mb, _MOST_MB, is_at_most=True),
        ]
    result.notes = [
        "Records per second of the whole chain, from HTTP to the commit, the start included.",
        (
            "Loading alone is from Arrow files that are there, by wall time, less that of a load "
            "of nothing; DuckDB itself reads Parquet files, PostgreSQL a binary file by COPY."
        ),
        (
            "Of the load of Arrow files into DuckDB, seven tenths are DuckDB's statements, which "
            "use one core, and a tenth its commits (by cProfile)."
        ),
        (
            "Most of a merge into DuckDB is its checkpoint, which packs the table again where a "
            "tenth of the rows has been replaced (with max_vacuum_tasks = 0 it takes a tenth of "
            "the time, but the file keeps the rows that are gone)."
        ),
        "The sandbox and PostgreSQL run on the same cores; their processor time is not counted.",
    ]


if __name__ == "__main__":
    main()
