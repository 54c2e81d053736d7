"""Types of columns: as databases spell them, as Arrow has them, and which holds which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a DECIMAL can hold in every database; in Arrow (decimal128), too.
MOST_DIGITS = 38
_DIGITS_OF_BIGINT = 19

_SPELLINGS: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "bigint": "BIGINT",
    "date": "DATE",
    "time": "TIME",
    "time without time zone": "TIME",
    "timestamp with time zone": "TIMESTAMPTZ",
    "varchar": "VARCHAR",
    "character varying": "VARCHAR",
    "text": "VARCHAR",
    # PostgreSQL's own, of any number of digits.
    "numeric": "NUMERIC",
}
_DECIMAL = re.compile(r"(?:numeric|decimal)\((\d+),\s*(\d+)\)", re.IGNORECASE)
_OF_ARROW: Mapping[Callable[[pa.DataType], bool], str] = {
    pa.types.is_boolean: "BOOLEAN",
    pa.types.is_integer: "BIGINT",
    pa.types.is_date: "DATE",
    pa.types.is_time: "TIME",
    pa.types.is_timestamp: "TIMESTAMPTZ",
}
# Whose text is the same in Salesforce and in every database.
_PLAIN_AS_TEXT = frozenset({"BOOLEAN", "BIGINT", "DATE"})


@dataclass(frozen=True)
class ColumnType:
    """The type of a column.

    Attributes:
        name: `BOOLEAN`, `BIGINT`, `DECIMAL`, `NUMERIC` (of any number of digits), `DATE`, `TIME`,
            `TIMESTAMPTZ`, `VARCHAR`, or how the database spells one that records are not loaded
            into.
        precision: Digits of a `DECIMAL`.
        scale: Of them, those after the point.
    """

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})" if self.name == "DECIMAL" else self.name

    @classmethod
    def parse(cls, spelling: str) -> ColumnType:
        """Read a type as a database spells it."""
        if match := _DECIMAL.fullmatch(spelling):
            return cls("DECIMAL", int(match[1]), int(match[2]))
        return cls(_SPELLINGS.get(spelling.lower(), spelling.upper()))

    @classmethod
    def of_arrow(cls, type_: pa.DataType) -> ColumnType:
        """Choose the type for values of an Arrow type."""
        if pa.types.is_decimal(type_):
            return cls("DECIMAL", type_.precision, type_.scale)
        names = (name for is_one, name in _OF_ARROW.items() if is_one(type_))
        return cls(next(names, "VARCHAR"))

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in which a database is given the values."""
        types = {
            "BOOLEAN": pa.bool_(),
            "BIGINT": pa.int64(),
            "DECIMAL": pa.decimal128(self.precision or MOST_DIGITS, self.scale),
            "DATE": pa.date32(),
            "TIME": pa.time64("us"),
            "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
        }
        return types.get(self.name, pa.string())


def widest(one: ColumnType, other: ColumnType) -> ColumnType | None:
    """Choose the type that holds every value of both, without a digit less.

    Returns:
        It; None where there is none.
    """
    if one == other:
        return one
    names = {one.name, other.name}
    if "NUMERIC" in names and names <= {"NUMERIC", "DECIMAL", "BIGINT"}:
        return ColumnType("NUMERIC")
    if names <= {"DECIMAL", "BIGINT"}:
        return _widest_decimal(one, other)
    if names == {"DATE", "TIMESTAMPTZ"}:
        return ColumnType("TIMESTAMPTZ")
    if "VARCHAR" in names and names - {"VARCHAR"} <= _PLAIN_AS_TEXT | {"DECIMAL"}:
        return ColumnType("VARCHAR")
    return None


def choose_decimal(column: ColumnType, numbers: ColumnType) -> ColumnType | None:
    """Choose the type of a column for numbers of which no decimal holds all that there could be.

    A field's decimal has all 38 digits, far more than its numbers have. So where its digits before
    or after the point are changed in Salesforce, the column can stay what it is. Which numbers it
    does not hold is seen as they come (`exact_numbers`).

    Returns:
        The type, which holds every value that the column has; None where these are no numbers.
    """
    if not {column.name, numbers.name} <= {"DECIMAL", "BIGINT"}:
        return None
    if column.name == "DECIMAL":
        return column
    return ColumnType("DECIMAL", MOST_DIGITS, MOST_DIGITS - _DIGITS_OF_BIGINT)


def cast(expression: str, from_: ColumnType, to: ColumnType) -> str:
    """Write the SQL that makes values of one type values of a wider one (`widest`)."""
    if from_ == to:
        return expression
    text = f"CAST({expression} AS {to})"
    if to.name == "VARCHAR" and from_.name == "DECIMAL" and from_.scale:
        # As Salesforce writes numbers: without zeros at the end.
        return f"RTRIM(RTRIM({text}, '0'), '.')"
    return text


def _widest_decimal(one: ColumnType, other: ColumnType) -> ColumnType | None:
    scale = max(one.scale, other.scale)
    before_point = max(_digits_before_point(one), _digits_before_point(other))
    if before_point + scale > MOST_DIGITS:
        return None
    return ColumnType("DECIMAL", before_point + scale, scale)


def _digits_before_point(type_: ColumnType) -> int:
    return _DIGITS_OF_BIGINT if type_.name == "BIGINT" else type_.precision - type_.scale
