"""WHERE: conditions of a query as expressions over columns of text.

A comparison with an empty cell is false, and its opposite true: `!=`, `NOT IN`, `EXCLUDES` and
`NOT` find records with empty cells, as in Salesforce. For a checkbox, null is false ("Use null in
WHERE" of the SOQL and SOSL Reference). Text compares without regard to case. Numbers compare as
doubles.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING

import polars as pl

from sfbulk_sandbox.sobjects.fields import COMPOUND_TYPES, NUMBER_TYPES
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.date_periods import period
from sfbulk_sandbox.soql.errors import SoqlError, field_cannot_be, wrong_type_of_value
from sfbulk_sandbox.soql.functions import CURRENCY
from sfbulk_sandbox.soql.unsupported import OTHER_CURRENCY, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.soql.field_path import FieldPath

_MOMENT = re.compile(r"(.{19})\.?(\d*)([+-]\d\d):?(\d\d)")
_ID_TYPES = frozenset({"id", "reference"})
_LITERAL_OF_TYPE = {
    **dict.fromkeys(NUMBER_TYPES, "number"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
}
_NAME_OF_TYPE = {"datetime": "dateTime", "currency": "double", "percent": "double"}
_ONLY_EQUALITY = frozenset({"boolean", "multipicklist"})
_NO_TEXT = frozenset({*_LITERAL_OF_TYPE, *_ID_TYPES, "multipicklist"})


class Conditions:
    """Turns the conditions of one query into expressions.

    Args:
        find: Finds what is compared.
        soql: The text of the query, for errors.
        today: What TODAY means.
        values_of: Runs the query of a semi-join, for a field, and returns its one column.
    """

    def __init__(
        self,
        find: Callable[[syntax.Operand], FieldPath],
        soql: str,
        today: date,
        values_of: Callable[[syntax.SemiJoin, FieldPath], pl.Series],
    ) -> None:
        self._find = find
        self._soql = soql
        self._today = today
        self._values_of = values_of
        self.named: list[FieldPath] = []
        """The fields that were named so far."""

    def expression(self, condition: syntax.Condition) -> pl.Expr:
        """Return which records meet a condition; never null.

        Raises:
            SoqlError: A field does not exist or cannot be compared so.
        """
        if isinstance(condition, syntax.Logic):
            parts = [self.expression(part) for part in condition.conditions]
            combine = pl.all_horizontal if condition.operator == "AND" else pl.any_horizontal
            return combine(parts)
        if isinstance(condition, syntax.Not):
            return ~self.expression(condition.condition)
        path = self._find(condition.operand)
        self.named.append(path)
        if not path.field.filterable or path.field.type in COMPOUND_TYPES:
            raise field_cannot_be(self._soql, path.position, path.field.name, "filtered")
        if isinstance(condition, syntax.Comparison):
            return self._comparison(path, condition)
        if isinstance(condition, syntax.SemiJoin):
            found = pl.col(path.column).is_in(
                self._values_of(condition, path).drop_nulls().implode()
            )
            return _opposite_if(condition.operator == "NOT IN", found.fill_null(value=False))
        if condition.operator in {"IN", "NOT IN"}:
            found = self._any_of(path, condition.values)
            return _opposite_if(condition.operator == "NOT IN", found)
        found = self._includes(path, condition)
        return _opposite_if(condition.operator == "EXCLUDES", found)

    def _comparison(self, path: FieldPath, condition: syntax.Comparison) -> pl.Expr:
        operator, value = condition.operator, condition.value
        cell = pl.col(path.column)
        if path.target is not None and operator not in {"<", ">"}:
            text = "The DISTANCE function supports only the operators < and >"
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", text)
        if operator in {"=", "!="} and _is_empty(path.field, value):
            return _opposite_if(operator == "!=", cell.is_null())
        if operator == "LIKE":
            return self._like(path, value)
        if operator not in {"=", "!="} and path.field.type in _ONLY_EQUALITY:
            raise self._invalid_operator(path)
        if value.kind == "period" and path.field.type in {"date", "datetime"}:
            return _compare_period(
                cell, path.field, operator, period(value.text.upper(), self._today)
            )
        return _compare(comparable(path), operator, self._value(path, value))

    def _any_of(self, path: FieldPath, values: tuple[syntax.Literal, ...]) -> pl.Expr:
        given = [value for value in values if not _is_empty(path.field, value)]
        found = comparable(path).is_in([self._value(path, value) for value in given])
        found = found.fill_null(value=False)
        return found if len(given) == len(values) else found | pl.col(path.column).is_null()

    def _includes(self, path: FieldPath, condition: syntax.Membership) -> pl.Expr:
        if path.field.type != "multipicklist":
            raise self._invalid_operator(path)
        chosen = comparable(path).str.split(";")
        alternatives = [
            pl.all_horizontal(
                [chosen.list.contains(choice) for choice in self._text(path, value).split(";")]
            )
            for value in condition.values
        ]
        return pl.any_horizontal(alternatives).fill_null(value=False)

    def _like(self, path: FieldPath, value: syntax.Literal) -> pl.Expr:
        if path.field.type in _NO_TEXT:
            raise self._invalid_operator(path)
        if value.kind != "string":
            raise self._wrong_type(path)
        pattern = "".join(map(_like_part, re.findall(r"\\.|.", value.text, flags=re.DOTALL)))
        cell = pl.col(path.column)
        return cell.str.contains(f"(?is)^(?:{pattern})$").fill_null(value=False)

    def _value(self, path: FieldPath, value: syntax.Literal) -> str | float:
        """Return a literal in the form that its field's cells are compared in."""
        type_ = path.field.type
        if (type_, value.kind) == ("boolean", "null"):
            value = replace(value, kind="boolean", text="false")
        if (type_, value.kind) == ("currency", "currency"):
            value = replace(value, kind="number", text=_read_amount(value))
        if value.kind != _LITERAL_OF_TYPE.get(type_, "string"):
            raise self._wrong_type(path)
        if type_ in NUMBER_TYPES:
            return float(value.text)
        if type_ in _ID_TYPES:
            return self._record_id(value)
        if type_ == "datetime":
            return self._moment(value)
        if type_ == "boolean":
            return value.text.lower()
        if type_ in {"date", "time"}:
            return _day_or_time(value)
        return self._text(path, value)

    def _text(self, path: FieldPath, value: syntax.Literal) -> str:
        if value.kind != "string":
            raise self._wrong_type(path)
        text = re.sub(r"\\([%_])", r"\1", value.text)
        return text if path.field.case_sensitive else text.lower()

    def _record_id(self, value: syntax.Literal) -> str:
        try:
            return eighteen_characters(value.text)
        except ValueError as error:
            raise SoqlError(
                "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value.text}"
            ) from error

    def _moment(self, value: syntax.Literal) -> str:
        text = value.text.upper().replace("Z", "+00:00")
        seconds, fraction, hours, minutes = re.findall(_MOMENT, text)[0]
        try:
            zoned = f"{seconds}.{fraction[:3].ljust(3, '0')}{hours}:{minutes}"
            in_utc = datetime.fromisoformat(zoned).astimezone(timezone.utc)
        except (ValueError, OverflowError) as error:
            raise SoqlError("MALFORMED_QUERY", f"Invalid datetime: {value.text}") from error
        return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _wrong_type(self, path: FieldPath) -> SoqlError:
        type_ = path.field.type
        name = _NAME_OF_TYPE.get(type_, type_ if type_ in _LITERAL_OF_TYPE else "string")
        return wrong_type_of_value(
            self._soql, path.position, path.field.name, name, quoted=type_ not in _LITERAL_OF_TYPE
        )

    @staticmethod
    def _invalid_operator(path: FieldPath) -> SoqlError:
        text = f"invalid operator on {path.field.type} field"
        return SoqlError("INVALID_QUERY_FILTER_OPERATOR", text)


def comparable(path: FieldPath) -> pl.Expr:
    """Return a column in the form in which it is compared and sorted.

    Numbers are doubles, and texts are in lower case. NaN counts as empty.
    """
    cell = pl.col(path.column)
    if path.field.type in NUMBER_TYPES:
        return cell.cast(pl.Float64, strict=False).fill_nan(None)
    if path.field.type == "boolean":
        return cell.fill_null("false")
    if path.field.type in _LITERAL_OF_TYPE or path.field.type in _ID_TYPES:
        return cell
    return cell if path.field.case_sensitive else cell.str.to_lowercase()


def _is_empty(field: Field, value: syntax.Literal) -> bool:
    """Return whether a literal means the empty cell; for text fields, '' does too."""
    if field.type == "boolean":
        return False
    is_text = field.type not in _LITERAL_OF_TYPE
    return value.kind == "null" or (is_text and value.kind == "string" and not value.text)


def _day_or_time(value: syntax.Literal) -> str:
    """Return a date, or a time as cells have it, to the millisecond.

    Raises:
        SoqlError: There is no such day or time.
    """
    try:
        if value.kind == "date":
            return date.fromisoformat(value.text).isoformat()
        seconds, _, fraction = value.text.upper().rstrip("Z").partition(".")
        milliseconds = fraction[:3].ljust(3, "0")
        return f"{time.fromisoformat(f'{seconds}.{milliseconds}').isoformat('milliseconds')}Z"
    except ValueError as error:
        raise SoqlError("MALFORMED_QUERY", f"Invalid {value.kind}: {value.text}") from error


def _read_amount(value: syntax.Literal) -> str:
    """Return the amount of a literal such as USD5000."""
    if value.text[:3].upper() != CURRENCY:
        raise unsupported(OTHER_CURRENCY)
    return value.text[3:]


def _opposite_if(negated: bool, condition: pl.Expr) -> pl.Expr:  # noqa: FBT001 - reads as prose
    return ~condition if negated else condition


def _compare(cell: pl.Expr, operator: str, value: str | float) -> pl.Expr:
    literal = pl.lit(value)
    compared = {
        "=": cell == literal,
        "!=": cell == literal,
        "<": cell < literal,
        "<=": cell <= literal,
        ">": cell > literal,
        ">=": cell >= literal,
    }[operator].fill_null(value=False)
    return _opposite_if(operator == "!=", compared)


def _compare_period(cell: pl.Expr, field: Field, operator: str, days: tuple[date, date]) -> pl.Expr:
    """Compare with a span of days: `<` is before it, `>` after it, `=` within it."""
    midnight = "T00:00:00.000Z" if field.type == "datetime" else ""
    start, end = (pl.lit(f"{day.isoformat()}{midnight}") for day in days)
    within = (cell >= start) & (cell < end)
    compared = {
        "=": within,
        "!=": within,
        "<": cell < start,
        "<=": cell < end,
        ">": cell >= end,
        ">=": cell >= start,
    }[operator].fill_null(value=False)
    return _opposite_if(operator == "!=", compared)


def _like_part(part: str) -> str:
    """Return a piece of a LIKE pattern as a regular expression."""
    wildcards = {"%": ".*", "_": "."}
    return wildcards.get(part) or re.escape(part.removeprefix("\\") if len(part) > 1 else part)
