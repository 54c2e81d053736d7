"""COUNT() and GROUP BY, as the REST query resource answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sfbulk_sandbox.sobjects.fields import NUMBER_TYPES
from sfbulk_sandbox.sobjects.java_numbers import java_double
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.conditions import comparable
from sfbulk_sandbox.soql.errors import (
    at_position,
    field_cannot_be,
    unexpected_token,
)
from sfbulk_sandbox.soql.query_refusals import AGGREGATE_FUNCTIONS
from sfbulk_sandbox.soql.result_set import AGGREGATE_RESULT, ResultColumn, ResultSet

if TYPE_CHECKING:
    from sfbulk_sandbox.soql.field_paths import FieldPath, FieldPaths


class Aggregation:
    """The SELECT list and the GROUP BY clause of an aggregate query.

    Args:
        query: The query.
        paths: Finds its fields.
        soql: Its text, for errors.

    Raises:
        SoqlError: Salesforce would refuse it.
    """

    def __init__(self, query: syntax.Query, paths: FieldPaths, soql: str) -> None:
        self._query = query
        self._soql = soql
        self._groups = [self._group(paths.find(path)) for path in query.group_by]
        self._columns: list[ResultColumn] = []
        self._computed: list[pl.Expr] = []
        self.paths = list(self._groups)
        """The fields whose values are needed."""
        for item in query.select:
            if isinstance(item, syntax.FunctionCall):
                self._add_function(item, paths)
            elif isinstance(item, syntax.Selected):
                self._add_group(paths.find(item.path), item.alias)

    def result(self, frame: pl.LazyFrame) -> ResultSet:
        """Return what the query makes of the records that it found, in their order."""
        if self._is_lone_count():
            return ResultSet(AGGREGATE_RESULT, (), frame.collect())
        keys = [path.column for path in self._groups]
        if keys:
            groups = frame.group_by(keys, maintain_order=True).agg(self._computed)
        else:
            groups = frame.select(self._computed)
        found = groups.slice(self._query.offset, self._query.limit).collect()
        return ResultSet(AGGREGATE_RESULT, self._columns, found.with_columns(_texts(found)))

    def _is_lone_count(self) -> bool:
        items = self._query.select
        return len(items) == 1 and isinstance(items[0], syntax.FunctionCall) and not self._columns

    def _group(self, path: FieldPath) -> FieldPath:
        if not path.field.groupable:
            raise field_cannot_be(self._soql, path.position, path.field.name, "grouped")
        return path

    def _add_group(self, path: FieldPath, alias: str | None) -> None:
        if path.column not in {group.column for group in self._groups}:
            text = f"Field must be grouped or aggregated: {path.column}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        name = alias or path.field.name
        self._columns.append(ResultColumn((), name, path.field.type, (path.column,)))

    def _add_function(self, call: syntax.FunctionCall, paths: FieldPaths) -> None:
        """Add a column that a function computes; COUNT() alone makes none."""
        function = call.name.upper()
        if function not in AGGREGATE_FUNCTIONS:
            text = f"{call.name}() is not supported by this sandbox"
            raise at_position(self._soql, call.position, "MALFORMED_QUERY", text)
        if call.argument is None:
            if function != "COUNT" or len(self._query.select) > 1 or self._groups:
                raise unexpected_token(self._soql, self._soql.find(")", call.position))
            return
        path = paths.find(call.argument)
        self.paths.append(path)
        is_number = path.field.type in NUMBER_TYPES
        if not path.field.aggregatable or (function in {"SUM", "AVG"} and not is_number):
            text = f"field {path.field.name} does not support aggregate operator {function}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        name = call.alias or f"expr{len(self._computed)}"
        type_ = _type_of_result(function, path)
        self._columns.append(ResultColumn((), name, type_, (name,)))
        self._computed.append(_computed(function, path).alias(name))


def _type_of_result(function: str, path: FieldPath) -> str:
    if function in {"COUNT", "COUNT_DISTINCT"}:
        return "int"
    return "double" if function in {"SUM", "AVG"} else path.field.type


def _computed(function: str, path: FieldPath) -> pl.Expr:
    values = comparable(path)
    return {
        "COUNT": values.drop_nulls().len(),
        "COUNT_DISTINCT": values.drop_nulls().n_unique(),
        "SUM": values.cast(pl.Float64, strict=False).sum(),
        "AVG": values.cast(pl.Float64, strict=False).mean(),
        "MIN": values.min(),
        "MAX": values.max(),
    }[function]


def _texts(frame: pl.DataFrame) -> list[pl.Series]:
    """Return the columns as text, numbers in the form of results."""
    return [
        pl.Series(
            column.name,
            [None if number is None else java_double(number) for number in column],
            dtype=pl.String,
        )
        if column.dtype == pl.Float64
        else column.cast(pl.String)
        for column in frame
    ]
