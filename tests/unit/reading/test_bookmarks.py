"""Bookmarks and bounds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state.bookmarks import (
    Incremental,
    cap_maximum,
    move_bookmark,
    parse_bookmark,
)
from tap_sfbulk_pages.settings import Settings

KEY = "SystemModstamp"
NOON = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)
DATETIME, DATE = {"format": "date-time"}, {"format": "date"}
# What Salesforce can store.
MOMENTS = st.datetimes(
    datetime(1700, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(4000, 12, 31),  # noqa: DTZ001 - the same
    timezones=st.just(timezone.utc),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


def bulk(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T12:00:00.000Z",
        "2024-03-01T12:00:00Z",
        "2024-03-01T12:00:00.0Z",
        "2024-03-01T12:00:00.000000Z",
        "2024-03-01T12:00:00.000+0000",
        "2024-03-01T14:00:00.000+0200",
        "2024-03-01T14:00:00+02:00",
        "2024-03-01T12:00:00",
        " 2024-03-01T12:00:00Z ",
    ],
)
def test_every_way_to_write_a_moment(text: str) -> None:
    assert parse_datetime(text) == NOON


def test_a_date_is_its_midnight() -> None:
    assert parse_datetime("2024-03-01") == NOON.replace(hour=0)


@given(MOMENTS)
def test_a_bookmark_is_read_as_it_was_written(moment: datetime) -> None:
    assert format_literal(parse_datetime(bulk(moment)), DATETIME) == bulk(moment)
    assert parse_bookmark(bulk(moment)) == moment


def test_literals() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=14)))
    assert format_literal(east, DATETIME) == "2024-03-01T12:00:00.000Z"
    assert format_literal(NOON, DATE) == "2024-03-01"


def test_lower_bounds() -> None:
    def bound(bookmark: str | None, **settings: Any) -> str | None:
        config = {"instance_url": "https://acme.my.salesforce.com", "access_token": "t"}
        incremental = Incremental(KEY, DATETIME, {}, bookmark)
        return incremental.bound(Settings.parse({**config, **settings}))

    start = "2020-01-01T00:00:00Z"
    assert bound(None) is None
    assert bound(None, start_date=start) == "2020-01-01T00:00:00.000Z"
    assert bound("2024-03-01T12:00:00.000Z", start_date=start) == "2024-03-01T11:55:00.000Z"
    assert bound("2024-03-01T12:00:00.000Z", lookback_seconds=0) == "2024-03-01T12:00:00.000Z"


@pytest.mark.parametrize(
    "bookmark",
    ["", "soon", "2024-13-01", 5, [], {"a": 1}, True, "0001-01-01T00:00:00+14:00", "0001-01-01"],
)
def test_a_bookmark_that_is_no_date_is_refused(bookmark: Any) -> None:
    with pytest.raises(StateError, match="replication_key_value"):
        parse_bookmark(bookmark, timedelta(seconds=300))


@pytest.mark.parametrize(
    ("before", "maximum", "after"),
    [
        (None, None, None),
        ("2024-01-01T00:00:00.000Z", None, "2024-01-01T00:00:00.000Z"),
        (None, "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"),
        ("2023-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"),
        ("2024-02-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z", "2024-02-01T00:00:00.000Z"),
        (None, "2099-01-01T00:00:00.000Z", "2024-03-01T12:00:00.000Z"),
        ("2024-02-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "2024-03-01T12:00:00.000Z"),
    ],
)
def test_bookmark_never_goes_back_nor_into_the_future(
    before: str | None, maximum: str | None, after: str | None
) -> None:
    assert move_bookmark(before, maximum, now=NOON, schema=DATETIME) == after


def test_a_bookmark_in_the_present_stops_at_its_second() -> None:
    now = NOON.replace(microsecond=78_000)
    future = "2099-01-01T00:00:00.000Z"
    assert move_bookmark(None, future, now=now, schema=DATETIME) == "2024-03-01T12:00:00.000Z"


def test_a_date_in_the_future_stops_at_today() -> None:
    assert move_bookmark(None, "2099-01-01", now=NOON, schema=DATE) == "2024-03-01"


@pytest.mark.parametrize(
    ("maximum", "asked_at", "held"),
    [
        (None, "2024-01-01T00:00:00.000+0000", None),
        ("2024-01-01T00:00:00.400Z", None, "2024-01-01T00:00:00.400Z"),
        ("2024-01-01T00:00:00.400Z", "no date", "2024-01-01T00:00:00.400Z"),
        ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.400Z", "2024-01-01T00:00:00.000Z"),
        ("2024-01-01T00:00:01.000Z", "2024-01-01T00:00:00.400Z", "2024-01-01T00:00:00.000Z"),
        ("2024-01-01T00:09:00.000Z", "2024-01-01T00:00:00.000+0000", "2024-01-01T00:00:00.000Z"),
        ("2024-01-09", "2024-01-01T12:00:00.000+0000", "2024-01-01"),
    ],
)
def test_a_maximum_goes_no_further_than_its_query(
    maximum: str | None, asked_at: str | None, held: str | None
) -> None:
    assert cap_maximum(maximum, asked_at) == held
