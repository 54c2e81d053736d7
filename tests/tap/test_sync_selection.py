"""What is read follows the catalog and the settings: objects, fields, conditions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from salesforce_data import assert_same_records, expected_records, fields_of
from tap_process import config_for, metadata_of, select_fields

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 25, "Contact": 25}, "page_rows": 10}


def jobs_of(server: SandboxServer) -> list[tuple[str, str]]:
    """Return the operations and the queries of all jobs."""
    return [(job.operation, job.soql) for job in server.jobs]


def test_only_selected_fields_are_asked_for_and_written(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    select_fields(catalog["streams"][0], ["Name", "Phone"])
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    fields = ["Id", "Name", "Phone", "SystemModstamp"]
    assert jobs_of(server) == [("queryAll", "SELECT Id, Name, Phone, SystemModstamp FROM Account")]
    assert_same_records(run.records("Account"), expected_records(server, "Account", fields=fields))
    assert list(run.schema("Account")["schema"]["properties"]) == fields


def test_only_selected_streams_are_described_and_read(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account", "Contact", "Lead"))
    for entry in catalog["streams"]:
        metadata_of(entry)[()]["selected"] = entry["stream"] == "Contact"
    seen = len(server.calls)
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Contact"}
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))
    places = [each.place for each in server.calls[seen:]]
    assert "sobjects" not in places
    assert places.count("composite") + places.count("describe") == 1
    assert len(list(server.jobs)) == 1


def test_nothing_is_described_where_nothing_is_selected(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    metadata_of(catalog["streams"][0])[()]["selected"] = False
    seen = len(server.calls)
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 1
    assert "The catalog selects no stream, so nothing is read." in run.stderr
    assert run.messages == []
    assert not {each.place for each in server.calls[seen:]} & {"sobjects", "composite", "create"}


def test_discovery_describes_25_objects_a_call(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    catalog = tap.catalog(config_for(server))
    offered = {entry["name"] for entry in server.org.describe_global() if entry["queryable"]}
    streams = {entry["stream"] for entry in catalog["streams"]}
    assert streams == {name for name in offered if not name.endswith("ChangeEvent")}
    places = [each.place for each in server.calls]
    assert places.count("composite") == -(-len(streams) // 25)
    assert "create" not in places


def test_catalog_of_every_type_of_field(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    (entry,) = tap.catalog(config_for(server, "everything__C"))["streams"]
    described = server.org.describe("Everything__c")
    assert described
    bare = {"boolean": "boolean", "int": "integer", "long": "integer"}
    bare |= dict.fromkeys(["double", "currency", "percent"], "number")
    formats = {"date": "date", "datetime": "date-time"}
    metadata = metadata_of(entry)
    supported = fields_of(server, "Everything__c")
    for field in described["fields"]:
        name, type_ = field["name"], field["type"]
        schema = entry["schema"]["properties"][name]
        types = [bare.get(type_, "string")] + ["null"] * (name != "Id")
        assert schema["type"] in (types, types[0] if name == "Id" else types)
        assert schema.get("format") == formats.get(type_)
        assert schema["description"] == field["label"]
        if type_ in ("id", "reference", "string", "picklist") and not field["calculated"]:
            assert schema["maxLength"] == field["length"]
        inclusion = metadata["properties", name]["inclusion"]
        assert (inclusion == "unsupported") == (name not in supported)
    assert metadata["properties", "Id"]["inclusion"] == "automatic"
    assert metadata[()]["table-key-properties"] == ["Id"]


def test_unsupported_fields_are_never_asked_for(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Everything__c": 5})
    catalog = tap.catalog(config_for(server, "Everything__c"))
    for metadata in metadata_of(catalog["streams"][0]).values():
        metadata["selected"] = True
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert set(run.records("Everything__c")[0]) == set(fields_of(server, "Everything__c"))
    assert set(run.schema("Everything__c")["schema"]["properties"]) == set(
        fields_of(server, "Everything__c")
    )


@pytest.mark.parametrize(
    ("patterns", "streams"),
    [
        (["Account"], {"Account"}),
        (["account", "CONTACT"], {"Account", "Contact"}),
        (["Account*", "!*Share"], {"Account", "AccountHistory"}),
        (["Invoice*__c"], {"Invoice__c", "Invoice_Line__c"}),
    ],
)
def test_objects_setting(
    tap: Tap,
    start_sandbox: StartSandbox,
    patterns: list[str],
    streams: set[str],
) -> None:
    server = start_sandbox()
    catalog = tap.catalog(config_for(server, *patterns))
    assert {entry["stream"] for entry in catalog["streams"]} == streams


def test_what_has_no_effect_is_told(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 3})
    run = tap(config_for(server, "Account", "*Nothing", "!Leed", colour="red"))
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account"}
    for pattern in ("*Nothing", "!Leed"):
        assert f"objects: no object of the org matches {pattern!r}." in run.stderr
    assert "There is no setting colour." in run.stderr
    assert "'Account'." not in run.stderr


def test_stream_maps_that_cannot_be_read_are_told_in_words(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Account": 3})
    run = tap(config_for(server, "Account", stream_maps={"Account": {"x": "Id +"}}))
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "Error: Wrong settings:\n  stream_maps: " in run.stderr
    for constant in ("'\\ud800'", "1e400"):
        run = tap(config_for(server, "Account", stream_maps={"Account": {"x": constant}}))
        assert run.exit_code == 1
        assert "Traceback" not in run.stderr
        assert f"`{constant}`, has a number that is too large, or half of" in run.stderr


@pytest.mark.parametrize(
    ("expressions", "said"),
    [
        ({"y": "Id", "x": "int(Name)"}, "`int(Name)`, fails on the record {id}: ValueError: inv"),
        ({"x": "Nme + 'a'"}, "`Nme + 'a'`, fails on the record {id}: NameNotDefined: 'Nme' is not"),
        ({"__filter__": "Name > 5"}, "`Name > 5`, fails on the record {id}: TypeError: '>' not"),
    ],
    ids=["value", "name", "filter"],
)
def test_an_expression_that_fails_is_told_in_words(
    tap: Tap,
    start_sandbox: StartSandbox,
    expressions: dict[str, str],
    said: str,
) -> None:
    server = start_sandbox(rows={"Account": 3, "Contact": 3})
    run = tap(config_for(server, "Account", "Contact", stream_maps={"Account": expressions}))
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    first = expected_records(server, "Account")[0]["Id"]
    told = run.stderr[run.stderr.rindex("Failed: Account: stream_maps: an expression of Account") :]
    assert said.format(id=first) in told
    assert "Change it so that it works for every record" in told
    assert len(run.records("Contact")) == 3


def test_filters_are_added_with_and(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 100})
    condition = "Industry = 'Banking' OR Industry = 'Retail'"
    settings = {"filters": {"Account": condition}, "start_date": "2024-06-01T00:00:00Z"}
    run = tap(config_for(server, "Account", **settings))
    assert run.exit_code == 0, run.stderr
    where = f"WHERE ({condition}) AND SystemModstamp >= 2024-06-01T00:00:00.000Z"
    expected = expected_records(server, "Account", where=where)
    assert 0 < len(expected) < 100
    assert_same_records(run.records("Account"), expected)


@pytest.mark.parametrize("include_deleted", [True, False])
def test_include_deleted(tap: Tap, start_sandbox: StartSandbox, *, include_deleted: bool) -> None:
    server = start_sandbox(rows={"Account": 25})
    server.org.delete("Account", [expected_records(server, "Account")[0]["Id"]])
    run = tap(config_for(server, "Account", include_deleted=include_deleted))
    assert run.exit_code == 0, run.stderr
    expected = expected_records(server, "Account", include_deleted=include_deleted)
    assert_same_records(run.records("Account"), expected)
    deleted = {record["IsDeleted"] for record in run.records("Account")}
    assert deleted == ({True, False} if include_deleted else {False})
    (operation, _) = jobs_of(server)[0]
    assert operation == ("queryAll" if include_deleted else "query")


def test_a_field_that_is_lost_is_left_out_and_comes_back(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account"))
    server.org.set_field_visible("Account", "Phone", visible=False)
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert "Phone" in run.stderr
    assert all(record.get("Phone") is None for record in run.records("Account"))
    assert len(run.records("Account")) == 25
    server.org.set_field_visible("Account", "Phone", visible=True)
    again = tap(config_for(server), catalog=catalog)
    assert_same_records(again.records("Account"), expected_records(server, "Account"))


def test_an_object_that_is_lost_stops_no_other(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account", "Contact"))
    server.org.set_sobject_visible("Account", visible=False)
    run = tap(config_for(server), catalog=catalog)
    assert run.exit_code == 1
    assert "Account" in run.stderr.splitlines()[-1]
    assert_same_records(run.records("Contact"), expected_records(server, "Contact"))


def test_api_version_setting(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", api_version="v60.0"))
    assert run.exit_code == 0, run.stderr
    assert {each.path.split("/")[3] for each in server.calls} == {"v60.0"}


def test_the_newest_tested_version_is_chosen(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, api_versions=["57.0", "61.0", "63.0", "99.0"])
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert {each.path.split("/")[3] for each in server.calls[1:]} == {"v63.0"}


def test_catalog_is_a_singer_catalog(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    run = tap(config_for(server, "AppDefinition", "LoginHistory", "User"), "--discover")
    entries = {entry["stream"]: entry for entry in json.loads(run.stdout)["streams"]}
    assert entries["AppDefinition"]["key_properties"] == ["DurableId"]
    assert entries["AppDefinition"].get("replication_key") is None
    assert entries["LoginHistory"]["replication_key"] == "LoginTime"
    assert entries["User"]["key_properties"] == ["Id"]
