"""Streams of the setting `queries`: exact records, types through paths, changes alone, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records, fields_of, records_of
from tap_process import config_for, metadata_of, select_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 25, "Contact": 30, "Task": 20, "Case": 20}, "page_rows": 7}
# No object is a stream.
NOTHING_ELSE = "!*"


def query_config(server: SandboxServer, *queries: Mapping[str, Any], **settings: Any) -> Any:
    return config_for(server, NOTHING_ELSE, queries=list(queries), **settings)


def found(server: SandboxServer, soql: str, types: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what the sandbox finds, read by other means than the tap's own."""
    result = server.org.query(soql, include_deleted=True, bulk=True)
    return records_of(result.csv(0, len(result)).decode(), types)


def jobs_of(server: SandboxServer) -> list[tuple[str, str]]:
    return [(job.operation, job.soql) for job in server.jobs]


def test_paths_are_typed_by_the_fields_that_they_lead_to(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    soql = (
        "select c.id, c.account.NAME, Account.Owner.IsActive, contact.Account.AnnualRevenue, "
        "Account.NumberOfEmployees, Birthdate, c.CreatedBy.LastLoginDate "
        "from Contact c where LastName != 'FROM' or FirstName = null"
    )
    run = tap(query_config(server, {"name": "people", "soql": soql}))
    assert run.exit_code == 0, run.stderr
    types = {
        "Id": "id",
        "Account.Name": "string",
        "Account.Owner.IsActive": "boolean",
        "Account.AnnualRevenue": "currency",
        "Account.NumberOfEmployees": "int",
        "Birthdate": "date",
        "CreatedBy.LastLoginDate": "datetime",
    }
    assert_same_records(run.records("people"), found(server, soql, types))
    schema = run.schema("people")
    properties = schema["schema"]["properties"]
    assert schema["key_properties"] == ["Id"]
    assert list(properties) == list(types)
    assert properties["Id"] == {"type": "string", "maxLength": 18}
    assert properties["Account.Name"] == {"type": ["string", "null"], "maxLength": 255}
    assert properties["Account.Owner.IsActive"] == {"type": ["boolean", "null"]}
    assert properties["Account.AnnualRevenue"] == {"type": ["number", "null"]}
    assert properties["Account.NumberOfEmployees"] == {"type": ["integer", "null"]}
    assert properties["Birthdate"] == {"type": ["string", "null"], "format": "date"}
    assert properties["CreatedBy.LastLoginDate"]["format"] == "date-time"


def test_fields_behind_a_lookup_of_several_objects(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    soql = "SELECT Id, What.Name, Who.Type, Owner.Name FROM Task"
    run = tap(query_config(server, {"name": "tasks", "soql": soql}))
    assert run.exit_code == 0, run.stderr
    names = ["Id", "What.Name", "Who.Type", "Owner.Name"]
    assert_same_records(run.records("tasks"), found(server, soql, dict.fromkeys(names, "string")))


@pytest.mark.parametrize("group", ["all", "STANDARD", "Custom"])
def test_fields_function_is_written_out(tap: Tap, start_sandbox: StartSandbox, group: str) -> None:
    server = start_sandbox(**SMALL)
    soql = f"SELECT Id, FIELDS({group}) FROM Account"  # noqa: S608 - SOQL only reads
    run = tap(query_config(server, {"name": "accounts", "soql": soql}))
    assert run.exit_code == 0, run.stderr
    names = [
        name
        for name in fields_of(server, "Account")
        if name == "Id"
        or {"all": True, "Custom": name.endswith("__c")}.get(group, not name.endswith("__c"))
    ]
    assert list(run.schema("accounts")["schema"]["properties"]) == names
    expected = expected_records(server, "Account", fields=names)
    assert_same_records(run.records("accounts"), expected)


def test_a_function_is_called_by_its_alias(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    soql = "SELECT toLabel(Industry) Branch, toLabel(Rating), Id, Industry FROM Account"
    run = tap(query_config(server, {"name": "accounts", "soql": soql}))
    assert run.exit_code == 0, run.stderr
    types = dict.fromkeys(["Branch", "Rating", "Id", "Industry"], "string")
    assert_same_records(run.records("accounts"), found(server, soql, types))


def test_only_what_has_changed_is_read_again(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    condition = "Industry != null OR Name LIKE '%WHERE%'"
    select = "SELECT Id, Name, SystemModstamp FROM Account"
    query = {"name": "accounts", "soql": f"{select} WHERE {condition}"}
    query["replication_key"] = "systemmodstamp"
    config = query_config(server, query, lookback_seconds=0)
    first = tap(config)
    assert first.exit_code == 0, first.stderr
    fields = ["Id", "Name", "SystemModstamp"]
    expected = expected_records(server, "Account", fields=fields, where=f"WHERE {condition}")
    assert_same_records(first.records("accounts"), expected)
    bookmark = max(record["SystemModstamp"] for record in expected)
    assert first.bookmark("accounts") == {
        "replication_key": "SystemModstamp",
        "replication_key_value": bookmark,
    }
    # One that the query finds, and one that it does not.
    changed = server.org.upsert("Account", [{"Name": "new", "Industry": "Retail"}, {"Name": "no"}])
    second = tap(config, state=first.state)
    assert second.exit_code == 0, second.stderr
    since = f"SystemModstamp >= {bookmark}"
    where = f"WHERE {since} AND ({condition})"
    assert_same_records(
        second.records("accounts"), expected_records(server, "Account", fields=fields, where=where)
    )
    ids = {record["Id"] for record in second.records("accounts")}
    assert (changed[0] in ids, changed[1] in ids) == (True, False)
    assert jobs_of(server)[1][1] == f"{select} {where}"


def test_start_date_holds_for_queries_with_a_replication_key(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    queries = [
        {"name": "all", "soql": "SELECT Id FROM Account"},
        {
            "name": "late",
            "soql": "SELECT Account.CreatedDate, Id FROM Contact ORDER BY Id",
            "replication_key": "Account.CreatedDate",
        },
    ]
    run = tap(query_config(server, *queries, start_date="2025-01-01T00:00:00Z"))
    assert run.exit_code == 0, run.stderr
    assert "does not split a job with ORDER BY into chunks" in run.stderr
    assert sorted(soql for _, soql in jobs_of(server)) == [
        (
            "SELECT Account.CreatedDate, Id FROM Contact WHERE (Account.CreatedDate >= "
            "2025-01-01T00:00:00.000Z OR Account.CreatedDate = null) ORDER BY Id"
        ),
        "SELECT Id FROM Account",
    ]


def test_a_killed_run_goes_on_in_its_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    soql = "SELECT Id, Account.Name FROM Contact"
    config = query_config(server, {"name": "people", "soql": soql})
    first = tap(config)
    middle = next(
        state
        for state in first.states
        if state["bookmarks"]["people"].get("query_job", {}).get("records_done")
    )
    done = middle["bookmarks"]["people"]["query_job"]["records_done"]
    second = tap(config, state=middle)
    assert second.exit_code == 0, second.stderr
    assert len(second.records("people")) == 30 - done
    assert len(jobs_of(server)) == 1


def test_only_selected_columns_are_asked_for(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    soql = "SELECT Id, Account.Name, Phone, LastName FROM Contact WHERE Phone != null"
    config = query_config(server, {"name": "people", "soql": soql})
    catalog = tap.catalog(config)
    select_fields(catalog["streams"][0], ["Account.Name", "LastName"])
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    narrow = "SELECT Id, Account.Name, LastName FROM Contact WHERE Phone != null"
    assert [soql for _, soql in jobs_of(server)] == [narrow]
    types = dict.fromkeys(["Id", "Account.Name", "LastName"], "string")
    assert_same_records(run.records("people"), found(server, narrow, types))


def test_only_selected_queries_are_described(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    queries = [
        {"name": "people", "soql": "SELECT Id, Account.Name FROM Contact"},
        {"name": "cases", "soql": "SELECT Id FROM Case"},
    ]
    config = query_config(server, *queries)
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        metadata_of(entry)[()]["selected"] = entry["stream"] == "cases"
    seen = len(server.calls)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"cases"}
    assert [each.place for each in server.calls[seen:]].count("composite") == 1


@pytest.mark.parametrize(
    ("soql", "given", "keys"),
    [
        ("SELECT Name FROM Account", None, []),
        ("SELECT Id, Name FROM Account", [], []),
        ("SELECT Name, OwnerId FROM Account", ["name", "ownerid"], ["Name", "OwnerId"]),
        ("SELECT Id, DurableId FROM AppDefinition", None, ["DurableId"]),
    ],
)
def test_keys(
    tap: Tap,
    start_sandbox: StartSandbox,
    soql: str,
    given: list[str] | None,
    keys: list[str],
) -> None:
    server = start_sandbox(**SMALL)
    query = {"name": "some", "soql": soql, **({} if given is None else {"primary_keys": given})}
    run = tap(query_config(server, query))
    assert run.exit_code == 0, run.stderr
    assert run.schema("some").get("key_properties", []) == keys


def test_each_query_may_leave_out_what_is_deleted(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.org.delete("Account", [expected_records(server, "Account")[0]["Id"]])
    soql = "SELECT Id FROM Account"
    queries: list[dict[str, Any]] = [
        {"name": "usual", "soql": soql},
        {"name": "present", "soql": soql, "include_deleted": False},
    ]
    run = tap(query_config(server, *queries))
    assert run.exit_code == 0, run.stderr
    everything = expected_records(server, "Account", fields=["Id"])
    present = expected_records(server, "Account", fields=["Id"], include_deleted=False)
    assert len(present) < len(everything)
    assert_same_records(run.records("usual"), everything)
    assert_same_records(run.records("present"), present)


def test_a_limit_is_kept_with_a_warning(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = query_config(
        server, {"name": "few", "soql": "SELECT Id FROM Account ORDER BY Name LIMIT 9"}
    )
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert "few: Salesforce does not split a job with ORDER BY and LIMIT into chunks" in run.stderr
    assert len(run.records("few")) == 9
    assert tap(config, "--test").exit_code == 0
    assert [soql for _, soql in jobs_of(server)][1] == (
        "SELECT Id FROM Account ORDER BY Name LIMIT 1"
    )


WRONG_IN_ITSELF = [
    ({"soql": "SELECT COUNT() FROM Account"}, "neither groups nor counts"),
    ({"soql": "SELECT Id FROM Account WHERE (Id != null"}, "a bracket is not closed"),
    (
        {"soql": "SELECT CreatedDate FROM Account LIMIT 9", "replication_key": "CreatedDate"},
        "leave out LIMIT or the replication key",
    ),
]
WRONG_FOR_THE_ORG = [
    ({"soql": "SELECT Id FROM Nope"}, "Salesforce does not describe Nope: 404 NOT_FOUND"),
    ({"soql": "SELECT Id, Nope FROM Account"}, "Nope: Account has no field Nope"),
    ({"soql": "SELECT Boss.Name FROM Account"}, "Boss.Name: Account has no relationship Boss"),
    ({"soql": "SELECT Owner.Manager.Nope FROM Account"}, "User has no field Nope"),
    ({"soql": "SELECT What.Subject FROM Task"}, "What.Subject: Name has no field Subject"),
    ({"soql": "SELECT BillingAddress FROM Account"}, "select the fields that it consists of"),
    ({"soql": "SELECT Body FROM Attachment"}, "no query job returns Body"),
    (
        {"soql": "SELECT FIELDS(SOME) FROM Account"},
        "FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)",
    ),
    ({"soql": "SELECT CALENDAR_YEAR(CreatedDate) FROM Account"}, "type of CALENDAR_YEAR("),
    ({"soql": "SELECT DISTANCE(a__c, b__c, 'km') FROM Account"}, "an alias"),
    ({"soql": "SELECT Name, toLabel(Name) FROM Account"}, "two columns have the name Name"),
    ({"soql": "SELECT Id FROM Account", "primary_keys": ["Name"]}, "there is no column Name"),
    (
        {"soql": "SELECT Id FROM Account", "replication_key": "CreatedDate"},
        "the query does not select the replication key CreatedDate: add it to the SELECT",
    ),
    ({"soql": "SELECT Name FROM Account", "replication_key": "Name"}, "is not a date or datetime"),
    (
        {"soql": "SELECT toLabel(CreatedDate) c FROM Account", "replication_key": "c"},
        "is not a date or datetime",
    ),
]


@pytest.mark.parametrize("wrong", [WRONG_IN_ITSELF, WRONG_FOR_THE_ORG], ids=["text", "org"])
def test_discovery_says_what_is_wrong_with_each_query(
    tap: Tap, start_sandbox: StartSandbox, wrong: list[tuple[dict[str, Any], str]]
) -> None:
    server = start_sandbox(**SMALL)
    queries = [{"name": f"mine{index}", **query} for index, (query, _) in enumerate(wrong)]
    run = tap(query_config(server, *queries), "--discover")
    assert run.exit_code == 1
    assert run.stdout == b""
    _, _, told = run.stderr.partition("Wrong settings:\n")
    lines = told.splitlines()
    assert len(lines) == len(wrong)
    for index, (line, (_, said)) in enumerate(zip(lines, wrong, strict=True)):
        assert line.startswith(f"  queries: mine{index}: ")
        assert said in line
    assert "Traceback" not in run.stderr
    assert "create" not in {each.place for each in server.calls}


CASES = {"soql": "SELECT Id FROM Case"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"queries": [{"name": "a"}, CASES, {"name": "b", "key": "Id", **CASES}]},
            ["queries[0] lacks soql", "queries[1] lacks name", "queries[2] has no key"],
        ),
        (
            {
                "queries": [{"name": "Mine", **CASES}, {"name": "a/b", **CASES}],
                "jobs": [{"name": "mine", "id": "12"}],
            },
            [
                "queries: a/b: a name may contain only letters",
                "queries, jobs: mine is used twice",
                "jobs: mine: 12 is not the id of a query job",
            ],
        ),
        (
            {"objects": ["Case"], "queries": [{"name": "case", **CASES}]},
            ["case is also the name of an object"],
        ),
        (
            {"filters": {"Case": "Id != null) OR (Id = null", "Task": "a = 1", "task": "b = 2"}},
            ["filters: Case: a bracket", "filters: task is used twice"],
        ),
    ],
)
def test_wrong_settings(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any], said: list[str]
) -> None:
    server = start_sandbox(**SMALL)
    run = tap({**config_for(server, NOTHING_ELSE), **settings}, "--discover")
    assert run.exit_code == 1
    assert [each for each in said if each not in run.stderr] == []
    assert "Traceback" not in run.stderr


def test_a_query_that_has_become_wrong_stops_no_other(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    queries = [
        {"name": "phones", "soql": "SELECT Id, Phone FROM Account"},
        {"name": "names", "soql": "SELECT Id, Name FROM Account"},
        {"name": "refused", "soql": "SELECT Id FROM Account WHERE Nope = 1"},
    ]
    config = query_config(server, *queries)
    catalog = tap.catalog(config)
    server.org.set_field_visible("Account", "Phone", visible=False)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    expected = expected_records(server, "Account", fields=["Id", "Name"])
    assert_same_records(run.records("names"), expected)
    assert "Failed: phones: Phone: Account has no field Phone" in run.stderr
    assert "No such column 'Nope' on entity 'Account'" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_query_that_is_misspelt_since_the_catalog_was_made_ends_the_run(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    queries = [
        {"name": "names", "soql": "SELECT a.Id, a.Name FROM Account a"},
        {"name": "phones", "soql": "SELECT Id, Phone FROM Account"},
    ]
    catalog = tap.catalog(query_config(server, *queries))
    queries[1]["soql"] = "SELECT Id, Fone FROM Account"
    run = tap(query_config(server, *queries), catalog=catalog)
    assert run.exit_code == 1
    assert "queries: phones: Fone: Account has no field Fone" in run.stderr
    assert run.stdout == b""
    assert jobs_of(server) == []


def test_a_catalog_made_for_another_text(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    query = {"name": "mine", "soql": "SELECT Id, Name, Phone FROM Account"}
    catalog = tap.catalog(query_config(server, query))
    query["soql"] = "SELECT Id, Fax, Phone, CreatedDate FROM Account LIMIT 9"
    run = tap(query_config(server, query), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert "the query no longer selects these columns; discover again: Name" in run.stderr
    assert [soql for _, soql in jobs_of(server)] == ["SELECT Id, Phone FROM Account LIMIT 9"]
    catalog["streams"][0].update(replication_key="CreatedDate", replication_method="INCREMENTAL")
    again = tap(query_config(server, query), catalog=catalog)
    assert again.exit_code == 1
    assert "leave out LIMIT or the replication key" in again.stderr


def test_a_filter_without_an_object_is_told(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    filters = {"account": "Industry != null", "Lead": "Industry != null"}
    run = tap(config_for(server, "Account", filters=filters))
    assert run.exit_code == 0, run.stderr
    assert "Lead is not read; its filter has no effect" in run.stderr
    assert "account is not read" not in run.stderr
    expected = expected_records(server, "Account", where="WHERE Industry != null")
    assert_same_records(run.records("Account"), expected)


def test_the_example_of_the_documentation(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    page = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    example = json.loads(page.split("```json")[1].split("```")[0])
    run = tap({**config_for(server), **example})
    assert run.exit_code == 0, run.stderr
    assert run.streams == {query["name"] for query in example["queries"]}
    assert all(run.records(stream) for stream in run.streams)
