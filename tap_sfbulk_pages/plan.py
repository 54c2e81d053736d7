"""What a run would do, before any query job is made: queries, records, calls, volume.

Records come from `/limits/recordCount` (REST API guide, "Record Count": approximate, and of whole
objects) or, on demand, from a `COUNT()` query each. The rest is estimated from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_sfbulk_pages import stream_state
from tap_sfbulk_pages.cells import CellType
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.plurals import counted
from tap_sfbulk_pages.query_jobs import Query
from tap_sfbulk_pages.record_counts import record_counts
from tap_sfbulk_pages.saved_ranges import SavedRanges, is_done
from tap_sfbulk_pages.soql_text import QueryText

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.job_reading import JobRequest
    from tap_sfbulk_pages.org import Org

# What live clients have seen of results that are not asked for in smaller pages.
RECORDS_A_PAGE = 250_000
_LINKS_A_LIST = 5
# To ask how a job is doing, where it takes about a minute.
_POLLS_A_JOB = 15
# With quotes and delimiter; many cells are empty.
_BYTES_A_CELL = {
    CellType.TEXT: 14,
    CellType.BOOLEAN: 8,
    CellType.INTEGER: 6,
    CellType.NUMBER: 10,
}


@dataclass
class StreamPlan:
    """What a run would do for one stream.

    Attributes:
        stream: Its name.
        query: What its job would be asked; None where a job that exists is read.
        sobject: The object that it reads, whose records can be counted; None for none.
        types: The fields that it reads.
        how: Everything, changes since a moment, or a job that goes on.
        makes_job: Whether a new job is made.
        calls_a_record: How many calls each record takes by itself, for its binary fields.
        records: How many it would read; None where nothing tells.
        is_upper_bound: Whether it can be fewer: those of the whole object are counted.
        trouble: Why it cannot be read; None where nothing is known against it.
    """

    stream: str
    query: Query | None
    sobject: str | None
    types: Mapping[str, CellType]
    how: str
    makes_job: bool = True
    calls_a_record: int = 0
    records: int | None = None
    is_upper_bound: bool = False
    trouble: str | None = None

    @property
    def pages(self) -> int:
        """Result pages, at least one."""
        return max(math.ceil((self.records or 0) / RECORDS_A_PAGE), 1)

    @property
    def calls(self) -> int:
        """API calls: to make the job, to wait for it, to list its pages, to fetch all there is."""
        if self.trouble:
            return 0
        making = 1 + _POLLS_A_JOB if self.makes_job else 1
        single = (self.records or 0) * self.calls_a_record
        return making + math.ceil(self.pages / _LINKS_A_LIST) + self.pages + single

    @property
    def megabytes(self) -> float:
        """Volume of the result, as CSV."""
        width = sum(_BYTES_A_CELL[kind] for kind in self.types.values())
        return (self.records or 0) * width / 1_000_000


def job_plan(
    stream: str,
    request: JobRequest,
    *,
    sobject: str | None,
    how: str,
    state: Mapping[str, Any],
) -> StreamPlan:
    """Tell what reading a stream through a job would take.

    Args:
        stream: Its name.
        request: What is asked, or the job that exists.
        sobject: The object that it reads; None if it is not known.
        how: What is read, where no job goes on.
        state: The stream's part of the Singer state.

    Raises:
        StateError: If the state is broken.
    """
    query, saved = request.query, stream_state.saved_job(state)
    ranges = SavedRanges.load(state)
    goes_on = saved is not None and saved.fingerprint == query.fingerprint
    if saved and goes_on:
        how = f"job {saved.id} goes on, {counted(saved.progress.records, 'record')} done"
    elif ranges and ranges.query == query.fingerprint:
        done = sum(map(is_done, ranges.parts))
        how = f"ranges go on, {done} of {len(ranges.parts)} done"
    made = query if isinstance(query, Query) else None
    return StreamPlan(
        stream,
        query=made,
        sobject=sobject,
        types=request.types,
        how=how,
        makes_job=made is not None and not goes_on,
    )


@dataclass(frozen=True)
class DailyLimit:
    """One of the org's allowances of a day.

    Attributes:
        name: What it counts.
        needed: What the run would use.
        remaining: What is left of it; None where the org does not tell.
        maximum: In all; None as above.
    """

    name: str
    needed: float
    remaining: int | None
    maximum: int | None

    @property
    def share(self) -> float | None:
        """Percent of the day's maximum that the run would use."""
        return 100 * self.needed / self.maximum if self.maximum else None


def count_records(org: Org, plans: Sequence[StreamPlan], *, exactly: bool) -> None:
    """Fill in how many records each stream would read.

    Args:
        org: Asked with one call, and with one for each count that is exact.
        plans: Changed in place.
        exactly: Count what is read in part, rather than the whole object.

    Raises:
        ExtractionError: As `SalesforceClient.document`.
    """
    counts = record_counts(org.client, org.api_version)
    for plan in plans:
        clauses = QueryText.parse(plan.query.soql).clauses if plan.query else {}
        is_part = bool(clauses.keys() - {"ORDER"})
        if is_part and exactly and not plan.trouble:
            _count_exactly(org, plan)
        else:
            plan.records = counts.get(plan.sobject or "")
            plan.is_upper_bound = is_part or plan.query is None


def _count_exactly(org: Org, plan: StreamPlan) -> None:
    if plan.query is None:
        return
    text = QueryText.parse(plan.query.soql)
    try:
        count = org.client.document(
            f"/{plan.query.operation}?q={quote(text.counting())}",
            api_version=org.api_version,
            parse=lambda reply: int(reply["totalSize"]),
        )
    except ExtractionError as error:
        plan.trouble = str(error)
    else:
        plan.records = count if text.limit is None else min(count, text.limit)


def daily_limits(org: Org, plans: Sequence[StreamPlan]) -> list[DailyLimit]:
    """Hold what a run would use against the org's daily allowances.

    Raises:
        ExtractionError: As `SalesforceClient.document`.
    """
    limits = org.client.document("/limits", api_version=org.api_version, parse=dict)
    readable = [plan for plan in plans if not plan.trouble]
    needs = {
        "DailyApiRequests": sum(plan.calls for plan in readable),
        "DailyBulkV2QueryJobs": sum(plan.makes_job for plan in readable),
        "DailyBulkV2QueryFileStorageMB": sum(plan.megabytes for plan in readable),
    }
    return [
        DailyLimit(
            name,
            needed,
            remaining=limits.get(name, {}).get("Remaining"),
            maximum=limits.get(name, {}).get("Max"),
        )
        for name, needed in needs.items()
    ]
