"""Conditions compared: what finds more, and what gains records with time."""

from __future__ import annotations

import pytest

from tap_sfbulk_pages.soql.conditions import (
    finds_no_more,
    gains_with_time,
    has_relative_date,
    normalize,
)


@pytest.mark.parametrize(
    ("today", "before"),
    [
        ("A = 1", None),
        ("A = 1", "A = 1"),
        ("a  =1", "A = 1"),
        ("(A = 1)", "A = 1"),
        ("A = 'x' and B = 2", "A = 'x'"),
        ("B = 2 AND A = 'x'", "A = 'x' AND B = 2"),
        ("B = 2 AND ((A = 'x' OR C = 3))", "(a = 'x' or c = 3)"),
    ],
)
def test_what_finds_no_more(today: str, before: str | None) -> None:
    assert finds_no_more(today, before)


@pytest.mark.parametrize(
    ("today", "before"),
    [
        (None, "A = 1"),
        ("A = 2", "A = 1"),
        ("A = 'X'", "A = 'x'"),
        ("A = 1", "A = 1 AND B = 2"),
        ("A = 1 OR B = 2", "A = 1"),
        ("A = 1 AND B = 2 OR C = 3", "A = 1"),
        ("NOT A = 1", "A = 1"),
    ],
)
def test_what_may_find_more(today: str | None, before: str) -> None:
    assert not finds_no_more(today, before)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A  =  'x  y'\n AND B=1", "A = 'x  y' AND B=1"),
        (" ( ( A = 1 ) ) ", "A = 1"),
        ("(A = 1) OR (B = 2)", "(A = 1) OR (B = 2)"),
    ],
)
def test_conditions_are_written_with_single_spaces(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "CreatedDate = YESTERDAY",
        "CloseDate = NEXT_N_DAYS:30",
        "CloseDate = LAST_N_DAYS:30",
        "CloseDate = today",
        "CreatedDate = LAST_MONTH",
        "CreatedDate = LAST_N_WEEKS:2",
        "CloseDate < TODAY",
        "CloseDate <= NEXT_WEEK",
        "CloseDate != TODAY",
        "CloseDate IN (TODAY, TOMORROW)",
        "NOT CreatedDate > LAST_N_DAYS:30",
        "A = 1 AND (B > TODAY OR CloseDate < THIS_FISCAL_QUARTER)",
        "CreatedDate = N_DAYS_AGO:3",
    ],
)
def test_sets_that_gain_records_with_time(condition: str) -> None:
    assert has_relative_date(condition)
    assert gains_with_time(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "CreatedDate = LAST_N_DAYS:90",
        "CreatedDate = TODAY",
        "SystemModstamp=THIS_YEAR",
        "CloseDate >= LAST_N_DAYS:90",
        "CloseDate>TODAY",
        "(CreatedDate >= LAST_MONTH) AND Name = 'NOT TODAY'",
    ],
)
def test_sets_that_only_lose_records_with_time(condition: str) -> None:
    assert has_relative_date(condition)
    assert not gains_with_time(condition)


@pytest.mark.parametrize(
    "condition", [None, "A = 1", "Name = 'YESTERDAY'", "CreatedDate > 2024-01-01T00:00:00Z"]
)
def test_what_is_the_same_on_every_day(condition: str | None) -> None:
    assert not has_relative_date(condition)
    assert not gains_with_time(condition)
