"""What is asked of an object, and what a finished answer changes in the state."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from object_questions import BOOKMARK, SOBJECT, ask

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.salesforce.schema import json_schema
from tap_sfbulk_pages.soql.ranges import Range

if TYPE_CHECKING:
    from tap_sfbulk_pages.reading.object_query import ObjectQuestion

FULL = "SELECT Id, Name FROM Thing__c"


def soql(question: ObjectQuestion) -> str:
    return question.query.write().soql


def test_a_first_load_and_what_follows() -> None:
    assert soql(ask()) == FULL
    since = soql(ask(state=dict(BOOKMARK), lookback_seconds=60))
    assert since == f"{FULL} WHERE SystemModstamp >= 2025-03-04T05:05:07.000Z"
    assert soql(ask(start_date="2024-01-01")).endswith(">= 2024-01-01T00:00:00.000Z")
    from_day = soql(ask(key="Day__c", start_date="2024-01-01"))
    assert from_day.endswith("(Day__c >= 2024-01-01 OR Day__c = null)")
    assert soql(ask(key=None, state=dict(BOOKMARK), start_date="2024-01-01")) == FULL


def test_conditions_stand_beside_each_other() -> None:
    query = ask(filters={"thing__C": "A = 1 OR B = 2"}, limit=3).query
    assert query.write().soql == f"{FULL} WHERE (A = 1 OR B = 2) LIMIT 3"
    assert query.narrow([]) is query
    narrow = query.narrow(["C = 3"]).write().soql
    assert narrow == f"{FULL} WHERE ((A = 1 OR B = 2) AND C = 3) LIMIT 3"


def test_the_order_is_that_of_the_selection_and_what_is_lost_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schemas = {**json_schema(SOBJECT)["properties"], "Gone__c": {"type": "string"}}
    with caplog.at_level(logging.WARNING):
        question = ask(["Name", "Gone__c", "Body__c", "Id"], schemas=schemas)
    assert soql(question) == "SELECT Name, Id FROM Thing__c"
    assert list(question.binary_fields) == ["Body__c"]
    assert "Gone__c" in caplog.text
    assert "Body__c" not in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"schemas": {}}, "Discover again"),
        ({"names": ["Body__c"]}, "None of the selected fields"),
        ({"key": "Name"}, "replication key Name is not a date or datetime field of Thing__c"),
        ({"key": "Gone__c"}, "replication key Gone__c"),
    ],
)
def test_what_cannot_be_asked(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ExtractionError, match=said):
        ask(**given)


def test_the_catalog_of_another_tap_says_less_of_a_key() -> None:
    schemas = {name: {"type": "string"} for name in SOBJECT.field_names}
    assert soql(ask(schemas=schemas, start_date="2024-01-01")).endswith(".000Z")


def test_a_bookmark_in_the_future_does_not_survive_a_read_from_the_beginning() -> None:
    narrower = {"filter": "Name != null", "include_deleted": True, "fields": ["Id", "Name"]}
    state: dict[str, Any] = {**BOOKMARK, "question": narrower}
    state["replication_key_value"] = "2099-01-01T00:00:00.000Z"
    question = ask(state=state)
    assert question.is_whole
    question.finish(None)
    assert parse_datetime(state["replication_key_value"]) <= datetime.now(timezone.utc)


def test_a_finished_answer_moves_the_bookmark_and_never_back() -> None:
    state = dict(BOOKMARK)
    ask(state=state).finish("2025-01-01T00:00:00.000Z")
    assert {name: state[name] for name in BOOKMARK} == BOOKMARK
    ask(state=state).finish("2025-04-01T00:00:00.000Z")
    assert state["replication_key_value"] == "2025-04-01T00:00:00.000Z"
    ask(state=state).finish("2025-06-01T00:00:00.000Z", datetime(2025, 5, 1, tzinfo=timezone.utc))
    assert state["replication_key_value"] == "2025-05-01T00:00:00.000Z"


@pytest.mark.parametrize(("days", "is_due"), [(6, False), (8, True)])
def test_formulas_are_read_in_full_when_they_are_due(days: int, *, is_due: bool) -> None:
    long_ago = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
    state: dict[str, Any] = {**BOOKMARK, "formulas_refreshed_at": long_ago}
    question = ask(["Id", "Total__c"], state=state, refresh_formula_fields="P7D")
    assert question.is_whole == is_due
    assert ("WHERE" in soql(question)) != is_due
    question.begin()
    question.finish("2025-04-01T00:00:00.000Z")
    assert (state["formulas_refreshed_at"] != long_ago) == is_due
    assert state["replication_key_value"] == "2025-04-01T00:00:00.000Z"


def test_bounds_lie_between_the_outermost_values() -> None:
    asked = []

    def fetch_json(path: str, *, parse: Any, **_: Any) -> Any:
        asked.append(path)
        value = "2025-01-01T00:00:00.000Z" if "ASC" in path else "2025-01-03T00:00:00.000Z"
        return parse({"records": [{"SystemModstamp": value}]})

    org = SimpleNamespace(client=SimpleNamespace(fetch_json=fetch_json), api_version="62.0")
    bounds = ask(include_deleted=False).query.find_bounds(cast("Any", org), Range(), 2)
    assert bounds == ["2025-01-02T00:00:00.000Z"]
    assert [path[: len("/query?")] for path in asked] == ["/query?"] * 2
