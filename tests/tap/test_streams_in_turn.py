"""Streams are described, made and freed as their turn comes, however many there are."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from singer_sdk.helpers._state import StateWriter
from singer_sdk.io_base import SingerWriter
from singer_sdk.plugin_base import _ConfigInput
from tap_process import config_for, metadata_of

from sfbulk_sandbox.state import org
from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.singer.output import StateLines
from tap_sfbulk_pages.singer.streams.stream import BulkStream
from tap_sfbulk_pages.singer.tap import TapSFBulkPages

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from singer_sdk.helpers.types import TapState
    from tap_process import Tap

    from sfbulk_sandbox import SandboxServer

# Three groups of describes, the last not full.
NAMES = [f"Many{number:02}__c" for number in range(60)]
OBJECTS = "Many*__c"
JOBS_AHEAD = 2


@pytest.fixture
def start_many(monkeypatch: pytest.MonkeyPatch, start_sandbox: StartSandbox) -> StartSandbox:
    """Start a sandbox whose org has many small objects."""
    (empty,) = (each for each in org._SOBJECTS if each.name == "Empty__c")
    many = [
        replace(empty, name=name, key_prefix=f"b{number:02}") for number, name in enumerate(NAMES)
    ]
    monkeypatch.setattr(org, "_SOBJECTS", (*org._SOBJECTS, *many))
    return lambda **scenario: start_sandbox(rows=dict.fromkeys(NAMES, 2), **scenario)


def config_of(server: SandboxServer, **settings: Any) -> dict[str, Any]:
    return config_for(server, OBJECTS, max_concurrent_jobs=JOBS_AHEAD, **settings)


def places_of(server: SandboxServer, *places: str) -> list[str]:
    return [each.place for each in server.calls if each.place in places]


def streams_alive() -> int:
    gc.collect()
    return sum(isinstance(each, BulkStream) for each in gc.get_objects())


@pytest.mark.parametrize("has_catalog", [True, False])
def test_the_first_job_is_made_before_all_objects_are_described(
    tap: Tap, start_many: StartSandbox, *, has_catalog: bool
) -> None:
    server = start_many()
    catalog = tap.catalog(config_of(server)) if has_catalog else None
    before = len(places_of(server, "composite"))
    run = tap(config_of(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.streams == set(NAMES)
    for name in NAMES:
        assert_same_records(run.records(name), expected_records(server, name))
    places = places_of(server, "composite", "create")[before:]
    assert [n for n, place in enumerate(places) if place == "composite"] == [0, 26, 52]
    assert len(places) == 63


def test_the_entries_of_a_catalog_apply_to_their_streams(
    tap: Tap, start_many: StartSandbox
) -> None:
    server = start_many()
    catalog = tap.catalog(config_of(server))
    for number, entry in enumerate(catalog["streams"]):
        metadata = metadata_of(entry)
        metadata[()]["selected"] = number % 2 == 0
        metadata["properties", "Name"]["selected"] = number % 4 == 0
        if number % 3 == 0:
            entry["replication_method"] = "FULL_TABLE"
    run = tap(config_of(server), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert run.streams == set(NAMES[::2])
    for number in range(0, 60, 2):
        name = NAMES[number]
        assert ("Name" in run.schema(name)["schema"]["properties"]) == (number % 4 == 0)
        assert all(("Name" in record) == (number % 4 == 0) for record in run.records(name))
        assert ("replication_key_value" in run.bookmark(name)) == (number % 3 != 0)


def test_streams_that_have_been_read_are_let_go(
    start_many: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    server = start_many()
    alive: list[int] = []
    mapped: list[int] = []

    def counted(tap: TapSFBulkPages, lines: bytes) -> None:
        write_lines(tap, lines)
        mapped.append(len(tap.mapper.stream_maps))
        if len(mapped) % 20 == 0:
            alive.append(streams_alive())

    write_lines = TapSFBulkPages.write_lines
    monkeypatch.setattr(TapSFBulkPages, "write_lines", counted)
    # The sandbox's jobs are complete at once; only the pauses before asking would be left.
    monkeypatch.setattr(query_jobs, "SHORTEST_POLL_SECONDS", 0.02)
    # What is there already is neither looked through nor counted.
    gc.freeze()
    try:
        TapSFBulkPages.invoke(config=_ConfigInput(config_of(server)))
    finally:
        gc.unfreeze()
    assert capsysbinary.readouterr().out.count(b'"type":"SCHEMA"') == len(NAMES)
    assert len(alive) > 5
    assert 0 < max(alive) <= JOBS_AHEAD + 1
    assert max(mapped) <= JOBS_AHEAD + 1


def test_streams_with_a_saved_job_come_first(tap: Tap, start_many: StartSandbox) -> None:
    server = start_many()
    server.add_fault(place="page", kind="status", status=403, match={"sobject": NAMES[-1]})
    first = tap(config_of(server))
    assert "query_job" in first.bookmark(NAMES[-1])
    seen = len(server.calls)
    second = tap(config_of(server), state=first.state)
    assert second.exit_code == 0, second.stderr
    assert_same_records(second.records(NAMES[-1]), expected_records(server, NAMES[-1]))
    read = [each.sobject for each in server.calls[seen:] if each.place in ("poll", "create")]
    assert read[0] == NAMES[-1]


def test_streams_that_are_left_for_a_later_run_are_named_and_not_described(
    tap: Tap, start_many: StartSandbox
) -> None:
    server = start_many(daily_query_jobs={"max": 10, "used": 7})
    run = tap(config_of(server))
    assert run.exit_code == 1
    summary = run.stderr[run.stderr.rindex("Error: ") :]
    assert run.streams >= set(NAMES[:3])
    assert NAMES[-1] in summary.partition("Not begun: ")[2].partition("\n")[0]
    assert "57 of 60 streams were not read to their end." in summary
    assert places_of(server, "composite") == ["composite"]


def test_a_call_for_describes_that_fails_stops_its_objects_alone(
    tap: Tap, start_many: StartSandbox
) -> None:
    server = start_many()
    server.add_fault(place="composite", kind="status", status=403, first=2)
    run = tap(config_of(server))
    assert run.exit_code == 1
    assert run.streams == {*NAMES[:25], *NAMES[50:]}
    assert "25 of 60 streams were not read to their end." in run.stderr
    assert f"Failed: {NAMES[25]}: " in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("has_catalog", [True, False])
def test_stream_maps_are_tried_before_anything_is_read(
    tap: Tap, start_many: StartSandbox, *, has_catalog: bool
) -> None:
    server = start_many()
    catalog = tap.catalog(config_of(server)) if has_catalog else None
    run = tap(config_of(server, stream_maps={"Many5*": {"x": "Id +"}}), catalog=catalog)
    assert run.exit_code == 1
    assert "Error: Wrong settings:\n  stream_maps: " in run.stderr
    assert run.messages == []
    assert places_of(server, "create") == []


@pytest.mark.parametrize("has_catalog", [True, False])
def test_stream_maps_find_their_streams(
    tap: Tap, start_many: StartSandbox, *, has_catalog: bool
) -> None:
    server = start_many()
    catalog = tap.catalog(config_of(server)) if has_catalog else None
    maps: dict[str, Any] = {
        "Many4*": {"__alias__": "'mapped_' + __stream_name__"},
        "copy": {"__source__": NAMES[30], "shout": "Name.upper()"},
        NAMES[41]: None,
        "__else__": None,
    }
    run = tap(config_of(server, stream_maps=maps), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    mapped = {f"mapped_{name}" for name in NAMES[40:50] if name != NAMES[41]}
    assert run.streams == {"copy", *mapped}
    names = {each["Name"].upper() for each in expected_records(server, NAMES[30])}
    assert {record["shout"] for record in run.records("copy")} == names


def test_a_catalog_that_spells_an_object_otherwise_is_told(
    tap: Tap, start_many: StartSandbox
) -> None:
    server = start_many()
    catalog = tap.catalog(config_of(server))
    for entry in catalog["streams"][:-2]:
        metadata_of(entry)[()]["selected"] = False
    catalog["streams"][-1]["tap_stream_id"] = catalog["streams"][-1]["stream"] = NAMES[-1].lower()
    run = tap(config_of(server), catalog=catalog)
    assert run.exit_code == 1
    assert run.streams == {NAMES[-2]}
    assert f"Failed: {NAMES[-1].lower()}: Salesforce spells it {NAMES[-1]}" in run.stderr


def test_states_are_written_as_the_sdk_would(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    state: TapState = {"bookmarks": {"Änderung": {"replication_key_value": "2026"}}}
    lines: list[bytes] = []
    for writer in (StateLines(lines.append), StateWriter(SingerWriter())):
        writer.write_state(state)
        writer.write_state(json.loads(json.dumps(state)))
        state["bookmarks"]["Änderung"]["replication_key_value"] += "-01"
        writer.write_state(state)
        state["bookmarks"]["Änderung"]["replication_key_value"] = "2026"
    assert b"".join(lines) == capsysbinary.readouterr().out
    assert len(lines) == 2
