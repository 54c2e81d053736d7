"""Several calls in one: ``/composite``, ``/composite/graph`` and ``/composite/batch``.

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
_MOST_GRAPHS = 75
_MOST_NODES = 500
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
    body = read_object(call.body)
    requests = _read_subrequests(body, "compositeRequest")
    all_or_none = body.get("allOrNone") is True
    replies = await _answer_all(state, call, requests, answer, all_or_none=all_or_none)
    return json_reply({"compositeResponse": _list_parts(replies)})


async def answer_graph(state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite/graph``: composite calls, each of which is written whole or not.

    REST API Developer Guide, "Composite Graph": 75 graphs and 500 subrequests at most.
    """
    graphs = read_object(call.body).get("graphs")
    if not isinstance(graphs, list) or not all(isinstance(each, dict) for each in graphs):
        raise json_error("graphs is not a list of graphs")
    if not 1 <= len(graphs) <= _MOST_GRAPHS:
        raise _too_many("graphs", _MOST_GRAPHS, len(graphs))
    if not all(isinstance(graph.get("graphId"), str) for graph in graphs):
        raise json_error("Each graph needs a graphId")
    requests = [_read_subrequests(graph, "compositeRequest", _MOST_NODES) for graph in graphs]
    if (nodes := sum(map(len, requests))) > _MOST_NODES:
        raise _too_many("graphs", _MOST_NODES, nodes)
    results = []
    for graph, several in zip(graphs, requests, strict=True):
        replies = await _answer_all(state, call, several, answer, all_or_none=True)
        results.append(
            {
                "graphId": graph["graphId"],
                "graphResponse": {"compositeResponse": _list_parts(replies)},
                "isSuccessful": not any(map(_is_error, replies.values())),
            }
        )
    return json_reply({"graphs": results})


async def _answer_all(
    state: State,
    call: Call,
    requests: list[dict[str, Any]],
    answer: Answer,
    *,
    all_or_none: bool,
) -> dict[str, Reply]:
    """Answer subrequests that may refer to the replies of earlier ones; return theirs by name."""
    before = state.org.snapshot() if all_or_none else None
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
            replies[reference] = _halt_request(
                f"Invalid reference specified. {error.args[0]}"
            ).reply()
            continue
        replies[reference] = await _answer(call, resolved, answer)
    if before is not None and any(map(_is_error, replies.values())):
        state.org.restore(before)
        rolled_back = _halt_request(_ROLLED_BACK).reply()
        return {key: reply if _is_error(reply) else rolled_back for key, reply in replies.items()}
    return replies


def _list_parts(replies: Mapping[str, Reply]) -> list[dict[str, Any]]:
    return [
        {
            "body": reply.value,
            "httpHeaders": dict(reply.headers),
            "httpStatusCode": int(reply.status),
            "referenceId": reference,
        }
        for reference, reply in replies.items()
    ]


async def answer_batch(_state: State, call: Call, answer: Answer) -> Reply:
    """Answer ``POST /composite/batch``: always 200, the results in order."""
    whole = read_object(call.body)
    halts = whole.get("haltOnError")
    replies: list[Reply] = []
    for request in _read_subrequests(whole, "batchRequests"):
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


def _halt_request(message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, "PROCESSING_HALTED", message)


def _read_subrequests(
    body: Mapping[str, Any], key: str, most: int = MAX_SUBREQUESTS
) -> list[dict[str, Any]]:
    requests = body.get(key)
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise json_error(f"{key} is not a list of subrequests")
    if not 1 <= len(requests) <= most:
        raise _too_many(key, most, len(requests))
    return requests


def _too_many(key: str, most: int, count: int) -> SalesforceError:
    text = f"{key} must hold 1 to {most} subrequests, not {count}"
    return SalesforceError(HTTPStatus.BAD_REQUEST, "LIMIT_EXCEEDED", text)


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
