"""The stream of an entry of the setting `jobs`: a query job that exists already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.jobs.query import ExistingJob
from tap_sfbulk_pages.reading.announced_types import check_announced_types
from tap_sfbulk_pages.reading.existing_jobs import fetch_columns, find_existing_job
from tap_sfbulk_pages.reading.page import NothingToRead
from tap_sfbulk_pages.reading.plan import plan_job
from tap_sfbulk_pages.reading.request import JobRequest, choose_fields
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.through_job import JobReading
from tap_sfbulk_pages.salesforce.schema import KEY
from tap_sfbulk_pages.singer.streams.announced_numbers import keep_digits
from tap_sfbulk_pages.singer.streams.stream import BulkStream
from tap_sfbulk_pages.soql.columns import find_result_columns, match_spelling, property_schemas

if TYPE_CHECKING:
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.soql.entries import JobSetting
    from tap_sfbulk_pages.soql.field_paths import FieldPaths


class ExistingJobStream(BulkStream):
    """The records of a job's result, read once for each state.

    Args:
        tap: The tap.
        job: The entry of the setting `jobs`.
        schema: JSON schema of its records.
        keys: The columns that are the key.
        paths: The org's fields, for a schema that an earlier run found: of this job, or of another
            one that the setting named then.
    """

    def __init__(
        self,
        tap: RunningTap,
        job: JobSetting,
        *,
        schema: dict[str, Any],
        keys: tuple[str, ...],
        paths: FieldPaths | None = None,
    ) -> None:
        super().__init__(tap, name=job.name, schema=schema)
        self._job = job
        self._paths = paths
        self.primary_keys = keys

    @classmethod
    def discover(cls, tap: RunningTap, job: JobSetting, paths: FieldPaths) -> ExistingJobStream:
        """Ask for the columns of the job, once it is complete.

        Raises:
            SettingsError: If a key is none of its columns.
            QueryJobError: If it has ended without its result, or is gone.
            ExtractionError: If the org cannot be asked.
        """
        columns = fetch_columns(tap.org, job.id, paths, tap.stop_signal.waiting)
        wanted, names = job.primary_keys, [column.name for column in columns]
        keys = (KEY,) * (KEY in names) if wanted is None else match_spelling(wanted, names)
        schema = {"type": "object", "properties": property_schemas(columns, keys)}
        return cls(tap, job, schema=schema, keys=keys)

    @override
    def describe_for_catalog(self) -> dict[str, Any]:
        """Return the stream's entry in a catalog's file, with the digits of its numbers."""
        entry = super().describe_for_catalog()
        return {**entry, "schema": keep_digits(entry["schema"], self.schema)}

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the job, unless the state says that it has been read.

        Raises:
            ExtractionError: If nothing is selected, or values would contradict the schema.
        """
        job, request = self._ask()
        if saved_reads.is_done(self.stream_state, job):
            self.logger.info(
                "Stream %s: job %s has been read, as the state says; nothing is read again.",
                self.name,
                job.id,
            )
            return NothingToRead()
        self._check_types(request)

        def finished(_: str | None) -> None:
            saved_reads.set_done(self.stream_state, job)

        return JobReading(context, request, state=self.stream_state, on_finished=finished)

    @override
    def plan(self) -> StreamPlan:
        """Return what reading the job would take."""
        job, request = self._ask()
        is_done = saved_reads.is_done(self.stream_state, job)
        how = f"job {job.id} has been read" if is_done else f"the result of job {job.id}"
        return plan_job(self.name, request, sobject=None, how=how, state=self.stream_state)

    def _check_types(self, request: JobRequest) -> None:
        """Check the schema of a catalog against the types of the job's fields.

        Raises:
            ExtractionError: If values would contradict it, or the job is gone.
        """
        if self._paths is None:
            return
        sobject = find_existing_job(self._tap.org, self._job.id).sobject
        columns = find_result_columns(list(request.types), sobject, self._paths)
        # What no describe knows could be anything.
        described = {column.name: column.type for column in columns if column.field}
        known = [name for name in request.types if name.lower() in map(str.lower, described)]
        check_announced_types(self.name, known, self._properties, described)

    def _ask(self) -> tuple[ExistingJob, JobRequest]:
        schemas = self._properties
        fields = choose_fields(self.name, self._selected, schemas, readable=schemas)
        job = ExistingJob(self._job.id, tuple(fields))
        forbidden = ForbiddenValues.of(self.primary_keys, fields, schemas)
        return job, JobRequest(job, fields, replication_key=None, forbidden=forbidden)
