"""Ingest jobs: the CSV that a client uploads, what became of each row, and job info.

Bulk API 2.0 guide, "Ingest Jobs"; shape of job info: recorded replies.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.salesforce_errors import SalesforceError
from sfbulk_sandbox.state.query_jobs import DELIMITERS, LINE_ENDINGS, new_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfbulk_sandbox.state.org import Org

IngestState = Literal["Open", "UploadComplete", "JobComplete", "Failed", "Aborted"]
Row = dict[str, str]
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_EMPTY = "#N/A"
csv.field_size_limit(1 << 27)


@dataclass(eq=False)
class IngestJob:
    """One ingest job.

    Args:
        id: 18 characters that begin with ``750``.
        operation: One of `OPERATIONS`.
        sobject: Name of the object.
        external_id_field: What an upsert compares.
        version: API version it was made with.
        column_delimiter: Name of the delimiter, a key of `DELIMITERS`.
        line_ending: Name of the line ending, a key of `LINE_ENDINGS`.
        created: When it was made.
        user_id: Id of the user who made it.
        state: What became of it.
        content: The CSV, None until it is uploaded.
        columns: Of the CSV.
        successful: The rows that were written: the Id, whether it is new, and the row.
        failed: The rows that were not: the Id, the reason, and the row.
        error_message: Why the whole job failed.
    """

    id: str
    operation: str
    sobject: str
    external_id_field: str | None
    version: str
    column_delimiter: str
    line_ending: str
    created: datetime
    user_id: str
    state: IngestState = "Open"
    content: bytes | None = None
    columns: list[str] = field(default_factory=list)
    successful: list[tuple[str, bool, Row]] = field(default_factory=list)
    failed: list[tuple[str, str, Row]] = field(default_factory=list)
    error_message: str | None = None

    def info(self) -> dict[str, Any]:
        """Return the body of job info, keys in Salesforce's order."""
        stamp = self.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        external = (
            {} if not self.external_id_field else {"externalIdFieldName": self.external_id_field}
        )
        upload = {"contentUrl": f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"}
        info = {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject,
            "createdById": self.user_id,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": self.state,
            **external,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            **({"jobType": "V2Ingest"} if self.state != "Open" else upload),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.column_delimiter,
        }
        if self.state not in {"Open", "Aborted"}:
            info |= {
                "numberRecordsProcessed": len(self.successful) + len(self.failed),
                "numberRecordsFailed": len(self.failed),
                "retries": 0,
                "totalProcessingTime": 255,
                "apiActiveProcessingTime": 200,
                "apexProcessingTime": 0,
            }
        return info if self.error_message is None else {**info, "errorMessage": self.error_message}

    def process(self, org: Org) -> None:
        """Write the rows into the org; a header that does not fit fails the whole job."""
        text = (self.content or b"").decode("utf-8", "replace")
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=DELIMITERS[self.column_delimiter]
        )
        self.columns = next(reader, [])
        described = org.describe(self.sobject) or {"fields": ()}
        known = {each["name"].lower() for each in described["fields"]}
        if unknown := [name for name in self.columns if name.lower() not in known]:
            self.state = "Failed"
            self.error_message = f"InvalidBatch : Field name not found : {unknown[0]}"
            return
        for cells in reader:
            if cells:
                self._write(org, dict(zip(self.columns, cells, strict=False)))
        self.state = "JobComplete"

    def results(self, kind: str) -> bytes:
        """Return the CSV of the rows that were written, or were not.

        Args:
            kind: ``successfulResults``, ``failedResults`` or ``unprocessedrecords``.
        """
        page = io.StringIO(newline="")
        writer = csv.writer(
            page,
            delimiter=DELIMITERS[self.column_delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        )
        if kind == "unprocessedrecords":
            writer.writerow(self.columns)
        else:
            second = "sf__Created" if kind == "successfulResults" else "sf__Error"
            writer.writerow(["sf__Id", second, *self.columns])
            for record_id, outcome, row in (
                self.successful if kind == "successfulResults" else self.failed
            ):
                cell = str(outcome).lower() if isinstance(outcome, bool) else outcome
                writer.writerow([record_id, cell, *(row.get(name, "") for name in self.columns)])
        return page.getvalue().encode()

    def _write(self, org: Org, row: Row) -> None:
        # An empty cell leaves a field as it is, and #N/A empties it (Bulk API 2.0 guide, "Valid
        # CSV Record Rows").
        values = {name: None if text == _EMPTY else text for name, text in row.items() if text}
        record_id = next((text for name, text in row.items() if name.lower() == "id"), "")
        own = {name: value for name, value in values.items() if name.lower() != "id"}
        created = False
        try:
            if self.operation == "insert":
                record_id, created = org.create(self.sobject, own), True
            elif self.operation == "update":
                org.update(self.sobject, record_id, own)
            elif self.operation == "upsert":
                record_id, created = org.save_by_external_id(
                    self.sobject, self.external_id_field or "Id", values
                )
            else:
                org.remove(self.sobject, record_id, hard=self.operation == "hardDelete")
        except SalesforceError as error:
            reason = f"{error.error_code}:{error.message}:{' '.join(error.fields)} --"
            self.failed.append((record_id, reason, row))
        else:
            self.successful.append((record_id, created, row))


class IngestJobs:
    """The ingest jobs of the org, in the order of their creation."""

    def __init__(self) -> None:
        self._jobs: dict[str, IngestJob] = {}
        self.new_ids = new_ids("750")

    def __iter__(self) -> Iterator[IngestJob]:
        return iter(list(self._jobs.values()))

    def add(self, job: IngestJob) -> None:
        """Keep a new job."""
        self._jobs[job.id] = job

    def get(self, job_id: str) -> IngestJob | None:
        """Find a job by its id."""
        return self._jobs.get(job_id)

    def remove(self, job: IngestJob) -> None:
        """Delete a job; all calls on it are 404 from then on."""
        self._jobs.pop(job.id, None)
