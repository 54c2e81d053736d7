"""Running SOQL: from a parsed query to what it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from sfbulk_sandbox.sobjects.fields import COMPOUND_TYPES
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.aggregates import Aggregation
from sfbulk_sandbox.soql.conditions import Conditions, comparable
from sfbulk_sandbox.soql.errors import (
    SoqlError,
    at_position,
    field_cannot_be,
    no_such_relationship,
    no_such_sobject,
)
from sfbulk_sandbox.soql.field_paths import DISTANCE, FieldPaths
from sfbulk_sandbox.soql.joined_records import Columns, JoinedRecords
from sfbulk_sandbox.soql.parse import parse
from sfbulk_sandbox.soql.query_refusals import (
    is_aggregate,
    is_fields_function,
    refuse_aggregates,
    refuse_branches,
    refuse_field_in_bulk,
    refuse_fields,
    refuse_in_bulk,
    refuse_in_rest,
    refuse_object,
    refuse_semi_joins,
)
from sfbulk_sandbox.soql.result_set import PARENT_ID, ChildResults, ResultColumn, ResultSet
from sfbulk_sandbox.soql.unsupported import OFFSET_IN_SUBQUERY, unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sfbulk_sandbox.sobjects.schema import Schema, SObject
    from sfbulk_sandbox.soql.field_path import FieldPath


_ID_TYPES = frozenset({"id", "reference"})


class QueryRun:
    """One query of an org: what it may see, and the day that TODAY means.

    Args:
        schema: What the user sees.
        tables: The records, by object.
        today: What TODAY means.
        user_id: Whose records the scope `mine` means.
        include_deleted: Whether records in the recycle bin are found.
        bulk: Whether the limits of query jobs apply.
    """

    def __init__(
        self,
        schema: Schema,
        tables: Mapping[str, Columns],
        *,
        today: date,
        user_id: str,
        include_deleted: bool,
        bulk: bool,
    ) -> None:
        self._schema = schema
        self._tables = tables
        self._today = today
        self._user_id = user_id
        self._include_deleted = include_deleted
        self._bulk = bulk

    def find(self, soql: str) -> ResultSet:
        """Run a query.

        Raises:
            SoqlError: Salesforce would refuse it.
        """
        query = parse(soql)
        sobject = self._sobject(query, soql)
        (refuse_in_bulk if self._bulk else refuse_in_rest)(query)
        refuse_semi_joins(soql, query)
        paths = FieldPaths(self._schema, sobject, query, soql)
        if is_aggregate(query):
            aggregation = Aggregation(query, paths, soql, self._today)
            unordered = replace(query, order_by=())
            return aggregation.result(self._matching(unordered, paths, soql, aggregation.paths))
        selected = self._selected(query, paths)
        frame = self._matching(query, paths, soql, selected).slice(query.offset, query.limit)
        return ResultSet(
            sobject.name,
            [_result_column(path) for path in selected],
            frame.collect(),
            types_of_parents=_types_of_parents(selected),
            children=self._children(query, sobject, soql),
        )

    def _sobject(self, query: syntax.Query, soql: str) -> SObject:
        sobject = self._schema.sobject(query.sobject.text)
        if sobject is None:
            raise no_such_sobject(soql, query.sobject.position, query.sobject.text)
        refuse_object(sobject, query, bulk=self._bulk)
        return sobject

    def _matching(
        self, query: syntax.Query, paths: FieldPaths, soql: str, selected: list[FieldPath]
    ) -> pl.LazyFrame:
        """Return the records that meet the WHERE clause, in the order of the ORDER BY clause.

        Args:
            query: The query; its LIMIT is left to the caller.
            paths: Finds its fields.
            soql: Its text.
            selected: The fields that the frame must have.
        """
        conditions = Conditions(
            paths.find_operand,
            soql,
            self._today,
            lambda join, path: self._values(join.query, soql, paths.sobject, path),
        )
        where = conditions.expression(query.where) if query.where else pl.lit(True)
        named = [*selected, *conditions.named]
        for path in selected:
            named.extend(paths.sibling(path, part) for part in _parts(path))
        if query.scope == "mine" and "OwnerId" in paths.sobject.fields_by_name:
            where &= pl.col("OwnerId") == self._user_id
            named.append(paths.of_root("OwnerId"))
        if paths.sobject.has_recycle_bin and not self._include_deleted:
            where &= pl.col("IsDeleted") == "false"
            named.append(paths.of_root("IsDeleted"))
        orders = [self._order(term, paths, soql) for term in query.order_by]
        named.extend(path for path, _ in orders)
        joined = JoinedRecords(self._schema.sobjects, self._tables)
        frame = joined.frame(paths.sobject, [each for path in named for each in path.sources])
        derived = {path.column: path.expression for path in named if path.function}
        frame = frame.with_columns(**derived).filter(where)
        if not orders:
            return frame
        return frame.sort(
            [key for _, key in orders],
            descending=[term.descending for term in query.order_by],
            nulls_last=[term.nulls_last for term in query.order_by],
            maintain_order=True,
        )

    @staticmethod
    def _order(term: syntax.OrderTerm, paths: FieldPaths, soql: str) -> tuple[FieldPath, pl.Expr]:
        path = paths.find_operand(term.operand)
        if not path.field.sortable:
            raise field_cannot_be(soql, path.position, path.field.name, "sorted")
        return path, comparable(path)

    def _selected(self, query: syntax.Query, paths: FieldPaths) -> list[FieldPath]:
        """Return the fields of the SELECT list, each of them once."""
        refuse_branches(paths.soql, query)
        selected: dict[str, FieldPath] = {}
        unnamed = 0
        for item in query.select:
            for path in self._fields_of_item(item, query, paths):
                name = path.alias or path.name
                if path.function == DISTANCE and not path.alias:
                    name = f"expr{unnamed}"
                    unnamed += 1
                if name in selected:
                    text = f"duplicate field selected: {name}"
                    raise SoqlError("INVALID_FIELD", text)
                selected[name] = replace(path, alias=name) if path.function == DISTANCE else path
        return list(selected.values())

    def _fields_of_item(
        self, item: syntax.SelectItem, query: syntax.Query, paths: FieldPaths
    ) -> list[FieldPath]:
        if isinstance(item, syntax.FunctionCall) and is_fields_function(item):
            which = "".join(
                each.text.upper() for each in item.arguments if isinstance(each, syntax.Path)
            )
            refuse_fields(which, query.limit, bulk=self._bulk)
            return paths.of_fields_function(which, with_compounds=not self._bulk)
        if isinstance(item, syntax.TypeOf):
            return paths.of_typeof(item)
        if isinstance(item, syntax.ChildQuery):
            return []
        if isinstance(item, syntax.FunctionCall):
            path = paths.find_selected(item)
        else:
            path = paths.find(item.path)
        if self._bulk:
            refuse_field_in_bulk(path)
        return [path]

    def _values(self, query: syntax.Query, soql: str, outer: SObject, left: FieldPath) -> pl.Series:
        """Return what the query of a semi-join selects.

        Args:
            query: The query.
            soql: The whole text.
            outer: The object of the query around it.
            left: What is compared with the results.
        """
        sobject = self._sobject(query, soql)
        paths = FieldPaths(self._schema, sobject, query, soql)
        refuse_aggregates(query)
        selected = self._selected(query, paths)
        if len(selected) != 1:
            text = "semi join sub-selects can only query one field"
            raise at_position(soql, query.sobject.position, "MALFORMED_QUERY", text)
        if sobject.name == outer.name:
            text = "The inner and outer selects should not be on the same object type"
            raise at_position(soql, query.sobject.position, "MALFORMED_QUERY", text)
        for path in (selected[0], left):
            if path.field.type not in _ID_TYPES:
                name = path.field.name
                text = f"Semi join sub-selects can only query id fields, cannot use: '{name}'"
                raise at_position(soql, query.sobject.position, "MALFORMED_QUERY", text)
        if not _id_targets(left) & _id_targets(selected[0]):
            text = (
                f"The selected field '{selected[0].field.name}' in the subquery and the left "
                f"operand field in the where expression in the outer query '{left.field.name}' "
                "should point to the same object type"
            )
            raise at_position(soql, query.sobject.position, "MALFORMED_QUERY", text)
        frame = self._matching(query, paths, soql, selected)
        return frame.select(selected[0].column).collect().to_series()

    def _children(self, query: syntax.Query, parent: SObject, soql: str) -> list[ChildResults]:
        found: dict[str, ChildResults] = {}
        for item in query.select:
            if isinstance(item, syntax.ChildQuery):
                child = self._child(item.query, parent, soql)
                if child.relationship in found:
                    text = f"duplicate field selected: {child.relationship}"
                    raise SoqlError("INVALID_FIELD", text)
                found[child.relationship] = child
        return list(found.values())

    def _child(self, query: syntax.Query, parent: SObject, soql: str) -> ChildResults:
        """Run a parent-to-child subquery, for all parents at once."""
        relationship = self._schema.child_relationship(parent, query.sobject.text)
        if relationship is None:
            raise no_such_relationship(
                soql, query.sobject.position, query.sobject.text, in_from=True
            )
        refuse_aggregates(query)
        if query.offset:
            raise unsupported(OFFSET_IN_SUBQUERY)
        child, lookup = relationship
        paths = FieldPaths(self._schema, child, query, soql)
        selected = self._selected(query, paths)
        to_parent = paths.of_root(lookup.name)
        frame = self._matching(query, paths, soql, [*selected, to_parent])
        results = ResultSet(
            child.name,
            [_result_column(path) for path in selected],
            frame.with_columns(pl.col(lookup.name).alias(PARENT_ID)).collect(),
            types_of_parents=_types_of_parents(selected),
            children=self._children(query, child, soql),
        )
        return ChildResults(lookup.child_relationship_name or "", results, query.limit)


def _id_targets(path: FieldPath) -> set[str]:
    """Return the objects whose records a field may name."""
    return set(path.field.reference_to) or {path.sobject.name}


def _parts(path: FieldPath) -> list[str]:
    """Return the names of the fields that a compound field is made of."""
    if path.field.type not in COMPOUND_TYPES:
        return []
    fields = path.sobject.fields
    return [field.name for field in fields if field.compound_field == path.field.name]


def _result_column(path: FieldPath) -> ResultColumn:
    if path.alias:
        return ResultColumn((), path.alias, path.field.type, (path.column,))
    if path.function:
        return ResultColumn(path.relationships, path.field.name, path.field.type, (path.column,))
    prefix = "".join(f"{name}." for name in path.relationships)
    sources = tuple(f"{prefix}{part}" for part in _parts(path)) or (path.column,)
    return ResultColumn(path.relationships, path.field.name, path.field.type, sources)


def _types_of_parents(selected: list[FieldPath]) -> dict[tuple[str, ...], str | None]:
    """Return the object behind each relationship, None where each record says."""
    return {
        path.relationships[: depth + 1]: None if lookup.polymorphic else lookup.reference_to[0]
        for path in selected
        for depth, lookup in enumerate(path.lookups)
    }
