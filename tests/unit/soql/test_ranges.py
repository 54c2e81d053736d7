"""Ranges: every value is in exactly one of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.soql.ranges import Range, RangeField

STAMP = RangeField("SystemModstamp")
ID = RangeField("Id", is_id=True)
A, B = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
FIRST, LAST = "0015g000000AGimAAG", "0015g00000zzzzzAAG"

EARLIEST = datetime(1700, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(2026, 1, 1, tzinfo=timezone.utc)

moments = st.integers(0, int((LATEST - EARLIEST).total_seconds())).map(
    lambda seconds: EARLIEST + timedelta(seconds=seconds)
)
ids = st.text(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=9, max_size=9
)


@pytest.mark.parametrize(
    ("field", "part", "condition"),
    [
        (STAMP, Range(), None),
        (STAMP, Range(A), f"SystemModstamp >= {A}"),
        (STAMP, Range(None, B), f"(SystemModstamp < {B} OR SystemModstamp = null)"),
        (STAMP, Range(A, B), f"SystemModstamp >= {A} AND SystemModstamp < {B}"),
        (ID, Range(None, "x"), "Id < 'x'"),
        (ID, Range("a", "x"), "Id >= 'a' AND Id < 'x'"),
    ],
)
def test_conditions(field: RangeField, part: Range, condition: str | None) -> None:
    assert field.condition(part) == condition


def test_a_cut_keeps_the_ends() -> None:
    assert Range("a", "z").cut(["m", "p"]) == [Range("a", "m"), Range("m", "p"), Range("p", "z")]
    assert Range().cut(["m"]) == [Range(None, "m"), Range("m", None)]
    assert Range("a").cut([]) == [Range("a")]


@given(moments, moments, st.integers(2, 50))
def test_bounds_of_moments_leave_a_value_on_either_side(
    one: datetime, other: datetime, pieces: int
) -> None:
    least, greatest = sorted((one, other))
    bounds = STAMP.bounds(format_literal(least, {}), format_literal(greatest, {}), pieces)
    assert bounds == sorted(set(bounds))
    assert len(bounds) < pieces
    assert all(least < parse_datetime(bound) <= greatest for bound in bounds)
    if greatest - least >= timedelta(seconds=pieces):
        assert len(bounds) == pieces - 1


@given(ids, ids, st.integers(2, 50))
def test_bounds_of_ids_leave_a_value_on_either_side(one: str, other: str, pieces: int) -> None:
    least, greatest = sorted((f"0015g0{one}", f"0015g0{other}"))
    bounds = ID.bounds(f"{least}AAA", f"{greatest}AAA", pieces)
    assert bounds == sorted(set(bounds))
    assert all(least < bound <= greatest and len(bound) == 15 for bound in bounds)


def test_pieces_are_of_one_width() -> None:
    assert STAMP.bounds("2026-01-01T00:00:00.000+0000", "2026-01-05T00:00:00.000+0000", 4) == [
        f"2026-01-0{day}T00:00:00.000Z" for day in (2, 3, 4)
    ]
    assert ID.bounds("001000000000000AAA", "0010000000000z0AAA", 2) == ["0010000000000UV"]


def test_the_future_is_not_cut() -> None:
    bounds = STAMP.bounds(A, "2999-01-01T00:00:00.000Z", 4)
    assert len(bounds) == 3
    assert parse_datetime(bounds[-1]) < datetime.now(timezone.utc)
    assert STAMP.bounds("2998-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", 4) == []


@pytest.mark.parametrize("same", [A, "2026-01-01T00:00:00.000+0000"])
def test_one_value_cannot_be_cut(same: str) -> None:
    assert STAMP.bounds(same, same, 4) == []
    assert ID.bounds(FIRST, FIRST, 4) == []
