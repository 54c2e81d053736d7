"""The calls on ``/jobs/ingest``: create, upload, close, abort, info, list, delete, results.

Bulk API 2.0 and Bulk API Developer Guide, "Ingest Jobs".
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.endpoints.json_bodies import read_object
from sfbulk_sandbox.exchange import CSV, Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError, not_found
from sfbulk_sandbox.state.ingest_jobs import OPERATIONS, IngestJob
from sfbulk_sandbox.state.query_jobs import DELIMITERS, LINE_ENDINGS

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State


async def create_job(state: State, call: Call) -> Reply:
    """Answer ``POST /jobs/ingest`` with 200 and where to upload to."""
    body = read_object(call.body)
    for key, choices, default in (
        ("operation", OPERATIONS, None),
        ("contentType", ("CSV",), "CSV"),
        ("columnDelimiter", tuple(DELIMITERS), "COMMA"),
        ("lineEnding", tuple(LINE_ENDINGS), "LF"),
    ):
        if body.get(key, default) not in choices:
            text = f"{key}: {body.get(key)!r} is not one of {', '.join(choices)}"
            raise _refusal("INVALIDJOB", text)
    sobject = state.org.describe(str(body.get("object", "")), call.version)
    if sobject is None:
        raise _refusal("INVALIDENTITY", f"Entity '{body.get('object')}' is not supported")
    external = body.get("externalIdFieldName")
    if body["operation"] == "upsert" and not external:
        raise _refusal("INVALIDJOB", "externalIdFieldName is required for upsert")
    job = IngestJob(
        id=next(state.ingest_jobs.new_ids),
        operation=body["operation"],
        sobject=sobject["name"],
        external_id_field=external,
        version=call.version,
        column_delimiter=body.get("columnDelimiter", "COMMA"),
        line_ending=body.get("lineEnding", "LF"),
        created=state.org.moment(),
        user_id=state.org.user.id,
    )
    state.ingest_jobs.add(job)
    return json_reply(job.info(), pretty=True)


async def upload(state: State, call: Call, ingest_id: str) -> Reply:
    """Answer ``PUT /jobs/ingest/{id}/batches`` with 201."""
    job = _find_job(state, ingest_id)
    if job.state != "Open" or job.content is not None:
        raise _refusal("INVALIDJOBSTATE", "Data can be uploaded once, while the job is Open")
    job.content = call.body
    return Reply(HTTPStatus.CREATED)


async def change_state(state: State, call: Call, ingest_id: str) -> Reply:
    """Answer ``PATCH /jobs/ingest/{id}``: UploadComplete writes the rows, Aborted ends the job."""
    job = _find_job(state, ingest_id)
    wanted = read_object(call.body).get("state")
    if wanted not in {"UploadComplete", "Aborted"}:
        raise _refusal("INVALIDJOBSTATE", "The state can only be set to UploadComplete or Aborted")
    if job.state != "Open":
        raise _refusal("INVALIDJOBSTATE", f"The job is {job.state} already")
    if wanted == "Aborted":
        job.state = "Aborted"
        return json_reply(job.info(), pretty=True)
    job.state = "UploadComplete"
    reply = json_reply(job.info(), pretty=True)
    await asyncio.to_thread(job.process, state.org)
    return reply


async def read_job(state: State, _call: Call, ingest_id: str) -> Reply:
    """Answer ``GET /jobs/ingest/{id}``."""
    return json_reply(_find_job(state, ingest_id).info(), pretty=True)


async def list_jobs(state: State, _call: Call) -> Reply:
    """Answer ``GET /jobs/ingest``."""
    records = [job.info() for job in state.ingest_jobs]
    return json_reply({"done": True, "records": records, "nextRecordsUrl": None}, pretty=True)


async def delete_job(state: State, _call: Call, ingest_id: str) -> Reply:
    """Answer ``DELETE /jobs/ingest/{id}`` with 204."""
    job = _find_job(state, ingest_id)
    if job.state == "Open":
        raise _refusal("INVALIDJOBSTATE", "An open job must be aborted before it is deleted")
    state.ingest_jobs.remove(job)
    return Reply(HTTPStatus.NO_CONTENT)


async def read_results(state: State, _call: Call, ingest_id: str, kind: str) -> Reply:
    """Answer ``GET /jobs/ingest/{id}/successfulResults`` and its kin."""
    job = _find_job(state, ingest_id)
    if job.state == "Open":
        raise _refusal("INVALIDJOBSTATE", "The job is Open yet")
    return Reply(HTTPStatus.OK, await asyncio.to_thread(job.results, kind), CSV)


def _find_job(state: State, ingest_id: str) -> IngestJob:
    job = state.ingest_jobs.get(ingest_id)
    if job is None:
        raise not_found()
    return job


def _refusal(error_code: str, message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, error_code, message)
