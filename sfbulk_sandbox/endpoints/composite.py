"""Several calls in one: ``/composite`` and ``/composite/batch``.

REST API Developer Guide, "Composite" and "Composite Batch": 25 subrequests at most, and the whole
counts as one API request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from sfbulk_sandbox.endpoints.json_bodies import json_error, read_object
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.state.state import State

Answer: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""Answers one subrequest."""

MAX_SUBREQUESTS = 25
_ROLLED_BACK = (
    "The transaction was rolled back since another operation in the same transaction failed."
)
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


async def answer_composite(state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite``; each part of the reply carries its ``referenceId``.

    ``@{ref.field}`` in a URL or body is what an earlier subrequest replied. With ``allOrNone``
    nothing is written if one of them fails.
    """
    all_or_none = read_object(call.body).get("allOrNone") is True
    before = state.org.snapshot() if all_or_none else None
    requests = _read_subrequests(call, "compositeRequest")
    replies: dict[str, Reply] = {}
    for request in requests:
        reference = request.get("referenceId")
        if not isinstance(reference, str):
            raise json_error("Each subrequest needs a referenceId")
        if reference in replies:
            raise json_error(f"The referenceId {reference} is used twice")
        try:
            resolved = _resolve(request, {key: each.value for key, each in replies.items()})
        except LookupError as error:
            replies[reference] = _halted(f"Invalid reference specified. {error.args[0]}").reply()
            continue
        replies[reference] = await _answer(call, resolved, answer)
    if before is not None and any(map(_is_error, replies.values())):
        state.org.restore(before)
        rolled_back = _halted(_ROLLED_BACK).reply()
        replies = {
            key: reply if _is_error(reply) else rolled_back for key, reply in replies.items()
        }
    parts = [
        {
            "body": reply.value,
            "httpHeaders": dict(reply.headers),
            "httpStatusCode": int(reply.status),
            "referenceId": reference,
        }
        for reference, reply in replies.items()
    ]
    return json_reply({"compositeResponse": parts})


async def answer_batch(_state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite/batch``: always 200, the results in order."""
    halts = read_object(call.body).get("haltOnError")
    replies: list[Reply] = []
    for request in _read_subrequests(call, "batchRequests"):
        if halts and any(map(_is_error, replies)):
            replies.append(
                SalesforceError(
                    HTTPStatus.PRECONDITION_FAILED,
                    "BATCH_PROCESSING_HALTED",
                    "Batch processing halted per request",
                ).reply()
            )
            continue
        body = request.get("richInput")
        replies.append(await _answer(call, {**request, "body": body}, answer))
    results = [{"statusCode": int(each.status), "result": each.value} for each in replies]
    return json_reply({"hasErrors": any(map(_is_error, replies)), "results": results})


def _is_error(reply: Reply) -> bool:
    return reply.status >= HTTPStatus.BAD_REQUEST


def _halted(message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, "PROCESSING_HALTED", message)


def _read_subrequests(call: Call, key: str) -> list[dict[str, Any]]:
    requests = read_object(call.body).get(key)
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise json_error(f"{key} is not a list of subrequests")
    if not 1 <= len(requests) <= MAX_SUBREQUESTS:
        raise SalesforceError(
            HTTPStatus.BAD_REQUEST,
            "LIMIT_EXCEEDED",
            f"{key} must hold 1 to {MAX_SUBREQUESTS} subrequests, not {len(requests)}",
        )
    return requests


def _resolve(value: Any, replies: Mapping[str, Any]) -> Any:
    """Return a subrequest with references to earlier replies put in.

    Raises:
        LookupError: A reference leads nowhere.
    """
    if isinstance(value, dict):
        return {key: _resolve(each, replies) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, replies) for each in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _follow(whole, replies)
    return _REFERENCE.sub(lambda match: str(_follow(match, replies)), value)


def _follow(match: re.Match[str], replies: Mapping[str, Any]) -> Any:
    if match[1] not in replies:
        raise LookupError(f"No reference {match[1]}")
    value = replies[match[1]]
    try:
        for name, index in _STEP.findall(match[2]):
            value = value[name] if name else value[int(index)]
    except (KeyError, IndexError, TypeError) as error:
        raise LookupError(f"No value for {match[2][1:]} found in {match[1]}") from error
    return value


async def _answer(call: Call, request: dict[str, Any], answer: Answer) -> Reply:
    """Answer one subrequest. Its URL may leave out ``/services/data``, or that and the version."""
    url = urlsplit(str(request.get("url", "")))
    path = "/" + unquote(url.path).lstrip("/")
    if not path.startswith("/services/"):
        path = f"/services/data{path if path.startswith('/v') else f'/v{call.version}{path}'}"
    body = request.get("body")
    given = request.get("httpHeaders")
    headers = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    nested = Call(
        method=str(request.get("method", "")).upper(),
        path=path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={**headers, "Authorization": call.headers.get("Authorization", "")},
        body=b"" if body is None else json.dumps(body, default=str).encode(),
        origin=call.origin,
        peer=call.peer,
        nested=True,
    )
    return await answer(nested)
