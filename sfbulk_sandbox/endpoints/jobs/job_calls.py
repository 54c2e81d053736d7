"""The calls on ``/jobs/query``: create, info, list, abort, delete.

Bulk API 2.0 and Bulk API Developer Guide, "Query Jobs".
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.endpoints.json_bodies import read_object
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.faults.info_faults import InfoFault
from sfbulk_sandbox.salesforce_errors import SalesforceError, not_found, usual_error
from sfbulk_sandbox.state.query_jobs import (
    DELIMITERS,
    FINAL_STATES,
    LINE_ENDINGS,
    QueryJob,
)

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_JOBS_PER_REPLY = 1000
_FIRST_VERSION = 47.0
_CHOICES = {
    "operation": ("query", "queryAll"),
    "contentType": ("CSV",),
    "columnDelimiter": tuple(DELIMITERS),
    "lineEnding": tuple(LINE_ENDINGS),
}
_OUTPUT_ONLY = ("id", "object", "state", "createdById", "createdDate", "systemModstamp", "jobType")


async def create_job(state: State, call: Call) -> Reply:
    """Answer ``POST /jobs/query`` with 200; a query that is refused is refused here."""
    _refuse_early_version(call)
    request = _read_creation(call.body)
    operation, soql = request["operation"], request["query"]
    state.usage.count_job(state.scenario)
    result = await asyncio.to_thread(
        state.org.query, soql, include_deleted=operation == "queryAll", bulk=True
    )
    job = QueryJob(
        id=next(state.jobs.new_ids),
        operation=operation,
        soql=soql,
        version=call.version,
        column_delimiter=request.get("columnDelimiter", "COMMA"),
        line_ending=request.get("lineEnding", "LF"),
        result=result,
        result_id=next(state.jobs.new_result_ids),
        scenario=state.scenario,
        created=state.org.moment(),
        user_id=state.org.user.id,
    )
    state.jobs.add(job)
    return json_reply(job.creation(), pretty=True)


async def read_job(state: State, call: Call, job_id: str) -> Reply:
    """Answer ``GET /jobs/query/{id}``."""
    job = find_job(state, call, job_id)
    job.poll()
    body = job.info()
    if isinstance(call.fault, InfoFault):
        body = call.fault.change(body)
    return json_reply(body, pretty=True)


async def list_jobs(state: State, call: Call) -> Reply:
    """Answer ``GET /jobs/query``: up to 1,000 jobs a reply, filtered as the query string says."""
    _refuse_early_version(call)
    start = _find_list_start(call.query.get("queryLocator"))
    jobs = [job for job in state.jobs if _is_wanted(job, call)]
    following = start + _JOBS_PER_REPLY
    done = following >= len(jobs)
    records = []
    for job in jobs[start:following]:
        record = job.info()
        for counter in ("numberRecordsProcessed", "retries", "totalProcessingTime"):
            record.pop(counter, None)
        records.append(record)
    path = f"/services/data/v{call.version}/jobs/query?queryLocator=01g-{following}"
    body = {"done": done, "records": records, "nextRecordsUrl": None if done else path}
    return json_reply(body, pretty=True)


async def abort_job(state: State, call: Call, job_id: str) -> Reply:
    """Answer ``PATCH /jobs/query/{id}``, whose one use is to abort a job that has not ended."""
    job = find_job(state, call, job_id)
    if read_object(call.body).get("state") != "Aborted":
        raise _refusal("INVALIDJOBSTATE", "The state of a query job can only be set to Aborted")
    if job.state == "JobComplete":
        raise _refusal("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
    if job.state in FINAL_STATES:
        raise _refusal("INVALIDJOBSTATE", f"Aborting already {job.state} Job not allowed")
    job.end("Aborted")
    return json_reply(job.aborted(), pretty=True)


async def delete_job(state: State, call: Call, job_id: str) -> Reply:
    """Answer ``DELETE /jobs/query/{id}`` with 204, once the job has ended."""
    job = find_job(state, call, job_id)
    if job.state not in FINAL_STATES:
        message = "Error encountered when deleting the job because the job is not terminated"
        raise _refusal("API_ERROR", message)
    state.jobs.remove(job)
    return Reply(HTTPStatus.NO_CONTENT)


def find_job(state: State, call: Call, job_id: str) -> QueryJob:
    """Return the job that a call is about.

    Raises:
        SalesforceError: 404 without such a job, 409 if it was made with another API version.
    """
    _refuse_early_version(call)
    job = state.jobs.get(job_id)
    if job is None:
        raise not_found()
    if job.version != call.version:
        raise usual_error(HTTPStatus.CONFLICT)
    return job


def _refuse_early_version(call: Call) -> None:
    """Refuse a version in which there were no query jobs yet (Bulk API 2.0 guide)."""
    if float(call.version) < _FIRST_VERSION:
        raise not_found()


def require_complete(job: QueryJob) -> None:
    """Refuse a job without results.

    Raises:
        SalesforceError: 400 ``INVALIDJOBSTATE``.
    """
    if job.state != "JobComplete":
        raise _refusal("INVALIDJOBSTATE", f"Job must be in state JobComplete, it is {job.state}")


def _read_creation(text: bytes) -> dict[str, Any]:
    body = read_object(text)
    for key, choices in _CHOICES.items():
        if (key in body or key == "operation") and body.get(key) not in choices:
            raise _refusal(
                "INVALIDJOB", f"{key}: {body.get(key)!r} is not one of {', '.join(choices)}"
            )
    for key in _OUTPUT_ONLY:
        if key in body:
            raise _refusal("INVALIDJOB", f"Unable to parse Job: {key} can't be set on a query job")
    if not isinstance(body.get("query"), str) or not body["query"].strip():
        raise _refusal("INVALIDJOB", "No query was specified")
    return body


def _is_wanted(job: QueryJob, call: Call) -> bool:
    """Whether the filters of the list call let a job through."""
    info = job.info()
    job_type = call.query.get("jobType", "V2Query")
    mode = call.query.get("concurrencyMode", info["concurrencyMode"])
    chunking = call.query.get("isPkChunkingEnabled", "false").lower()
    return (job_type, mode, chunking) == ("V2Query", info["concurrencyMode"], "false")


def _find_list_start(locator: str | None) -> int:
    if locator is None:
        return 0
    _, _, number = locator.partition("-")
    if not number.isdigit():
        raise _refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(number)


def _refusal(error_code: str, message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, error_code, message)
