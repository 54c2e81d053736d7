"""Several calls in one: ``/composite`` and ``/composite/batch``.

REST API Developer Guide, "Composite" and "Composite Batch": 25 subrequests at most, and the whole
counts as one API request. Subrequests may read only; references from one subrequest to the result
of another (``@{id.field}``) are not resolved.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

Answer: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""Answers one subrequest."""

MAX_SUBREQUESTS = 25


async def answer_composite(_state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite``; each part of the reply carries its ``referenceId``."""
    parts = []
    for request in _read_subrequests(call, "compositeRequest"):
        if not isinstance(request.get("referenceId"), str):
            raise _refusal("JSON_PARSER_ERROR", "Each subrequest needs a referenceId")
        reply = await _answer(call, request, answer)
        parts.append(
            {
                "body": reply.value,
                "httpHeaders": dict(reply.headers),
                "httpStatusCode": int(reply.status),
                "referenceId": request["referenceId"],
            }
        )
    return json_reply({"compositeResponse": parts})


async def answer_batch(_state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite/batch``: always 200, the results in order."""
    body = _read_object(call)
    results: list[dict[str, Any]] = []
    for request in _read_subrequests(call, "batchRequests"):
        if body.get("haltOnError") and any(_has_failed(result) for result in results):
            skipped = {
                "errorCode": "BATCH_PROCESSING_HALTED",
                "message": "Batch processing halted per request",
            }
            results.append({"statusCode": int(HTTPStatus.PRECONDITION_FAILED), "result": [skipped]})
            continue
        reply = await _answer(call, request, answer)
        results.append({"statusCode": int(reply.status), "result": reply.value})
    return json_reply({"hasErrors": any(map(_has_failed, results)), "results": results})


def _has_failed(result: dict[str, Any]) -> bool:
    return bool(result["statusCode"] >= HTTPStatus.BAD_REQUEST)


def _read_object(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError as error:
        raise _refusal("JSON_PARSER_ERROR", "The body is not JSON") from error
    if not isinstance(body, dict):
        raise _refusal("JSON_PARSER_ERROR", "The body is not a JSON object")
    return body


def _read_subrequests(call: Call, key: str) -> list[dict[str, Any]]:
    requests = _read_object(call).get(key)
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise _refusal("JSON_PARSER_ERROR", f"{key} is not a list of subrequests")
    if not 1 <= len(requests) <= MAX_SUBREQUESTS:
        raise _refusal(
            "LIMIT_EXCEEDED",
            f"{key} must hold 1 to {MAX_SUBREQUESTS} subrequests, not {len(requests)}",
        )
    return requests


async def _answer(call: Call, request: dict[str, Any], answer: Answer) -> Reply:
    """Answer one subrequest. Its URL may leave out ``/services/data``, or that and the version."""
    url = urlsplit(str(request.get("url", "")))
    path = "/" + unquote(url.path).lstrip("/")
    if not path.startswith("/services/"):
        path = f"/services/data{path if path.startswith('/v') else f'/v{call.version}{path}'}"
    nested = Call(
        method=str(request.get("method", "")).upper(),
        path=path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={"Authorization": call.headers.get("Authorization", "")},
        body=b"",
        origin=call.origin,
        peer=call.peer,
        nested=True,
    )
    if nested.method != "GET":
        return _refusal("METHOD_NOT_ALLOWED", "Subrequests may only read here").reply()
    return await answer(nested)


def _refusal(error_code: str, message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, error_code, message)
