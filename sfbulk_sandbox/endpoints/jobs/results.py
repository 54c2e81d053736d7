"""One page of a job's result as CSV.

Bulk API 2.0 guide, "Get Results for a Query Job": a header line on each page, the rows counted in
``Sforce-NumberOfRecords``, the next page's locator in ``Sforce-Locator``, which is the text
``null`` on the last one.
"""

from __future__ import annotations

import csv
import io
from http import HTTPStatus
from typing import TYPE_CHECKING

from isal import igzip

from sfbulk_sandbox.endpoints.jobs.job_calls import find_job
from sfbulk_sandbox.exchange import CSV, Call, Reply
from sfbulk_sandbox.faults.page_faults import PageFault
from sfbulk_sandbox.salesforce_errors import SalesforceError
from sfbulk_sandbox.state.query_jobs import DELIMITERS, LINE_ENDINGS
from sfbulk_sandbox.state.result_pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.state.query_jobs import QueryJob
    from sfbulk_sandbox.state.state import State

_GZIP_LEVEL = 1


async def read_results(state: State, call: Call, job_id: str) -> Reply:
    """Answer ``GET /jobs/query/{id}/results``, with or without ``locator`` and ``maxRecords``.

    A job that runs yet has no content (204), as older editions of the guide say; one that failed
    or was aborted has no results.
    """
    job = find_job(state, call, job_id)
    if job.state in ("UploadComplete", "InProgress"):
        return Reply(HTTPStatus.NO_CONTENT)
    if job.state != "JobComplete":
        message = f"Results are not available: the job is {job.state}"
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "INVALIDJOBSTATE", message)
    page = _choose_page(job, call)
    if isinstance(call.fault, PageFault):
        page = call.fault.change(page, len(job.result))
    body = await _make_body(state, job, page, compressed=call.accepts_gzip)
    headers = {**page.headers, **({"Content-Encoding": "gzip"} if call.accepts_gzip else {})}
    return Reply(HTTPStatus.OK, body, CSV, headers, chunked=state.scenario.chunked_results)


def invalid_locator() -> SalesforceError:
    """Return the error for a locator that is none of the job's."""
    return SalesforceError(HTTPStatus.BAD_REQUEST, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _choose_page(job: QueryJob, call: Call) -> Page:
    """Return the page that the query string asks for."""
    locator = call.query.get("locator")
    start = 0 if locator is None else job.start_of(locator)
    if start is None:
        raise invalid_locator()
    stop = min(start + _read_max_records(job, call), len(job.result))
    following = "null" if stop >= len(job.result) else job.locator(stop)
    return Page(start, stop, stop - start, following)


def _read_max_records(job: QueryJob, call: Call) -> int:
    asked = call.query.get("maxRecords")
    if asked is None:
        return job.page_rows
    if not asked.isdigit() or int(asked) < 1:
        message = f"maxRecords must be a positive number, not {asked}"
        raise SalesforceError(HTTPStatus.BAD_REQUEST, "INVALID_INPUT", message)
    return int(asked)


async def _make_body(state: State, job: QueryJob, page: Page, *, compressed: bool) -> bytes:
    """Return a page's bytes; made once for each encoding that is asked for."""

    def make() -> bytes:
        text = _write_csv(job, page)
        state.usage.result_bytes += len(text)
        return igzip.compress(text, compresslevel=_GZIP_LEVEL) if compressed else text

    return await state.jobs.pages.get((job.id, page, compressed), make)


def _write_csv(job: QueryJob, page: Page) -> bytes:
    delimiter, line_ending = DELIMITERS[job.column_delimiter], LINE_ENDINGS[job.line_ending]

    def rows(start: int, stop: int, *, header: bool) -> bytes:
        return job.result.csv(
            start, stop, delimiter=delimiter, line_ending=line_ending, header=header
        )

    text: bytes = rows(page.start, page.stop, header=page.header)
    text += _repeat_rows(rows, page)
    if page.missing_column is not None:
        text = _drop_column(text, page.missing_column, delimiter, line_ending)
    return text


def _repeat_rows(rows: Callable[..., bytes], page: Page) -> bytes:
    if not page.repeated_rows:
        return b""
    return rows(page.start, min(page.start + page.repeated_rows, page.stop), header=False)


def _drop_column(text: bytes, column: int, delimiter: str, line_ending: str) -> bytes:
    """Return the CSV with one column cut out."""
    reader = csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_ending, quoting=csv.QUOTE_ALL)
    for row in reader:
        del row[column]
        writer.writerow(row)
    return out.getvalue().encode()
