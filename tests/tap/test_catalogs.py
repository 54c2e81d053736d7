"""Catalogs as users edit them and as their editors write them: followed, or refused in words."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

    Entry = dict[str, Any]

SMALL = {"rows": {"Account": 7, "Contact": 5}}


def sqls(server: SandboxServer) -> list[str]:
    return [job.soql for job in server.jobs]


def test_the_replication_key_of_the_metadata_counts(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", start_date="2020-01-01T00:00:00Z")
    catalog = tap.catalog(config)
    metadata_of(catalog["streams"][0])[()]["replication-key"] = "CreatedDate"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert "WHERE CreatedDate >= " in sqls(server)[0]
    assert run.bookmark("Account")["replication_key"] == "CreatedDate"
    assert "SystemModstamp', and its metadata the replication-key 'CreatedDate'" in run.stderr


@pytest.mark.parametrize("key", ["forced-replication-method", "replication-method"])
def test_the_method_of_the_metadata_counts(tap: Tap, start_sandbox: StartSandbox, key: str) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", start_date="2024-01-01T00:00:00Z")
    catalog = tap.catalog(config)
    metadata_of(catalog["streams"][0])[()][key] = "FULL_TABLE"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert " WHERE " not in sqls(server)[0]
    assert len(run.records("Account")) == 7


@pytest.mark.parametrize("key", ["table-key-properties", "view-key-properties"])
def test_the_key_of_the_metadata_counts(tap: Tap, start_sandbox: StartSandbox, key: str) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    root = metadata_of(catalog["streams"][0])[()]
    del root["table-key-properties"]
    root[key] = ["Id", "Name"]
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.schema("Account")["key_properties"] == ["Id", "Name"]


def break_id(entry: Entry) -> None:
    del entry["tap_stream_id"]


def break_metadata(entry: Entry) -> None:
    entry["metadata"] = {"selected": True}


def break_breadcrumb(entry: Entry) -> None:
    entry["metadata"] = [{"metadata": {"selected": True}}]


def break_method(entry: Entry) -> None:
    metadata_of(entry)[()]["forced-replication-method"] = "LOG_BASED"


def break_keys(entry: Entry) -> None:
    metadata_of(entry)[()]["table-key-properties"] = ["Idd"]


def break_schema(entry: Entry) -> None:
    entry["schema"] = "Account"


def break_properties(entry: Entry) -> None:
    entry["schema"]["properties"] = []


def break_type(entry: Entry) -> None:
    entry["schema"]["properties"]["Name"] = {"type": 7}


def break_field(entry: Entry) -> None:
    entry["schema"]["properties"]["Name"] = "string"


def break_line_method(entry: Entry) -> None:
    entry["replication_method"] = "INCREMENTEL"


def break_name(entry: Entry) -> None:
    entry["stream"] = "Other"


def break_selected(entry: Entry) -> None:
    metadata_of(entry)[()]["selected"] = "false"


def break_field_selected(entry: Entry) -> None:
    metadata_of(entry)["properties", "Name"]["selected"] = "no"


def break_key_of_metadata(entry: Entry) -> None:
    metadata_of(entry)["properties", "Name"]["selectd"] = False


def break_selected_line(entry: Entry) -> None:
    entry["selected"] = False


def break_selected_schema(entry: Entry) -> None:
    entry["schema"]["selected"] = False


def break_selected_property(entry: Entry) -> None:
    entry["schema"]["properties"]["Name"]["selected"] = False


OUTSIDE = "outside of its metadata, which say otherwise"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (break_selected_line, f'"selected": false for Account {OUTSIDE}'),
        (break_selected_schema, f'"selected": false for Account {OUTSIDE}'),
        (break_selected_property, f'"selected": false for Account.Name {OUTSIDE}'),
        (break_properties, "The schema of Account in the catalog must have properties"),
        (break_type, "The schema of Account in the catalog must have properties"),
        (break_field, "The schema of Account in the catalog must have properties"),
        (break_line_method, "must be one of FULL_TABLE, INCREMENTAL, not 'INCREMENTEL'"),
        (break_name, "The catalog calls Account 'Other', too"),
        (break_selected, "Account in the catalog: selected must be true or false, not 'false'"),
        (break_field_selected, "Account.Name in the catalog: selected must be true or false"),
        (break_key_of_metadata, "Account.Name in the catalog has 'selectd'; selected was probably"),
        (break_id, "Entry 1 of the catalog must have a tap_stream_id (a string)"),
        (break_schema, "Entry 1 of the catalog must have a tap_stream_id (a string)"),
        (break_metadata, "The metadata of Account in the catalog must be a list"),
        (break_breadcrumb, "The metadata of Account in the catalog must be a list"),
        (break_method, "must be one of FULL_TABLE, INCREMENTAL, not 'LOG_BASED'"),
        (break_keys, "must be a list of its fields, not ['Idd']"),
    ],
)
def test_an_entry_that_cannot_be_followed(
    tap: Tap, start_sandbox: StartSandbox, edit: Callable[[Entry], None], said: str
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    edit(catalog["streams"][0])
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == b""


def test_a_choice_for_a_field_that_is_not_there_is_named(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    config = config_for(start_sandbox(**SMALL), "Account")
    catalog = tap.catalog(config)
    choice = {"breadcrumb": ["properties", "Nme"], "metadata": {"selected": False}}
    catalog["streams"][0]["metadata"].append(choice)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert "selects or deselects fields of Account that its schema does not have: Nme" in run.stderr


def test_a_key_that_stands_twice(tap: Tap, start_sandbox: StartSandbox, tmp_path: Path) -> None:
    config = config_for(start_sandbox(**SMALL), "Account")
    text = json.dumps(tap.catalog(config)).replace('"selected":', '"selected": false, "selected":')
    path = tmp_path / "twice.json"
    path.write_text(text, encoding="utf-8")
    run = tap(config, "--catalog", str(path))
    assert run.exit_code == 1
    assert "The catalog has the key 'selected' twice in one object." in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == b""


def test_two_entries_of_one_stream(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    run = tap(config, catalog={"streams": catalog["streams"] * 2})
    assert run.exit_code == 1
    assert "two entries for Account" in run.stderr


ENCODINGS = [
    ("utf-8", b""),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-16-le", b""),
    ("utf-32-le", codecs.BOM_UTF32_LE),
]


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS)
def test_every_file_in_every_utf(
    tap: Tap, start_sandbox: StartSandbox, encoding: str, mark: bytes
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", "Contact", filters={"Account": "Name != 'Zoë ✓'"})
    catalog = tap.catalog(config)
    metadata_of(catalog["streams"][1])[()]["selected"] = False
    key, value = "replication_key", "2020-01-01T00:00:00.000Z"
    bookmarks = {"Account": {key: "SystemModstamp", f"{key}_value": value}, "Zoë": None}
    arguments = []
    files = {"config": config, "catalog": catalog, "state": {"bookmarks": bookmarks}}
    for name, content in files.items():
        path = tap._folder / f"{name}.{encoding}"
        text = json.dumps(content, ensure_ascii=False)
        path.write_bytes(mark + text.encode(encoding))
        arguments += [f"--{name}", str(path)]
    run = tap.start(None, *arguments).end()
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account"}
    assert "SystemModstamp >= 2019-12-31T23:55" in sqls(server)[0]
    assert "Zoë ✓" in sqls(server)[0]


@pytest.mark.parametrize("name", ["config", "catalog"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"streams": [],\n "access_token": s3cr3t}', "at line 2, column 18"),
        (b'{"streams" "s3cr3t"}', "at line 1, column 12"),
        (b"", "at line 1, column 1"),
        (b'{"streams": [{"a": "\xff"}]}', "byte 20"),
    ],
)
def test_a_file_that_is_not_json_says_which_and_where(
    tap: Tap, start_sandbox: StartSandbox, name: str, text: bytes, place: str
) -> None:
    path = tap._folder / f"my-{name}.json"
    path.write_bytes(text)
    config = None if name == "config" else config_for(start_sandbox(), "Account")
    run = tap.start(config, f"--{name}", str(path)).end()
    assert run.exit_code == 1
    assert f"The {name} {path} is" in run.stderr
    assert place in run.stderr
    assert "s3cr3t" not in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"access_token": "s3cr3t"}', "takes the path of a file, or ENV, and not JSON itself"),
        ("/nowhere/config.json", "The config /nowhere/config.json cannot be read: No such file"),
        ("/", "The config / cannot be read: Is a directory"),
    ],
)
def test_a_config_that_is_no_file(tap: Tap, arguments: list[str], config: str, said: str) -> None:
    run = tap.start(None, "--config", config, *arguments).end()
    assert run.exit_code == 1
    assert said in run.stderr
    assert "s3cr3t" not in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("text", ["[]", "7", '"ENV"', "null"])
def test_a_config_that_is_no_object(tap: Tap, text: str) -> None:
    path = tap._folder / "list.json"
    path.write_text(text, encoding="utf-8")
    run = tap.start(None, "--config", str(path)).end()
    assert run.exit_code == 1
    assert f"The config {path} must hold a JSON object" in run.stderr


PEOPLE = {
    "name": "people",
    "soql": "SELECT Id, LastName, Account.Name, Account.Owner.Name FROM Contact",
}


@pytest.mark.parametrize(
    ("by_default", "chosen", "columns"),
    [
        # As `select` of `people.Id`, `people.Account.Name` and `people.Account.Owner.*`.
        (
            False,
            {"Account.Name": True, "Account.Owner.Name": True},
            ["Id", "Account.Name", "Account.Owner.Name"],
        ),
        # As `people.*` and `!people.Account.Name`.
        (True, {"Account.Name": False}, ["Id", "LastName", "Account.Owner.Name"]),
    ],
    ids=["selected", "deselected"],
)
def test_a_column_of_a_parent_is_selected_by_its_path(
    tap: Tap,
    start_sandbox: StartSandbox,
    by_default: bool,  # noqa: FBT001
    chosen: dict[str, bool],
    columns: list[str],
) -> None:
    """Meltano writes what its patterns match, which take a dot for a step into an object."""
    server = start_sandbox(**SMALL)
    config = config_for(server, "!*", queries=[PEOPLE])
    catalog = tap.catalog(config)
    for breadcrumb, metadata in metadata_of(catalog["streams"][0]).items():
        if breadcrumb:
            metadata["selected"] = chosen.get(".".join(breadcrumb[1::2]), by_default)
            if len(breadcrumb) == 2:
                metadata["selected"] = by_default
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert list(run.schema("people")["schema"]["properties"]) == columns
    assert set(run.records("people")[0]) == set(columns)
    (soql,) = sqls(server)
    assert soql.partition(" FROM ")[0] == f"SELECT {', '.join(columns)}"


def test_a_catalog_from_before_the_paths(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "!*", queries=[PEOPLE])
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    paths = [each for each in entry["metadata"] if len(each["breadcrumb"]) > 2]
    assert [each["breadcrumb"] for each in paths] == [
        ["properties", "Account", "properties", "Name"],
        ["properties", "Account", "properties", "Owner", "properties", "Name"],
    ]
    entry["metadata"] = [each for each in entry["metadata"] if each not in paths]
    metadata_of(entry)["properties", "Account.Name"]["selected"] = False
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert set(run.records("people")[0]) == {"Id", "LastName", "Account.Owner.Name"}
