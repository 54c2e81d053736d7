"""Existing query jobs, created here or elsewhere: found by their id, and never changed.

Salesforce answers 409 to calls with an API version other than the one that created the job (Bulk
API 2.0 guide, "Get Results for a Query Job"). Which one that was is in the job's own reply, or in
the list of all jobs.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlparse

from tap_sfbulk_pages.errors import QueryJobError, QueryJobGoneError, RefusedError
from tap_sfbulk_pages.jobs.page_download import PageDownload
from tap_sfbulk_pages.jobs.query import SHORT_ID, QueryJob
from tap_sfbulk_pages.jobs.query_jobs import parse_job
from tap_sfbulk_pages.soql.columns import find_result_columns

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.soql.columns import Column
    from tap_sfbulk_pages.soql.field_paths import FieldPaths


def find_existing_job(org: Org, job_id: str) -> QueryJob:
    """Fetch a job, whichever version created it.

    Args:
        org: Whose job it is.
        job_id: 15 or 18 characters.

    Raises:
        QueryJobGoneError: If it does not exist (any more).
        QueryJobError: If another version created it, and the list of jobs does not say which.
        ExtractionError: As `SalesforceClient.call`.
    """
    job = QueryJob(job_id, org.api_version, state="", created_by_tap=False)
    try:
        try:
            return org.client.fetch_json(
                job.path, api_version=job.api_version, parse=_parse_job_with_version
            )
        except RefusedError as refusal:
            if refusal.status != HTTPStatus.CONFLICT:
                raise
            return org.jobs.refresh(
                replace(job, api_version=_find_listed_version(org, job, refusal))
            )
    except RefusedError as refusal:
        if not refusal.is_missing:
            raise
        raise QueryJobGoneError(
            f"Job {job_id} does not exist: Salesforce keeps jobs for seven days. {refusal}"
        ) from refusal


def fetch_result_columns(org: Org, job: QueryJob) -> tuple[str, ...]:
    """Fetch the names of the columns of a job's result, with its first record.

    Args:
        org: Whose job it is.
        job: Complete.

    Returns:
        The names, in order.

    Raises:
        QueryJobError: If the result has no header line.
        ExtractionError: As `SalesforceClient.call`.
    """
    download = PageDownload(org.client, org.memory, job, frozenset())
    page = download.fetch(f"{job.path}/results?maxRecords=1")
    page.close()
    if not page.columns:
        raise QueryJobError(f"The result of job {job.id} has no header line with its columns.")
    return page.columns


def fetch_columns(
    org: Org,
    job_id: str,
    paths: FieldPaths,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> list[Column]:
    """Fetch the columns of a job's result, with their fields in the object that it queries.

    Args:
        org: Whose job it is.
        job_id: 15 or 18 characters.
        paths: The org's fields.
        waiting: Entered while there is nothing to do but wait for the job.

    Returns:
        The columns in order; those that are not fields are text.

    Raises:
        QueryJobError: If the job ends without its result, or is gone.
        ExtractionError: As `SalesforceClient.call`.
    """
    job = org.jobs.wait_until_complete(find_existing_job(org, job_id), waiting)
    return find_result_columns(fetch_result_columns(org, job), job.sobject, paths)


def _parse_job_with_version(reply: Any) -> QueryJob:
    """Read a job from a reply that names its version."""
    return parse_job(reply, _parse_version(reply), created_by_tap=False)


def _find_listed_version(org: Org, job: QueryJob, refusal: RefusedError) -> str:
    """Look for a job's version in the list of all jobs, which comes in no particular order.

    Raises:
        QueryJobError: If the list does not name it.
    """
    locator: str | None = None
    while True:
        begin = f"&queryLocator={quote(locator, safe='')}" if locator else ""
        version, following = org.client.fetch_json(
            f"/jobs/query?jobType=V2Query{begin}",
            api_version=job.api_version,
            parse=partial(_parse_version_and_next, job_id=job.id),
        )
        if version:
            return version
        if not following or following == locator:
            raise QueryJobError(
                f"Job {job.id} was created with an API version other than {job.api_version}, and "
                f"the list of jobs does not say which: set api_version to it. {refusal}"
            ) from refusal
        locator = following


def _parse_version_and_next(reply: Any, job_id: str) -> tuple[str | None, str | None]:
    """Look for a job in a list of jobs.

    Returns:
        Its version, and the locator of the next list; None for what the list does not name.
    """
    # Only the locator is taken: the link of the guide's own example leads to another resource.
    link = urlparse(reply.get("nextRecordsUrl") or "")
    (following,) = parse_qs(link.query).get("queryLocator", [None])
    found = (each for each in reply["records"] if each["id"][:SHORT_ID] == job_id[:SHORT_ID])
    return next(map(_parse_version, found), None), following


def _parse_version(reply: Any) -> str:
    """Read the version that created a job: a number in every reply seen, a string in the guide."""
    return f"{float(reply['apiVersion']):.1f}"
