"""Streams of the setting `jobs`: read with the job's own version, once, and left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from salesforce_data import assert_same_records, expected_records, records_of
from sandbox_calls import places
from tap_process import config_for, metadata_of, select_fields

from sfbulk_sandbox.sobjects.definitions import FieldDefinition

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

SMALL: dict[str, Any] = {"rows": {"Account": 25, "Contact": 30}, "page_rows": 7}
SOQL = "SELECT Id, Name, Account.NumberOfEmployees, Account.Owner.Name FROM Contact"
TYPES = {
    "Id": "id",
    "Name": "string",
    "Account.NumberOfEmployees": "int",
    "Account.Owner.Name": "string",
}


def made_job(
    server: SandboxServer, soql: str = SOQL, *, version: str = "67.0", **fields: str
) -> str:
    """Make a job as another program does."""
    reply = requests.post(
        f"{server.url}/services/data/v{version}/jobs/query",
        json={"operation": "query", "query": soql, **fields},
        headers={"Authorization": "Bearer another"},
        timeout=5,
    )
    assert reply.status_code == 200, reply.text
    job_id: str = reply.json()["id"]
    return job_id


def job_config(server: SandboxServer, *jobs: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return config_for(server, "!*", jobs=list(jobs), **settings)


def contacts(server: SandboxServer) -> list[dict[str, Any]]:
    result = server.org.query(SOQL, include_deleted=False, bulk=True)
    return records_of(result.csv(0, len(result)).decode(), TYPES)


@pytest.mark.parametrize(
    "made",
    [
        {"version": "67.0"},
        {"version": "59.0", "columnDelimiter": "PIPE", "lineEnding": "CRLF"},
    ],
    ids=lambda made: made["version"],
)
def test_a_job_is_read_with_its_own_version_and_left_as_it_was(
    tap: Tap, start_sandbox: StartSandbox, made: dict[str, str]
) -> None:
    server = start_sandbox(**SMALL)
    job_id = made_job(server, **made)
    seen = len(server.calls)
    config = job_config(server, {"name": "people", "id": job_id}, delete_finished_jobs=True)
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("people"), contacts(server))
    schema = run.schema("people")
    assert schema["key_properties"] == ["Id"]
    properties = schema["schema"]["properties"]
    assert list(properties) == list(TYPES)
    assert properties["Account.Owner.Name"] == {"type": ["string", "null"], "maxLength": 121}
    assert properties["Account.NumberOfEmployees"] == {"type": ["integer", "null"]}
    assert not {"create", "abort", "delete"} & set(places(server, seen))
    assert [job.id for job in server.jobs] == [job_id]
    pages = {each.path.split("/")[3] for each in server.calls[seen:] if each.place == "page"}
    assert pages == {f"v{made['version']}"}


def test_a_walk_that_is_led_back_is_stopped_and_goes_on_in_its_job(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL, result_pages="refused")
    job_id = made_job(server)
    (job,) = server.jobs
    # Pages of four records (`tap_server.py`), the first of which is asked for its columns, too: the
    # third leads back to the second.
    server.add_fault(place="page", kind="wrong_locator", locator=job.locator(4), first=4)
    config = job_config(server, {"name": "people", "id": job_id})
    run = tap(config)
    assert run.exit_code == 1
    assert "lead in a circle" in run.stderr.rpartition("Error: ")[2]
    assert len(run.records("people")) == 8
    second = tap(config, state=run.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(run.records("people") + second.records("people"), contacts(server))


def test_a_job_behind_the_first_list_of_jobs_is_found(
    tap: Tap, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfbulk_sandbox.endpoints.jobs.job_calls._JOBS_PER_REPLY", 2)
    server = start_sandbox(**SMALL)
    for _ in range(5):
        made_job(server, "SELECT Id FROM Account")
    job_id = made_job(server, version="60.0")
    run = tap(job_config(server, {"name": "people", "id": job_id[:15]}))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("people"), contacts(server))


def test_a_job_that_has_been_read_is_not_read_again(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = job_config(server, {"name": "people", "id": made_job(server)})
    catalog = tap.catalog(config)
    first = tap(config, catalog=catalog)
    assert set(first.bookmark("people")) == {"job_done"}
    seen = len(server.calls)
    second = tap(config, catalog=catalog, state=first.state)
    assert second.exit_code == 0, second.stderr
    assert second.records("people") == []
    assert "has been read, as the state says" in second.stderr
    assert not {"page", "poll", "composite"} & set(places(server, seen))
    # Without the state, for another job, or with other columns: all of it.
    count = len(contacts(server))
    assert len(tap(config, catalog=catalog).records("people")) == count
    config["jobs"] = [{"name": "people", "id": made_job(server)}]
    assert len(tap(config, catalog=catalog, state=first.state).records("people")) == count
    select_fields(catalog["streams"][0], ["Name"])
    third = tap(config, catalog=catalog, state=second.state)
    assert [set(record) for record in third.records("people")] == [{"Id", "Name"}] * count


def test_a_killed_run_goes_on_in_the_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    config = job_config(server, {"name": "people", "id": made_job(server, version="61.0")})
    first = tap(config)
    middle = next(
        state
        for state in first.states
        if state["bookmarks"]["people"].get("query_job", {}).get("records_done")
    )
    done = middle["bookmarks"]["people"]["query_job"]["records_done"]
    second = tap(config, state=middle, catalog=tap.catalog(config))
    assert second.exit_code == 0, second.stderr
    assert len(second.records("people")) == len(contacts(server)) - done
    assert set(second.bookmark("people")) == {"job_done"}


def test_a_saved_place_that_is_of_no_use_begins_the_job_again(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    config = job_config(server, {"name": "people", "id": made_job(server)})
    first = tap(config)
    middle = next(state for state in first.states if state["bookmarks"]["people"].get("query_job"))
    middle["bookmarks"]["people"]["query_job"]["records_done"] = 3
    second = tap(config, state=middle)
    assert second.exit_code == 0, second.stderr
    assert "It is read from its start." in second.stderr
    expected = contacts(server)
    assert_same_records(second.records("people")[-len(expected) :], expected)
    assert len(list(server.jobs)) == 1


def test_a_job_that_runs_is_waited_for(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, polls_until_complete=4)
    run = tap(job_config(server, {"name": "people", "id": made_job(server)}))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("people"), contacts(server))


def test_a_job_that_runs_too_long_is_not_aborted(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, running_seconds=600)
    config = job_config(server, {"name": "people", "id": made_job(server)}, job_timeout_seconds=1)
    run = tap(config)
    assert run.exit_code == 1
    assert "jobs: people: The job was still InProgress after 1 s" in run.stderr
    assert "It was left running" in run.stderr
    assert "abort" not in places(server)


@pytest.mark.parametrize(
    ("soql", "given", "keys"),
    [
        ("SELECT Name FROM Account", {}, []),
        ("SELECT Name, Phone FROM Account", {"primary_keys": ["name"]}, ["Name"]),
        ("SELECT Id, Name FROM Account", {"primary_keys": []}, []),
    ],
)
def test_keys(
    tap: Tap,
    start_sandbox: StartSandbox,
    soql: str,
    given: dict[str, Any],
    keys: list[str],
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(job_config(server, {"name": "some", "id": made_job(server, soql), **given}))
    assert run.exit_code == 0, run.stderr
    assert run.schema("some").get("key_properties", []) == keys


def test_columns_that_no_describe_knows_are_text(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    job_id = made_job(server, "SELECT Id, NumberOfEmployees, toLabel(Industry) i FROM Account")
    server.org.set_field_visible("Account", "NumberOfEmployees", visible=False)
    run = tap(job_config(server, {"name": "some", "id": job_id}))
    assert run.exit_code == 0, run.stderr
    properties = run.schema("some")["schema"]["properties"]
    assert list(properties) == ["Id", "NumberOfEmployees", "i"]
    assert properties["NumberOfEmployees"] == {"type": ["string", "null"]}
    present = expected_records(server, "Account", fields=["Id"], include_deleted=False)
    assert len(run.records("some")) == len(present)
    server.org.set_sobject_visible("Account", visible=False)
    again = tap(job_config(server, {"name": "some", "id": job_id}))
    assert again.exit_code == 0, again.stderr
    assert again.schema("some")["schema"]["properties"]["i"] == {"type": ["string", "null"]}


def test_discovery_says_what_is_wrong_with_each_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    failed, other = made_job(server), made_job(server, "SELECT Name FROM Account")
    next(iter(server.jobs)).end("Failed", "InvalidBatch : too large")
    jobs: list[dict[str, Any]] = [
        {"name": "gone", "id": "7505g0000000001AAA"},
        {"name": "failed", "id": failed},
        {"name": "other", "id": other, "primary_keys": ["Id"]},
    ]
    run = tap(job_config(server, *jobs), "--discover")
    assert run.exit_code == 1
    _, _, told = run.stderr.partition("Wrong settings:\n")
    gone, failure, key = told.splitlines()
    assert "jobs: gone: Job 7505g0000000001AAA does not exist: Salesforce keeps jobs for" in gone
    assert "jobs: failed: The job is Failed. Salesforce said: InvalidBatch : too large" in failure
    assert key == "  jobs: other: there is no column Id"


def test_a_job_that_is_gone_stops_no_other(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    names = ["gone", "people", "never"]
    jobs = [{"name": name, "id": made_job(server)} for name in names]
    config = job_config(server, *jobs)
    catalog = tap.catalog(config)
    for entry in catalog["streams"]:
        metadata_of(entry)[()]["selected"] = entry["stream"] != "never"
    requests.delete(
        f"{server.url}/services/data/v67.0/jobs/query/{jobs[0]['id']}",
        headers={"Authorization": "Bearer another"},
        timeout=5,
    ).raise_for_status()
    seen = len(server.calls)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 1
    assert f"Failed: gone: Job {jobs[0]['id']} does not exist" in run.stderr
    assert_same_records(run.records("people"), contacts(server))
    assert not any(jobs[2]["id"] in each.path for each in server.calls[seen:])


def test_a_catalog_of_another_job_is_checked_and_decimals_have_digits(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    job_id = made_job(server, "SELECT Id, AnnualRevenue, Name FROM Account")
    config = job_config(server, {"name": "some", "id": job_id}, use_singer_decimal=True)
    catalog = tap.catalog(config)
    run = tap(config, catalog=catalog)
    assert run.exit_code == 0, run.stderr
    # As the describe says, which is asked when the catalog is made.
    assert _digits_announced(run) == _digits_announced(tap(config)) == (38, 20)
    older = tap.catalog(config)
    for digits in ("precision", "scale"):
        older["streams"][0]["schema"]["properties"]["AnnualRevenue"].pop(digits)
    assert _digits_announced(tap(config, catalog=older)) == (38, 18)
    # A field of the same name, with dates.
    server.org.change_field("Account", "AnnualRevenue", FieldDefinition(type="date"))
    other_id = made_job(server, "SELECT Id, AnnualRevenue, Name FROM Account")
    config["jobs"] = [{"name": "some", "id": other_id}]
    again = tap(config, catalog=catalog)
    assert again.exit_code == 1
    assert "AnnualRevenue (x-singer.decimal in the catalog, date in Salesforce)" in again.stderr
    assert again.records("some") == []


def _digits_announced(run: TapRun) -> tuple[int, int]:
    revenue = run.schema("some")["schema"]["properties"]["AnnualRevenue"]
    return revenue["precision"], revenue["scale"]


def test_an_empty_result_has_columns(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    job_id = made_job(server, "SELECT Id, AnnualRevenue FROM Account WHERE Name = 'nobody'")
    run = tap(job_config(server, {"name": "none", "id": job_id}))
    assert run.exit_code == 0, run.stderr
    assert list(run.schema("none")["schema"]["properties"]) == ["Id", "AnnualRevenue"]
    assert run.records("none") == []


def test_two_streams_may_wait_for_one_job(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, running_seconds=1.0)
    names = ("people", "again")
    complete = made_job(server)
    catalog = tap.catalog(job_config(server, *({"name": n, "id": complete} for n in names)))
    running = made_job(server)
    run = tap(job_config(server, *({"name": n, "id": running} for n in names)), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    for name in names:
        assert_same_records(run.records(name), contacts(server))
