"""The whole state of a sandbox, and the way from a call to its reply."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isal import igzip

from sfbulk_sandbox.call_log import CallLog
from sfbulk_sandbox.endpoints.limits import Usage
from sfbulk_sandbox.endpoints.rest_query import Cursors
from sfbulk_sandbox.endpoints.versions import check_version
from sfbulk_sandbox.faults.fault_kind import BodyFault, Event, FaultKind, Refusal
from sfbulk_sandbox.faults.kinds import Aim, Faults
from sfbulk_sandbox.routes import Route, find_route
from sfbulk_sandbox.salesforce_errors import OAuthError, SalesforceError
from sfbulk_sandbox.soql.errors import SoqlError
from sfbulk_sandbox.state.org import Org
from sfbulk_sandbox.state.query_jobs import QueryJob, QueryJobs
from sfbulk_sandbox.state.sessions import Sessions

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Call, Reply
    from sfbulk_sandbox.faults.fault_kind import Place
    from sfbulk_sandbox.scenario import Scenario

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

    All its methods run on one event loop; only the org's own work is done in threads.
    """

    def __init__(self, scenario: Scenario) -> None:
        credentials = scenario.credentials
        self.scenario = scenario
        self.org = Org(seed=scenario.seed, rows=scenario.rows, now=scenario.now)
        self.sessions = Sessions(
            known_only=credentials is not None,
            access_token=credentials.access_token if credentials else None,
            refresh_token=credentials.refresh_token if credentials else None,
        )
        self.faults = Faults(scenario.read_faults())
        self.jobs = QueryJobs()
        self.cursors = Cursors()
        self.usage = Usage()
        self.log = CallLog()

    async def answer(self, call: Call) -> Answer:
        """Answer a call as Salesforce would, or as the fault that strikes it wants it."""
        try:
            route, groups = find_route(call)
        except SalesforceError as error:
            return Answer(error.reply())
        call = replace(call, version=groups.pop("version", ""))
        job = self.jobs.get(groups["job_id"]) if "job_id" in groups else None
        aim = self._aim(call, groups.get("sobject"), job)
        if route.place is not None:
            call = replace(call, fault=self.faults.strike(route.place, call, aim))
        if isinstance(call.fault, Event):
            call.fault.happen(self, job)
        if isinstance(call.fault, Refusal):
            reply = call.fault.reply(call)
        else:
            reply = await self._usual_reply(route, groups, call)
        if route.signed_in and not call.nested:
            reply = reply.with_headers(self.usage.header(self.scenario))
        reply = await _compressed(reply, call)
        if isinstance(call.fault, BodyFault):
            reply = call.fault.change(reply)
        return Answer(reply, route.place, aim.sobject, call.fault)

    async def _usual_reply(self, route: Route, groups: dict[str, str], call: Call) -> Reply:
        """Return what Salesforce would reply."""
        try:
            if call.version:
                check_version(self, call.version)
            if route.signed_in and not call.nested:
                lifetime = self.scenario.token_lifetime_calls
                self.sessions.check(call.token, lifetime_calls=lifetime)
                self.usage.count_request(self.scenario)
            return await route.endpoint(self, call, **groups)
        except (SalesforceError, OAuthError) as error:
            return error.reply()
        except SoqlError as error:
            return SalesforceError(_BAD_REQUEST, error.error_code, error.message).reply()

    def _aim(self, call: Call, sobject: str | None, job: QueryJob | None) -> Aim:
        """Say what a call is about."""
        if job is None:
            return Aim(sobject or _queried_sobject(call))
        pages = max(1, len(job.page_starts))
        locator = call.query.get("locator")
        start = 0 if locator is None else job.start_of(locator)
        page = None if start is None else start // job.page_rows + 1
        return Aim(job.result.sobject, page, pages)


def _queried_sobject(call: Call) -> str | None:
    """Return the sObject after FROM in a query, in the query string or in the body."""
    soql = call.query.get("q", "")
    if not soql and call.body[:1] == b"{":
        try:
            soql = str(json.loads(call.body).get("query", ""))
        except ValueError:
            return None
    match = _FROM.search(soql)
    return match[1] if match else None


async def _compressed(reply: Reply, call: Call) -> Reply:
    """Compress a body for a client that asks for it, unless that was done already."""
    if not call.accepts_gzip or not reply.body or "Content-Encoding" in reply.headers:
        return reply
    if len(reply.body) < _WORTH_A_THREAD:
        body = igzip.compress(reply.body, compresslevel=1)
    else:
        body = await asyncio.to_thread(igzip.compress, reply.body, compresslevel=1)
    return replace(reply, body=body).with_headers({"Content-Encoding": "gzip"})
