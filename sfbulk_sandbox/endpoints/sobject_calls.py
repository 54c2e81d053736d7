"""The sObject resources: their list, one sObject's summary and fields, a record's binary field."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import not_found

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_MAX_BATCH_SIZE = 200


async def list_sobjects(state: State, call: Call) -> Reply:
    """Answer ``/sobjects`` (REST API Developer Guide, "Describe Global")."""
    entries = await asyncio.to_thread(state.org.describe_global, call.version)
    return json_reply(
        {
            "encoding": "UTF-8",
            "maxBatchSize": _MAX_BATCH_SIZE,
            "sobjects": entries,
        }
    )


async def show_sobject(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X``: the entry of the global describe, and no recent items."""
    entries = await asyncio.to_thread(state.org.describe_global, call.version)
    for entry in entries:
        if entry["name"].lower() == sobject.lower():
            return json_reply({"objectDescribe": entry, "recentItems": []})
    raise not_found()


async def describe_sobject(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X/describe``."""
    description = await asyncio.to_thread(state.org.describe, sobject, call.version)
    if description is None:
        raise not_found()
    return json_reply(description)


async def read_blob(state: State, _call: Call, sobject: str, record_id: str, field: str) -> Reply:
    """Answer ``/sobjects/X/{id}/{field}`` with the content of a binary field.

    REST API Developer Guide, "sObject Blob Retrieve".
    """
    try:
        content = await asyncio.to_thread(state.org.blob, sobject, record_id, field)
    except (KeyError, ValueError) as error:
        raise not_found() from error
    if content is None:
        raise not_found()
    return Reply(HTTPStatus.OK, content, "application/octetstream")
