"""What a stream keeps in the state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.jobs.query import Query, QueryJob
from tap_sfbulk_pages.reading.state import entry as stream_state
from tap_sfbulk_pages.reading.state import saved_reads

JOB = QueryJob("750000000000001AAA", "62.0", state="JobComplete", records=9)
KEY = "SystemModstamp"
QUERY = Query("SELECT Id FROM Account", include_deleted=True)


def saved_state(*, in_series: bool = False) -> dict[str, Any]:
    progress = JobProgress()
    progress.list_group(None, ["a", "b"], "/next")
    progress.finish("b", records=4, maximum="2026-01-01T00:00:00.000Z")
    state: dict[str, Any] = {"replication_key": "SystemModstamp", "replication_key_value": "x"}
    saved_reads.save_job(
        state, JOB, QUERY, replication_key=KEY, in_series=in_series, progress=progress
    )
    return state


@pytest.mark.parametrize("in_series", [True, False])
def test_a_job_is_read_back_as_it_was_saved(*, in_series: bool) -> None:
    state = json.loads(json.dumps(saved_state(in_series=in_series)))
    saved = saved_reads.saved_job(state)
    assert saved
    assert (saved.id, saved.api_version, saved.in_series) == (JOB.id, "62.0", in_series)
    assert saved.fingerprint == QUERY.fingerprint
    assert saved.progress.save() == {
        "next_records_url": None,
        "locators_done": ["b"],
        "locators_before": [],
        "records_done": 4,
        "replication_key_maximum": "2026-01-01T00:00:00.000Z",
    }
    assert saved_reads.has_job(state)


def test_saving_and_forgetting_leave_the_bookmark_alone() -> None:
    state = saved_state()
    saved_reads.forget_job(state)
    saved_reads.forget_job(state)
    assert state == {
        "replication_key": "SystemModstamp",
        "replication_key_value": "x",
        "query_job": None,
        "rest_query": None,
    }
    assert saved_reads.saved_job(state) is None
    assert not saved_reads.has_job(state)


def test_a_finished_job_is_known_again_when_a_merge_brings_it_back() -> None:
    state = saved_state()
    older = json.loads(json.dumps(state))
    saved_reads.finish_job(state, JOB)
    merged = {**state, "query_job": older["query_job"]}
    assert saved_reads.saved_job(merged) is None
    assert not saved_reads.has_job(merged)
    assert saved_reads.saved_job(older) is not None


@pytest.mark.parametrize(
    ("replication_key", "is_answered"), [("SystemModstamp", True), ("CreatedDate", False)]
)
def test_a_job_is_of_its_replication_key(replication_key: str, *, is_answered: bool) -> None:
    saved = saved_reads.saved_job(saved_state())
    assert saved
    assert saved.answers(QUERY.fingerprint, replication_key) is is_answered
    assert not saved.answers("another query", KEY)


def test_a_job_of_an_earlier_release_is_read_on_for_any_replication_key() -> None:
    state = saved_state()
    del state["query_job"]["replication_key"]
    saved = saved_reads.saved_job(state)
    assert saved
    assert saved.answers(QUERY.fingerprint, "CreatedDate")
    assert saved.may_be_over


def test_a_saved_form_is_a_snapshot() -> None:
    state: dict[str, Any] = {}
    progress = JobProgress()
    progress.list_group(None, ["a"], None)
    saved_reads.save_job(
        state, JOB, QUERY, replication_key=None, in_series=False, progress=progress
    )
    before = json.dumps(state)
    progress.finish("a", records=1, maximum=None)
    assert json.dumps(state) == before


def test_bookmarks() -> None:
    state: dict[str, Any] = {}
    assert stream_state.bookmark(state, "SystemModstamp") is None
    stream_state.set_bookmark(state, "SystemModstamp", "2026-01-01T00:00:00.000Z", None)
    assert stream_state.bookmark(state, "SystemModstamp") == "2026-01-01T00:00:00.000Z"
    assert stream_state.bookmark(state, "CreatedDate") is None
    assert stream_state.bookmark(state, None) is None


@pytest.mark.parametrize(
    "broken",
    [
        5,
        "750",
        [],
        True,
        {},
        {"id": ""},
        {"id": None},
        {"id": 750},
        {"api_version": 62.0},
        {"query": None},
        {"records_done": "4"},
        {"locators_done": None},
        {"next_records_url": "http://["},
    ],
)
def test_a_broken_job_is_refused(broken: Any) -> None:
    sound = saved_state()["query_job"]
    job = {**sound, **broken} if isinstance(broken, dict) and broken else broken
    with pytest.raises(StateError):
        saved_reads.saved_job({"query_job": job})


@pytest.mark.parametrize("name", ["id", "api_version", "query", "records_done", "locators_done"])
def test_a_job_that_lacks_something_is_refused(name: str) -> None:
    job = saved_state()["query_job"]
    del job[name]
    with pytest.raises(StateError):
        saved_reads.saved_job({"query_job": job})


def test_another_query_has_another_fingerprint() -> None:
    others = [
        Query("SELECT Id FROM Account", include_deleted=False),
        Query("SELECT Id FROM Contact", include_deleted=True),
        QUERY,
    ]
    assert len({query.fingerprint for query in others}) == 3
    # Kept in states of users: it must stay what it is.
    assert QUERY.fingerprint == Query("SELECT Id FROM Account", include_deleted=True).fingerprint
    assert "SELECT" not in json.dumps(saved_state())
