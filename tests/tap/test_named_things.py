"""What settings name and the org does not have is never passed over in silence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandRun, CommandServer
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 7, "Contact": 5, "Lead": 3}}


def nothing_is_read(server: SandboxServer) -> bool:
    return not {each.place for each in server.calls} & {"create", "query"}


def test_a_misspelt_object_fails_and_the_others_are_read(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", "Contcat"))
    assert run.exit_code == 1
    assert len(run.records("Account")) == 7
    assert run.streams == {"Account"}
    said = "the org has no object Contcat that this user can query; Contact was probably meant"
    assert f"Stream Contcat: {said}" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_misspelt_object_alone(tap: Tap, start_sandbox: StartSandbox) -> None:
    run = tap(config_for(start_sandbox(), "Acount"))
    assert run.exit_code == 1
    assert "Account was probably meant" in run.stderr
    assert run.streams == set()


def test_an_object_that_the_user_may_not_see(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.org.set_sobject_visible("Contact", visible=False)
    run = tap(config_for(server, "Account", "Contact"))
    assert run.exit_code == 1
    assert len(run.records("Account")) == 7
    assert "the user's access to it" in run.stderr


def test_an_object_that_is_named_and_not_described(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="describe", kind="status", status=403, match="Contact", times="forever")
    named = tap(config_for(server, "Account", "contact"))
    assert named.exit_code == 1
    assert "Stream Contact: " in named.stderr
    assert named.streams == {"Account"}
    matched = tap(config_for(server, "Account", "Contact*"))
    assert "Contact is left out" in matched.stderr


def test_a_glob_without_a_match_is_a_warning(tap: Tap, start_sandbox: StartSandbox) -> None:
    run = tap(config_for(start_sandbox(**SMALL), "Account", "Nothing*", "!Leed"))
    assert run.exit_code == 0, run.stderr
    for pattern in ("Nothing*", "!Leed"):
        assert f"objects: no object of the org matches {pattern!r}." in run.stderr


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
def test_nothing_left_to_read(tap: Tap, start_sandbox: StartSandbox, arguments: list[str]) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Nothing*"), *arguments)
    assert run.exit_code == 1
    assert "nothing is left to read" in run.stderr
    assert run.stdout == b""
    assert "Traceback" not in run.stderr


def test_a_glob_of_objects_that_no_query_reads(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    for arguments in ([], ["--test"]):
        run = tap(config_for(server, "EmailStat*"), *arguments)
        assert run.exit_code == 1
        assert "it matches only objects that a plain query cannot read" in run.stderr


def test_discovery_keeps_what_is_named_for_the_run_to_fail(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = config_for(server, "Account", "Contcat")
    catalog = tap.catalog(config)
    assert {entry["stream"] for entry in catalog["streams"]} == {"Account", "Contcat"}
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert len(run.records("Account")) == 7
    assert run.streams == {"Account"}
    assert "Stream Contcat: " in run.stderr


def test_the_connection_test_fails_for_it_alone(tap: Tap, start_sandbox: StartSandbox) -> None:
    run = tap(config_for(start_sandbox(**SMALL), "Account", "Contcat"), "--test")
    assert run.exit_code == 1
    assert len(run.records("Account")) == 1
    assert "Failed: Contcat: the org has no object Contcat" in run.stderr


def test_a_name_that_the_catalog_does_not_know(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account", "Lead"))
    metadata_of(catalog["streams"][1])[()]["selected"] = False
    run = tap(config_for(server, "Account", "Lead", "Contcat", "contact"), catalog=catalog)
    assert run.exit_code == 1
    assert len(run.records("Account")) == 7
    assert "Stream Contcat: the org has no object Contcat" in run.stderr
    assert "contact is not in the catalog, and not read: discover again" in run.stderr
    assert "Lead" not in run.stderr


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"filters": {"Acount": "Name != null"}},
        "filters: the org has no object Acount that this user can query; Account was probably",
    ),
    (
        {"filters": {"Account": "Nme = 'x' AND Owner.Name LIKE 'A%'"}},
        "filters: Account has no field Nme for this user; Name was probably meant",
    ),
    (
        {"filters": {"Account": "Id != null AND NOT (Ownr.Name IN ('x'))"}},
        "filters: Account has no relationship Ownr for this user; Owner was probably meant",
    ),
    (
        {"stream_maps": {"account": {"Phone": None}}},
        "stream_maps: there is no stream account; Account was probably meant",
    ),
    (
        {"stream_maps": {"won": {"__source__": "Acount", "x": "Id"}}},
        "stream_maps: there is no stream Acount; Account was probably meant",
    ),
    (
        {"stream_maps": {"Account": {"phone": "__NULL__"}}},
        "stream_maps: Account has no field phone that could be removed; Phone was probably meant",
    ),
    (
        {"queries": [{"name": "q", "soql": "SELECT Id FROM Acount"}]},
        "queries: q: ",
    ),
    (
        {"queries": [{"name": "q", "soql": "SELECT Id, Nme FROM Account"}]},
        "queries: q: Nme: Account has no field Nme",
    ),
    ({"jobs": [{"name": "j", "id": "750000000000001"}]}, "jobs: j: "),
]


@pytest.mark.parametrize(("settings", "said"), WRONG)
def test_a_setting_for_what_is_not_there_ends_the_run(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any], said: str
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", "Contact", **settings))
    assert run.exit_code == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == b""
    assert nothing_is_read(server)


@pytest.mark.parametrize(("settings", "said"), WRONG[:6])
def test_so_it_does_with_a_catalog(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any], said: str
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_for(server, "Account", "Contact"))
    run = tap(config_for(server, **settings), catalog=catalog)
    assert run.exit_code == 1
    assert said in run.stderr
    assert run.stdout == b""
    assert nothing_is_read(server)


def test_settings_for_streams_that_are_not_read_are_fine(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    settings = {
        "filters": {"lead": "Nme = 'x'", "Account": "Account.Name != null AND Name NOT IN ('x')"},
        "stream_maps": {"Lead": {"Phone": None}, "Case": None, "No*": None, "Contact": None},
    }
    catalog = tap.catalog(config_for(server, "Account", "Lead"))
    metadata_of(catalog["streams"][1])[()]["selected"] = False
    for given in ({}, {"catalog": catalog}):
        run = tap(config_for(server, "Account", **settings), **given)
        assert run.exit_code == 0, run.stderr
        assert len(run.records("Account")) == 7
        assert "stream_maps: no stream matches 'No*'." in run.stderr


def test_the_plan_refuses_what_the_run_refuses(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**SMALL)

    def plan(**settings: Any) -> CommandRun:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(config_for(server, **settings)), encoding="utf-8")
        return commands(tmp_path, "sfbulk-plan", "--config", str(config))

    misspelt = plan(objects=["Account", "Contcat"])
    assert "Contcat cannot be read: the org has no object Contcat" in misspelt.stdout
    assert "Account" in misspelt.stdout
    nothing = plan(objects=["Nothing*"])
    assert nothing.exit_code == 1
    assert "nothing is left to read" in nothing.stderr


def query(name: str) -> dict[str, str]:
    return {"name": name, "soql": "SELECT Id FROM Lead"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"queries": [query("won-opps"), query("lost-Opps")]}, "won-opps and lost-Opps"),
        (
            {"queries": [query("a-b")], "jobs": [{"name": "b", "id": "750000000000001"}]},
            "a-b and b would share the table b",
        ),
        ({"queries": [query("my-account")]}, "Account and my-account"),
        ({"queries": [query("q")], "stream_maps": {"q": {"__alias__": "x-account"}}}, "x-account"),
        (
            {"stream_maps": {"old-contact": {"__source__": "Account"}}},
            "old-contact and Contact would share the table contact",
        ),
    ],
)
def test_streams_that_would_share_a_table(
    tap: Tap, start_sandbox: StartSandbox, settings: dict[str, Any], said: str
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, "Account", "Contact", **settings))
    assert run.exit_code == 1
    assert said in run.stderr
    assert "rename one" in run.stderr
    assert run.stdout == b""
    assert nothing_is_read(server)


def test_streams_with_tables_of_their_own(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    maps = {"x-leads": {"__alias__": "x-l"}, "contact": {"__source__": "Contact"}, "Contact": None}
    queries = [query("leads"), query("x-leads")]
    refused = tap(config_for(server, "Account", "Contact", queries=queries))
    assert refused.exit_code == 1
    settings = {"queries": [*queries[1:], query("a-leed")], "stream_maps": maps}
    run = tap(config_for(server, "Account", "Contact", **settings))
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account", "contact", "x-l", "a-leed"}
