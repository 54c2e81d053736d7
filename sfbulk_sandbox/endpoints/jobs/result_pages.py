"""The list of a job's result pages, ``resultPages``, in every form that is in print.

Documented in the Bulk API 2.0 guide, "Get Parallel Results for a Query Job": at most five links a
reply, and a continuation link until ``done``. The documented names (``resultPages``,
``resultUrl``) are not those that live clients meet (``resultChunks``, ``resultLink``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.endpoints.jobs.job_calls import find_job, require_complete
from sfbulk_sandbox.endpoints.jobs.results import invalid_locator
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.faults.listing_faults import ListingFault
from sfbulk_sandbox.salesforce_errors import not_found, usual_error
from sfbulk_sandbox.state.result_pages import Listing

if TYPE_CHECKING:
    from sfbulk_sandbox.scenario import LinkStyle, ReplyForm, Scenario
    from sfbulk_sandbox.state.query_jobs import QueryJob
    from sfbulk_sandbox.state.state import State

_FIRST_VERSION = 58.0


@dataclass(frozen=True)
class FormNames:
    """What one form of the reply calls its parts.

    Args:
        pages: Key of the list.
        link: Key of the link in an item of the list.
        continuation_path: Last part of the continuation link's path.
        link_style: Links without host and version, with the version, or whole.
    """

    pages: str
    link: str
    continuation_path: str
    link_style: LinkStyle


FORMS: dict[ReplyForm, FormNames] = {
    "live": FormNames("resultChunks", "resultLink", "resultPages", "relative"),
    "documented": FormNames("resultPages", "resultUrl", "resultpages", "rooted"),
    "postman": FormNames("resultPages", "resultLink", "resultpages", "relative"),
}


async def list_pages(state: State, call: Call, job_id: str) -> Reply:
    """Answer ``GET /jobs/query/{id}/resultPages``, with or without ``?locator=``."""
    scenario = state.scenario
    if float(call.version) < _FIRST_VERSION:
        raise not_found()
    job = find_job(state, call, job_id)
    if scenario.result_pages == "refused":
        raise usual_error(scenario.result_pages_status)
    require_complete(job)
    listing = _make_listing(job, call.query.get("locator"), scenario)
    if isinstance(call.fault, ListingFault):
        listing = call.fault.change(listing, call.origin)
    return json_reply(_make_body(listing, job, call, scenario))


def _make_listing(job: QueryJob, locator: str | None, scenario: Scenario) -> Listing:
    """Return the links from a locator on."""
    start = 0 if locator is None else job.start_of(locator)
    if start is None:
        raise invalid_locator()
    starts = [row for row in job.page_starts if row >= start]
    if not job.page_starts and scenario.empty_result_links:
        starts = [0]
    listed, left = starts[: scenario.links_per_reply], starts[scenario.links_per_reply :]
    return Listing(
        locators=tuple(job.locator(row) for row in listed),
        start=job.locator(start),
        continuation=job.locator(left[0]) if left else None,
        done=not left,
    )


def _make_body(listing: Listing, job: QueryJob, call: Call, scenario: Scenario) -> dict[str, Any]:
    """Give a listing the scenario's form."""
    names = FORMS[scenario.reply_form]
    style = scenario.link_style or names.link_style
    versioned = f"/services/data/v{job.version}"
    prefix = {"relative": "", "rooted": versioned, "absolute": call.origin + versioned}[style]
    if listing.other_origin is not None:
        prefix = listing.other_origin + versioned
    base = f"{prefix}/jobs/query/{job.id}"
    links = [{names.link: f"{base}/results?locator={each}"} for each in listing.locators]
    body: dict[str, Any] = {names.pages: links}
    if listing.continuation is not None:
        path = f"{base}/{names.continuation_path}?locator={listing.continuation}"
        body[scenario.continuation_key] = path
    elif scenario.last_continuation != "absent":
        body[scenario.continuation_key] = "" if scenario.last_continuation == "empty" else None
    return {**body, "done": listing.done}
