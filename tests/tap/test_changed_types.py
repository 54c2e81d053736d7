"""Fields whose type has changed since the catalog was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for

from sfbulk_sandbox.sobjects.definitions import FieldDefinition

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap


def test_a_catalog_of_an_earlier_release_announces_times_as_times(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    fields = {"Opens__c": {"type": "time"}}
    server = start_sandbox(rows={"Account": 5}, objects={"Account": {"fields": fields}})
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    catalog["streams"][0]["schema"]["properties"]["Opens__c"]["format"] = "time"
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert len(run.records("Account")) == 5


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("int", "double", "Drift__c (integer in the catalog, double in Salesforce)"),
        ("date", "datetime", "Drift__c (date in the catalog, datetime in Salesforce)"),
        ("double", "string", "Drift__c (number in the catalog, string in Salesforce)"),
        ("int", "string", "Drift__c (integer in the catalog, string in Salesforce)"),
        ("int", "boolean", "Drift__c (integer in the catalog, boolean in Salesforce)"),
        ("double", "int", None),
        ("string", "double", None),
        ("string", "datetime", None),
    ],
)
def test_no_record_contradicts_its_schema(
    tap: Tap, start_sandbox: StartSandbox, before: str, after: Any, said: str | None
) -> None:
    fields = {"Drift__c": {"type": before}}
    server = start_sandbox(
        rows={"Account": 5, "Contact": 5}, objects={"Account": {"fields": fields}}
    )
    config = config_for(server, "Account", "Contact")
    catalog = tap.catalog(config)
    server.org.change_field("Account", "Drift__c", FieldDefinition(type=after))
    run = tap(config, catalog=catalog)
    assert len(run.records("Contact")) == 5
    assert "Traceback" not in run.stderr
    if said is None:
        assert run.exit_code == 0, run.stderr
        assert len(run.records("Account")) == 5
        return
    assert run.exit_code == 1
    assert run.records("Account") == []
    assert "fields of Account" in run.stderr
    assert said in run.stderr
    assert "Discover again" in run.stderr
    assert tap(config, catalog=tap.catalog(config)).exit_code == 0
