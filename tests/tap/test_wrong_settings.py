"""Settings of a file that cannot work end the run before anything is asked, each in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

SECRET = "s3cr3t"


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("object", "objects"), ("querys", "queries"), ("startDate", "start_date"), ("Jobs", "jobs")],
)
def test_a_misspelt_setting_ends_the_run(
    tap: Tap,
    start_sandbox: Callable[..., SandboxServer],
    arguments: list[str],
    misspelt: str,
    meant: str,
) -> None:
    server = start_sandbox()
    run = tap(config_for(server, **{misspelt: SECRET}), *arguments)
    assert run.exit_code == 1
    assert f"there is no setting {misspelt}: {meant} was probably meant" in run.stderr
    assert SECRET not in run.stderr
    assert "Traceback" not in run.stderr
    assert server.calls == []


@pytest.mark.parametrize("version", [62, 62.0])
def test_a_version_without_quotes(
    tap: Tap, start_sandbox: Callable[..., SandboxServer], version: float
) -> None:
    server = start_sandbox()
    run = tap(config_for(server, "Account", api_version=version))
    assert run.exit_code == 0, run.stderr
    assert {each.path.split("/")[3] for each in server.calls} == {"v62.0"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"objects": "Account"}, 'objects must be a list, such as ["Account"], not "Account"'),
        ({"objects": ["Account", 5]}, "objects[1] must be a string, not 5"),
        ({"lookback_seconds": "5"}, 'lookback_seconds must be a whole number, not "5"'),
        ({"lookback_seconds": -1}, "lookback_seconds must be at least 0, not -1"),
        ({"quota_percent_total": 101}, "quota_percent_total must be at most 100, not 101"),
        ({"max_blob_mb": 0}, "max_blob_mb must be more than 0, not 0"),
        ({"include_deleted": "yes"}, 'include_deleted must be true or false, not "yes"'),
        ({"api_version": True}, "api_version must be a string, not true"),
        ({"password": 5}, "password must be a string\n"),
        ({"filters": SECRET}, "filters must be an object\n"),
        ({"filters": {"Account": 5}}, "filters.Account must be a string\n"),
        ({"filters": {"Account": " "}}, "filters: Account: it is empty"),
        ({"queries": [{"name": "x"}]}, "queries[0] lacks soql\n"),
        (
            {"queries": [{"name": "x", "soql": "SELECT Id FROM Account", "primary_key": "Id"}]},
            "queries[0] has no primary_key (primary_keys was probably meant)\n",
        ),
        ({"jobs": [{"name": "x", "id": "750", "colour": 1}]}, "jobs[0] has no colour\n"),
        (
            {"batch_config": {"encoding": {"format": "csv"}, "storage": {"root": "/"}}},
            "batch_config.encoding.format must be one of arrow, parquet, jsonl\n",
        ),
        (
            {"batch_config": {"encoding": {"format": "jsonl"}, "storage": {"root": [SECRET]}}},
            "batch_config.storage.root must be a string\n",
        ),
        (
            {
                "batch_config": {
                    "encoding": {"format": "jsonl", "compresion": "gzip"},
                    "storage": {"root": "/", "prefx": "x"},
                }
            },
            "batch_config.storage has no prefx (prefix was probably meant)\n",
        ),
        ({"on_wider_query": "re-read"}, "on_wider_query must be one of reread, go_on, not"),
        ({"request_timeout_seconds": 1e300}, "request_timeout_seconds must be at most 86400"),
        ({"request_timeout_seconds": float("inf")}, "Infinity is not a number in JSON"),
        ({"quota_percent_total": float("nan")}, "NaN is not a number in JSON"),
        ({"filters": {"Account": "Name != '\ud800'"}}, "half of a surrogate pair"),
        ({"stream_maps": {"Account": 5}}, "stream_maps.Account does not have the form"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(
    tap: Tap, start_sandbox: Callable[..., SandboxServer], wrong: dict[str, Any], said: str
) -> None:
    server = start_sandbox()
    run = tap({**config_for(server), **wrong})
    assert run.exit_code == 1
    assert said in run.stderr
    assert SECRET not in run.stderr
    assert "Traceback" not in run.stderr
    assert server.calls == []


def test_everything_wrong_is_said_in_one_round(
    tap: Tap, start_sandbox: Callable[..., SandboxServer]
) -> None:
    wrong = {
        "access_token": None,
        "object": ["Account"],
        "max_retries": 0,
        "api_version": "57.0",
        "start_date": "soon",
        "refresh_formula_fields": "weekly",
        "report_path": "/nowhere/report.html",
        "queries": [
            {"name": "q", "soql": "DELETE"},
            {"name": "a b", "soql": "SELECT Id FROM Lead"},
        ],
        "jobs": [{"name": "j", "id": "5"}],
        "filters": {"Account": "Name ="},
        "list_reports": True,
        "batch_config": {
            "encoding": {"format": "arrow", "compression": "gzip"},
            "storage": {"root": "/"},
        },
    }
    run = tap({**config_for(start_sandbox()), **wrong})
    assert run.exit_code == 1
    for name in wrong.keys() - {"access_token", "object"} | {"object:", "queries: a b", "sign in"}:
        assert name in run.stderr


@pytest.mark.parametrize(
    "wrong",
    [{"acces_token": SECRET}, {"access_token": [SECRET]}],
    ids=["misspelt", "of a wrong type"],
)
def test_nothing_is_said_of_what_only_follows(
    tap: Tap, start_sandbox: Callable[..., SandboxServer], wrong: dict[str, Any]
) -> None:
    config = {**config_for(start_sandbox()), "access_token": None, **wrong}
    run = tap({name: value for name, value in config.items() if value is not None})
    assert run.exit_code == 1
    assert "access_token" in run.stderr
    assert "sign in" not in run.stderr
    assert SECRET not in run.stderr
