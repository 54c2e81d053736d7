"""SOSL searches by name, and the records that the user has looked at.

REST API Developer Guide, "Search" and "Recently Viewed Items"; SOSL of the form
``FIND {text} [IN … FIELDS] RETURNING Account(Id, Name), Contact``.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_SOSL = re.compile(
    r"FIND\s+(?:\{(?P<braced>[^}]*)\}|'(?P<quoted>[^']*)')(?:\s+IN\s+\w+\s+FIELDS)?"
    r"(?:\s+RETURNING\s+(?P<returning>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_RETURNED = re.compile(r"(\w+)\s*(?:\(([^)]*)\))?")
_MOST_RECORDS = 200


async def search(state: State, call: Call) -> Reply:
    """Answer ``/search?q=``: records whose name holds the text."""
    return json_reply({"searchRecords": await asyncio.to_thread(_find, state, call)})


async def list_recent(_state: State, _call: Call) -> Reply:
    """Answer ``/recent``: nobody has looked at anything with the web interface."""
    return json_reply([])


def _find(state: State, call: Call) -> list[dict[str, Any]]:
    match = _SOSL.fullmatch(call.query.get("q", "").strip())
    if match is None:
        text = "No search term found. The search term must be enclosed in braces."
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "MALFORMED_SEARCH", text)
    text = (match["braced"] or match["quoted"] or "").strip("*")
    pattern = text.replace("\\", "\\\\").replace("'", "\\'").replace("*", "%")
    returning = _RETURNED.findall(match["returning"] or "Account, Contact, Opportunity, Lead")
    found = []
    for name, fields in returning:
        sobject = state.org.sobjects.get(name)
        if sobject is None or sobject.name_field is None:
            continue
        soql = f"SELECT {fields.strip() or 'Id'} FROM {name} WHERE {sobject.name_field} LIKE "  # noqa: S608 - SOQL only reads
        result = state.org.query(
            f"{soql}'%{pattern}%' LIMIT {_MOST_RECORDS}", include_deleted=False, bulk=False
        )
        found += result.records(0, len(result), version=call.version)
    return found
