"""A query job in parts: every record in exactly one of them, or an error that says why not."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records, fields_of
from salesforce_data import records_of as value_records
from sandbox_calls import UNTRUSTED_LISTS, places, struck

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra spark brings it")

from tap_sfbulk_pages.errors import (
    ExtractionError,
    QueryJobError,
    QueryJobGoneError,
    RecordCountError,
    RefusedError,
    SettingsError,
    UnavailableError,
)
from tap_sfbulk_pages.workers.options import JobOptions, check_total, create_job
from tap_sfbulk_pages.workers.partitions import JobPartition, JobRead, job_partitions

if TYPE_CHECKING:
    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

pytestmark = pytest.mark.usefixtures("worker_environment")

SMALL = {"rows": {"Account": 25}, "page_rows": 2}
FIELDS = ["Id", "Name", "AnnualRevenue", "NumberOfEmployees", "IsDeleted", "Description"]


def options_for(server: SandboxServer, **options: str) -> dict[str, str]:
    given = {"object": "Account", "fields": ",".join(FIELDS), "max_retries": "2", **options}
    return {"instance_url": server.url, **{name: text for name, text in given.items() if text}}


def planned(options: dict[str, str]) -> tuple[JobRead, list[JobPartition]]:
    parsed = JobOptions.parse(options)
    read = JobRead(parsed.access, parsed.properties())
    job = parsed.job(list(read.properties))
    return read, job_partitions(parsed.access.org(), job)


def records_of(read: JobRead, partitions: list[JobPartition]) -> list[dict[str, Any]]:
    return [record for each in partitions for record in read.table(each).to_pylist()]


def assert_account_is_whole(server: SandboxServer, options: dict[str, str]) -> list[JobPartition]:
    read, partitions = planned(options)
    expected = expected_records(server, "Account", fields=FIELDS)
    assert_same_records(records_of(read, partitions), expected)
    return partitions


@pytest.mark.parametrize("reply_form", ["live", "documented", "postman"])
def test_a_partition_for_each_page(start_sandbox: StartSandbox, reply_form: str) -> None:
    server = start_sandbox(**SMALL, reply_form=reply_form)
    partitions = assert_account_is_whole(server, options_for(server))
    assert len(partitions) == 13
    assert places(server).count("list_pages") == 3
    assert places(server).count("page") == 13


def test_tasks_anywhere_need_the_pickles_and_their_own_environment(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    read, partitions = planned(options_for(server))
    sent = pickle.dumps((read, partitions))
    assert b"a secret to be kept" not in sent
    assert "a secret to be kept" not in repr((read, partitions))
    read, partitions = pickle.loads(sent)  # noqa: S301 - made above
    with ThreadPoolExecutor(4) as tasks:
        tables = list(tasks.map(read.table, partitions))
    assert sum(table.num_rows for table in tables) == 25
    assert places(server).count("token") == 1


def test_a_session_that_dies_between_tasks(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="expire_tokens", first=5)
    assert_account_is_whole(server, options_for(server))
    assert set(struck(server)) == {"expire_tokens"}
    assert places(server).count("token") == 2


@pytest.mark.parametrize("fault", UNTRUSTED_LISTS, ids=lambda fault: f"{fault['kind']}")
def test_a_list_that_cannot_be_trusted_is_walked(
    start_sandbox: StartSandbox, fault: dict[str, Any]
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", **fault)
    partitions = assert_account_is_whole(server, options_for(server))
    assert [each.link for each in partitions] == [None]
    assert set(struck(server)) == {fault["kind"]}


@pytest.mark.parametrize("fault", [{"kind": "done_but_continuation"}, {"kind": "page_twice"}])
def test_a_list_that_is_right_in_the_end(
    start_sandbox: StartSandbox, fault: dict[str, Any]
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", **fault)
    assert len(assert_account_is_whole(server, options_for(server))) == 13
    assert set(struck(server)) == {fault["kind"]}


def test_a_list_without_any_page(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 25})
    server.add_fault(place="list_pages", kind="page_missing")
    (partition,) = assert_account_is_whole(server, options_for(server))
    assert partition.link is None
    assert set(struck(server)) == {"page_missing"}


def test_a_page_that_the_list_leaves_out(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", kind="page_missing")
    options = options_for(server)
    options["job"] = create_job(options)
    records = records_of(*planned(options))
    assert len(records) == 23
    with pytest.raises(RecordCountError, match="hold 23 records, but Salesforce processed 25"):
        check_total(options, records=23)
    check_total(options, records=25)


@pytest.mark.parametrize("page_rows", [2, 100])
def test_a_total_that_one_task_can_check(start_sandbox: StartSandbox, page_rows: int) -> None:
    server = start_sandbox(rows={"Account": 25}, page_rows=page_rows, result_pages="refused")
    server.add_fault(place="poll", kind="wrong_total", times="forever")
    read, (partition,) = planned(options_for(server))
    with pytest.raises(RecordCountError):
        read.table(partition)


def test_the_total_of_a_job_of_one_page(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 25})
    server.add_fault(place="poll", kind="wrong_total", times="forever")
    read, (partition,) = planned(options_for(server))
    assert partition.link
    with pytest.raises(RecordCountError):
        read.table(partition)


@pytest.mark.parametrize("links", [0, 1])
def test_an_object_without_records(start_sandbox: StartSandbox, links: int) -> None:
    server = start_sandbox(rows={"Account": 0}, empty_result_links=links)
    read, partitions = planned(options_for(server))
    assert len(partitions) == links
    assert records_of(read, partitions) == []


def test_a_page_that_heals_and_one_that_does_not(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kinds = ["short_page", "long_page", "wrong_count", "cut", "broken_gzip", "missing_column"]
    for number, kind in enumerate(kinds):
        server.add_fault(place="page", kind=kind, first=1 + 2 * number)
    assert_account_is_whole(server, options_for(server))
    assert struck(server) == kinds
    server.add_fault(place="page", kind="status", status=400, times="forever")
    with pytest.raises(RefusedError, match="400"):
        records_of(*planned(options_for(server)))


def test_a_job_that_goes_while_it_is_read(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    read, partitions = planned(options_for(server))
    server.add_fault(place="page", kind="job_gone")
    with pytest.raises(QueryJobGoneError):
        records_of(read, partitions)


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("refused", status=404, error_code="NOT_FOUND", said="gone"),
        UnavailableError("unavailable", retry_after=3.0),
        SettingsError("one", "two"),
    ],
)
def test_errors_come_back_from_tasks_as_they_were(error: ExtractionError) -> None:
    found = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))


def test_a_job_that_failed(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="poll", kind="job_failed")
    options = options_for(server)
    options["job"] = create_job(options)
    with pytest.raises(QueryJobError, match="Failed"):
        planned(options)


def test_a_job_that_exists_types_itself(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    job = create_job(options_for(server))
    read, partitions = planned({"instance_url": server.url, "job": job})
    assert_same_records(
        records_of(read, partitions), expected_records(server, "Account", fields=FIELDS)
    )
    assert places(server).count("create") == 1


def test_a_job_that_is_not_there(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    with pytest.raises(QueryJobGoneError, match="does not exist"):
        planned(options_for(server, job="7505g00000AAAAAAAA"))


def test_a_job_of_another_version(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    job = create_job(options_for(server, api_version="62.0"))
    read, partitions = planned(options_for(server, job=job))
    assert len(partitions) == 13
    assert_same_records(
        records_of(read, partitions), expected_records(server, "Account", fields=FIELDS)
    )


def test_a_job_whose_version_nothing_tells(
    start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(**SMALL)
    job = create_job(options_for(server, api_version="62.0"))
    monkeypatch.setattr("sfbulk_sandbox.endpoints.jobs.job_calls._is_wanted", lambda *_: False)
    with pytest.raises(QueryJobError, match="set api_version"):
        planned(options_for(server, job=job))


@pytest.mark.parametrize(
    ("soql", "columns"),
    [
        ("select id, Name from Account where Name != null", ["Id", "Name"]),
        ("SELECT a.Id, a.Owner.Name FROM Account a", ["Id", "Owner.Name"]),
        ("SELECT Id, toLabel(Industry) Branch FROM Account LIMIT 20", ["Id", "Branch"]),
    ],
)
def test_a_query_of_the_users_own(
    start_sandbox: StartSandbox, soql: str, columns: list[str]
) -> None:
    server = start_sandbox(**SMALL)
    read, partitions = planned(options_for(server, object="", fields="", soql=soql))
    assert list(read.properties) == columns
    result = server.org.query(soql, include_deleted=True, bulk=True)
    types = dict.fromkeys(columns, "string")
    expected = value_records(result.csv(0, len(result)).decode(), types)
    assert_same_records(records_of(read, partitions), expected)


@pytest.mark.parametrize(
    "soql",
    ["SELECT Id, Boss.Name FROM Account", "SELECT DAY_ONLY(CreatedDate) d FROM Account", "DELETE"],
)
def test_a_query_that_cannot_be_typed(start_sandbox: StartSandbox, soql: str) -> None:
    server = start_sandbox(**SMALL)
    with pytest.raises(SettingsError, match="a schema of your own"):
        JobOptions.parse(options_for(server, object="", fields="", soql=soql)).properties()


def test_settings_by_their_own_names(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    options = options_for(
        server,
        filters=json.dumps({"Account": "NumberOfEmployees > 10 OR Name = null"}),
        start_date="2025-01-01T00:00:00Z",
        include_deleted="false",
        max_page_memory_mb="1",
    )
    where = "WHERE SystemModstamp >= 2025-01-01T00:00:00Z AND NumberOfEmployees > 10"
    expected = expected_records(
        server, "Account", fields=FIELDS, where=where, include_deleted=False
    )
    assert 0 < len(expected) < 25
    assert_same_records(records_of(*planned(options)), expected)


def test_every_field_where_none_is_named(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    properties = JobOptions.parse(options_for(server, fields="")).properties()
    assert list(properties) == list(fields_of(server, "Account"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"Access_Token": "no"}, "TAP_SFBULK_PAGES_ACCESS_TOKEN in the environment"),
        ({"private_key": "no"}, "TAP_SFBULK_PAGES_PRIVATE_KEY"),
        ({"acess_token": "no"}, "there is no option acess_token"),
        ({"object": ""}, "nothing says what to read"),
        ({"soql": "SELECT Id FROM Account"}, "leave out fields, object"),
        ({"max_retries": "many"}, "max_retries must be a whole number, not 'many'"),
        ({"max_retries": "0"}, "max_retries"),
        ({"fields": "Id,Nam"}, "Account has no field Nam"),
        ({"fields": "Id,BillingAddress"}, "Account has no field BillingAddress"),
    ],
)
def test_options_that_cannot_work(
    start_sandbox: StartSandbox, options: dict[str, str], said: str
) -> None:
    server = start_sandbox(**SMALL)
    given = {**options_for(server), **options}
    with pytest.raises(SettingsError, match=said) as raised:
        JobOptions.parse(given).properties()
    assert "'no'" not in str(raised.value)


def test_what_spark_adds_to_the_options_of_a_table_is_left_out() -> None:
    """As of `CREATE TABLE … USING sfbulk OPTIONS (…)`."""
    options = {"instance_url": "https://acme.my.salesforce.com", "object": "Account"}
    of_table = {f"option.{name}": text for name, text in options.items()}
    added = {"provider": "sfbulk", "owner": "me", "location": "file:/w", "external": "true"}
    assert JobOptions.parse({**options, **of_table, **added}) == JobOptions.parse(options)
    assert JobOptions.parse({**of_table, **added}) == JobOptions.parse(options)
