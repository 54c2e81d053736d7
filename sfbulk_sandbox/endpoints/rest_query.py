"""The REST query resource: ``/query?q=``, ``/queryAll?q=`` and the cursors that continue them.

REST API Developer Guide, "Query" and "Query Options Header".
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError
from sfbulk_sandbox.sobjects.fields import NUMBER_TYPES
from sfbulk_sandbox.soql.result_set import AGGREGATE_RESULT, ChildPaging

if TYPE_CHECKING:
    from sfbulk_sandbox.state.org import ResultSet
    from sfbulk_sandbox.state.state import State

_SMALLEST_BATCH, _LARGEST_BATCH = 200, 2000
_TOO_MANY_GROUPS = (
    "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single "
    "batch"
)


async def run_query(state: State, call: Call) -> Reply:
    """Answer ``/query?q=``: rows that were not deleted."""
    return await _read_first_batch(state, call, include_deleted=False)


async def run_query_all(state: State, call: Call) -> Reply:
    """Answer ``/queryAll?q=``: deleted rows too."""
    return await _read_first_batch(state, call, include_deleted=True)


async def read_next_batch(state: State, call: Call, cursor: str, start: str) -> Reply:
    """Answer ``/query/{cursor}-{row}``, the ``nextRecordsUrl`` of an earlier reply."""
    result = state.cursors.result(cursor)
    if result is None or int(start) > len(result):
        raise SalesforceError(
            HTTPStatus.BAD_REQUEST, "INVALID_QUERY_LOCATOR", "invalid query locator"
        )
    body = await _make_batch(result, int(start), call, cursor, state)
    return json_reply(body)


async def _read_first_batch(state: State, call: Call, *, include_deleted: bool) -> Reply:
    if "explain" in call.query:
        return await _explain(state, call)
    soql = call.query.get("q", "")
    if not soql.strip():
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "MALFORMED_QUERY", "A query is required")
    result = await asyncio.to_thread(
        state.org.query, soql, include_deleted=include_deleted, bulk=False
    )
    if call.query.get("columns", "").lower() == "true":
        return json_reply(_describe_columns(result, state))
    return json_reply(await _make_batch(result, 0, call, None, state))


def _describe_columns(result: ResultSet, state: State) -> dict[str, Any]:
    """Return what ``columns=true`` asks for; the Salesforce CLI does before each query."""
    sobject = state.org.sobjects.get(result.sobject)
    return {
        "columnMetadata": [
            {
                "aggregate": sobject is None,
                "apexType": type_,
                "booleanType": type_ == "boolean",
                "columnName": name,
                "custom": name.endswith("__c"),
                "displayName": name,
                "foreignKeyName": None,
                "insertable": False,
                "joinColumns": [],
                "numberType": type_ in NUMBER_TYPES,
                "textType": type_ not in NUMBER_TYPES | {"boolean", "date", "datetime", "time"},
                "updatable": False,
            }
            for name, type_ in result.types.items()
        ],
        "entityName": result.sobject,
        "groupBy": sobject is None,
        "idSelected": "Id" in result.columns,
        "keyPrefix": None if sobject is None else sobject.key_prefix,
    }


async def _explain(state: State, call: Call) -> Reply:
    """Answer ``/query?explain=``: everything is scanned here (REST guide, "Query Explain")."""
    soql = call.query["explain"]
    result = await asyncio.to_thread(state.org.query, soql, include_deleted=False, bulk=False)
    rows = state.org.count(result.sobject) if result.sobject in state.org.sobjects else len(result)
    plan = {
        "cardinality": len(result),
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [],
        "relativeCost": 1.0,
        "sobjectCardinality": rows,
        "sobjectType": result.sobject,
    }
    return json_reply({"plans": [plan], "sourceQuery": soql})


async def _make_batch(
    result: ResultSet, start: int, call: Call, cursor: str | None, state: State
) -> dict[str, Any]:
    """Return one batch; the result of ``count()`` has a size but no records."""
    stop = start + _choose_batch_size(call, usual=state.scenario.query_rows)
    size = stop - start
    if result.sobject == AGGREGATE_RESULT and result.columns and len(result) > size:
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "EXCEEDED_ID_LIMIT", _TOO_MANY_GROUPS)

    def address(children: ResultSet) -> str:
        return f"/services/data/v{call.version}/query/{state.cursors.open(children)}-{size}"

    records = await asyncio.to_thread(
        result.records, start, stop, version=call.version, paging=ChildPaging(size, address)
    )
    following = start + len(records)
    body: dict[str, Any] = {"totalSize": len(result), "done": True}
    if records and following < len(result):
        cursor = cursor or state.cursors.open(result)
        body["done"] = False
        body["nextRecordsUrl"] = f"/services/data/v{call.version}/query/{cursor}-{following}"
    return {**body, "records": records}


def _choose_batch_size(call: Call, *, usual: int) -> int:
    """Return the rows of a reply, from ``Sforce-Query-Options: batchSize=…`` within its bounds."""
    match = re.search(r"batchSize\s*=\s*(\d+)", call.headers.get("Sforce-Query-Options", ""))
    if match is None:
        return usual
    return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, int(match[1])))
