"""SOQL's words for dates, such as TODAY and LAST_N_MONTHS:3, as spans of days.

What each word covers: "Date Formats and Date Literals in WHERE" of the SOQL and SOSL Reference.
Days begin at midnight UTC, weeks on Sunday, and a fiscal year with the calendar's. A day that no
calendar has, such as that of LAST_N_YEARS:99999, is the first or the last there is.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_MONTHS_A_YEAR = 12
_MONTHS_A_QUARTER = 3
_MONTHS_IN = {"MONTH": 1, "QUARTER": _MONTHS_A_QUARTER, "YEAR": _MONTHS_A_YEAR}
_DAYS_IN = {"DAY": 1, "WEEK": 7}
_MOST_UNITS = 4_000_000
"""More days than any calendar has."""
_SINGLE_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
_RELATIVE = {"LAST": -1, "THIS": 0, "NEXT": 1}


def period(word: str, today: date) -> tuple[date, date]:
    """Return the first day of a period, and the first day after it.

    Args:
        word: In capitals, with its number: `LAST_N_DAYS:5`.
        today: The day to count from.
    """
    word = word.replace("FISCAL_", "")
    match = re.fullmatch(r"(LAST|NEXT)_(?:N_)?(?:(90)_)?(\w+)S(?::(\d+))?", word)
    if match is not None:
        count = min(int(match.group(2) or match.group(4)), _MOST_UNITS)
        return _run(today, match.group(1), match.group(3), count)
    if match := re.fullmatch(r"N_(\w+)S_AGO:(\d+)", word):
        return _units(today, match.group(1), -min(int(match.group(2)), _MOST_UNITS), 1)
    if word in _SINGLE_DAYS:
        return _units(today, "DAY", _SINGLE_DAYS[word], 1)
    direction, _, unit = word.partition("_")
    return _units(today, unit, _RELATIVE[direction], 1)


def _run(today: date, direction: str, unit: str, count: int) -> tuple[date, date]:
    """Return so many units before the current one, or after it.

    The last days include today: the reference lets LAST_N_DAYS end with the current second.
    """
    if direction == "NEXT":
        return _units(today, unit, 1, count)
    return _units(today, unit, -count, count + 1 if unit == "DAY" else count)


def _units(today: date, unit: str, first: int, count: int) -> tuple[date, date]:
    """Return so many days, weeks, months, quarters or years, counted from the one of today."""
    if unit in _DAYS_IN:
        size = timedelta(days=_DAYS_IN[unit])
        sunday = today - timedelta(days=(today.weekday() + 1) % 7)
        begin = today if unit == "DAY" else sunday
        return _add(begin, first * size.days), _add(begin, (first + count) * size.days)
    months = _MONTHS_IN[unit]
    current = (today.year * _MONTHS_A_YEAR + today.month - 1) // months
    return _month((current + first) * months), _month((current + first + count) * months)


def _month(number: int) -> date:
    """Return the first day of a month, counted from the year 0."""
    year = number // _MONTHS_A_YEAR
    if year < date.min.year:
        return date.min
    return date.max if year > date.max.year else date(year, number % _MONTHS_A_YEAR + 1, 1)


def _add(day: date, days: int) -> date:
    """Return so many days later, as far as the calendar goes."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.min if days < 0 else date.max
