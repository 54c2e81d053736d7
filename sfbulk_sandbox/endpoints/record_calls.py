"""One record: read, created, updated, upserted and deleted.

REST API Developer Guide, "sObject Rows" and "sObject Rows by External ID".
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sfbulk_sandbox.endpoints.json_bodies import read_object
from sfbulk_sandbox.exchange import Call, Reply, json_reply

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State


async def read_record(state: State, call: Call, sobject: str, record_id: str) -> Reply:
    """Answer ``GET /sobjects/X/{id}``, with all fields or those that ``fields`` names."""
    record = await asyncio.to_thread(
        read_fields, state, call, sobject, record_id, call.query.get("fields")
    )
    return json_reply(record)


async def read_record_by_field(
    state: State, call: Call, sobject: str, field: str, value: str
) -> Reply:
    """Answer ``GET /sobjects/X/{external id field}/{value}``."""
    record_id = await asyncio.to_thread(
        state.org.find_by_external_id, sobject, field, unquote(value)
    )
    return await read_record(state, call, sobject, record_id)


async def create_record(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``POST /sobjects/X`` with 201 and the new Id."""
    values = read_object(call.body)
    record_id = await asyncio.to_thread(state.org.create, sobject, values)
    location = f"/services/data/v{call.version}/sobjects/{sobject}/{record_id}"
    body = {"id": record_id, "success": True, "errors": []}
    return json_reply(body, status=HTTPStatus.CREATED, headers={"Location": location})


async def update_record(state: State, call: Call, sobject: str, record_id: str) -> Reply:
    """Answer ``PATCH /sobjects/X/{id}`` with 204."""
    values = read_object(call.body)
    await asyncio.to_thread(state.org.update, sobject, record_id, values)
    return Reply(HTTPStatus.NO_CONTENT)


async def upsert_record(state: State, call: Call, sobject: str, field: str, value: str) -> Reply:
    """Answer ``PATCH /sobjects/X/{external id field}/{value}``: 201 if new, or else 200."""
    values = {**read_object(call.body), field: unquote(value)}
    record_id, created = await asyncio.to_thread(
        state.org.save_by_external_id, sobject, field, values
    )
    body = {"id": record_id, "success": True, "errors": [], "created": created}
    return json_reply(body, status=HTTPStatus.CREATED if created else HTTPStatus.OK)


async def delete_record(state: State, _call: Call, sobject: str, record_id: str) -> Reply:
    """Answer ``DELETE /sobjects/X/{id}`` with 204."""
    await asyncio.to_thread(state.org.remove, sobject, record_id)
    return Reply(HTTPStatus.NO_CONTENT)


def read_fields(
    state: State, call: Call, sobject: str, record_id: str, fields: str | None
) -> dict[str, Any]:
    """Return a record as the REST API writes it.

    Args:
        state: Of the org.
        call: The call.
        sobject: The record's object.
        record_id: Its Id.
        fields: Names with commas between them; None for all.

    Raises:
        SalesforceError: There is no such record, or it is deleted.
        SoqlError: There is no such field.
    """
    definition, known_id = state.org.find_record(sobject, record_id)
    names = fields or "FIELDS(ALL)"
    soql = f"SELECT {names} FROM {definition.name} WHERE Id = '{known_id}' LIMIT 1"  # noqa: S608 - SOQL only reads
    result = state.org.query(soql, include_deleted=False, bulk=False)
    (record,) = result.records(0, 1, version=call.version)
    return record
