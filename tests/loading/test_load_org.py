"""Salesforce into a database: first loads, changes, full tables, deletes, schema changes."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from stored_values import by_id, expected_rows
from tap_process import config_for, metadata_of, select_fields

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 95, "Contact": 40, "LoginHistory": 30}, "page_rows": 10}


def jobs_made(server: SandboxServer) -> int:
    return [call.place for call in server.calls].count("create")


def full_table(tap: Tap, config: dict[str, Any], stream: str) -> dict[str, Any]:
    """Make a catalog that reads a stream in full each time."""
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == stream:
            metadata_of(entry)[()]["forced-replication-method"] = "FULL_TABLE"
            entry["replication_method"] = "FULL_TABLE"
    return catalog


def test_every_record_lands_once_with_real_types(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    run = loader.succeed(config_for(server, "Account", "Contact", "LoginHistory"))
    for sobject in ("Account", "Contact", "LoginHistory"):
        assert by_id(landed.rows(sobject)) == expected_rows(server, sobject)
    types = {name: kind.lower() for name, kind in landed.types("Account").items()}
    assert types["Id"] in ("varchar", "character varying")
    assert types["IsDeleted"] == "boolean"
    assert types["AnnualRevenue"].startswith(("decimal", "numeric"))
    assert types["SystemModstamp"] == "timestamp with time zone"
    assert types["NumberOfEmployees"] == "bigint"
    assert "165 records of 3 streams" in run.stderr
    for stream in ("Account", "Contact", "LoginHistory"):
        assert f"INFO Stream {stream}: Job 750" in run.stderr
    assert landed.table_comment("Account") == "Account"
    assert landed.comments("Account")["AnnualRevenue"] == "Annual Revenue"


def test_a_second_load_merges_what_has_changed(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", lookback_seconds=0)
    loader.succeed(config)
    first, second, *_ = expected_rows(server, "Account")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    server.org.upsert(
        "Account",
        [{"Id": first["Id"], "Name": "changed"}, {"Name": "new", "SystemModstamp": now}],
    )
    server.org.delete("Account", [second["Id"]])
    loader.succeed(config)
    rows = by_id(landed.rows("Account"))
    assert rows == expected_rows(server, "Account")
    assert len(rows) == 96
    assert [row["Id"] for row in rows if row["IsDeleted"]] == [
        row["Id"] for row in expected_rows(server, "Account") if row["IsDeleted"]
    ]
    assert "changed" in [row["Name"] for row in rows]


def test_a_schema_is_for_one_org(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", access_token="00D5g000008Kf2Z!token")
    loader.succeed(config)
    rows = landed.rows("Account")
    # Another object, too, would be added to what is there of the other org.
    for objects in (["Account"], ["Contact"]):
        other = {**config, "objects": objects, "access_token": "00D5g00000AaAaA!token"}
        run = loader(other)
        assert run.exit_code == 1
        assert "Traceback" not in run.stderr
        for said in ("00D5g000008Kf2ZEAS (Account)", "00D5g00000AaAaAEAV", "--schema"):
            assert said in run.stderr
    assert jobs_made(server) == 1
    loader.succeed(other, "--schema", "elsewhere")
    # As the message says.
    landed.execute('DROP TABLE "Account"')
    landed.execute("DELETE FROM _sfbulk_state")
    loader.succeed({**other, "objects": ["Account"]})
    assert by_id(landed.rows("Account")) == by_id(rows)


def test_a_full_table_is_replaced_in_one_step(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    catalog = full_table(tap, config, "Account")
    loader.succeed(config, catalog=catalog)
    assert by_id(landed.rows("Account")) == expected_rows(server, "Account")
    gone = [row["Id"] for row in expected_rows(server, "Account")[:5]]
    server.org.delete("Account", gone, hard=True)
    # The second read fails in its middle: what was there stays as it was.
    server.add_fault(place="page", kind="status", status=400, first=5, times="forever")
    assert loader(config, catalog=catalog).exit_code == 1
    assert len(landed.rows("Account")) == 95
    server.clear_faults()
    loader.succeed(config, catalog=catalog)
    assert by_id(landed.rows("Account")) == expected_rows(server, "Account")
    assert len(landed.rows("Account")) == 90


def test_an_empty_full_table_empties_its_table(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Contact": 12}, page_rows=5)
    config = config_for(server, "Contact")
    catalog = full_table(tap, config, "Contact")
    loader.succeed(config, catalog=catalog)
    assert len(landed.rows("Contact")) == 12
    server.org.delete("Contact", [row["Id"] for row in landed.rows("Contact")], hard=True)
    loader.succeed(config, catalog=catalog)
    assert landed.rows("Contact") == []


@pytest.mark.parametrize("choice", ["setting", "mark", "remove"])
def test_hard_deletes_are_marked_or_removed(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox, choice: str
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", track_hard_deletes=choice == "setting")
    arguments = () if choice == "setting" else ("--hard-deletes", choice)
    loader.succeed(config, *arguments)
    victim = expected_rows(server, "Account")[3]["Id"]
    before = datetime.now(timezone.utc).replace(microsecond=0)
    server.org.delete("Account", [victim], hard=True)
    loader.succeed(config, *arguments)
    rows = {row["Id"]: row for row in landed.rows("Account")}
    if choice == "remove":
        assert victim not in rows
        assert len(rows) == 94
        return
    assert len(rows) == 95
    marked = {key: row["_sdc_deleted_at"] for key, row in rows.items() if row["_sdc_deleted_at"]}
    assert marked.keys() == {victim}
    assert before <= marked[victim] <= datetime.now(timezone.utc)
    assert rows[victim]["Name"]


def test_a_catalog_chooses_streams_and_fields(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", "Contact")
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "Account":
            select_fields(entry, ["Name"])
        else:
            metadata_of(entry)[()]["selected"] = False
    loader.succeed(config, catalog=catalog)
    assert set(landed.types("Account")) == {"Id", "Name", "SystemModstamp"}
    assert landed.types("Contact") == {}
    # A field that is selected later is a new column.
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "Account":
            select_fields(entry, ["Name", "Industry"])
    run = loader.succeed(config, catalog=catalog)
    assert "column Industry (VARCHAR) added; it is null in the rows that are there" in run.stderr
    assert list(landed.types("Account"))[-1] == "Industry"


def test_a_zero_id_in_a_key_fails_the_stream_which_can_be_loaded_without_a_key(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Reading__c": 9}, objects={"Reading__c": {"ids": "zero"}})
    config = config_for(server, "Reading__c")
    run = loader(config)
    assert run.exit_code == 1
    assert "000000000000000AAA, so Id does not tell its records apart" in run.stderr
    assert landed.rows("Reading__c") == []
    # What the error says to do.
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    metadata_of(entry)[()]["table-key-properties"] = []
    loader.succeed(config, catalog=catalog)
    assert len(landed.rows("Reading__c")) == 9


def test_a_table_of_others_with_other_types_is_left_alone(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    landed.execute('CREATE TABLE "Account" ("Id" VARCHAR, "IsDeleted" INTEGER)')
    run = loader(config_for(server, "Account", "Contact"))
    assert run.exit_code == 1
    assert "Column IsDeleted of table Account is INTEGER" in run.stderr
    assert landed.rows("Account") == []
    assert len(landed.rows("Contact")) == 40


def test_rows_of_others_are_not_replaced(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Contact")
    catalog = full_table(tap, config, "Contact")
    landed.execute('CREATE TABLE "Contact" ("Id" VARCHAR)')
    landed.execute("INSERT INTO \"Contact\" VALUES ('theirs')")
    run = loader(config, catalog=catalog)
    assert run.exit_code == 1
    assert "holds rows that were not loaded by sfbulk-load" in run.stderr
    assert [row["Id"] for row in landed.rows("Contact")] == ["theirs"]


def test_a_table_that_was_dropped_is_loaded_anew(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Contact")
    loader.succeed(config)
    landed.execute('DROP TABLE "Contact"')
    if not landed.ignores_case:
        # Another table, such as that of a dbt model.
        landed.execute("CREATE TABLE contact (id INT)")
    run = loader.succeed(config)
    assert "its table is gone, so it is loaded anew" in run.stderr
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--into", "mysql://x"), "into must be an address"),
        (("--into", "duckdb:///nowhere/at/all.duckdb"), "There is no folder"),
        (("--config", "/nowhere.json"), "/nowhere.json"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    loader: Loader, start_sandbox: StartSandbox, arguments: tuple[str, ...], message: str
) -> None:
    server = start_sandbox(**SMALL)
    run = loader(config_for(server, "Account"), *arguments)
    assert run.exit_code == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_setting_that_is_misspelt_ends_the_load(
    loader: Loader, start_sandbox: StartSandbox
) -> None:
    run = loader({**config_for(start_sandbox(**SMALL)), "object": ["Account"]})
    assert run.exit_code == 1
    assert "objects was probably meant" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_key_that_tells_no_records_apart_is_refused(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    """Or else the next load would replace several rows by one."""
    server = start_sandbox(rows={"Contact": 30, "Empty__c": 0}, page_rows=10)
    query = {"name": "q", "soql": "SELECT LastName FROM Contact", "primary_keys": ["LastName"]}
    run = loader(config_for(server, "Empty__c", queries=[query]))
    assert run.exit_code == 1
    assert "have the same LastName" in run.stderr or "duplicate key" in run.stderr, run.stderr
    assert landed.rows("q") == []


def test_keys_are_looked_at_of_what_a_load_brings_and_of_what_a_killed_one_has_left(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 30, "Empty__c": 0}, page_rows=10)
    query = {
        "name": "q",
        "soql": "SELECT Id, Name, SystemModstamp FROM Account",
        "primary_keys": ["Name"],
        "replication_key": "SystemModstamp",
    }
    config = config_for(server, "Empty__c", queries=[query], lookback_seconds=0)
    loader.succeed(config)
    rows = sorted(landed.rows("q"), key=lambda row: row["SystemModstamp"])
    first, second = (row["Id"] for row in rows[:2])
    if landed.schema == "main":
        for each in (first, second):
            landed.execute(f"UPDATE q SET Name = 'same' WHERE Id = '{each}'")  # noqa: S608
        loader.succeed(config)
        # As a load leaves it that was killed after its rows were committed, before their check.
        landed.execute("""UPDATE _sfbulk_state SET loading = '{"has_unchecked_keys": true}'""")
        run = loader(config)
        assert run.exit_code == 1
        assert "have the same Name" in run.stderr
        landed.execute("UPDATE q SET Name = Id WHERE Name = 'same'")
        loader.succeed(config)
    server.org.upsert("Account", [{"Id": each, "Name": "same"} for each in (first, second)])
    before = by_id(landed.rows("q"))
    run = loader(config)
    assert run.exit_code == 1
    assert "have the same Name" in run.stderr or "duplicate key" in run.stderr, run.stderr
    assert by_id(landed.rows("q")) == before


def test_a_number_whose_decimal_places_are_changed(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    """All 38 digits of the column are taken, so that no decimal holds both."""

    def start(precision: int, scale: int) -> SandboxServer:
        size = {"type": "double", "precision": precision, "scale": scale}
        objects = {"Widget__c": {"label": "Widget", "fields": {"Size__c": size}}}
        return start_sandbox(objects=objects, rows={"Widget__c": 12}, page_rows=5)

    server = start(18, 0)
    config = config_for(server, "Widget__c", lookback_seconds=10**9)
    loader.succeed(config)
    before = landed.types("Widget__c")["Size__c"]
    server = start(16, 2)
    config["instance_url"] = server.url
    loader.succeed(config)
    rows = {row["Id"]: row for row in expected_rows(server, "Widget__c")}
    assert {row["Id"]: row for row in landed.rows("Widget__c")} == rows
    assert landed.types("Widget__c")["Size__c"] == before
    # One that the column does not hold.
    server.org.upsert(
        "Widget__c", [{"Id": next(iter(rows)), "Size__c": "1.000000000000000000000012"}]
    )
    loader.succeed(config)
    sizes = {row["Id"]: row["Size__c"] for row in landed.rows("Widget__c")}
    assert sizes[next(iter(rows))] == "1.000000000000000000000012"
    expected = {row["Id"]: row["Size__c"] for row in expected_rows(server, "Widget__c")}
    assert {id_: size and Decimal(size) for id_, size in sizes.items()} == expected
