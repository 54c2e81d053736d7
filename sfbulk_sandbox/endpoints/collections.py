"""Up to 200 records in one call: ``/composite/sobjects``.

REST API Developer Guide, "sObject Collections".
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.endpoints.json_bodies import json_error, read_object
from sfbulk_sandbox.endpoints.record_calls import read_fields
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError
from sfbulk_sandbox.state.saving import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.state.state import State

_MOST_RECORDS = 200
_ROLLED_BACK = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)


async def create_records(state: State, call: Call) -> Reply:
    """Answer ``POST /composite/sobjects``."""

    def create(record: dict[str, Any]) -> dict[str, Any]:
        record_id = state.org.create(_type_of(record), record)
        return {"id": record_id, "success": True, "errors": []}

    return await _write(state, call, create)


async def update_records(state: State, call: Call) -> Reply:
    """Answer ``PATCH /composite/sobjects``."""

    def update(record: dict[str, Any]) -> dict[str, Any]:
        values = dict(record)
        record_id = str(values.pop("id", values.pop("Id", "")))
        state.org.update(_type_of(record), record_id, values)
        return {"id": record_id, "success": True, "errors": []}

    return await _write(state, call, update)


async def upsert_records(state: State, call: Call, sobject: str, field: str) -> Reply:
    """Answer ``PATCH /composite/sobjects/X/{external id field}``."""

    def upsert(record: dict[str, Any]) -> dict[str, Any]:
        record_id, created = state.org.save_by_external_id(sobject, field, record)
        return {"id": record_id, "success": True, "errors": [], "created": created}

    return await _write(state, call, upsert)


async def delete_records(state: State, call: Call) -> Reply:
    """Answer ``DELETE /composite/sobjects?ids=…``."""
    ids = [each for each in call.query.get("ids", "").split(",") if each]
    all_or_none = call.query.get("allOrNone", "false").lower() == "true"

    def delete(record: dict[str, Any]) -> dict[str, Any]:
        record_id = record["id"]
        state.org.remove(state.org.find_sobject_of(record_id), record_id)
        return {"id": record_id, "success": True, "errors": []}

    records = [{"id": each} for each in ids]
    return json_reply(
        await asyncio.to_thread(_write_all, state, records, delete, all_or_none=all_or_none)
    )


async def read_records(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``GET`` or ``POST /composite/sobjects/X`` with ``ids`` and ``fields``."""
    body = read_object(call.body) if call.method == "POST" else {}
    ids = body.get("ids") or call.query.get("ids", "").split(",")
    fields = body.get("fields") or call.query.get("fields", "Id").split(",")
    if not isinstance(ids, list) or not isinstance(fields, list):
        raise json_error("ids and fields must be lists")

    def read(record_id: str) -> dict[str, Any] | None:
        try:
            return read_fields(state, call, sobject, record_id, ",".join(map(str, fields)))
        except SalesforceError:
            return None

    return json_reply(await asyncio.to_thread(lambda: [read(str(each)) for each in ids]))


async def _write(
    state: State, call: Call, write: Callable[[dict[str, Any]], dict[str, Any]]
) -> Reply:
    body = read_object(call.body)
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise json_error("records is not a list of records")
    results = await asyncio.to_thread(
        _write_all, state, records, write, all_or_none=body.get("allOrNone") is True
    )
    return json_reply(results)


def _write_all(
    state: State,
    records: list[dict[str, Any]],
    write: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    all_or_none: bool,
) -> list[dict[str, Any]]:
    if len(records) > _MOST_RECORDS:
        text = f"The operation can have at most {_MOST_RECORDS} records, not {len(records)}"
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "EXCEEDED_ID_LIMIT", text)
    before = state.org.snapshot() if all_or_none else None
    results = [_write_one(record, write) for record in records]
    if before is not None and not all(result["success"] for result in results):
        state.org.restore(before)
        return [_ROLLED_BACK.result() if each["success"] else each for each in results]
    return results


def _write_one(
    record: dict[str, Any], write: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    try:
        return write(record)
    except RecordError as error:
        return error.result()


def _type_of(record: dict[str, Any]) -> str:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
        raise RecordError("INVALID_TYPE", "Each record needs attributes with its type")
    return str(attributes["type"])
