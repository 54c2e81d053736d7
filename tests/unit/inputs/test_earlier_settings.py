"""Settings of other Salesforce taps: taken over, left out or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk_pages.inputs.earlier_settings import NAMES, take_over
from tap_sfbulk_pages.settings_schema import SCHEMA

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap


HOME = "https://acme.my.salesforce.com"


@pytest.mark.parametrize(
    ("earlier", "today"),
    [
        ({"streams_to_discover": ["Lead", "Case"]}, {"objects": ["Lead", "Case"]}),
        ({"streams_to_discover": "Lead, Case"}, {"objects": ["Lead", "Case"]}),
        ({"streams_to_discover": '["Lead","Case"]'}, {"objects": ["Lead", "Case"]}),
        ({"lookback_window": 10}, {"lookback_seconds": 10}),
        ({"lookback_window": "10"}, {"lookback_seconds": 10}),
        ({"max_workers": 8}, {"max_parallel_downloads": 8}),
        ({"domain": "acme"}, {"instance_url": HOME}),
        ({"domain": "acme.my"}, {"instance_url": HOME}),
        ({"domain": f"{HOME}/"}, {"instance_url": HOME}),
        (
            {"domain": "acme--uat.sandbox"},
            {"instance_url": "https://acme--uat.sandbox.my.salesforce.com"},
        ),
        ({"domain": "login"}, {"is_sandbox": False}),
        ({"domain": "test"}, {"is_sandbox": True}),
        ({"base_uri": "https://test.salesforce.com"}, {"is_sandbox": True}),
        ({"api_type": "BULK2"}, {}),
        ({"api_type": "REST"}, {}),
        ({"select_fields_by_default": True}, {}),
        ({"select_fields_by_default": "true"}, {}),
        ({"state_message_threshold": 1000}, {}),
        ({"list_reports": False}, {}),
    ],
)
def test_what_becomes_of_each(earlier: dict[str, Any], today: dict[str, Any]) -> None:
    config, warnings = take_over({**earlier, "client_id": "app"}, [])
    assert config == {**today, "client_id": "app"}
    (name,) = earlier
    (warning,) = warnings
    assert warning.startswith(f"{name} ")
    assert all(each in warning for each in today if each != "is_sandbox" or today[each])


@pytest.mark.parametrize(
    ("earlier", "line"),
    [
        ({"select_fields_by_default": False}, '"selected": false'),
        ({"limit_tasks_month": 6}, '"filters": {"Task": "CreatedDate = LAST_N_MONTHS:6"}'),
        ({"report_ids": ["00O000000000001"]}, "filters"),
        ({"list_reports": "true"}, "filters"),
        ({"streams_to_discover": [5]}, "objects"),
        ({"lookback_window": "soon"}, "whole number"),
    ],
)
def test_what_is_refused_says_what_to_write(earlier: dict[str, Any], line: str) -> None:
    errors: list[str] = []
    take_over(earlier, errors)
    (error,) = errors
    assert line in error
    assert error.startswith(next(iter(earlier)))


def test_today_s_setting_counts_beside_an_earlier_one() -> None:
    config, warnings = take_over({"objects": ["Case"], "streams_to_discover": ["Lead"]}, [])
    assert config == {"objects": ["Case"]}
    assert len(warnings) == 1


def test_texts_where_other_taps_take_them() -> None:
    config, warnings = take_over(
        {"is_sandbox": "true", "quota_percent_total": "75", "quota_percent_per_run": " "}, []
    )
    assert config == {
        "is_sandbox": True,
        "quota_percent_total": 75.0,
        "quota_percent_per_run": None,
    }
    assert warnings == []


def test_no_name_is_today_s_too() -> None:
    assert not NAMES & set(SCHEMA["properties"])


def test_a_whole_config_of_another_tap(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 7}, credentials={**APP, "refresh_token": "5Aep8r"})
    run = tap(
        {
            **APP,
            "refresh_token": "5Aep8r",
            "instance_url": server.url,
            "start_date": "2017-11-02T00:00:00Z",
            "api_type": "BULK2",
            "select_fields_by_default": True,
            "state_message_threshold": 1000,
            "max_workers": 8,
            "streams_to_discover": ["Account"],
            "lookback_window": 10,
            "is_sandbox": "false",
            "quota_percent_total": "80",
        }
    )
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account"}
    assert len(run.records("Account")) == 7
    for name in ("api_type", "select_fields_by_default", "max_workers", "lookback_window"):
        assert run.stderr.count(f"{name} is a setting of another Salesforce tap") == 1
    assert "SECRET" not in run.stderr


def test_earlier_settings_from_the_environment(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 7})
    environment = {
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "any",
        "TAP_SFBULK_PAGES_STREAMS_TO_DISCOVER": '["Account"]',
        "TAP_SFBULK_PAGES_LOOKBACK_WINDOW": "10",
        "TAP_SFBULK_PAGES_QUOTA_PERCENT_TOTAL": "75",
    }
    run = tap.start(None, "--config=ENV", environment=environment).end()
    assert run.exit_code == 0, run.stderr
    assert run.streams == {"Account"}
    assert 'set "lookback_seconds": 10 instead' in run.stderr


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
def test_a_refused_one_ends_the_run(tap: Tap, arguments: list[str]) -> None:
    config = {"instance_url": HOME, "access_token": "SECRET", "select_fields_by_default": False}
    run = tap(config, *arguments)
    assert run.exit_code == 1
    assert '"selected": false' in run.stderr
    assert "Traceback" not in run.stderr
    assert "SECRET" not in run.stderr


def test_the_soap_login_is_named(tap: Tap) -> None:
    config = {"username": "u@example.com", "password": "SECRET", "security_token": "SECRET"}
    run = tap(config, "--discover")
    assert run.exit_code == 1
    assert "SOAP login" in run.stderr
    assert "SECRET" not in run.stderr


APP = {"client_id": "3MVG9app", "client_secret": "SECRET"}
