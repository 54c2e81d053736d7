"""Each way to read, into a database: existing jobs, and huge objects in ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from stored_values import by_id, expected_rows
from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap


def test_an_existing_job_is_loaded_once_and_stays(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={"Contact": 30}, page_rows=7)
    job = requests.post(
        f"{server.url}/services/data/v67.0/jobs/query",
        json={"operation": "queryAll", "query": "SELECT Id, LastName FROM Contact"},
        headers={"Authorization": "Bearer another"},
        timeout=5,
    ).json()
    config = config_for(server, "!*", jobs=[{"name": "people", "id": job["id"]}])
    expected = expected_rows(server, "Contact", fields=["Id", "LastName"])
    loader.succeed(config)
    assert by_id(landed.rows("people")) == expected
    run = loader.succeed(config)
    assert "has been loaded before" in run.stderr
    assert by_id(landed.rows("people")) == expected


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_a_huge_object_lands_in_ranges_of_which_one_breaks_off(
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox, method: str
) -> None:
    server = start_sandbox(
        rows={"Account": 58, "User": 5}, page_rows=4, record_counts={"Account": 11_000_000}
    )
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    entry["replication_method"] = method
    metadata_of(entry)[()]["forced-replication-method"] = method
    server.add_fault(place="page", kind="status", status=400, first=7, times="forever")
    assert loader(config, catalog=catalog).exit_code == 1
    assert len(landed.rows("Account")) < 58
    server.clear_faults()
    loader.succeed(config, catalog=catalog)
    assert by_id(landed.rows("Account")) == expected_rows(server, "Account")
    assert [call.place for call in server.calls].count("create") > 2
