"""COUNT(), GROUP BY and HAVING, as the REST query resource answers them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from sfbulk_sandbox.sobjects.fields import NUMBER_TYPES
from sfbulk_sandbox.sobjects.java_numbers import java_double
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.conditions import Conditions, comparable
from sfbulk_sandbox.soql.errors import (
    SoqlError,
    at_position,
    field_cannot_be,
    unexpected_token,
)
from sfbulk_sandbox.soql.functions import AGGREGATE_FUNCTIONS
from sfbulk_sandbox.soql.result_set import AGGREGATE_RESULT, ResultColumn, ResultSet

if TYPE_CHECKING:
    from datetime import date

    from sfbulk_sandbox.soql.field_paths import FieldPath, FieldPaths


class Aggregation:
    """An aggregate query: its SELECT list, GROUP BY, HAVING and ORDER BY.

    Args:
        query: The query.
        paths: Finds its fields.
        soql: Its text, for errors.
        today: What TODAY means.

    Raises:
        SoqlError: Salesforce would refuse it.
    """

    def __init__(self, query: syntax.Query, paths: FieldPaths, soql: str, today: date) -> None:
        self._query = query
        self._paths = paths
        self._soql = soql
        self._groups = [self._group(paths.find_operand(each)) for each in query.group_by]
        self._columns: list[ResultColumn] = []
        self._computed: dict[str, pl.Expr] = {}
        self._unnamed = 0
        self.paths = list(self._groups)
        """The fields whose values are needed."""
        for item in query.select:
            if isinstance(item, syntax.FunctionCall) and self._is_aggregate(item):
                self._add_function(item)
            elif isinstance(item, syntax.FunctionCall):
                self._add_group(item, item.alias or self._name_column())
            elif isinstance(item, syntax.Selected):
                self._add_group(item.path, item.alias)
        self._refuse_order_of_lone_count()
        self._orders = [self._find_result(term.operand, "Ordered field") for term in query.order_by]
        conditions = Conditions(self._find_result, soql, today, self._refuse_join)
        self._having = conditions.expression(query.having) if query.having else None

    def result(self, frame: pl.LazyFrame) -> ResultSet:
        """Return what the query makes of the records that it found."""
        if self._is_lone_count():
            return ResultSet(AGGREGATE_RESULT, (), frame.collect())
        keys = [path.column for path in self._groups]
        computed = [each.alias(name) for name, each in self._computed.items()]
        if keys:
            groups = frame.group_by(keys, maintain_order=True).agg(computed)
        else:
            groups = frame.select(computed)
        if self._having is not None:
            groups = groups.filter(self._having)
        if self._orders:
            groups = groups.sort(
                [comparable(path) for path in self._orders],
                descending=[term.descending for term in self._query.order_by],
                nulls_last=[term.nulls_last for term in self._query.order_by],
                maintain_order=True,
            )
        found = groups.slice(self._query.offset, self._query.limit).collect()
        return ResultSet(AGGREGATE_RESULT, self._columns, found.with_columns(_texts(found)))

    @staticmethod
    def _is_aggregate(operand: syntax.Operand) -> bool:
        return (
            isinstance(operand, syntax.FunctionCall) and operand.name.upper() in AGGREGATE_FUNCTIONS
        )

    def _is_lone_count(self) -> bool:
        items = self._query.select
        return len(items) == 1 and isinstance(items[0], syntax.FunctionCall) and not self._columns

    def _refuse_order_of_lone_count(self) -> None:
        if self._is_lone_count() and self._query.order_by:
            raise SoqlError("MALFORMED_QUERY", "COUNT() cannot be used with ORDER BY")

    def _group(self, path: FieldPath) -> FieldPath:
        if not path.function and not path.field.groupable:
            raise field_cannot_be(self._soql, path.position, path.field.name, "grouped")
        return path

    def _add_group(self, operand: syntax.Operand, alias: str | None) -> None:
        path = self._find_result(operand)
        self._add_column(alias or path.field.name, path.field.type, path.column)

    def _add_function(self, call: syntax.FunctionCall) -> None:
        """Add a column that an aggregate function computes; COUNT() alone makes none."""
        if call.argument is None:
            is_count = call.name.upper() == "COUNT"
            if not is_count or len(self._query.select) > 1 or self._groups:
                raise unexpected_token(self._soql, self._soql.find(")", call.position))
            return
        path = self._find_result(call)
        self._add_column(call.alias or self._name_column(), path.field.type, path.column)

    def _name_column(self) -> str:
        """Return the name of a function without an alias: they count for themselves."""
        self._unnamed += 1
        return f"expr{self._unnamed - 1}"

    def _add_column(self, name: str, type_: str, source: str) -> None:
        if name.lower() in {column.name.lower() for column in self._columns}:
            raise SoqlError("MALFORMED_QUERY", f"duplicate alias: {name}")
        self._columns.append(ResultColumn((), name, type_, (source,)))

    def _find_result(self, operand: syntax.Operand, subject: str = "Field") -> FieldPath:
        """Return a grouped field or an aggregate function as a column of the groups.

        Raises:
            SoqlError: The field is not grouped, or the function cannot take it.
        """
        if isinstance(operand, syntax.FunctionCall) and self._is_aggregate(operand):
            return self._find_aggregate(operand)
        path = self._paths.find_operand(operand)
        if path.column not in {group.column for group in self._groups}:
            text = f"{subject} must be grouped or aggregated: {path.column}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        return path

    def _find_aggregate(self, call: syntax.FunctionCall) -> FieldPath:
        function = call.name.upper()
        if call.argument is None:
            raise unexpected_token(self._soql, self._soql.find(")", call.position))
        path = self._paths.find(call.argument)
        is_number = path.field.type in NUMBER_TYPES
        if not path.field.aggregatable or (function in {"SUM", "AVG"} and not is_number):
            text = f"field {path.field.name} does not support aggregate operator {function}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        self.paths.append(path)
        field = replace(path.field, type=_type_of_result(function, path))
        result = replace(path, field=field, function=function)
        self._computed[result.column] = _compute(function, path)
        return result

    def _refuse_join(self, *_: Any) -> pl.Series:
        raise SoqlError("MALFORMED_QUERY", "semi join sub-selects are not allowed in HAVING")


def _type_of_result(function: str, path: FieldPath) -> str:
    if function in {"COUNT", "COUNT_DISTINCT"}:
        return "int"
    return "double" if function in {"SUM", "AVG"} else path.field.type


def _compute(function: str, path: FieldPath) -> pl.Expr:
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
