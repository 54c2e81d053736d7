"""One stream that cannot be read leaves the others alone, and the run says so."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import metadata_of

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

OBJECTS = ("Account", "Contact", "Lead")
SCENARIO = {"rows": dict.fromkeys(OBJECTS, 20), "page_rows": 3}


def config_for(server: SandboxServer, *objects: str) -> dict[str, Any]:
    return {
        "instance_url": server.url,
        "access_token": "00D!token",
        "objects": list(objects),
        "max_retries": 2,
        "lookback_seconds": 0,
    }


def set_visible(
    server: SandboxServer, sobject: str, *, visible: bool, field: str | None = None
) -> None:
    body = {"sobject": sobject, "visible": visible, "field": field}
    request = urllib.request.Request(f"{server.url}/_sandbox/visibility", json.dumps(body).encode())  # noqa: S310 - loopback
    urllib.request.urlopen(request).close()  # noqa: S310 - loopback


def test_no_permission_for_an_object_of_the_catalog(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, *OBJECTS)
    catalog = tap.catalog(config)
    set_visible(server, "Contact", visible=False)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    summary = run.stderr.rpartition("Error: ")[2]
    assert summary.startswith("1 of 3 streams was not read")
    assert "Contact: Salesforce does not describe Contact: 404 NOT_FOUND" in summary
    for name in ("Account", "Lead"):
        assert_same_records(run.records(name), expected_records(server, name))
        assert name in summary.partition("Failed")[0]
    set_visible(server, "Contact", visible=True)
    second = tap(config, catalog=catalog, state=run.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Contact"), expected_records(server, "Contact"))


def test_an_object_that_the_bulk_api_refuses(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, *OBJECTS, "CaseStatus") | {"fallback_to_rest": False}
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        metadata_of(entry)[()]["selected"] = True
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    summary = run.stderr.rpartition("Error: ")[2]
    assert "CaseStatus: " in summary
    assert "INVALIDENTITY" in summary
    assert "not supported by the Bulk API" in summary
    for name in OBJECTS:
        assert_same_records(run.records(name), expected_records(server, name))


def test_a_job_that_fails_leaves_the_others_alone(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SCENARIO, polls_until_complete=2)
    server.add_fault(place="poll", kind="job_failed", match={"sobject": "Contact"})
    config = config_for(server, *OBJECTS)
    run = tap(config)
    assert run.exit_code == 1
    assert "Unexpected exception encountered in query processing" in run.stderr
    for name in ("Account", "Lead"):
        assert_same_records(run.records(name), expected_records(server, name))
    second = tap(config, state=run.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Contact"), expected_records(server, "Contact"))


@pytest.mark.parametrize("with_catalog", [True, False])
def test_an_object_whose_describe_stays_in_error_leaves_the_others_alone(
    tap: Tap, start_sandbox: StartSandbox, *, with_catalog: bool
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, *OBJECTS)
    given = {"catalog": tap.catalog(config)} if with_catalog else {}
    server.add_fault(
        place="describe", kind="status", match={"sobject": "Contact"}, times="forever", status=500
    )
    run = tap(config, **given)
    assert run.exit_code == 1
    summary = run.stderr.rpartition("Error: ")[2]
    assert summary.startswith("1 of 3 streams was not read")
    assert "Contact: Salesforce does not describe Contact: 500 UNKNOWN_EXCEPTION" in summary
    assert run.streams == {"Account", "Lead"}
    for name in ("Account", "Lead"):
        assert_same_records(run.records(name), expected_records(server, name))
    server.clear_faults()
    second = tap(config, state=run.state, **given)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Contact"), expected_records(server, "Contact"))


def test_an_object_that_discovery_cannot_describe_is_missed(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, *OBJECTS)
    server.add_fault(
        place="describe", kind="status", match={"sobject": "Contact"}, times="forever", status=500
    )
    discovery = tap(config, "--discover")
    assert discovery.exit_code == 0
    assert "Contact is offered without fields: " in discovery.stderr
    server.clear_faults()
    run = tap(config, catalog=json.loads(discovery.stdout))
    assert run.exit_code == 1
    assert "The catalog has no fields of Contact" in run.stderr.rpartition("Error: ")[2]
    assert "Discover again" in run.stderr
    for name in ("Account", "Lead"):
        assert_same_records(run.records(name), expected_records(server, name))


@pytest.mark.parametrize("with_catalog", [True, False])
def test_a_lost_field_is_left_out_and_comes_back(
    tap: Tap, start_sandbox: StartSandbox, *, with_catalog: bool
) -> None:
    server = start_sandbox(**SCENARIO)
    config = config_for(server, *OBJECTS)
    given = {"catalog": tap.catalog(config)} if with_catalog else {}
    whole = expected_records(server, "Account")
    set_visible(server, "Account", field="Industry", visible=False)
    run = tap(config, **given)
    assert run.exit_code == 0, run.stderr
    assert ("no longer shows" in run.stderr) == with_catalog
    assert ("Account" in run.stderr and "Industry" in run.stderr) == with_catalog
    found = [dict(record) for record in run.records("Account")]
    assert all(record.pop("Industry", None) is None for record in found)
    assert_same_records(
        found, [{k: v for k, v in record.items() if k != "Industry"} for record in whole]
    )
    for name in ("Contact", "Lead"):
        assert_same_records(run.records(name), expected_records(server, name))
    set_visible(server, "Account", field="Industry", visible=True)
    second = tap(config, **given)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records("Account"), whole)
