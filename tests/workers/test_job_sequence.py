"""A stream of query jobs under an engine that is killed: each page once, and no job twice."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from sandbox_calls import UNTRUSTED_LISTS, places, struck

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra spark brings it")

from tap_sfbulk_pages.errors import (
    ListingError,
    QueryJobError,
    QueryJobGoneError,
    RecordCountError,
    SettingsError,
    StateError,
)
from tap_sfbulk_pages.workers.job_sequence import JobStream
from tap_sfbulk_pages.workers.offset import JobStreamOffset
from tap_sfbulk_pages.workers.options import JobOptions
from tap_sfbulk_pages.workers.partitions import JobRead

if TYPE_CHECKING:
    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

pytestmark = pytest.mark.usefixtures("worker_environment")

SMALL: dict[str, Any] = {"rows": {"Account": 25}, "page_rows": 2}
FIELDS = ["Id", "Name", "SystemModstamp"]
# One list of pages.
BATCH = 5


class KilledError(Exception):
    """The driver is gone."""


@dataclass
class Checkpoint:
    """What outlives a driver, as Spark keeps it: an offset before its batch, a mark after it."""

    offsets: list[str] = field(default_factory=list)
    committed: int = 0
    sink: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.sink.values() for record in batch]

    @property
    def last(self) -> JobStreamOffset:
        return JobStreamOffset.parse(json.loads(self.offsets[-1]))


class Driver:
    """One run of an engine over a checkpoint, until nothing is left."""

    def __init__(self, server: SandboxServer, checkpoint: Checkpoint, **options: str) -> None:
        given = {"instance_url": server.url, "object": "Account", "fields": ",".join(FIELDS)}
        parsed = JobOptions.parse({**given, "max_retries": "2", **options})
        properties = parsed.properties()
        self.stream = JobStream(parsed, list(properties), job_interval_seconds=3600)
        self._read = JobRead(parsed.access, properties)
        self._checkpoint = checkpoint

    def run(
        self, *, most_pages: int | None = BATCH, dies_in: int | None = None, at: str = "tasks"
    ) -> None:
        """Run until nothing is left, or until it is killed in a batch: before or after its rows."""
        kept = self._checkpoint
        while True:
            if len(kept.offsets) == kept.committed:
                start = kept.last if kept.offsets else self.stream.initial()
                end = self.stream.latest(start, most_pages=most_pages)
                if end == start:
                    return
                kept.offsets.append(json.dumps(end.save()))
            batch = kept.committed
            if (dies_in, at) == (batch, "tasks"):
                raise KilledError
            kept.sink[batch] = self._rows(batch)
            if (dies_in, at) == (batch, "commit"):
                raise KilledError
            kept.committed += 1

    def _rows(self, batch: int) -> list[dict[str, Any]]:
        offsets = [JobStreamOffset.parse(json.loads(each)) for each in self._checkpoint.offsets]
        start = offsets[batch - 1] if batch else self.stream.initial()
        parts = self.stream.partitions(start, offsets[batch])
        return [row for part in parts for row in self._read.table(part).to_pylist()]


def available_now(server: SandboxServer, checkpoint: Checkpoint, **options: Any) -> None:
    settings = {name: options.pop(name) for name in list(options) if name not in RUN}
    driver = Driver(server, checkpoint, **settings)
    driver.stream.end_with_one_job()
    driver.run(**options)


RUN = ("most_pages", "dies_in", "at")


def plain(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
            if isinstance(value, datetime)
            else value
            for name, value in record.items()
        }
        for record in records
    ]


def assert_account_is_whole(server: SandboxServer, checkpoint: Checkpoint) -> None:
    expected = expected_records(server, "Account", fields=FIELDS)
    assert_same_records(plain(checkpoint.records), expected)


def created(server: SandboxServer) -> list[str]:
    """The queries of all jobs."""
    return [job.soql for job in server.jobs]


def pages(server: SandboxServer) -> list[str]:
    calls = [call.path for call in server.calls if call.place == "page"]
    # One record is fetched for the names of the columns.
    return [path for path in calls if not path.endswith("?maxRecords=1")]


def test_a_run_reads_one_job_in_batches_of_whole_lists(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    available_now(server, kept, most_pages=6)
    assert_account_is_whole(server, kept)
    # The job is written down before its first page is listed.
    assert [len(rows) for rows in kept.sink.values()] == [0, 20, 5]
    assert len(created(server)) == 1
    assert len(pages(server)) == 13
    assert places(server).count("list_pages") == 3


def test_everything_at_once(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    available_now(server, kept, most_pages=None)
    assert_account_is_whole(server, kept)
    assert len(kept.offsets) == 1


@pytest.mark.parametrize("at", ["tasks", "commit"])
@pytest.mark.parametrize("batch", [0, 1, 2, 3])
def test_a_killed_run_goes_on_in_its_job(start_sandbox: StartSandbox, batch: int, at: str) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=batch, at=at)
    before = pages(server)
    done = JobStreamOffset.parse(json.loads(kept.offsets[batch - 1])).pages if batch else 0
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert len(created(server)) == 1
    after = pages(server)[len(before) :]
    assert len(after) == 13 - done
    assert not set(after) & set(before[:done])


def test_a_run_killed_again_and_again(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    for batch in range(4):
        with pytest.raises(KilledError):
            available_now(server, kept, dies_in=batch)
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert len(created(server)) == 1
    assert len(pages(server)) == 13


def test_the_next_run_reads_what_has_changed(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    before = datetime.now(timezone.utc).replace(microsecond=0)
    available_now(server, kept)
    until = datetime.fromisoformat(f"{str(kept.last.until)[:-1]}+00:00")
    assert before <= until <= datetime.now(timezone.utc)
    new = server.org.upsert("Account", [{"Name": "new"}])
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert [row["Id"] for row in kept.sink[max(kept.sink)]] == new
    since = until - timedelta(seconds=300)
    first, second = created(server)
    assert "WHERE" not in first
    assert second.endswith(f"WHERE (SystemModstamp >= {since:%Y-%m-%dT%H:%M:%S}.000Z)")


def test_settings_of_the_tap_hold(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    settings = {
        "start_date": "2024-01-01T00:00:00Z",
        "filters": json.dumps({"Account": "Name != 'x'"}),
        "lookback_seconds": "0",
    }
    for _ in range(2):
        available_now(server, kept, **settings)
    first, second = created(server)
    assert first.endswith("WHERE SystemModstamp >= 2024-01-01T00:00:00.000Z AND (Name != 'x')")
    assert f"AND SystemModstamp >= {kept.last.since}" in second


def test_a_run_without_an_end_waits_before_it_makes_the_next_job(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    driver = Driver(server, kept)
    driver.run()
    assert_account_is_whole(server, kept)
    assert len(created(server)) == 1
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    last = {**kept.last.save(), "until": f"{hour_ago:%Y-%m-%dT%H:%M:%S}.000Z"}
    kept.offsets[-1] = json.dumps(last)
    driver.run()
    assert len(created(server)) == 2


@pytest.mark.parametrize("dies_in", [1, 2, 3])
def test_a_job_that_expires_after_a_part_of_it_has_been_read(
    start_sandbox: StartSandbox, dies_in: int
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=dies_in, at="commit")
    server.add_fault(place="poll", kind="job_gone")
    said = (
        "into query job 750.* of Account, which no longer exists.*"
        "new checkpoint, the option start_date=2020-01-01T00:00:00.000Z and, .* a new folder"
    )
    with pytest.raises(QueryJobGoneError, match=said):
        available_now(server, kept, start_date="2020-01-01T00:00:00Z")
    assert set(struck(server)) == {"job_gone"}
    assert len(created(server)) <= 1


def test_a_job_that_expires_once_it_has_been_read(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    available_now(server, kept)
    for job in list(server.jobs):
        server.jobs.remove(job)
    available_now(server, kept)
    assert_account_is_whole(server, kept)


@pytest.mark.parametrize("kind", ["job_gone", "job_failed", "job_aborted"])
def test_a_job_that_fails_before_anything_of_it_is_read_is_made_anew(
    start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="poll", kind=kind)
    kept = Checkpoint()
    with pytest.raises(QueryJobError):
        available_now(server, kept)
    assert set(struck(server)) == {kind}
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert places(server).count("create") == 2


@pytest.mark.parametrize("fault", UNTRUSTED_LISTS, ids=lambda fault: f"{fault['kind']}")
def test_a_list_that_cannot_be_trusted_is_walked(
    start_sandbox: StartSandbox, fault: dict[str, Any]
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", **fault)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=1)
    assert set(struck(server)) == {fault["kind"]}
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert [len(rows) for rows in kept.sink.values()] == [0, 25]
    assert kept.last.in_series


def test_the_total_of_a_job_that_is_walked(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, result_pages="refused")
    server.add_fault(place="poll", kind="wrong_total", times="forever")
    with pytest.raises(RecordCountError):
        available_now(server, Checkpoint())


def test_the_total_of_a_job_of_one_page(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 25})
    server.add_fault(place="poll", kind="wrong_total", times="forever")
    with pytest.raises(RecordCountError):
        available_now(server, Checkpoint())


def test_a_total_that_is_missing(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="poll", kind="missing_total", times="forever")
    kept = Checkpoint()
    available_now(server, kept)
    assert_account_is_whole(server, kept)


@pytest.mark.parametrize("first", [1, 2])
def test_a_page_that_is_listed_twice(start_sandbox: StartSandbox, first: int) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", kind="page_twice", first=first)
    kept = Checkpoint()
    available_now(server, kept)
    assert_account_is_whole(server, kept)
    assert set(struck(server)) == {"page_twice"}


def test_a_list_that_breaks_off_after_pages_have_been_committed(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=2)
    server.add_fault(place="list_pages", kind="dead_continuation")
    with pytest.raises(ListingError, match=r"no longer listed as they were.*new checkpoint"):
        available_now(server, kept)
    assert set(struck(server)) == {"dead_continuation"}


def test_a_list_that_has_become_shorter(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=3)
    server.add_fault(place="list_pages", kind="page_missing")
    with pytest.raises(ListingError, match="There are only 12 of the 13 pages"):
        available_now(server, kept)


def test_an_object_without_records(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(rows={"Account": 0}, empty_result_links=0)
    kept = Checkpoint()
    available_now(server, kept)
    assert kept.records == []
    assert kept.last.is_read


def test_a_job_keeps_the_version_that_made_it(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=2, api_version="60.0")
    available_now(server, kept, api_version="62.0")
    assert_account_is_whole(server, kept)
    assert len(created(server)) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"object": "Contact"}, "the checkpoint belongs to Account, not to Contact"),
        ({"object": "", "fields": "", "soql": "SELECT Id FROM Account"}, "set object, not soql"),
    ],
)
def test_options_that_do_not_fit_the_checkpoint(
    start_sandbox: StartSandbox, options: dict[str, str], said: str
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    available_now(server, kept)
    with pytest.raises(SettingsError, match=said):
        available_now(server, kept, **options)


def test_a_checkpoint_of_another_org(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    available_now(server, kept)
    assert kept.last.org_id
    kept.offsets[-1] = json.dumps({**kept.last.save(), "org": "00D5g00000AaAaAEAV"})
    with pytest.raises(SettingsError, match="each org needs its own checkpoint"):
        available_now(server, kept)
    assert len(created(server)) == 1


def test_an_object_that_does_not_tell_what_has_changed(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox()
    with pytest.raises(SettingsError, match="no field that says when a record was changed"):
        available_now(server, Checkpoint(), object="AppDefinition", fields="")
    assert created(server) == []


def test_an_offset_of_another_source() -> None:
    with pytest.raises(StateError, match="written by another source"):
        JobStreamOffset.parse({"sourceVersion": 1})


@pytest.mark.parametrize("at", ["tasks", "commit"])
@pytest.mark.parametrize(("most_pages", "dies_in"), [(BATCH, 0), (BATCH, 2), (BATCH, 3), (None, 0)])
def test_a_field_that_was_hidden_when_an_unfinished_job_was_created(
    start_sandbox: StartSandbox, at: str, most_pages: int | None, dies_in: int
) -> None:
    server = start_sandbox(**SMALL)
    server.org.set_field_visible("Account", "Industry", visible=False)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=dies_in, at=at, most_pages=most_pages)
    server.org.set_field_visible("Account", "Industry", visible=True)
    fields = [*FIELDS, "Industry"]
    run = {"fields": ",".join(fields), "most_pages": most_pages}
    # It is killed again, once it has repeated the batch that the first run was at.
    with suppress(KilledError):
        available_now(server, kept, dies_in=dies_in + 1, **run)
    available_now(server, kept, **run)
    expected = expected_records(server, "Account", fields=fields)
    # Some records are there twice: first without the field.
    latest = {record["Id"]: record for record in kept.records}
    assert_same_records(plain([*latest.values()]), expected)
    assert len(created(server)) > 1


def test_an_unfinished_job_is_read_as_it_was_asked(
    start_sandbox: StartSandbox,
) -> None:
    server = start_sandbox(**SMALL)
    kept = Checkpoint()
    with pytest.raises(KilledError):
        available_now(server, kept, dies_in=2)
    available_now(server, kept, fields="SystemModstamp,Id")
    assert [set(row) for row in kept.sink[2]] == [{"Id", "SystemModstamp"}] * 10
    assert len(created(server)) == 1
