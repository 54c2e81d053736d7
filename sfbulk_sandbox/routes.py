"""Which path leads to which endpoint, and under which name faults strike there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.endpoints import (
    collections,
    composite,
    deleted_records,
    layouts,
    limits,
    record_calls,
    rest_query,
    search,
    sobject_calls,
    tooling,
    trees,
    versions,
)
from sfbulk_sandbox.endpoints.access import authorization, identity, sign_in, soap_login
from sfbulk_sandbox.endpoints.jobs import bulk_1, ingest_calls, job_calls, result_pages, results
from sfbulk_sandbox.exchange import Call, Reply
from sfbulk_sandbox.salesforce_errors import SalesforceError, not_found

if TYPE_CHECKING:
    from sfbulk_sandbox.fault_kind import Place

Endpoint = Callable[..., Awaitable[Reply]]

_JOBS = "jobs/query"
_JOB = rf"{_JOBS}/(?P<job_id>\w+)"
_INGEST = "jobs/ingest"
_INGEST_JOB = rf"{_INGEST}/(?P<ingest_id>\w+)"
_INGEST_RESULTS = "(?P<kind>successfulResults|failedResults|unprocessedrecords)"
_SOBJECT = r"sobjects/(?P<sobject>\w+)"
_RECORD = rf"{_SOBJECT}/(?P<record_id>\w{{15}}(?:\w{{3}})?)"
_FIELD_VALUE = rf"{_SOBJECT}/(?P<field>(?!describe/)\w+)/(?P<value>[^/]+)"
_COLLECTION = "composite/sobjects"
_CURSOR = r"(?P<cursor>01g\w+)-(?P<start>\d+)"


@dataclass(frozen=True)
class Route:
    """One endpoint.

    Args:
        method: HTTP method.
        path: Matches the whole path. Its group ``version`` is the call's API version, its other
            groups are arguments of the endpoint.
        place: Where faults strike it, if they can.
        endpoint: Called with the state, the call and the path's groups.
        signed_in: Whether a session is needed.
        nests: Whether the endpoint also takes what answers subrequests, as ``answer``.
    """

    method: str
    path: re.Pattern[str]
    place: Place | None
    endpoint: Endpoint
    signed_in: bool = True
    nests: bool = False


def _open(method: str, path: str, place: Place | None, endpoint: Endpoint) -> Route:
    return Route(method, re.compile(f"/services/{path}/?"), place, endpoint, signed_in=False)


def _data(
    method: str, path: str, place: Place | None, endpoint: Endpoint, *, nests: bool = False
) -> Route:
    pattern = rf"/services/data/v(?P<version>\d+\.\d){path and '/'}{path}/?"
    return Route(method, re.compile(pattern), place, endpoint, nests=nests)


ROUTES = (
    _open("POST", "oauth2/token", "token", sign_in.issue_token),
    _open("GET", "oauth2/authorize", None, authorization.authorize),
    _open("POST", "oauth2/revoke", None, sign_in.revoke_token),
    _open("GET", "oauth2/revoke", None, sign_in.revoke_token),
    _open("POST", "oauth2/introspect", None, sign_in.introspect_token),
    _open("GET", "oauth2/userinfo", None, identity.describe_user),
    Route(
        "GET",
        re.compile(r"/id/(?P<organization_id>\w+)/(?P<user_id>\w+)/?"),
        "identity",
        identity.show_identity,
        signed_in=False,
    ),
    _open("POST", r"Soap/[cu]/(?P<soap_version>\d+\.\d)(?:/\w*)?", "token", soap_login.log_in),
    *(_open(each, r"async/.*", None, bulk_1.refuse) for each in ("GET", "POST", "PATCH", "DELETE")),
    _open("GET", "data", "versions", versions.list_versions),
    _data("GET", "", "versions", versions.list_resources),
    _data("GET", "sobjects", "sobjects", sobject_calls.list_sobjects),
    _data("GET", _SOBJECT, "describe", sobject_calls.show_sobject),
    _data("GET", f"{_SOBJECT}/describe", "describe", sobject_calls.describe_sobject),
    _data("GET", f"{_SOBJECT}/describe/layouts", "describe", layouts.list_layouts),
    _data(
        "GET",
        rf"{_SOBJECT}/describe/layouts/(?P<record_type>\w+)",
        "describe",
        layouts.show_layout,
    ),
    _data("GET", f"{_SOBJECT}/describe/compactLayouts", "describe", layouts.list_compact_layouts),
    _data("GET", f"{_SOBJECT}/deleted", "deleted", deleted_records.list_deleted),
    _data("GET", f"{_SOBJECT}/updated", "deleted", deleted_records.list_updated),
    _data("POST", _SOBJECT, "records", record_calls.create_record),
    _data("GET", _RECORD, "records", record_calls.read_record),
    _data("PATCH", _RECORD, "records", record_calls.update_record),
    _data("DELETE", _RECORD, "records", record_calls.delete_record),
    _data("GET", rf"{_RECORD}/(?P<field>\w+)", "blob", sobject_calls.read_blob),
    _data("GET", _FIELD_VALUE, "records", record_calls.read_record_by_field),
    _data("PATCH", _FIELD_VALUE, "records", record_calls.upsert_record),
    _data("POST", _COLLECTION, "records", collections.create_records),
    _data("PATCH", _COLLECTION, "records", collections.update_records),
    _data("DELETE", _COLLECTION, "records", collections.delete_records),
    _data("GET", rf"{_COLLECTION}/(?P<sobject>\w+)", "records", collections.read_records),
    _data("POST", rf"{_COLLECTION}/(?P<sobject>\w+)", "records", collections.read_records),
    _data(
        "PATCH",
        rf"{_COLLECTION}/(?P<sobject>\w+)/(?P<field>\w+)",
        "records",
        collections.upsert_records,
    ),
    _data("POST", "composite", "composite", composite.answer_composite, nests=True),
    _data("POST", "composite/graph", "composite", composite.answer_graph, nests=True),
    _data("POST", r"composite/tree/(?P<sobject>\w+)", "records", trees.create_tree),
    _data("POST", "composite/batch", "composite", composite.answer_batch, nests=True),
    _data("GET", "recent", None, search.list_recent),
    _data("GET", "search", "query", search.search),
    _data("GET", "tooling/query", "query", tooling.run_query),
    _data("GET", "tooling/sobjects", "sobjects", tooling.list_sobjects),
    _data("GET", rf"tooling/{_SOBJECT}/describe", "describe", tooling.describe_sobject),
    _data("GET", "limits", "limits", limits.list_limits),
    _data("GET", "limits/recordCount", "limits", limits.count_records),
    _data("GET", "query", "query", rest_query.run_query),
    _data("GET", "queryAll", "query", rest_query.run_query_all),
    _data("GET", f"query(?:All)?/{_CURSOR}", "query", rest_query.read_next_batch),
    _data("POST", _INGEST, "ingest", ingest_calls.create_job),
    _data("GET", _INGEST, "ingest", ingest_calls.list_jobs),
    _data("GET", _INGEST_JOB, "ingest", ingest_calls.read_job),
    _data("PATCH", _INGEST_JOB, "ingest", ingest_calls.change_state),
    _data("DELETE", _INGEST_JOB, "ingest", ingest_calls.delete_job),
    _data("PUT", f"{_INGEST_JOB}/batches", "ingest", ingest_calls.upload),
    _data("GET", f"{_INGEST_JOB}/{_INGEST_RESULTS}", "ingest", ingest_calls.read_results),
    _data("POST", _JOBS, "create", job_calls.create_job),
    _data("GET", _JOBS, "list_jobs", job_calls.list_jobs),
    _data("GET", _JOB, "poll", job_calls.read_job),
    _data("PATCH", _JOB, "abort", job_calls.abort_job),
    _data("DELETE", _JOB, "delete", job_calls.delete_job),
    _data("GET", f"{_JOB}/results", "page", results.read_results),
    _data("GET", f"{_JOB}/result[Pp]ages", "list_pages", result_pages.list_pages),
)


UNANSWERED = (
    "actions",
    "analytics",
    "async-queries",
    "chatter",
    "commerce",
    "connect",
    "dedupe",
    "knowledgeManagement",
    "licensing",
    "parameterizedSearch",
    "process",
    "quickActions",
    "sobjects/X/describe/approvalLayouts",
    "sobjects/X/listviews",
    "sobjects/X/quickActions",
    "support",
    "tabs",
    "theme",
    "tooling/executeAnonymous",
    "tooling/runTestsAsynchronous",
    "tooling/search",
    "ui-api",
    "wave",
)
"""Resources of the REST API that Salesforce has and the sandbox has not."""


def _is_unanswered(path: str) -> bool:
    """Return whether Salesforce would answer a path that leads nowhere here."""
    resource = re.sub(r"^/services/data/v\d+\.\d/", "", path)
    resource = re.sub(r"^sobjects/\w+/(?!\w{15,18}/)", "sobjects/X/", resource)
    return any(resource == each or resource.startswith(f"{each}/") for each in UNANSWERED)


def find_route(call: Call) -> tuple[Route, dict[str, Any]]:
    """Return the route of a call and the groups of its path.

    Raises:
        SalesforceError: 404 for an unknown path, 405 for a method that the path does not know.
    """
    methods = []
    for route in ROUTES:
        match = route.path.fullmatch(call.path)
        if match and route.method == call.method:
            return route, match.groupdict()
        if match:
            methods.append(route.method)
    if methods:
        message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(methods)}"
        raise SalesforceError(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    if _is_unanswered(call.path):
        message = "This sandbox does not have the resource; Salesforce may well have it"
        raise SalesforceError(HTTPStatus.NOT_FOUND, "NOT_FOUND", message)
    raise not_found()
