"""Filters of a Spark query as SOQL conditions.

A condition passes every row that its filter passes, and maybe more, since SOQL compares text
without regard to case. Spark checks the rows again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import format_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql.datasource import Filter

_OPERATORS = {
    "EqualTo": "=",
    "GreaterThan": ">",
    "GreaterThanOrEqual": ">=",
    "LessThan": "<",
    "LessThanOrEqual": "<=",
}
# The query is part of the request, of which Salesforce takes 100,000 characters.
_MOST_VALUES = 200
_LONGEST_TEXT = 255
_MICROSECONDS_A_MILLISECOND = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_STEPS = {"date": timedelta(days=1), "date-time": timedelta(microseconds=1)}


def write_conditions(
    filters: Iterable[Filter], properties: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Translate the filters that SOQL can express.

    Args:
        filters: Spark's filters, of which all must hold.
        properties: JSON schemas by field.

    Returns:
        SOQL conditions, without the filters that cannot be translated.
    """
    written = (_condition(each, properties) for each in filters)
    return [condition for condition in written if condition]


def _condition(each: Any, properties: Mapping[str, Mapping[str, Any]]) -> str | None:
    kind, value = type(each).__name__, getattr(each, "value", None)
    if kind == "Not" and getattr(each.child, "value", None) is True:
        # Spark writes `IsDeleted = false` as `NOT IsDeleted = true`.
        kind, value, each = type(each.child).__name__, False, each.child
    name = ".".join(getattr(each, "attribute", ()))
    schema = properties.get(name)
    if schema is None:
        return None
    if kind == "In":
        written = [_literal(one, schema) for one in value or ()]
        fits = 0 < len(written) <= _MOST_VALUES and None not in written
        return f"{name} IN ({', '.join(filter(None, written))})" if fits else None
    text = _literal(value, schema)
    # Strings and booleans are only compared for equality: SOQL sorts them in its own way.
    is_exact = kind == "EqualTo" or schema.get("format") in _EPOCH_STEPS
    return f"{name} {_OPERATORS[kind]} {text}" if text and is_exact and kind in _OPERATORS else None


def _literal(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return a value as a SOQL literal; None if it cannot be written exactly."""
    form = schema.get("format")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and form in _EPOCH_STEPS:
        # Sail passes what Arrow holds: days or microseconds since the epoch.
        moment = _EPOCH + value * _EPOCH_STEPS[form]
        value = moment.date() if form == "date" else moment
    if isinstance(value, datetime):
        exact = form == "date-time" and value.microsecond % _MICROSECONDS_A_MILLISECOND == 0
        return format_literal(value.astimezone(timezone.utc), schema) if exact else None
    if isinstance(value, date):
        return value.isoformat() if form == "date" else None
    if isinstance(value, str) and form is None and _is_plain(value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return None


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TEXT and text.isprintable()
