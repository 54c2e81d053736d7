"""Settings from environment variables mean what they mean in a file, or are refused in words."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tap_process import config_for

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.settings_schema import OF_SINGER_SDK, SCHEMA
from tap_sfbulk_pages.singer.tap import TapSFBulkPages
from tap_sfbulk_pages.workers.org_access import OrgAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

PREFIX = "TAP_SFBULK_PAGES_"
SECRET = "s3cr3t"


def run_with(tap: Tap, server: SandboxServer, *arguments: str, **variables: str) -> TapRun:
    """Run the tap with settings from the environment alone, as their variables are spelled."""
    variables = {"INSTANCE_URL": server.url, "ACCESS_TOKEN": SECRET, **variables}
    environment = {f"{PREFIX}{name}": text for name, text in variables.items()}
    return tap.start(None, "--config=ENV", *arguments, environment=environment).end()


def test_every_type_means_what_it_means_in_a_file(
    tap: Tap, start_sandbox: Callable[..., SandboxServer]
) -> None:
    server = start_sandbox(rows={"Account": 7, "Contact": 5})
    run = run_with(
        tap,
        server,
        OBJECTS="Account, Contact",
        REQUEST_TIMEOUT_SECONDS="7.5",
        QUOTA_PERCENT_TOTAL=" 90 ",
        LOOKBACK_SECONDS="5",
        MAX_RETRIES="3.0",
        INCLUDE_DELETED="Off",
        FILTERS='{"Contact": "Name = \'nobody\'"}',
        QUERIES='[{"name": "names", "soql": "SELECT Id, Name FROM Account"}]',
        STREAM_MAPS='{"Account": {"__filter__": "False"}}',
        JOBS="null",
    )
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account", "Contact", "names"}
    assert run.records("Account") == run.records("Contact") == []
    assert len(run.records("names")) == 7
    assert {job.operation for job in server.jobs} == {"query"}


def test_an_empty_variable_is_unset(tap: Tap, start_sandbox: Callable[..., SandboxServer]) -> None:
    server = start_sandbox(rows={"Account": 7})
    names = [name.upper() for name in (*SCHEMA["properties"], *OF_SINGER_SDK)]
    empty = dict.fromkeys(names, "") | {"LOOKBACK_SECONDS": "  ", "OBJECTS": "Account"}
    del empty["INSTANCE_URL"], empty["ACCESS_TOKEN"]
    run = run_with(tap, server, **empty)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 7
    assert [job.operation for job in server.jobs] == ["queryAll"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lookback_seconds", "5m", "must be a whole number, not '5m'"),
        ("max_retries", "2.5", "must be a whole number, not '2.5'"),
        ("quota_percent_total", "abc", "must be a number, not 'abc'"),
        ("request_timeout_seconds", "NaN", "must be a number, not 'NaN'"),
        ("max_blob_mb", "1e999", "must be a number, not '1e999'"),
        ("include_deleted", "ture", "must be true or false, not 'ture'"),
        ("flattening_enabled", "si", "must be true or false, not 'si'"),
        ("objects", '["Account"', 'must be a JSON list, such as ["Account"]; at line 1, column 11'),
        ("queries", f'{{"name": "{SECRET}"}}', "must be a JSON list, such as [{"),
        ("filters", "Account", "must be a JSON object"),
        ("batch_config", f'{{"{SECRET}": ', "must be a JSON object"),
        ("filters", "[" * 100_000, "must be a JSON object"),
    ],
)
def test_a_value_that_cannot_be_read_names_its_setting(
    tap: Tap,
    start_sandbox: Callable[..., SandboxServer],
    name: str,
    text: str,
    said: str,
) -> None:
    server = start_sandbox()
    run = run_with(tap, server, **{name.upper(): text})
    assert run.exit_code == 1
    assert f"{name} ({PREFIX}{name.upper()}) {said}" in run.stderr
    assert "Traceback" not in run.stderr
    assert SECRET not in run.stderr
    assert server.calls == []


def test_all_that_cannot_be_read_is_said_at_once(
    tap: Tap, start_sandbox: Callable[..., SandboxServer]
) -> None:
    run = run_with(tap, start_sandbox(), LOOKBACK_SECONDS="5m", MAX_RETRIES="x", OBJECT="Account")
    assert run.exit_code == 1
    assert "lookback_seconds" in run.stderr
    assert "max_retries" in run.stderr
    assert f"there is no setting {PREFIX}OBJECT: {PREFIX}OBJECTS was probably meant" in run.stderr


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("OBJECT", "OBJECTS"), ("QUERYS", "QUERIES"), ("ACCES_TOKEN", "ACCESS_TOKEN")],
)
def test_a_misspelt_variable_ends_the_run(
    tap: Tap,
    start_sandbox: Callable[..., SandboxServer],
    arguments: list[str],
    misspelt: str,
    meant: str,
) -> None:
    server = start_sandbox()
    run = run_with(tap, server, *arguments, **{misspelt: SECRET})
    assert run.exit_code == 1
    assert f"there is no setting {PREFIX}{misspelt}: {PREFIX}{meant} was probably" in run.stderr
    assert SECRET not in run.stderr
    assert server.calls == []


def test_a_variable_like_none_is_noticed(
    tap: Tap, start_sandbox: Callable[..., SandboxServer]
) -> None:
    """What Meltano and the SDK read themselves is no setting, and nothing to speak of."""
    server = start_sandbox(rows={"Account": 7})
    variables = {"COLOUR": "red", "LOGLEVEL": "INFO", "_SELECT": '["*.*"]', "_CATALOG": "x"}
    run = run_with(tap, server, OBJECTS="Account", **variables)
    assert run.exit_code == 0, run.stderr
    assert f"There is no setting {PREFIX}COLOUR." in run.stderr
    assert run.stderr.count("There is no setting") == 1
    assert len(run.records("Account")) == 7


def test_the_settings_of_the_sdk_are_known() -> None:
    schema = {"properties": dict(SCHEMA["properties"])}
    TapSFBulkPages.append_builtin_config(schema)
    assert schema["properties"].keys() <= SCHEMA["properties"].keys() | OF_SINGER_SDK


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("LOOKBACK_SECONDS", "5m", "must be a whole number, not '5m'"),
        ("INCLUDE_DELETED", "ture", "must be true or false"),
        ("OBJECT", "Account", f"{PREFIX}OBJECTS was probably meant"),
    ],
)
def test_workers_refuse_what_the_tap_refuses(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, said: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", text)
    monkeypatch.setenv(f"{PREFIX}MAX_RETRIES", "none")
    with pytest.raises(SettingsError) as error:
        OrgAccess().org()
    assert said in str(error.value)
    assert f"max_retries ({PREFIX}MAX_RETRIES) must be a whole number" in str(error.value)


def test_workers_take_what_the_tap_takes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    variables = {
        "INSTANCE_URL": "https://acme.my.salesforce.com",
        "ACCESS_TOKEN": SECRET,
        "QUOTA_PERCENT_TOTAL": "90",
        "LOOKBACK_SECONDS": "",
        "OBJECTS": "Account, Contact",
        "STREAM_MAPS": "{}",
    }
    for name, text in variables.items():
        monkeypatch.setenv(f"{PREFIX}{name}", text)
    settings = OrgAccess.of({"max_retries": "3"}).org().settings
    assert settings.quota_percent_total == 90
    assert settings.lookback_seconds == 300
    assert settings.objects == ("Account", "Contact")
    assert settings.max_tries == 3
    assert caplog.records == []


def test_the_settings_of_the_sdk_are_listed_and_obeyed(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Everything__c": 30, "AppDefinition": 3})
    about = json.loads(tap({}, "--about", "--format=json").stdout)
    assert about["settings"]["properties"].keys() >= OF_SINGER_SDK
    plain = tap(config_for(server, "Everything__c", "AppDefinition"))
    assert not [m for m in plain.messages if m["type"] == "ACTIVATE_VERSION"]
    settings = {"use_singer_decimal": True, "emit_activate_version_messages": True}
    run = tap(config_for(server, "Everything__c", "AppDefinition", **settings))
    assert run.exit_code == 0, run.stderr
    versions = [m["stream"] for m in run.messages if m["type"] == "ACTIVATE_VERSION"]
    assert versions == ["AppDefinition"]
    before, after = (each.schema("Everything__c")["schema"]["properties"] for each in (plain, run))
    numbers = [name for name, schema in before.items() if "number" in schema["type"]]
    assert numbers
    for name in numbers:
        assert after[name]["type"] == ["string", "null"]
        assert after[name]["format"] == "x-singer.decimal"
    # What the SDK's targets make columns of.
    digits = {name: (after[name]["precision"], after[name]["scale"]) for name in numbers}
    assert digits["Currency__c"] == (38, 22)
    # Without any, some databases take a decimal for a whole number. A formula has no describe.
    assert digits["Formula_Number__c"] == (38, 18)
    # A catalog may be older than the setting.
    config = config_for(server, "Everything__c")
    older = tap({**config, **settings}, catalog=tap.catalog(config))
    assert older.schema("Everything__c") == run.schema("Everything__c")
    pairs = zip(plain.records("Everything__c"), run.records("Everything__c"), strict=True)
    for number, decimal in pairs:
        for name in numbers:
            assert isinstance(decimal[name], str | None)
            assert number[name] == (None if decimal[name] is None else Decimal(decimal[name]))
