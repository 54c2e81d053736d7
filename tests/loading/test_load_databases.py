"""Databases as the loader uses them: tables that fit, merges, one transaction with the state."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from landed import LandedDuckDB

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.address import connect, describe_address
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.database import DatabaseInUseError
from tap_sfbulk_pages.loading.databases.rows import append, merge, remove, update
from tap_sfbulk_pages.loading.databases.states import SavedStream, read_states, write_state
from tap_sfbulk_pages.loading.databases.tables import Table, ensure_table
from tap_sfbulk_pages.loading.databases.waiting import (
    ensure_waiting_table,
    let_wait,
    publish,
    waiting_table,
)
from tap_sfbulk_pages.loading.settings import read_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from landed import Landed

    from tap_sfbulk_pages.loading.databases.database import Database

VALUES: dict[str, list[Any]] = {
    "Id": ["a", "b", "c"],
    "Amount": [Decimal("1.5"), Decimal("-12345678901234567890.123456789012345678"), None],
    "Count": [1, -(2**63), None],
    "Flag": [True, False, None],
    "Day": [date(1, 1, 1), date(4000, 12, 31), None],
    "Hour": [time(0, 0), time(23, 59, 59, 999000), None],
    "Stamp": [
        datetime(1700, 1, 1, tzinfo=timezone.utc),
        datetime(4000, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
        None,
    ],
    'A "quoted"; name': ["'x'", '\n,"', None],
}
LONG = {name: ColumnType("VARCHAR") for name in ("Id", "Text")}
TYPES = {
    "Id": pa.string(),
    "Amount": pa.decimal128(38, 18),
    "Count": pa.int64(),
    "Flag": pa.bool_(),
    "Day": pa.date32(),
    "Hour": pa.time64("ns"),
    "Stamp": pa.timestamp("us", "UTC"),
    'A "quoted"; name': pa.string(),
}


def batch_of(**values: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(each, TYPES[name]) for name, each in values.items()})


def table_of(*names: str, name: str = "Thing__c", keys: tuple[str, ...] = ("Id",)) -> Table:
    columns = {each: ColumnType.of_arrow(TYPES[each]) for each in names or TYPES}
    return Table(name, columns, keys)


@pytest.fixture
def database(landed: Landed) -> Iterator[Database]:
    with closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as database:
        yield database


def rows_after(database: Database, landed: Landed, table: str = "Thing__c") -> list[dict[str, Any]]:
    database.commit()
    database.close()
    return landed.rows(table)


def test_every_type_comes_back_as_it_was(database: Database, landed: Landed) -> None:
    ensure_table(database, table_of(), was_own=True)
    append(database, batch_of(**VALUES), "Thing__c")
    rows = rows_after(database, landed)
    assert rows == [{name: values[row] for name, values in VALUES.items()} for row in range(3)]
    kinds = {name: spelling.lower() for name, spelling in landed.types("Thing__c").items()}
    assert kinds["Amount"] in ("decimal(38,18)", "numeric(38,18)")
    assert kinds["Stamp"] == "timestamp with time zone"
    assert kinds["Day"] == "date"
    assert kinds["Hour"].startswith("time")


def test_a_merge_replaces_the_rows_with_the_same_key(database: Database, landed: Landed) -> None:
    ensure_table(database, table_of("Id", "Count", "Flag"), was_own=True)
    append(database, batch_of(Id=["a", "b"], Count=[1, 2], Flag=[True, True]), "Thing__c")
    merge(database, batch_of(Id=["b", "c"], Count=[3, 4]), "Thing__c", ["Id"])
    rows = sorted(rows_after(database, landed), key=lambda row: row["Id"])
    assert rows == [
        {"Id": "a", "Count": 1, "Flag": True},
        {"Id": "b", "Count": 3, "Flag": None},
        {"Id": "c", "Count": 4, "Flag": None},
    ]


def test_an_update_adds_no_rows_and_a_removal_takes_no_others(
    database: Database, landed: Landed
) -> None:
    ensure_table(database, table_of("Id", "Count", "Flag"), was_own=True)
    append(database, batch_of(Id=["a", "b"], Count=[1, 2], Flag=[True, True]), "Thing__c")
    update(database, batch_of(Id=["b", "x"], Count=[3, 4]), "Thing__c", ["Id"])
    remove(database, batch_of(Id=["a", "y"], Count=[0, 0]), "Thing__c", ["Id"])
    assert rows_after(database, landed) == [{"Id": "b", "Count": 3, "Flag": True}]


def test_records_and_state_are_undone_together(database: Database, landed: Landed) -> None:
    ensure_table(database, table_of("Id"), was_own=True)
    write_state(database, "Thing__c", SavedStream('{"a": 1}', None))
    database.commit()
    append(database, batch_of(Id=["a"]), "Thing__c")
    write_state(database, "Thing__c", SavedStream('{"a": 2}', '{"b": 1}'))
    database.rollback()
    assert read_states(database) == {"Thing__c": SavedStream('{"a": 1}', None)}
    append(database, batch_of(Id=["b"]), "Thing__c")
    write_state(database, "Thing__c", SavedStream('{"a": 3}', '{"b": 2}'))
    assert rows_after(database, landed) == [{"Id": "b"}]
    with closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as other:
        assert read_states(other) == {"Thing__c": SavedStream('{"a": 3}', '{"b": 2}')}


def test_columns_are_added_and_widened(database: Database, landed: Landed) -> None:
    columns = {
        "Id": ColumnType("VARCHAR"),
        "Count": ColumnType("BIGINT"),
        "Day": ColumnType("DATE"),
    }
    ensure_table(database, Table("Thing__c", columns, ["Id"]), was_own=True)
    append(database, batch_of(Id=["a"], Count=[7], Day=[date(2026, 1, 2)]), "Thing__c")
    database.commit()
    wider = {
        "Id": ColumnType("VARCHAR"),
        "Count": ColumnType("DECIMAL", 21, 2),
        "Day": ColumnType("VARCHAR"),
        "Flag": ColumnType("BOOLEAN"),
    }
    ensure_table(
        database, Table("Thing__c", wider, ["Id"], comments={"Flag": "It's a flag"}), was_own=True
    )
    # A page that was typed before goes into the wider columns all the same.
    merge(database, batch_of(Id=["b"], Count=[8], Day=[date(2026, 3, 4)]), "Thing__c", ["Id"])
    rows = sorted(rows_after(database, landed), key=lambda row: row["Id"])
    assert rows == [
        {"Id": "a", "Count": Decimal(7), "Day": "2026-01-02", "Flag": None},
        {"Id": "b", "Count": Decimal(8), "Day": "2026-03-04", "Flag": None},
    ]
    assert landed.comments("Thing__c") == {"Flag": "It's a flag"}


@pytest.mark.parametrize("was_own", [True, False])
def test_a_type_that_cannot_be_widened_is_an_error_that_names_the_column(
    database: Database,
    was_own: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    columns = {"Id": ColumnType("VARCHAR"), "Count": ColumnType("BOOLEAN")}
    ensure_table(database, Table("Thing__c", columns, ["Id"]), was_own=True)
    with pytest.raises(LoadError, match="Column Count of table Thing__c is BOOLEAN"):
        ensure_table(database, table_of("Id", "Count"), was_own=was_own)


def test_a_table_of_others_is_not_widened(landed: Landed) -> None:
    landed.execute('CREATE TABLE "Thing__c" ("Id" VARCHAR, "Amount" INTEGER)')
    with (
        closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as database,
        pytest.raises(LoadError, match="Column Amount of table Thing__c is INTEGER"),
    ):
        ensure_table(database, table_of("Id", "Amount"), was_own=False)
    assert landed.types("Thing__c")["Amount"].lower() == "integer"


def test_a_table_of_others_that_fits_is_taken_with_a_word(
    landed: Landed, caplog: pytest.LogCaptureFixture
) -> None:
    landed.execute('CREATE TABLE "Thing__c" ("Id" VARCHAR, "Count" BIGINT)')
    landed.execute("INSERT INTO \"Thing__c\" VALUES ('a', 1), ('b', 2)")
    with closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as database:
        ensure_table(database, table_of("Id", "Count"), was_own=False)
        assert "the table was there before" in caplog.text
        merge(database, batch_of(Id=["b"], Count=[3]), "Thing__c", ["Id"])
        database.commit()
    assert sorted(landed.rows("Thing__c"), key=lambda row: row["Id"]) == [
        {"Id": "a", "Count": 1},
        {"Id": "b", "Count": 3},
    ]


def test_columns_that_differ_in_case_only_are_refused(database: Database) -> None:
    columns = {"Id": ColumnType("VARCHAR"), "count": ColumnType("BIGINT")}
    ensure_table(database, Table("Thing__c", columns, ["Id"]), was_own=True)
    with pytest.raises(LoadError, match="upper and lower case"):
        ensure_table(database, table_of("Id", "Count"), was_own=True)


def test_a_key_is_never_null(database: Database) -> None:
    ensure_table(database, table_of("Id"), was_own=True)
    with pytest.raises(LoadError, match=r"(?i)not.null"):
        append(database, batch_of(Id=[None]), "Thing__c")


def test_rows_that_wait_replace_the_table_in_one_step(database: Database, landed: Landed) -> None:
    table = table_of("Id", "Count")
    ensure_table(database, table, was_own=True)
    append(database, batch_of(Id=["old"], Count=[1]), "Thing__c")
    ensure_waiting_table(database, table)
    let_wait(database, batch_of(Id=["new"], Count=[2]), "Thing__c", "750")
    database.commit()
    before = f'SELECT "Id" FROM {database.qualified("Thing__c")}'  # noqa: S608 - quoted
    assert database.fetch(before) == [("old",)]
    publish(database, "Thing__c")
    assert rows_after(database, landed) == [{"Id": "new", "Count": 2}]
    assert landed.types(waiting_table("Thing__c")) == {}


def test_a_second_load_is_told_who_holds_the_database(database: Database, landed: Landed) -> None:
    database.commit()
    with pytest.raises(DatabaseInUseError, match=r"(is in use by .*PID|process \d+ of the server)"):
        connect_elsewhere(landed)


def connect_elsewhere(landed: Landed) -> None:
    """Connect from another process, since DuckDB shares a file within one."""
    code = (
        "import sys\n"
        "from tap_sfbulk_pages.loading.databases.address import connect\n"
        "try: connect(sys.argv[1], schema=sys.argv[2], wait_seconds=0.6)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, landed.address, landed.schema],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Waiting up to" in run.stderr
    kind, _, message = run.stdout.partition(" ")
    assert kind == "DatabaseInUseError", run.stdout
    raise DatabaseInUseError(message)


def test_a_name_that_the_database_would_cut_is_refused(landed: Landed) -> None:
    with closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as database:
        table = table_of("Id", name="x" * 64)
        if database.longest_name is None:
            ensure_table(database, table, was_own=True)
        else:
            with pytest.raises(LoadError, match="longer than the 63 bytes"):
                ensure_table(database, table, was_own=True)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "postgresql://me:hush@db.example:5432/crm?password=hush",
            "postgresql://me@db.example:5432/crm",
        ),
        ("duckdb:///warehouse.duckdb", "duckdb:///warehouse.duckdb"),
    ],
)
def test_no_password_is_shown(address: str, shown: str) -> None:
    assert describe_address(address) == shown


@pytest.mark.parametrize("password", ["one-hush", "p@two-hush", "three-hush/x"])
def test_no_password_is_in_an_error(password: str) -> None:
    """Those with characters that should have been encoded among them."""
    with pytest.raises(LoadError) as caught:
        connect(f"postgresql://me:{password}@127.0.0.1:1/crm", schema=None, wait_seconds=0)
    assert "hush" not in str(caught.value)
    assert "cannot be reached" in str(caught.value)


def test_a_load_may_wait_for_no_other() -> None:
    options = {"into": "duckdb:///x", "from_singer": True, "lock_timeout": 0.0}
    settings, _ = read_config((), options, {})
    assert settings.lock_timeout == 0


def test_texts_of_the_longest_fields_are_loaded_and_merged(tmp_path: Path) -> None:
    """DuckDB has to hold 2,048 rows in memory, of a column at least."""
    named = LandedDuckDB(tmp_path / "long.duckdb")
    text = "x" * 131_072

    def load(first: int, last: int, text: str) -> None:
        with closing(connect(named.address, schema=None, wait_seconds=0)) as database:
            ensure_table(database, Table("long", LONG, ("Id",)), was_own=True)
            for start in range(first, last, 100):
                numbers = range(start, min(start + 100, last))
                rows = {
                    "Id": [str(each) for each in numbers],
                    "Text": [f"{text}{each}" for each in numbers],
                }
                merge(database, pa.table(rows), "long", ["Id"])
            database.commit()

    load(0, 1_000, text)
    # The rows are read again when those that are gone are packed.
    load(0, 1, "")
    assert sorted(row["Text"] for row in named.rows("long")) == sorted(
        ["0", *(f"{text}{number}" for number in range(1, 1_000))]
    )
