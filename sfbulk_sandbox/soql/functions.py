"""Functions of one field in SOQL: parts of dates, formatted values, distances.

"Date Functions", "toLabel()", "FORMAT()", "convertCurrency()" and "Location-Based SOQL Queries" of
the SOQL and SOSL Reference. All users have the time zone UTC here, the locale en_US, English
labels and one currency, USD, and a fiscal year is a calendar year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AGGREGATE_FUNCTIONS = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
TO_LABEL, CONVERT_CURRENCY = "TOLABEL", "CONVERTCURRENCY"
UNCHANGING_FUNCTIONS = frozenset({TO_LABEL, CONVERT_CURRENCY, "CONVERTTIMEZONE"})
"""Functions whose result is the value itself here."""
CURRENCY = "USD"
"""The one currency of the org."""
_DAYS_A_WEEK = 7
_EARTH_RADII = {"mi": 3_958.756, "km": 6_371.009}
UNITS = frozenset(_EARTH_RADII)
"""What DISTANCE() can be measured in."""


@dataclass(frozen=True)
class Target:
    """Where DISTANCE() measures to, in degrees, and in which unit, `mi` or `km`."""

    latitude: float
    longitude: float
    unit: str


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
FORMAT = "FORMAT"


def type_of_date_function(function: str) -> str:
    """Return the type of what a date function gives."""
    return "date" if function == "DAY_ONLY" else "int"


def is_date_function(function: str) -> bool:
    """Return whether a function, its name in capitals, takes a date or a datetime apart."""
    return function in DATE_FUNCTIONS or function == HOUR_IN_DAY


def distance_from(latitude: pl.Expr, longitude: pl.Expr, target: Target) -> pl.Expr:
    """Return how far places are away, along a great circle, as text."""
    here = latitude.cast(pl.Float64).radians()
    there = pl.lit(target.latitude).radians()
    meridians = (longitude.cast(pl.Float64) - target.longitude).radians()
    chord = ((there - here) / 2).sin() ** 2
    chord += here.cos() * there.cos() * (meridians / 2).sin() ** 2
    arc = 2 * chord.clip(0, 1).sqrt().arcsin()
    return (arc * _EARTH_RADII[target.unit]).cast(pl.String)


def format_cells(cell: pl.Expr, type_: str) -> pl.Expr:
    """Return the values of a column of text as FORMAT() shows them to a user of the locale en_US.

    Args:
        cell: The column.
        type_: The type of its field.
    """
    write = _FORMATS.get(type_)
    return cell if write is None else cell.map_elements(write, return_dtype=pl.String)


def _format_day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.month}/{day.day}/{day.year}"


def _format_moment(text: str) -> str:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return f"{_format_day(text[:10])}, {moment.hour % 12 or 12}:{moment:%M %p}"


def _format_number(text: str) -> str:
    return f"{float(text):,.3f}".rstrip("0").rstrip(".")


_FORMATS: Mapping[str, Callable[[str], str]] = {
    "date": _format_day,
    "datetime": _format_moment,
    "int": _format_number,
    "long": _format_number,
    "double": _format_number,
    "percent": lambda text: f"{_format_number(text)}%",
    "currency": lambda text: f"${float(text):,.2f}",
}


def derive(function: str, cell: pl.Expr, type_: str) -> pl.Expr:
    """Return the text of FORMAT() or of a date function of a column.

    Args:
        function: Its name in capitals.
        cell: The column.
        type_: The type of its field.
    """
    if function == FORMAT:
        return format_cells(cell, type_)
    if function == HOUR_IN_DAY:
        return cell.str.slice(11, 2).cast(pl.Int64, strict=False).cast(pl.String)
    day = cell.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return DATE_FUNCTIONS[function](day).cast(pl.String)
