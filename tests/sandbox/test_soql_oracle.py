"""SOQL against SQLite: generated conditions and orders over generated rows.

SQLite shares no code with the sandbox. Each condition is drawn once and written twice, as SOQL and
as SQL; what SOQL does with null, letters and days is spelled out in the SQL.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.sobjects.definitions import FieldDefinition, ObjectDefinition
from sfbulk_sandbox.state.org import Org

Row = dict[str, Any]
PROBE = ObjectDefinition(
    fields={
        "Text__c": FieldDefinition(type="string", length=80),
        "Colours__c": FieldDefinition(type="multipicklist", values=("red", "green", "blue")),
        "Number__c": FieldDefinition(type="double", precision=18, scale=4),
        "Whole__c": FieldDefinition(type="int"),
        "Flag__c": FieldDefinition(type="boolean"),
        "Day__c": FieldDefinition(type="date"),
        "Moment__c": FieldDefinition(type="datetime"),
        "Parent__c": FieldDefinition(type="reference", to="Probe__c"),
    }
)
TODAYS = [date(2025, 5, 14), date(2024, 2, 29), date(2025, 12, 31), date(2023, 1, 1)]
TEXTS = ["a", "A", "b", "ab", "Ab%", "a_b", "straße", "STRASSE", "É", "é", "東京", "Z", "%", "it's"]
NUMBERS = [-2.5, 0.0, 1.0, 1.5, 10_000_000.0, 123_456.789]
COLOURS = ["red", "green", "blue", "red;green", "green;blue", "red;green;blue"]


@cache
def edges(today: date) -> list[date]:
    """Return the days at which weeks, months and years around a day begin, and those before."""
    days = [today + timedelta(days=distance) for distance in range(-800, 800)]
    first = [day for day in days if day.day == 1]
    sundays = [day for day in days if day.isoweekday() == 7 and abs((day - today).days) < 25]
    near = [day for day in days if abs((day - today).days) < 4]
    return [each for day in [*first, *sundays, *near] for each in (day, day - timedelta(days=1))]


def days_around(today: date) -> st.SearchStrategy[date]:
    far = st.integers(-800, 800).map(lambda days: today + timedelta(days=days))
    return st.one_of(st.sampled_from(edges(today)), st.sampled_from(edges(today)), far)


def moments_around(today: date) -> st.SearchStrategy[datetime]:
    times = st.sampled_from([time(0), time(23, 59, 59), time(12, 30, 5)])
    return st.builds(
        lambda day, at: datetime.combine(day, at, timezone.utc), days_around(today), times
    )


@cache
def row_of(today: date) -> st.SearchStrategy[Row]:
    def sometimes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(st.none(), values, values)

    return st.fixed_dictionaries(
        {
            "Text__c": sometimes(st.sampled_from(TEXTS)),
            "Colours__c": sometimes(st.sampled_from(COLOURS)),
            "Number__c": sometimes(st.sampled_from(NUMBERS)),
            "Whole__c": sometimes(st.integers(-3, 3)),
            "Flag__c": st.booleans(),
            "Day__c": sometimes(days_around(today)),
            "Moment__c": sometimes(moments_around(today)),
            "parent": sometimes(st.integers(0, 20)),
        }
    )


@dataclass(frozen=True)
class Written:
    """The same condition, or order, in both languages."""

    soql: str
    sql: str
    values: tuple[Any, ...] = ()


def first_of(unit: str, number: int) -> str:
    """Return SQL for the first day of a month, quarter or year, counted from the one of today."""
    start = {
        "MONTH": "date(:today, 'start of month')",
        "QUARTER": (
            "date(:today, 'start of month', "
            "'-' || ((CAST(strftime('%m', :today) AS INTEGER) - 1) % 3) || ' months')"
        ),
        "YEAR": "date(:today, 'start of year')",
        "WEEK": "date(:today, '-6 days', 'weekday 0')",
        "DAY": "date(:today)",
    }[unit]
    step = {"MONTH": "months", "QUARTER": "months", "YEAR": "years", "WEEK": "days", "DAY": "days"}
    size = {"QUARTER": 3, "WEEK": 7}.get(unit, 1)
    return f"date({start}, '{number * size:+d} {step[unit]}')"


@cache
def periods() -> dict[str, tuple[str, str]]:
    """Return words for days, each with SQL for its first day and for the day behind it."""
    found = {
        "YESTERDAY": (first_of("DAY", -1), first_of("DAY", 0)),
        "TODAY": (first_of("DAY", 0), first_of("DAY", 1)),
        "TOMORROW": (first_of("DAY", 1), first_of("DAY", 2)),
        "LAST_N_DAYS:3": (first_of("DAY", -3), first_of("DAY", 1)),
        "LAST_90_DAYS": (first_of("DAY", -90), first_of("DAY", 1)),
        "NEXT_N_DAYS:3": (first_of("DAY", 1), first_of("DAY", 4)),
        "N_DAYS_AGO:2": (first_of("DAY", -2), first_of("DAY", -1)),
    }
    for unit in ("WEEK", "MONTH", "QUARTER", "YEAR"):
        found[f"LAST_{unit}"] = (first_of(unit, -1), first_of(unit, 0))
        found[f"THIS_{unit}"] = (first_of(unit, 0), first_of(unit, 1))
        found[f"NEXT_{unit}"] = (first_of(unit, 1), first_of(unit, 2))
        found[f"LAST_N_{unit}S:2"] = (first_of(unit, -2), first_of(unit, 0))
        found[f"NEXT_N_{unit}S:2"] = (first_of(unit, 1), first_of(unit, 3))
        found[f"N_{unit}S_AGO:2"] = (first_of(unit, -2), first_of(unit, -1))
    for unit in ("QUARTER", "YEAR"):
        found[f"THIS_FISCAL_{unit}"] = found[f"THIS_{unit}"]
    return found


def column_of(field: str) -> str:
    """Return the column of a field, of the record itself or of its parent."""
    parent, _, name = field.rpartition(".")
    return f"{'parent' if parent else 'own'}.{name}"


def opposite_if(negated: bool, condition: str) -> str:  # noqa: FBT001 - reads as prose
    return f"NOT ({condition})" if negated else condition


def compare(field: str, operator: str, literal: str, value: Any) -> Written:
    """Write a comparison: one with an empty cell is false, and its opposite true."""
    column = column_of(field)
    if value is None:
        test = f"{column} IS NULL"
    else:
        test = f"COALESCE({column} {operator.replace('!=', '=')} ?, 0)"
    sql = opposite_if(operator == "!=", test)
    return Written(f"{field} {operator} {literal}", sql, () if value is None else (value,))


def compare_period(field: str, operator: str, word: str) -> Written:
    column = column_of(field)
    start, end = periods()[word]
    if field.endswith("Moment__c"):
        start, end = f"{start} || 'T00:00:00'", f"{end} || 'T00:00:00'"
    tests = {
        "=": f"{column} >= {start} AND {column} < {end}",
        "<": f"{column} < {start}",
        "<=": f"{column} < {end}",
        ">": f"{column} >= {end}",
        ">=": f"{column} >= {start}",
    }
    test = f"COALESCE({tests['=' if operator == '!=' else operator]}, 0)"
    return Written(f"{field} {operator} {word}", opposite_if(operator == "!=", test))


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def conditions_for(today: date) -> st.SearchStrategy[Written]:
    """Return conditions on one field."""
    of_parent = st.sampled_from(["", "", "Parent__r."])
    equality = st.sampled_from(["=", "!="])
    ordering = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    words = st.sampled_from(sorted(periods()))

    def pick(name: str) -> st.SearchStrategy[str]:
        return of_parent.map(lambda parent: f"{parent}{name}")

    def text_in(field: str, texts: list[str | None], negated: bool) -> Written:  # noqa: FBT001
        named = [text for text in texts if text is not None]
        marks = ", ".join("?" * len(named)) or "NULL"
        test = f"COALESCE({column_of(field)} IN ({marks}), 0)"
        if None in texts:
            test = f"({test} OR {column_of(field)} IS NULL)"
        soql = ", ".join("null" if text is None else quoted(text) for text in texts)
        word = "NOT IN" if negated else "IN"
        return Written(f"{field} {word} ({soql})", opposite_if(negated, test), tuple(named))

    def chosen(field: str, choices: list[str], negated: bool) -> Written:  # noqa: FBT001
        all_of = [
            " AND ".join(f"instr(';' || {column_of(field)} || ';', ?)" for _ in choice.split(";"))
            for choice in choices
        ]
        values = tuple(f";{part};" for choice in choices for part in choice.split(";"))
        test = f"COALESCE({' OR '.join(f'({each})' for each in all_of)}, 0)"
        word = "EXCLUDES" if negated else "INCLUDES"
        listed = ", ".join(map(quoted, choices))
        return Written(f"{field} {word} ({listed})", opposite_if(negated, test), values)

    texts = st.sampled_from(TEXTS)
    return st.one_of(
        st.builds(lambda f, o, t: compare(f, o, quoted(t), t), pick("Text__c"), ordering, texts),
        st.builds(
            lambda f, o, t: compare(f, o, t, None),
            st.sampled_from(["Text__c", "Number__c", "Day__c", "Moment__c", "Parent__r.Text__c"]),
            equality,
            st.just("null"),
        ),
        st.builds(lambda f, o: compare(f, o, "''", None), pick("Text__c"), equality),
        st.builds(
            lambda f, p: Written(
                f"{f} LIKE {quoted(p)}", f"COALESCE(is_like({column_of(f)}, ?), 0)", (p,)
            ),
            pick("Text__c"),
            st.sampled_from(["a%", "%B", "_", "%É%", "st%e", "a_%", "A_B", "%"]),
        ),
        st.builds(
            text_in,
            pick("Text__c"),
            st.lists(st.one_of(st.none(), texts), min_size=1, max_size=3),
            st.booleans(),
        ),
        st.builds(
            lambda f, o, n: compare(f, o, repr(n), n),
            pick("Number__c"),
            ordering,
            st.sampled_from(NUMBERS),
        ),
        st.builds(
            lambda f, o, n: compare(f, o, str(n), n), pick("Whole__c"), ordering, st.integers(-3, 3)
        ),
        st.builds(
            lambda f, o, flag: Written(
                f"{f} {o} {('null', 'false', 'true')[flag]}",
                f"COALESCE({column_of(f)}, 0) {o} {max(0, flag - 1)}",
            ),
            pick("Flag__c"),
            equality,
            st.integers(0, 2),
        ),
        st.builds(
            lambda f, o, day: compare(f, o, day.isoformat(), day.isoformat()),
            pick("Day__c"),
            ordering,
            days_around(today),
        ),
        st.builds(
            lambda f, o, when, hours: compare(
                f,
                o,
                when.astimezone(timezone(timedelta(hours=hours))).isoformat(),
                f"{when:%Y-%m-%dT%H:%M:%S}",
            ),
            pick("Moment__c"),
            ordering,
            moments_around(today),
            st.sampled_from([0, 2, -7]),
        ),
        st.builds(compare_period, pick("Day__c"), ordering, words),
        st.builds(compare_period, pick("Moment__c"), ordering, words),
        st.builds(
            chosen,
            pick("Colours__c"),
            st.lists(st.sampled_from(COLOURS), min_size=1, max_size=2),
            st.booleans(),
        ),
        st.builds(
            lambda f, o, year: Written(
                f"CALENDAR_YEAR({f}) {o} {year}",
                f"COALESCE(CAST(strftime('%Y', {column_of(f)}) AS INTEGER) {o} {year}, 0)",
            ),
            st.sampled_from(["Day__c", "Moment__c"]),
            st.sampled_from(["=", "<", ">="]),
            st.just(today.year),
        ),
    )


def joined(parts: list[Written], word: str) -> Written:
    values = tuple(value for part in parts for value in part.values)
    soql, sql = (
        f" {word} ".join(f"({text})" for text in each)
        for each in zip(*((part.soql, part.sql) for part in parts), strict=True)
    )
    return Written(soql, sql, values)


@cache
def trees_for(today: date) -> st.SearchStrategy[Written]:
    return st.recursive(
        conditions_for(today),
        lambda inner: st.one_of(
            st.builds(
                joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])
            ),
            inner.map(lambda part: Written(f"NOT ({part.soql})", f"NOT ({part.sql})", part.values)),
        ),
        max_leaves=5,
    )


@st.composite
def orders(draw: st.DrawFn) -> Written:
    """Return what the rows are sorted by; their number decides between equals."""
    fields = draw(
        st.lists(
            st.sampled_from(
                ["Text__c", "Number__c", "Whole__c", "Day__c", "Moment__c", "Parent__r.Text__c"]
            ),
            max_size=2,
            unique=True,
        )
    )
    soql, sql = [], []
    for field in fields:
        direction = draw(st.sampled_from(["", "ASC", "DESC"]))
        nulls = draw(st.sampled_from(["", "NULLS FIRST", "NULLS LAST"]))
        soql.append(f"{field} {direction} {nulls}")
        last = "ASC" if nulls == "NULLS LAST" else "DESC"
        sql.append(f"{column_of(field)} IS NULL {last}, {column_of(field)} {direction}")
    return Written(", ".join([*soql, "Row__c"]), ", ".join([*sql, "own.number"]))


def is_like(text: str | None, pattern: str) -> bool | None:
    """Match a pattern of % and _, letter by letter."""
    if text is None:
        return None
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(is_like(text[start:], pattern[1:]) for start in range(len(text) + 1))
    same = bool(text) and (pattern[0] == "_" or pattern[0].lower() == text[0].lower())
    return same and bool(is_like(text[1:], pattern[1:]))


def fill_sqlite(rows: list[Row]) -> sqlite3.Connection:
    def collate(one: str, other: str) -> int:
        return (one.lower() > other.lower()) - (one.lower() < other.lower())

    connection = sqlite3.connect(":memory:")
    connection.create_collation("letters", collate)
    connection.create_function("is_like", 2, is_like)
    connection.execute(
        "CREATE TABLE probe (number INTEGER, parent INTEGER, Text__c TEXT COLLATE letters, "
        "Colours__c TEXT, Number__c REAL, Whole__c INTEGER, Flag__c INTEGER, Day__c TEXT, "
        "Moment__c TEXT)"
    )
    for number, row in enumerate(rows):
        moment = row["Moment__c"]
        values = (
            number,
            parent_of(row, number),
            *(row[name] for name in ("Text__c", "Colours__c", "Number__c", "Whole__c", "Flag__c")),
            row["Day__c"] and row["Day__c"].isoformat(),
            moment and f"{moment:%Y-%m-%dT%H:%M:%S}",
        )
        connection.execute("INSERT INTO probe VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return connection


def parent_of(row: Row, number: int) -> int | None:
    """Return which row before this one is its parent."""
    return None if row["parent"] is None or not number else row["parent"] % number


def fill_org(rows: list[Row], today: date) -> Org:
    numbered = FieldDefinition(type="int")
    probe = ObjectDefinition(fields={**PROBE.fields, "Row__c": numbered})
    now = datetime(today.year, today.month, today.day, 12, tzinfo=timezone.utc)
    org = Org(rows={"Probe__c": 0}, objects={"Probe__c": probe}, now=now)
    records = [
        {"Row__c": number, **{name: value for name, value in row.items() if name != "parent"}}
        for number, row in enumerate(rows)
    ]
    ids = org.upsert("Probe__c", records)
    links = [
        {"Id": ids[number], "Parent__c": ids[parent]}
        for number, row in enumerate(rows)
        if (parent := parent_of(row, number)) is not None
    ]
    org.upsert("Probe__c", links)
    return org


def compare_with_sqlite(
    org: Org, connection: sqlite3.Connection, condition: Written, order: Written, today: date
) -> None:
    """Ask both for the numbers of the rows that meet a condition, in an order."""
    soql = f"SELECT Row__c FROM Probe__c WHERE {condition.soql} ORDER BY {order.soql}"  # noqa: S608
    sql = (
        "SELECT own.number FROM probe own LEFT JOIN probe parent ON parent.number = own.parent "  # noqa: S608
        f"WHERE {condition.sql.replace(':today', repr(today.isoformat()))} ORDER BY {order.sql}"
    )
    result = org.query(soql, include_deleted=False, bulk=False)
    found = [record["Row__c"] for record in result.records(0, len(result))]
    expected = [number for (number,) in connection.execute(sql, condition.values)]
    assert found == expected, f"{soql}\n{sql}"


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2025, 12, 31)], ids=str)
def test_periods_begin_and_end_as_in_sqlite(today: date) -> None:
    empty: Row = dict.fromkeys(("Text__c", "Colours__c", "Number__c", "Whole__c", "parent"))
    rows = [
        {
            **empty,
            "Flag__c": False,
            "Day__c": day,
            "Moment__c": datetime.combine(day, time(0), timezone.utc),
        }
        for day in edges(today)
    ]
    org, connection = fill_org(rows, today), fill_sqlite(rows)
    unsorted = Written("Row__c", "own.number")
    for word in periods():
        for operator in ("=", "<=", ">"):
            for field in ("Day__c", "Moment__c"):
                condition = compare_period(field, operator, word)
                compare_with_sqlite(org, connection, condition, unsorted, today)
    connection.close()


@settings(max_examples=20, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(st.data())
def test_soql_finds_what_sqlite_finds(data: st.DataObject) -> None:
    today = data.draw(st.sampled_from(TODAYS))
    rows = data.draw(st.lists(row_of(today), min_size=4, max_size=25))
    org, connection = fill_org(rows, today), fill_sqlite(rows)
    for _ in range(6):
        condition, order = data.draw(trees_for(today)), data.draw(orders())
        compare_with_sqlite(org, connection, condition, order, today)
    connection.close()
