"""What another tap writes, into tables of `sfbulk-load`: a source with many types, read twice."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
from target_programs import LONGEST_RUN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_programs import TargetPrograms

COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "name": "varchar(40)",
    "price": "numeric(12, 4)",
    "ratio": "double precision",
    "made": "timestamptz",
    "day": "date",
    "hour": "time",
    "paid": "boolean",
    "ref": "uuid",
    "tags": "text[]",
    "more": "jsonb",
}
ROWS = """
    INSERT INTO shop.orders VALUES
    (1, 'Åse "x"', 12.5, 0.1, '2026-01-02 03:04:05+01', '2026-01-02', '12:30:00', true,
        '0b5ffd9c-4e2f-4a14-9fd5-7d93f7a2f7a1', '{a,"b, c"}', '{"a": [1, 2.5]}'),
    (2, null, null, null, null, null, null, null, null, null, null),
    (3, E'two\\nlines', 99999999.9999, 1e300, '0999-12-31 00:00:00+00', '4000-01-01',
        '23:59:59.123456', false, '0b5ffd9c-4e2f-4a14-9fd5-7d93f7a2f7a1', '{}', '{}')
"""


def select(catalog: dict[str, Any]) -> dict[str, Any]:
    (stream,) = catalog["streams"]
    (entry,) = (each for each in stream["metadata"] if not each["breadcrumb"])
    entry["metadata"] |= {"selected": True, "replication-method": "INCREMENTAL"}
    entry["metadata"]["replication-key"] = "id"
    return catalog


def comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give values of other types those that they stand for."""
    parsed = {
        name: json.loads(row[name]) if isinstance(row[name], str) else row[name]
        for name in ("tags", "more")
    }
    ratio = row["ratio"] if row["ratio"] is None else Decimal(str(row["ratio"]))
    ref = row["ref"] and str(row["ref"])
    return {**row, **parsed, "ratio": ratio, "ref": ref}


def test_records_and_batches_of_another_tap_land_and_are_merged(
    programs: TargetPrograms, postgres: dict[str, Any], tmp_path: Path
) -> None:
    tap = str(programs.path("tap-postgres"))
    config = {**postgres, "database": postgres["dbname"], "filter_schemas": ["shop"]}
    del config["dbname"]
    encoding = {"format": "jsonl", "compression": "gzip"}
    (tmp_path / "files").mkdir()
    batches = {"encoding": encoding, "storage": {"root": (tmp_path / "files").as_uri()}}

    def write(name: str, content: Any) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def finished(*command: str, given: bytes = b"") -> bytes:
        run = subprocess.run(
            command,
            input=given,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            timeout=LONGEST_RUN_SECONDS,
        )
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout

    def load(messages: bytes) -> bytes:
        program = str(Path(sys.executable).with_name("sfbulk-load"))
        into = ("--into", "duckdb:///warehouse.duckdb", "--from-singer")
        return finished(program, *into, given=messages).splitlines()[-1]

    def landed() -> list[dict[str, Any]]:
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
            rows = connection.execute('FROM "shop-orders" ORDER BY id').fetchall()
        return [comparable(dict(zip(COLUMNS, row, strict=True))) for row in rows]

    with psycopg.connect(**postgres, autocommit=True) as source:

        def expected() -> list[dict[str, Any]]:
            rows = source.execute("SELECT * FROM shop.orders ORDER BY id").fetchall()
            return [comparable(dict(zip(COLUMNS, row, strict=True))) for row in rows]

        source.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        source.execute("CREATE SCHEMA shop")
        columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
        source.execute(f"CREATE TABLE shop.orders ({columns})".encode())
        source.execute(ROWS)
        first = write("first.json", config)
        discovered = json.loads(finished(tap, f"--config={first}", "--discover"))
        catalog = write("catalog.json", select(discovered))
        messages = finished(tap, f"--config={first}", f"--catalog={catalog}")
        assert b'"RECORD"' in messages
        state = write("state.json", json.loads(load(messages)))
        assert landed() == expected()

        # The tap goes on from the state that the loader has printed: row 3 comes again.
        source.execute("INSERT INTO shop.orders (id, name) VALUES (4, 'new')")
        source.execute("UPDATE shop.orders SET name = 'changed' WHERE id = 3")
        second = write("second.json", {**config, "batch_config": batches})
        given = (f"--config={second}", f"--catalog={catalog}", f"--state={state}")
        messages = finished(tap, *given)
        assert b'"BATCH"' in messages
        load(messages)
        assert landed() == expected()
