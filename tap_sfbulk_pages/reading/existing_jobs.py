"""Query jobs that somebody has made, here or elsewhere: found by their id, and left as they are.

Salesforce answers 409 to calls that use another API version than the one that made a job (Bulk API
2.0 guide, "Get Results for a Query Job"), and says which it was in the job's own reply or in the
list of all jobs.
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
from tap_sfbulk_pages.jobs.query_jobs import job_in
from tap_sfbulk_pages.soql.columns import find_result_types

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.soql.field_paths import FieldPaths


def existing_job(org: Org, job_id: str) -> QueryJob:
    """Ask for a job, whichever version made it.

    Args:
        org: Whose job it is.
        job_id: 15 or 18 characters.

    Raises:
        QueryJobGoneError: If there is none (any more).
        QueryJobError: If another version made it, and nothing tells which.
        ExtractionError: As `SalesforceClient.call`.
    """
    job = QueryJob(job_id, org.api_version, state="", is_ours=False)
    try:
        try:
            return org.client.fetch_json(job.path, api_version=job.api_version, parse=_with_version)
        except RefusedError as refusal:
            if refusal.status != HTTPStatus.CONFLICT:
                raise
            return org.jobs.info(replace(job, api_version=_listed_version(org, job, refusal)))
    except RefusedError as refusal:
        if not refusal.is_missing:
            raise
        raise QueryJobGoneError(
            f"Job {job_id} is not there: Salesforce keeps jobs for seven days. {refusal}"
        ) from refusal


def result_columns(org: Org, job: QueryJob) -> tuple[str, ...]:
    """Ask for the first record of a job's result, whose header line names the columns.

    Args:
        org: Whose job it is.
        job: Complete.

    Raises:
        QueryJobError: If the result has no header line.
        ExtractionError: As `SalesforceClient.call`.
    """
    download = PageDownload(org.client, org.memory, job, frozenset())
    page = download.fetch(f"{job.path}/results?maxRecords=1")
    page.close()
    if not page.columns:
        raise QueryJobError(f"The result of job {job.id} does not name its columns.")
    return page.columns


def typed_columns(
    org: Org,
    job_id: str,
    paths: FieldPaths,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> dict[str, str]:
    """Ask for the columns of a job's result, and type them by the object that it queries.

    Args:
        org: Whose job it is.
        job_id: 15 or 18 characters.
        paths: The org's fields.
        waiting: Entered while nothing is done but wait for the job.

    Returns:
        The describe's types by name, in the order of the columns; what is not known is text.

    Raises:
        QueryJobError: If the job ends without its result, or is gone.
        ExtractionError: As `SalesforceClient.call`.
    """
    job = org.jobs.completed(existing_job(org, job_id), waiting)
    return find_result_types(result_columns(org, job), job.sobject, paths)


def _with_version(reply: Any) -> QueryJob:
    """Read a job from a reply that names its version."""
    return job_in(reply, _version_in(reply), is_ours=False)


def _listed_version(org: Org, job: QueryJob, refusal: RefusedError) -> str:
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
            parse=partial(_version_and_next, job_id=job.id),
        )
        if version:
            return version
        if not following or following == locator:
            raise QueryJobError(
                f"Job {job.id} was made with another API version than {job.api_version}, and the "
                f"list of jobs does not tell which: set api_version to it. {refusal}"
            ) from refusal
        locator = following


def _version_and_next(reply: Any, job_id: str) -> tuple[str | None, str | None]:
    """Look for a job in a list of jobs.

    Returns:
        Its version, and the locator of the next list; None for each that is not there.
    """
    # Only the locator is taken: the link of the guide's own example leads to another resource.
    link = urlparse(reply.get("nextRecordsUrl") or "")
    (following,) = parse_qs(link.query).get("queryLocator", [None])
    found = (each for each in reply["records"] if each["id"][:SHORT_ID] == job_id[:SHORT_ID])
    return next(map(_version_in, found), None), following


def _version_in(reply: Any) -> str:
    """Read the version that made a job: a number in every reply seen, a text in the guide."""
    return f"{float(reply['apiVersion']):.1f}"
