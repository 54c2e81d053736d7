"""Functions of one field in SOQL: parts of dates, and those that leave a value as it is.

"Date Functions", "toLabel()", "FORMAT()" and "convertCurrency()" of the SOQL and SOSL Reference.
All users have the time zone UTC here, English labels and one currency, and a fiscal year is a
calendar year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AGGREGATE_FUNCTIONS = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
UNCHANGING_FUNCTIONS = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
"""Functions whose result is the value itself here."""
_DAYS_A_WEEK = 7

DATE_FUNCTIONS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "CALENDAR_MONTH": lambda day: day.dt.month(),
    "CALENDAR_QUARTER": lambda day: day.dt.quarter(),
    "CALENDAR_YEAR": lambda day: day.dt.year(),
    "DAY_IN_MONTH": lambda day: day.dt.day(),
    "DAY_IN_WEEK": lambda day: day.dt.weekday() % _DAYS_A_WEEK + 1,
    "DAY_IN_YEAR": lambda day: day.dt.ordinal_day(),
    "DAY_ONLY": lambda day: day.dt.strftime("%Y-%m-%d"),
    "FISCAL_MONTH": lambda day: day.dt.month(),
    "FISCAL_QUARTER": lambda day: day.dt.quarter(),
    "FISCAL_YEAR": lambda day: day.dt.year(),
    "WEEK_IN_MONTH": lambda day: (day.dt.day() - 1) // _DAYS_A_WEEK + 1,
    "WEEK_IN_YEAR": lambda day: (day.dt.ordinal_day() - 1) // _DAYS_A_WEEK + 1,
}
HOUR_IN_DAY = "HOUR_IN_DAY"


def type_of_date_function(function: str) -> str:
    """Return the type of what a date function gives."""
    return "date" if function == "DAY_ONLY" else "int"


def is_date_function(function: str) -> bool:
    """Return whether a function, its name in capitals, takes a date or a datetime apart."""
    return function in DATE_FUNCTIONS or function == HOUR_IN_DAY


def derive(function: str, cell: pl.Expr) -> pl.Expr:
    """Return the text of a date function of a column of dates or datetimes."""
    if function == HOUR_IN_DAY:
        return cell.str.slice(11, 2).cast(pl.Int64, strict=False).cast(pl.String)
    day = cell.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return DATE_FUNCTIONS[function](day).cast(pl.String)
