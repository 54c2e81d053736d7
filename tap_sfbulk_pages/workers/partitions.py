"""A query job in parts that tasks on any machine read: its result pages, as Arrow record batches.

One job, one snapshot, as many downloads at a time as there are tasks. Nothing here knows an engine;
`spark_source.py` is one way to run the tasks. A task uses the same download, count, decoder and
types as the tap's own streams.

Each page is checked against its own count. The job's total can only be checked where one task sees
all records: for a job of one page, or one that is read page after page. For all others, whoever
gathers the records must count them (`check_records`).
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import (
    ListingError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.jobs.page_download import PageDownload
from tap_sfbulk_pages.jobs.page_lists import fetch_page_lists
from tap_sfbulk_pages.jobs.pages import PageSource, verify_total
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.jobs.serial_pages import SerialPages
from tap_sfbulk_pages.salesforce.addresses import locator_of
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from tap_sfbulk_pages.jobs.page_download import ResultPage
    from tap_sfbulk_pages.jobs.page_lists import ResultPageList
    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.workers.org_access import OrgAccess

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobPartition:
    """The part of a job that one task reads.

    Attributes:
        job: The complete job.
        link: A result page; None for the whole job, read page after page.
        is_whole: Whether this is the only partition.
    """

    job: QueryJob
    link: str | None
    is_whole: bool


def job_partitions(org: Org, job: QueryJob) -> list[JobPartition]:
    """Cut a job into its result pages.

    If the list of pages cannot be trusted, a single partition reads the job page after page and is
    checked against its total.

    Args:
        org: The org of the job.
        job: A complete job.

    Returns:
        One partition per page, in the order of the list; none for a job without records.

    Raises:
        QueryJobGoneError: If the job no longer exists.
        ExtractionError: As for `SalesforceClient.call`.
    """
    try:
        lists = walk_trusted_lists(org, job)
    except ListingError as refusal:
        warn_of_series(job, refusal)
        return [JobPartition(job, None, is_whole=True)]
    links = {locator_of(link): link for listed in lists for link in listed.links}
    return [JobPartition(job, link, is_whole=len(links) == 1) for link in links.values()]


def walk_trusted_lists(org: Org, job: QueryJob, begin: str | None = None) -> list[ResultPageList]:
    """List the result pages of a job.

    Args:
        org: The org of the job.
        job: A complete job.
        begin: The continuation that leads to the first list wanted; None for the job's first list.

    Raises:
        ListingError: If the org does not list pages, or the list cannot be trusted: it leads in a
            circle, breaks off, contradicts itself or is empty.
        QueryJobGoneError: If the job no longer exists.
        ExtractionError: As for `SalesforceClient.call`.
    """
    try:
        lists = list(fetch_page_lists(org.client, job, begin))
    except (ResultPagesNotOfferedError, ListingError) as refusal:
        org.jobs.check_still_there(job, refusal)
        raise ListingError(str(refusal)) from refusal
    except RefusedError as refusal:
        org.jobs.check_still_there(job, refusal)
        raise
    if begin is None and job.records != 0 and not any(listed.links for listed in lists):
        raise ListingError("Salesforce lists no result page.")
    return lists


def warn_of_series(job: QueryJob, reason: ListingError) -> None:
    """Warn that a job is read page after page, and why."""
    logger.warning(
        "One task reads the result pages of job %s one after another. %s", job.id, reason
    )


@dataclass(frozen=True)
class JobRead:
    """Reads partitions of jobs; sent to the tasks.

    Attributes:
        access: How each process reaches the org.
        properties: JSON schemas by field, in the order of the columns.
    """

    access: OrgAccess
    properties: Mapping[str, Mapping[str, Any]]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every record batch."""
        from tap_sfbulk_pages.decoding.arrow import arrow_schema  # noqa: PLC0415 - brings pyarrow

        return arrow_schema(self.properties)

    def batches(self, partition: JobPartition) -> Iterator[pa.RecordBatch]:
        """Read a partition page by page; each page is received whole and counted first.

        Raises:
            ExtractionError: If a page cannot be read, or records are missing.
        """
        from tap_sfbulk_pages.decoding.record_batches import record_batches  # noqa: PLC0415 - brings pyarrow

        org = self.access.org()
        fields = frozenset(self.properties)
        download = PageDownload(org.client, org.memory, partition.job, fields)
        for page in _pages(org, partition, download):
            if page.nul_characters:
                logger.warning(
                    "Dropped %s from the values of result page %s.",
                    format_count(page.nul_characters, "NUL character"),
                    page.locator,
                )
            yield from record_batches(page, self.properties)

    def table(self, partition: JobPartition) -> pa.Table:
        """Read a partition into one table (see `batches`)."""
        import pyarrow as pa  # noqa: PLC0415 - brings numpy

        return pa.Table.from_batches(self.batches(partition), self.schema)


def check_records(org: Org, job: QueryJob, records: int) -> None:
    """Compare a number of records with a job's total, which is fetched again if they differ.

    Raises:
        RecordCountError: If they still differ.
        ExtractionError: As for `QueryJobs.refresh`.
    """
    progress = JobProgress()
    progress.records = records
    verify_total(org.jobs, job, progress)


def _pages(org: Org, partition: JobPartition, download: PageDownload) -> Iterator[ResultPage]:
    """Fetch the pages of a partition; each is closed when the next one is requested."""
    try:
        if partition.link is None:
            yield from _read_in_series(org, partition.job, download)
            return
        with closing(download.fetch(partition.link)) as page:
            if partition.is_whole:
                check_records(org, partition.job, page.records)
            yield page
    except (RefusedError, ListingError) as refusal:
        org.jobs.check_still_there(partition.job, refusal)
        raise


def _read_in_series(org: Org, job: QueryJob, download: PageDownload) -> Iterator[ResultPage]:
    """Read a job page after page, and compare the number of records with its total at the end."""
    progress = JobProgress()
    pages = SerialPages(PageSource(job, progress, download.fetch, org.threads))
    with closing(pages):
        for page in pages:
            with closing(page):
                yield page
            progress.finish(page.locator, records=page.records, maximum=None)
    verify_total(org.jobs, job, progress, is_doubtful=pages.is_doubtful)
