"""What Salesforce refuses although it is SOQL: objects without queries, and limits of query jobs.

Texts: recorded replies of Bulk API 2.0, and seen in live clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.sobjects.fields import BINARY_TYPES, COMPOUND_TYPES
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.errors import SoqlError, at_position, not_in_bulk
from sfbulk_sandbox.soql.functions import AGGREGATE_FUNCTIONS

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.schema import SObject
    from sfbulk_sandbox.soql.field_path import FieldPath

_LARGEST_OFFSET = 2_000
_MOST_JOINS = 2
_MOST_ROWS_OF_ALL_FIELDS = 200


def refuse_object(sobject: SObject, query: syntax.Query, *, bulk: bool) -> None:
    """Refuse a query of an object that cannot be queried, or not so.

    Raises:
        SoqlError: It cannot.
    """
    if sobject.query_refusal is not None:
        raise SoqlError(sobject.query_refusal.error_code, sobject.query_refusal.message)
    if bulk and not sobject.in_bulk_api:
        text = f"Entity '{sobject.name}' is not supported by the Bulk API."
        raise SoqlError("INVALIDENTITY", text)
    if sobject.needs_filter_on and not _filters_on(query.where, sobject.needs_filter_on):
        fields = " or ".join(sobject.needs_filter_on)
        raise SoqlError(
            "MALFORMED_QUERY",
            f"Implementation restriction: {sobject.name} requires a filter by a single Id on "
            f"{fields} using the equals operator or multiple Id's using the IN operator.",
        )


def _filters_on(condition: syntax.Condition | None, fields: tuple[str, ...]) -> bool:
    if isinstance(condition, syntax.Logic) and condition.operator == "AND":
        return any(_filters_on(part, fields) for part in condition.conditions)
    if isinstance(condition, (syntax.Comparison, syntax.Membership)):
        operand = condition.operand
        if isinstance(operand, syntax.FunctionCall):
            return False
        named = operand.names[-1].lower() in map(str.lower, fields)
        return named and condition.operator in {"=", "IN"}
    return False


def refuse_in_bulk(query: syntax.Query) -> None:
    """Refuse what the SOQL of a query job must not contain.

    Raises:
        SoqlError: The query contains it.
    """
    for item in query.select:
        if isinstance(item, syntax.ChildQuery):
            text = "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
            raise SoqlError("API_ERROR", text)
        if isinstance(item, syntax.TypeOf):
            raise not_in_bulk("TYPEOF")
    if is_aggregate(query):
        raise not_in_bulk("Aggregate Relationships")
    if query.offset:
        raise not_in_bulk("OFFSET")
    _refuse_aliases(query)


def refuse_branches(soql: str, query: syntax.Query) -> None:
    """Refuse TYPEOF of a relationship that the SELECT list names besides.

    SOQL and SOSL Reference, "TYPEOF".

    Raises:
        SoqlError: The SELECT list does.
    """
    for item in query.select:
        if not isinstance(item, syntax.TypeOf):
            continue
        start = f"{item.relationship.text}.".lower()
        for other in query.select:
            if isinstance(other, syntax.Selected) and other.path.text.lower().startswith(start):
                text = f"{item.relationship.text} cannot be in TYPEOF and in the SELECT list"
                raise at_position(soql, other.path.position, "MALFORMED_QUERY", text)


def refuse_field_in_bulk(path: FieldPath) -> None:
    """Refuse a field that CSV cannot hold.

    Raises:
        SoqlError: CSV cannot hold it.
    """
    field = path.field
    if field.type in COMPOUND_TYPES or path.target is not None:
        raise not_in_bulk("Selecting compound data")
    if field.type in BINARY_TYPES:
        text = f"Cannot serialize value for '{field.name}' in CSV format"
        raise SoqlError("FEATURENOTENABLED", text)


def refuse_in_rest(query: syntax.Query) -> None:
    """Refuse what is beyond the REST query resource.

    Raises:
        SoqlError: The query contains it.
    """
    if query.offset > _LARGEST_OFFSET:
        text = f"Maximum SOQL offset allowed is {_LARGEST_OFFSET}"
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", text)
    _refuse_aliases(query)


def _refuse_aliases(query: syntax.Query) -> None:
    """Refuse names for fields where nothing is grouped."""
    for item in query.select:
        if isinstance(item, syntax.Selected) and item.alias and not query.group_by:
            text = "only aggregate expressions use field aliasing"
            raise SoqlError("MALFORMED_QUERY", text)


def refuse_aggregates(query: syntax.Query) -> None:
    """Refuse to count or group in a subquery.

    Raises:
        SoqlError: The subquery does.
    """
    if is_aggregate(query):
        raise SoqlError("MALFORMED_QUERY", "only root queries support aggregate expressions")


def is_aggregate(query: syntax.Query) -> bool:
    """Return whether a query counts or groups records instead of returning them."""
    return bool(query.group_by) or any(map(_is_or_holds_aggregate, query.select))


def _is_or_holds_aggregate(item: syntax.SelectItem | syntax.Argument) -> bool:
    if not isinstance(item, syntax.FunctionCall):
        return False
    if item.name.upper() in AGGREGATE_FUNCTIONS:
        return True
    return any(map(_is_or_holds_aggregate, item.arguments))


def is_fields_function(call: syntax.FunctionCall) -> bool:
    """Return whether a function of the SELECT list is FIELDS()."""
    return call.name.upper() == "FIELDS"


def refuse_semi_joins(soql: str, query: syntax.Query) -> None:
    """Refuse semi-joins where Salesforce allows none, and queries that none may have.

    SOQL and SOSL Reference, "Comparison Operators", semi-joins and anti-joins.

    Raises:
        SoqlError: There is one under OR or NOT, in another one, or a third.
    """
    if query.where is None:
        return
    allowed = _top_level_joins(query.where)
    joins = _all_joins(query.where)
    if _has_join_under_or(query.where):
        text = "Semi join sub-selects are not allowed with the 'OR' operator"
        raise SoqlError("MALFORMED_QUERY", text)
    if len(joins) > len(allowed):
        text = (
            "Semi join sub-selects are only allowed at the top level WHERE expressions and not in "
            "nested WHERE expressions."
        )
        raise SoqlError("MALFORMED_QUERY", text)
    if len(joins) > _MOST_JOINS:
        text = f"Maximum {_MOST_JOINS} semi join sub-selects are allowed"
        raise SoqlError("MALFORMED_QUERY", text)
    for join in joins:
        inner, position = join.query, join.query.sobject.position
        if inner.where is not None and _all_joins(inner.where):
            text = "Nesting of semi join sub-selects is not supported"
            raise at_position(soql, position, "MALFORMED_QUERY", text)
        if inner.limit is not None or inner.offset or inner.order_by or inner.group_by:
            text = "semi join sub-selects cannot have LIMIT, OFFSET, ORDER BY or GROUP BY"
            raise at_position(soql, position, "MALFORMED_QUERY", text)
        if any(isinstance(item, syntax.TypeOf) for item in inner.select):
            text = "TYPEOF cannot be used in a semi join sub-select"
            raise at_position(soql, position, "MALFORMED_QUERY", text)


def _has_join_under_or(condition: syntax.Condition) -> bool:
    if not isinstance(condition, syntax.Logic):
        return False
    if condition.operator == "OR" and _all_joins(condition):
        return True
    return any(map(_has_join_under_or, condition.conditions))


def _top_level_joins(condition: syntax.Condition) -> list[syntax.SemiJoin]:
    if isinstance(condition, syntax.Logic) and condition.operator == "AND":
        return [join for part in condition.conditions for join in _top_level_joins(part)]
    return [condition] if isinstance(condition, syntax.SemiJoin) else []


def _all_joins(condition: syntax.Condition) -> list[syntax.SemiJoin]:
    if isinstance(condition, syntax.Logic):
        return [join for part in condition.conditions for join in _all_joins(part)]
    if isinstance(condition, syntax.Not):
        return _all_joins(condition.condition)
    return [condition] if isinstance(condition, syntax.SemiJoin) else []


def refuse_fields(which: str, limit: int | None, *, bulk: bool) -> None:
    """Refuse FIELDS() of anything but ALL, CUSTOM and STANDARD, or of too many rows.

    Raises:
        SoqlError: It is of something else, or the number of rows is not bounded.
    """
    if which not in {"ALL", "CUSTOM", "STANDARD"}:
        text = f"The SOQL FIELDS function takes ALL, CUSTOM or STANDARD, not {which or 'nothing'}"
        raise SoqlError("MALFORMED_QUERY", text)
    if which == "STANDARD":
        return
    if bulk:
        text = (
            "The SOQL FIELDS function is not supported with an unbounded set of fields in this API."
        )
        raise SoqlError("MALFORMED_QUERY", text)
    if limit is None or limit > _MOST_ROWS_OF_ALL_FIELDS:
        text = f"The SOQL FIELDS function must have a LIMIT of at most {_MOST_ROWS_OF_ALL_FIELDS}"
        raise SoqlError("MALFORMED_QUERY", text)
