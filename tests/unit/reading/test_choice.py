"""How an object is read, as far as that is known before Salesforce is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from object_questions import BOOKMARK, SOBJECT, ask, settings_of

from tap_sfbulk_pages.reading.choice import Choice, choose
from tap_sfbulk_pages.reading.state.saved_reads import SavedRestQuery, save_rest_query

JOB: dict[str, Any] = {
    "id": "750000000000001AAA",
    "api_version": "62.0",
    "query": "another",
    "next_records_url": None,
    "locators_done": [],
    "records_done": 0,
    "replication_key_maximum": None,
}


def chosen(
    state: dict[str, Any] | None = None, *, is_replicated: bool = True, **given: Any
) -> Choice:
    """Choose; settings and what is asked for may be given together."""
    asked = {name: given.pop(name) for name in ("key", "limit") if name in given}
    question = ask(state=state, **asked, **given)
    sobject = replace(SOBJECT, is_replicated=is_replicated)
    question = replace(question, selection=replace(question.selection, sobject=sobject))
    return choose(question, settings_of(**given), state or {})


def saved_ranges(query: str) -> dict[str, Any]:
    part = {"from": None, "until": None}
    return {"ranges": {"query": query, "cut_at": "2025-01-01T00:00:00+00:00", "parts": [part]}}


@pytest.mark.parametrize(
    ("given", "may_cut"),
    [
        ({}, True),
        ({"key": None}, True),
        ({"key": "Day__c"}, False),
        ({"limit": 1}, False),
        ({"split_jobs": False}, False),
    ],
)
def test_only_what_keeps_its_order_is_cut(given: dict[str, Any], *, may_cut: bool) -> None:
    assert chosen(**given).may_cut == may_cut
    assert chosen(**given).may_cut_by_size == may_cut


def test_only_a_first_load_is_cut_by_size() -> None:
    assert not chosen(dict(BOOKMARK)).may_cut_by_size
    assert chosen(dict(BOOKMARK)).may_cut
    assert not chosen({"query_job": JOB}).may_cut_by_size


def test_what_an_earlier_run_has_begun_is_read_on() -> None:
    own = saved_ranges(ask().query.write().fingerprint)
    assert chosen(own).is_begun
    assert not chosen(saved_ranges("another")).is_begun
    assert chosen({**saved_ranges("another"), "query_job": JOB}).is_begun
    assert not chosen({"query_job": None}).is_begun
    assert not chosen({"query_job": JOB}, small_objects_through_rest=True).takes_small
    assert chosen(small_objects_through_rest=True).takes_small


def test_a_query_through_rest_goes_on_if_the_settings_allow_it() -> None:
    state: dict[str, Any] = {}
    save_rest_query(state, SavedRestQuery("another", "/query/0r8-2", 5, None, None, None))
    assert chosen(state).begins_through_rest
    assert not chosen(state, fallback_to_rest=False).begins_through_rest
    both = {"fallback_to_rest": False, "small_objects_through_rest": True}
    assert chosen(state, **both).begins_through_rest


def test_deletes_are_tracked_where_salesforce_logs_them() -> None:
    assert chosen(track_hard_deletes=True).tracks_deletes
    assert not chosen().tracks_deletes
    assert not chosen(track_hard_deletes=True, is_replicated=False).tracks_deletes
    assert not chosen(track_hard_deletes=True, limit=1).tracks_deletes
