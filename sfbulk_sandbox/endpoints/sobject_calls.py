"""The sObject resources: their list, one sObject's summary and fields, a record's binary field."""

from __future__ import annotations

import asyncio
import zlib
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import not_found

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk_sandbox.state.state import State

_MAX_BATCH_SIZE = 200


async def list_sobjects(state: State, call: Call) -> Reply:
    """Answer ``/sobjects`` (REST API Developer Guide, "Describe Global")."""
    entries = await asyncio.to_thread(state.org.describe_global, call.version)
    body = {"encoding": "UTF-8", "maxBatchSize": _MAX_BATCH_SIZE, "sobjects": entries}
    return _reply_if_changed(state, call, json_reply(body))


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
    return _reply_if_changed(state, call, json_reply(description))


def _reply_if_changed(state: State, call: Call, reply: Reply) -> Reply:
    """Return a describe with its ETag and date, or 304 for a client that has it already.

    REST API Developer Guide, "Conditional Requests".
    """
    etag = f'"{zlib.crc32(reply.body):08x}"'
    changed = state.org.schema_changed
    headers = {"ETag": etag, "Last-Modified": format_datetime(changed, usegmt=True)}
    known = call.headers.get("If-None-Match")
    if known is not None:
        is_known = etag in known.replace("--gzip", "")
    else:
        is_known = _is_unchanged_since(call.headers.get("If-Modified-Since"), changed)
    if is_known:
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    return reply.with_headers(headers)


def _is_unchanged_since(text: str | None, changed: datetime) -> bool:
    try:
        since = parsedate_to_datetime(text) if text else None
    except ValueError:
        return False
    return since is not None and changed <= since


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
