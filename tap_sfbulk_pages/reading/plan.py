"""What a run would do, before any query job is made: queries, records, calls, volume.

Numbers of records come from `/limits/recordCount` (REST API guide, "Record Count": approximate, and
for whole objects) or, on request, from a `COUNT()` query each. Everything else is estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.rest_calls import ask
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.saved_ranges import SavedRanges, is_done
from tap_sfbulk_pages.reading.through_ranges import ranges_for
from tap_sfbulk_pages.reading.wrappers.job_or_rest import SMALL
from tap_sfbulk_pages.salesforce.limits import API_CALLS, QUERY_JOBS, RESULT_MEGABYTES
from tap_sfbulk_pages.salesforce.restricted_objects import is_refused_by_bulk
from tap_sfbulk_pages.soql.text import QueryText
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.choice import Choice
    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.request import JobRequest
    from tap_sfbulk_pages.salesforce.limits import Limit
    from tap_sfbulk_pages.settings import Settings

# Seen by live clients that do not ask for smaller pages.
RECORDS_A_PAGE = 250_000
_LINKS_A_LIST = 5
# Calls that ask for the state of a job which takes about a minute.
_POLLS_A_JOB = 15
# Including quotes and delimiter; many cells are empty.
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
        query: What its job would be asked; None if an existing job is read.
        sobject: The object that it reads, whose records can be counted; None if unknown.
        types: The fields that it reads, and how their cells are read.
        how: Everything, changes since a moment, or a job that goes on; for people.
        jobs: How many new jobs are created.
        may_be_cut: Whether it is read in ranges, each through a job, if the object is huge.
        may_be_small: Whether it is read through REST if the object is small.
        is_through_rest: Whether it is read through REST.
        calls_a_record: How many calls each record takes, for its binary fields.
        records: How many records it would read; None if unknown.
        is_upper_bound: Whether there may be fewer: all records of the object were counted.
        trouble: Why it cannot be read; None if nothing is known.
    """

    stream: str
    query: Query | None = None
    sobject: str | None = None
    types: Mapping[str, CellType] = field(default_factory=dict)
    how: str = ""
    jobs: int = 1
    may_be_cut: bool = False
    may_be_small: bool = False
    is_through_rest: bool = False
    calls_a_record: int = 0
    records: int | None = None
    is_upper_bound: bool = False
    trouble: str | None = None

    @property
    def pages(self) -> int:
        """Result pages, at least one of each job."""
        a_page = SMALL if self.is_through_rest else RECORDS_A_PAGE
        return max(math.ceil((self.records or 0) / a_page), self.jobs, 1)

    @property
    def calls(self) -> int:
        """API calls: to create jobs, wait for them, list their pages and fetch everything."""
        if self.trouble:
            return 0
        fetching = self.pages + (self.records or 0) * self.calls_a_record
        if self.is_through_rest:
            return fetching
        creating = self.jobs * (1 + _POLLS_A_JOB) or 1
        return creating + max(math.ceil(self.pages / _LINKS_A_LIST), self.jobs) + fetching

    @property
    def megabytes(self) -> float:
        """Size of the result, as CSV."""
        width = sum(_BYTES_A_CELL[kind] for kind in self.types.values())
        return (self.records or 0) * width / 1_000_000

    def go_through_rest(self, how: str) -> None:
        """Plan no job."""
        self.is_through_rest, self.jobs, self.how = True, 0, how

    def suit(self, size: int) -> None:
        """Choose, as a run would, the way that suits an object with so many records."""
        ranges = ranges_for(size)
        if self.is_through_rest:
            return
        if self.may_be_small and size <= SMALL:
            self.go_through_rest(f"{self.how}, through REST")
        elif self.may_be_cut and ranges > 1:
            self.jobs = ranges
            self.how += f", in up to {ranges} ranges"


def plan_object(
    question: ObjectQuestion, choice: Choice, settings: Settings, state: Mapping[str, Any]
) -> StreamPlan:
    """Plan the reading of an object.

    Args:
        question: What is asked of it.
        choice: How it is read.
        settings: Of the run.
        state: The stream's part of the Singer state.

    Raises:
        StateError: If the state is malformed.
    """
    name = question.selection.sobject.name
    how = question.describe_extent(settings)
    plan = plan_job(name, question.request(), sobject=name, how=how, state=state)
    plan.calls_a_record = len(question.binary_fields)
    plan.may_be_cut = choice.may_cut_by_size
    plan.may_be_small = choice.takes_small
    if choice.begins_through_rest and (saved := saved_reads.saved_rest_query(state)):
        done = format_count(saved.records_done, "record")
        plan.go_through_rest(f"a query through REST goes on, {done} done")
    elif choice.falls_back and is_refused_by_bulk(name) and not choice.is_begun:
        plan.go_through_rest(f"{plan.how}, through REST, as the Bulk API refuses it")
    return plan


def plan_job(
    stream: str,
    request: JobRequest,
    *,
    sobject: str | None,
    how: str,
    state: Mapping[str, Any],
) -> StreamPlan:
    """Plan the reading of a stream through a job.

    Args:
        stream: Its name.
        request: What is asked, or the existing job.
        sobject: The object that it reads; None if unknown.
        how: What is read if no job goes on, for people.
        state: The stream's part of the Singer state.

    Raises:
        StateError: If the state is malformed.
    """
    query, saved = request.query, saved_reads.saved_job(state)
    ranges = SavedRanges.load(state)
    jobs = 1
    if saved and saved.fingerprint == query.fingerprint:
        jobs = 0
        how = f"job {saved.id} goes on, {format_count(saved.progress.records, 'record')} done"
    elif ranges and ranges.query == query.fingerprint:
        done = sum(map(is_done, ranges.parts))
        how = f"ranges go on, {done} of {len(ranges.parts)} done"
        jobs = sum(not is_done(part) and not saved_reads.has_job(part) for part in ranges.parts)
    made = query if isinstance(query, Query) else None
    return StreamPlan(
        stream, query=made, sobject=sobject, types=request.types, how=how, jobs=jobs if made else 0
    )


@dataclass(frozen=True)
class DailyNeed:
    """What a run would use of one of the org's daily allowances.

    Attributes:
        name: Of the allowance.
        needed: What the run would use.
        limit: What the org allows; None if it does not say.
    """

    name: str
    needed: float
    limit: Limit | None

    @property
    def share(self) -> float | None:
        """Percent of the day's maximum that the run would use."""
        return 100 * self.needed / self.limit.maximum if self.limit and self.limit.maximum else None


def count_records(org: Org, plans: Sequence[StreamPlan], *, exactly: bool) -> None:
    """Fill in how many records each stream would read, and what follows from that.

    Args:
        org: Asked with one call, and one more for each exact count.
        plans: Changed in place.
        exactly: Count the records that a stream reads, not those of its whole object.

    Raises:
        ExtractionError: As `SalesforceClient.fetch_json`.
    """
    counts = org.record_counts()
    for plan in plans:
        clauses = QueryText.parse(plan.query.soql).clauses if plan.query else {}
        is_part = bool(clauses.keys() - {"ORDER"})
        if is_part and exactly and not plan.trouble:
            _count_exactly(org, plan)
        else:
            plan.records = counts.get(plan.sobject or "")
            plan.is_upper_bound = is_part or plan.query is None
        if (count := counts.get(plan.sobject or "")) is not None:
            plan.suit(count)


def _count_exactly(org: Org, plan: StreamPlan) -> None:
    if plan.query is None:
        return
    text = QueryText.parse(plan.query.soql)
    try:
        count = ask(
            org.client,
            replace(plan.query, soql=text.count_soql()),
            api_version=org.api_version,
            parse=lambda reply: int(reply["totalSize"]),
        )
    except ExtractionError as error:
        plan.trouble = str(error)
    else:
        plan.records = count if text.limit is None else min(count, text.limit)


def compare_with_allowances(org: Org, plans: Sequence[StreamPlan]) -> list[DailyNeed]:
    """Compare what a run would use with the org's daily allowances.

    Raises:
        ExtractionError: As `SalesforceClient.fetch_json`.
    """
    limits = org.limits()
    readable = [plan for plan in plans if not plan.trouble]
    needed = {
        API_CALLS: sum(plan.calls for plan in readable),
        QUERY_JOBS: sum(plan.jobs for plan in readable),
        RESULT_MEGABYTES: sum(plan.megabytes for plan in readable if not plan.is_through_rest),
    }
    return [DailyNeed(name, amount, limits.get(name)) for name, amount in needed.items()]
