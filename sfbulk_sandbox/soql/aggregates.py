"""COUNT(), GROUP BY and HAVING, as the REST query resource answers them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
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
from sfbulk_sandbox.soql.functions import AGGREGATE_FUNCTIONS, FORMAT, format_cells
from sfbulk_sandbox.soql.result_set import AGGREGATE_RESULT, ResultColumn, ResultSet

if TYPE_CHECKING:
    from datetime import date
    from typing import TypeGuard

    from sfbulk_sandbox.soql.field_path import FieldPath
    from sfbulk_sandbox.soql.field_paths import FieldPaths

_GROUPING = "GROUPING"
_MOST_KEYS_OF_SUBTOTALS = 3
_ROWS = "@rows"
"""A column that every group has, so that there is one also where nothing is computed."""


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
        self._groups = self._find_groups()
        self._columns: list[ResultColumn] = []
        self._computed: dict[str, pl.Expr] = {}
        self._of_groups: dict[str, pl.Expr] = {}
        self._formatted: dict[str, pl.Expr] = {}
        self._unnamed = 0
        self.paths = list(self._groups)
        """The fields whose values are needed."""
        for item in query.select:
            self._add_item(item)
        self._refuse_rows_of_no_group()
        self._orders = [self._find_result(term.operand, "Ordered field") for term in query.order_by]
        conditions = Conditions(self._find_result, soql, today, self._refuse_join)
        self._having = conditions.expression(query.having) if query.having else None

    def result(self, frame: pl.LazyFrame) -> ResultSet:
        """Return what the query makes of the records that it found."""
        if self._is_lone_count():
            counted = frame.slice(self._query.offset, self._query.limit)
            return ResultSet(AGGREGATE_RESULT, (), counted.collect())
        groups = pl.concat(
            [self._group(frame, kept) for kept in self._grouping_sets()], how="diagonal"
        ).with_columns(**self._of_groups)
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
        texts = found.with_columns(_texts(found)).with_columns(**self._formatted)
        return ResultSet(AGGREGATE_RESULT, self._columns, texts)

    def _group(self, frame: pl.LazyFrame, kept: tuple[str, ...]) -> pl.LazyFrame:
        """Return the groups by some of the keys; the others are null, as in a subtotal."""
        computed = [pl.len().alias(_ROWS), *(e.alias(name) for name, e in self._computed.items())]
        if not kept:
            groups = frame.select(computed)
        else:
            groups = frame.group_by(kept, maintain_order=True).agg(computed)
        keys = [path.column for path in self._groups]
        missing = {key: pl.lit(None, dtype=pl.String) for key in keys if key not in kept}
        marks = {f"{_GROUPING}({key})": pl.lit(int(key not in kept)) for key in keys}
        return groups.with_columns(**missing, **marks)

    def _grouping_sets(self) -> list[tuple[str, ...]]:
        """Return by which keys the records are grouped, one after the other."""
        keys = tuple(path.column for path in self._groups)
        if self._query.subtotals == "ROLLUP":
            return [keys[:count] for count in range(len(keys), -1, -1)]
        if self._query.subtotals == "CUBE":
            return [
                kept for count in range(len(keys), -1, -1) for kept in combinations(keys, count)
            ]
        return [keys]

    @staticmethod
    def _is_aggregate(operand: object) -> TypeGuard[syntax.FunctionCall]:
        return (
            isinstance(operand, syntax.FunctionCall) and operand.name.upper() in AGGREGATE_FUNCTIONS
        )

    def _is_lone_count(self) -> bool:
        items = self._query.select
        return len(items) == 1 and isinstance(items[0], syntax.FunctionCall) and not self._columns

    def _refuse_rows_of_no_group(self) -> None:
        """Refuse what is about the rows of a result that has only one.

        Raises:
            SoqlError: There is an ORDER BY, or a LIMIT other than that of a lone COUNT().
        """
        if self._query.order_by and self._is_lone_count():
            raise SoqlError("MALFORMED_QUERY", "COUNT() cannot be used with ORDER BY")
        clauses = {"LIMIT": self._query.limit is not None, "OFFSET": self._query.offset > 0}
        for clause, is_there in clauses.items():
            if is_there and not self._groups and not self._is_lone_count():
                text = "Non-grouped query that uses overall aggregate functions cannot also use "
                raise SoqlError("MALFORMED_QUERY", f"{text}{clause}")

    def _find_groups(self) -> list[FieldPath]:
        """Return the fields of GROUP BY.

        Raises:
            SoqlError: One cannot be grouped or is there twice, or they are too many for subtotals.
        """
        groups: dict[str, FieldPath] = {}
        for operand in self._query.group_by:
            path = self._paths.find_operand(operand)
            if path.target or not (path.function or path.field.groupable):
                raise field_cannot_be(self._soql, path.position, path.field.name, "grouped")
            if path.column in groups:
                text = f"duplicate grouping expression: {path.column}"
                raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
            groups[path.column] = path
        if self._query.subtotals and len(groups) > _MOST_KEYS_OF_SUBTOTALS:
            text = f"{self._query.subtotals} takes at most {_MOST_KEYS_OF_SUBTOTALS} fields"
            raise SoqlError("MALFORMED_QUERY", text)
        return list(groups.values())

    def _add_item(self, item: syntax.SelectItem) -> None:
        """Add a column for an item of the SELECT list; COUNT() alone makes none."""
        if isinstance(item, syntax.Selected):
            path = self._find_result(item.path)
            self._add_column(item.alias or path.field.name, path)
        elif isinstance(item, syntax.FunctionCall):
            if item.name.upper() == "COUNT" and not item.arguments:
                if len(self._query.select) > 1 or self._groups:
                    raise unexpected_token(self._soql, self._soql.find(")", item.position))
                return
            if self._is_aggregate(item):
                self._refuse_aggregate_of_group(item)
            path = self._find_formatted(item) or self._find_result(item)
            self._add_column(item.alias or self._name_column(), path)
        else:
            kind = "TYPEOF" if isinstance(item, syntax.TypeOf) else "a subquery"
            text = f"{kind} cannot be used with GROUP BY or an aggregate function"
            raise SoqlError("MALFORMED_QUERY", text)

    def _refuse_aggregate_of_group(self, call: syntax.FunctionCall) -> None:
        argument = self._paths.sole_argument(call)
        if not isinstance(argument, syntax.Path) or self._query.subtotals:
            return
        path = self._paths.find(argument)
        if path.column in {group.column for group in self._groups}:
            text = f"Grouped field should not be aggregated: {path.column}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)

    def _find_formatted(self, call: syntax.FunctionCall) -> FieldPath | None:
        """Return FORMAT() of a grouped field or of an aggregate; None for another function."""
        if call.name.upper() != FORMAT:
            return None
        argument = self._paths.sole_argument(call)
        if isinstance(argument, syntax.Literal):
            raise unexpected_token(self._soql, argument.position)
        shown = self._find_result(argument)
        column = f"{FORMAT}({shown.column})"
        self._formatted[column] = format_cells(pl.col(shown.column), shown.field.type)
        return replace(shown, function=column, field=replace(shown.field, type="string"))

    def _name_column(self) -> str:
        """Return the name of a function without an alias: they count for themselves."""
        self._unnamed += 1
        return f"expr{self._unnamed - 1}"

    def _add_column(self, name: str, path: FieldPath) -> None:
        if name.lower() in {column.name.lower() for column in self._columns}:
            raise SoqlError("MALFORMED_QUERY", f"duplicate alias: {name}")
        source = path.function if path.function.startswith(f"{FORMAT}(") else path.column
        self._columns.append(ResultColumn((), name, path.field.type, (source,)))

    def _find_result(self, operand: syntax.Operand, subject: str = "Field") -> FieldPath:
        """Return a grouped field or an aggregate function as a column of the groups.

        Raises:
            SoqlError: The field is not grouped, or the function cannot take it.
        """
        if isinstance(operand, syntax.FunctionCall) and operand.name.upper() == _GROUPING:
            return self._find_grouping(operand)
        if self._is_aggregate(operand):
            return self._find_aggregate(operand)
        path = self._paths.find_operand(operand)
        grouped = {group.column: group for group in self._groups}
        if path.column in grouped:
            return path
        (source, *_) = path.sources
        if path.function and source.column in grouped and source.field.type == "date":
            self._of_groups[path.column] = path.expression
            return path
        text = f"{subject} must be grouped or aggregated: {path.column}"
        raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)

    def _find_grouping(self, call: syntax.FunctionCall) -> FieldPath:
        """Return GROUPING(), which is 1 in the subtotals over a field and 0 elsewhere."""
        argument = self._paths.sole_argument(call)
        if not self._query.subtotals or isinstance(argument, syntax.Literal):
            text = "GROUPING() can only be used with GROUP BY ROLLUP or GROUP BY CUBE"
            raise at_position(self._soql, call.position, "MALFORMED_QUERY", text)
        path = self._find_result(argument)
        return replace(path, function=_GROUPING, field=replace(path.field, type="int"))

    def _find_aggregate(self, call: syntax.FunctionCall) -> FieldPath:
        function = call.name.upper()
        argument = self._paths.sole_argument(call)
        if not isinstance(argument, syntax.Path):
            raise unexpected_token(self._soql, argument.position)
        path = self._paths.find(argument)
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
    numbers = values.cast(pl.Float64, strict=False).drop_nulls()
    cells = values if path.field.type in NUMBER_TYPES else pl.col(path.column)
    in_order = cells.sort_by(values).drop_nulls()
    return {
        "COUNT": values.drop_nulls().len(),
        "COUNT_DISTINCT": values.drop_nulls().n_unique(),
        "SUM": pl.when(numbers.len() > 0).then(numbers.sum()),
        "AVG": numbers.mean(),
        "MIN": in_order.first(),
        "MAX": in_order.last(),
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
