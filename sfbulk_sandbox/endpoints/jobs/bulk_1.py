"""Bulk API 1, which this org does not have, so that clients fall back to version 2.

Bulk API 2.0 and Bulk API Developer Guide, "Errors": an org without it answers FeatureNotEnabled,
in JSON to clients that ask for JSON and otherwise in XML.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_CODE, _MESSAGE = "FeatureNotEnabled", "Async API not enabled"
_XML = f"""<?xml version="1.0" encoding="UTF-8"?>\
<error xmlns="http://www.force.com/2009/06/asyncapi/dataload"><exceptionCode>{_CODE}\
</exceptionCode><exceptionMessage>{_MESSAGE}</exceptionMessage></error>"""


async def refuse(_state: State, call: Call, **_: str) -> Reply:
    """Answer every call under ``/services/async/``."""
    asked = f"{call.headers.get('Content-Type', '')} {call.headers.get('Accept', '')}"
    if "json" in asked:
        body = {"exceptionCode": _CODE, "exceptionMessage": _MESSAGE}
        return json_reply(body, status=HTTPStatus.BAD_REQUEST)
    return Reply(HTTPStatus.BAD_REQUEST, _XML.encode(), "application/xml")
