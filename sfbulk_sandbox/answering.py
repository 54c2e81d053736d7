"""The way from a call to its reply."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from isal import igzip

from sfbulk_sandbox.call_log import CallLog
from sfbulk_sandbox.endpoints.versions import check_version
from sfbulk_sandbox.exchange import LONGEST_URI_BYTES, dump_pretty
from sfbulk_sandbox.faults.body_faults import BodyFault
from sfbulk_sandbox.faults.events import Event
from sfbulk_sandbox.faults.kinds import Aim, Faults
from sfbulk_sandbox.faults.refusals import Refusal
from sfbulk_sandbox.routes import Route, find_route
from sfbulk_sandbox.salesforce_errors import OAuthError, SalesforceError, usual_error
from sfbulk_sandbox.soql.errors import SoqlError
from sfbulk_sandbox.state.state import State

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Call, Reply
    from sfbulk_sandbox.fault_kind import FaultKind, Place
    from sfbulk_sandbox.scenario import Scenario
    from sfbulk_sandbox.state.query_jobs import QueryJob

_BAD_REQUEST = 400
_WORTH_A_THREAD = 65_536
_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A reply and what led to it.

    Args:
        reply: What is to be sent.
        place: The endpoint, as faults call it; None for one without faults.
        sobject: What the call was about.
        fault: The fault that struck; one of transport is still to be applied.
    """

    reply: Reply
    place: Place | None = None
    sobject: str | None = None
    fault: FaultKind | None = None


class Sandbox:
    """A stand-in for one Salesforce org, without any network.

    Args:
        scenario: What it holds and how it behaves.

    Raises:
        MappingError: A fault of the scenario is written wrongly.
        ValueError: The org cannot be as the scenario says.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.faults = Faults(scenario.faults)
        self.state = State(scenario)
        self.log = CallLog()

    async def answer(self, call: Call) -> Answer:
        """Answer a call as Salesforce would, or as the fault that strikes it wants it."""
        head_only = call.method == "HEAD"
        call = _with_meant_method(call)
        try:
            if call.uri_bytes > LONGEST_URI_BYTES:
                raise usual_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            route, groups = find_route(call)
        except SalesforceError as error:
            usage = self.state.usage.header(self.state.scenario)
            return Answer(error.reply().with_headers(usage))
        state = self.state
        call = replace(call, version=groups.pop("version", ""))
        job = state.jobs.get(groups["job_id"]) if "job_id" in groups else None
        aim = _find_aim(call, groups.get("sobject"), job)
        if route.place is not None:
            call = replace(call, fault=self.faults.strike(route.place, call, aim))
        if isinstance(call.fault, Event):
            call.fault.happen(state, job)
        if isinstance(call.fault, Refusal):
            reply = call.fault.reply(call)
        else:
            reply = await self._reply_as_usual(route, groups, call)
        if route.signed_in and not call.nested:
            reply = reply.with_headers(state.usage.header(state.scenario))
        if call.headers.get("X-PrettyPrint") == "1" and reply.value is not None:
            reply = replace(reply, body=dump_pretty(reply.value))
        reply = await _compress(reply, call)
        if isinstance(call.fault, BodyFault):
            reply = call.fault.change(reply)
        # The server sends no body to HEAD, and chunks would be one.
        reply = replace(reply, chunked=reply.chunked and not head_only)
        return Answer(reply, route.place, aim.sobject, call.fault)

    async def _reply_as_usual(self, route: Route, groups: dict[str, Any], call: Call) -> Reply:
        """Return what Salesforce would reply."""
        state = self.state
        try:
            if call.version:
                check_version(state, call.version)
            if route.signed_in and not call.nested:
                lifetime = state.scenario.token_lifetime_calls
                state.sessions.check(call.token, lifetime_calls=lifetime)
                state.usage.count_request(state.scenario)
            if route.nests:
                groups["answer"] = self._answer_nested
            return await route.endpoint(state, call, **groups)
        except (SalesforceError, OAuthError) as error:
            return error.reply()
        except SoqlError as error:
            return SalesforceError(_BAD_REQUEST, error.error_code, error.message).reply()

    async def _answer_nested(self, call: Call) -> Reply:
        return (await self.answer(call)).reply


def _with_meant_method(call: Call) -> Call:
    """Return a call with the method that decides what is done.

    HEAD is answered as GET, and clients that cannot send PATCH name it in the query string (REST
    guide, "sObject Rows").
    """
    if call.method == "HEAD":
        return replace(call, method="GET")
    if call.method == "POST" and call.query.get("_HttpMethod"):
        return replace(call, method=call.query["_HttpMethod"].upper())
    return call


def _find_aim(call: Call, sobject: str | None, job: QueryJob | None) -> Aim:
    """Return what a call is about."""
    if job is None:
        return Aim(sobject or _find_queried_sobject(call))
    pages = max(1, len(job.page_starts))
    locator = call.query.get("locator")
    start = 0 if locator is None else job.start_of(locator)
    page = None if start is None else start // job.page_rows + 1
    return Aim(job.result.sobject, page, pages)


def _find_queried_sobject(call: Call) -> str | None:
    """Return the sObject after FROM in a query, in the query string or in the body."""
    soql = call.query.get("q", "")
    if not soql and call.body[:1] == b"{":
        try:
            soql = str(json.loads(call.body).get("query", ""))
        except ValueError:
            return None
    match = _FROM.search(soql)
    return match[1] if match else None


async def _compress(reply: Reply, call: Call) -> Reply:
    """Compress a body for a client that asks for it, unless that was done already."""
    if not call.accepts_gzip or not reply.body or "Content-Encoding" in reply.headers:
        return reply
    if len(reply.body) < _WORTH_A_THREAD:
        body = igzip.compress(reply.body, compresslevel=1)
    else:
        body = await asyncio.to_thread(igzip.compress, reply.body, compresslevel=1)
    return replace(reply, body=body).with_headers({"Content-Encoding": "gzip"})
