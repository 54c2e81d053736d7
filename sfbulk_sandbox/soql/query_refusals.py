"""What Salesforce refuses although it is SOQL: objects without queries, and limits of query jobs.

Texts: recorded replies of Bulk API 2.0, and seen in live clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.sobjects.fields import BINARY_TYPES, COMPOUND_TYPES
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.errors import SoqlError, not_in_bulk

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import SObject

AGGREGATE_FUNCTIONS = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_LARGEST_OFFSET = 2_000
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
        named = condition.path.names[-1].lower() in map(str.lower, fields)
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


def refuse_field_in_bulk(field: Field) -> None:
    """Refuse a field that CSV cannot hold.

    Raises:
        SoqlError: CSV cannot hold it.
    """
    if field.type in COMPOUND_TYPES:
        raise not_in_bulk("Selecting compound data")
    if field.type in BINARY_TYPES:
        text = f"Cannot serialize value for '{field.name}' in CSV format"
        raise SoqlError("FEATURENOTENABLED", text)


def refuse_in_rest(query: syntax.Query) -> None:
    """Refuse what is beyond the REST query resource, or beyond the sandbox.

    Raises:
        SoqlError: The query contains it.
    """
    if query.offset > _LARGEST_OFFSET:
        text = f"Maximum SOQL offset allowed is {_LARGEST_OFFSET}"
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", text)
    for item in query.select:
        if isinstance(item, syntax.TypeOf):
            raise SoqlError("MALFORMED_QUERY", "TYPEOF is not supported by this sandbox")
    _refuse_aliases(query)


def _refuse_aliases(query: syntax.Query) -> None:
    """Refuse names for fields where nothing is grouped."""
    for item in query.select:
        if isinstance(item, syntax.Selected) and item.alias and not query.group_by:
            text = "only aggregate expressions use field aliasing"
            raise SoqlError("MALFORMED_QUERY", text)


def is_aggregate(query: syntax.Query) -> bool:
    """Tell whether a query counts or groups records instead of returning them."""
    return bool(query.group_by) or any(
        isinstance(item, syntax.FunctionCall) and item.name.upper() in AGGREGATE_FUNCTIONS
        for item in query.select
    )


def is_fields_function(call: syntax.FunctionCall) -> bool:
    """Tell whether a function of the SELECT list is FIELDS()."""
    return call.name.upper() == "FIELDS"


def is_label_function(call: syntax.FunctionCall) -> bool:
    """Tell whether a function is toLabel(); labels are the values themselves here."""
    return call.name.upper() == "TOLABEL"


def refuse_unbounded_fields(which: str, limit: int | None, *, bulk: bool) -> None:
    """Refuse FIELDS(ALL) and FIELDS(CUSTOM) where the number of rows is not bounded.

    Raises:
        SoqlError: It is not.
    """
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
