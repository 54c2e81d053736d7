"""An sObject as a Spark stream: each batch is part of a query job, each run reads what has changed.

For Spark 4.2 and newer, which passes the start of a batch to `latestOffset`. Spark saves an offset
in its checkpoint before it runs the batch, so a killed stream goes on from the checkpoint.
Everything that is not Spark's interface is in `job_sequence.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxFiles, SupportsTriggerAvailableNow
from typing_extensions import override

from tap_sfbulk_pages.errors import SettingsError, StateError
from tap_sfbulk_pages.jobs.query import QueryJob
from tap_sfbulk_pages.workers.job_sequence import JobStream
from tap_sfbulk_pages.workers.offset import JobStreamOffset
from tap_sfbulk_pages.workers.options import PUSH_FILTERS, STREAM_OPTIONS, JobOptions, fold_names
from tap_sfbulk_pages.workers.partitions import JobPartition, JobRead, check_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

_DEFAULTS: Mapping[str, int] = {"pages_per_batch": 50, "job_interval_seconds": 900}


class SFBulkStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Creates jobs and lists their pages on the driver, and reads each page in a task.

    Args:
        options: What to read.
        properties: JSON schemas by field, in the order of the columns.
        given: `pages_per_batch` and `job_interval_seconds` as text, if they are set.

    Raises:
        SettingsError: If one of them is not a number.
    """

    def __init__(
        self,
        options: JobOptions,
        properties: Mapping[str, Mapping[str, Any]],
        given: Mapping[str, str],
    ) -> None:
        numbers = {**_DEFAULTS, **{name: _number(name, text) for name, text in given.items()}}
        self._read = JobRead(options.access, properties)
        self._pages_per_batch = numbers["pages_per_batch"]
        self._stream = JobStream(
            options, list(properties), job_interval_seconds=numbers["job_interval_seconds"]
        )

    @override
    def initialOffset(self) -> dict[str, Any]:
        """Return the offset before the first job."""
        return self._stream.initial().save()

    @override
    def getDefaultReadLimit(self) -> ReadLimit:
        """Limit the pages of a batch; a page counts as a file."""
        return ReadMaxFiles(self._pages_per_batch)

    @override
    def prepareForTriggerAvailableNow(self) -> None:
        """Read one job and end."""
        self._stream.end_with_one_job()

    @override
    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:
        """Return the offset at which the next batch ends (see `JobStream.latest`)."""
        most_pages = limit.max_files if isinstance(limit, ReadMaxFiles) else None
        return self._stream.latest(JobStreamOffset.parse(start), most_pages=most_pages).save()

    @override
    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[InputPartition]:
        """Cut a batch into its pages."""
        parts = self._stream.partitions(JobStreamOffset.parse(start), JobStreamOffset.parse(end))
        return [InputPartition(part) for part in parts]

    @override
    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read one page."""
        assert isinstance(partition.value, JobPartition)  # noqa: S101 - `partitions` made it
        yield from self._read.batches(partition.value)


def check_streamed_jobs(options: Mapping[str, str], progress: Iterable[Any]) -> list[str]:
    """Compare the number of rows that batches have read of each job with its total at Salesforce.

    Args:
        options: As the stream was read with.
        progress: `recentProgress` of the query, which holds the last 100 batches of its run.

    Returns:
        The ids of the jobs that were checked: those that these batches began and finished.

    Raises:
        RecordCountError: If the numbers differ.
        ExtractionError: If Salesforce cannot be asked about a job.
    """
    others = (*STREAM_OPTIONS, PUSH_FILTERS)
    parsed = JobOptions.parse(
        {name: text for name, text in fold_names(options).items() if name not in others}
    )
    rows: dict[str, int] = {}
    checked: list[str] = []
    for source in (source for batch in progress for source in batch.sources):
        start, end = _offset(source.startOffset), _offset(source.endOffset)
        if end is None or end.sobject != parsed.sobject:
            continue
        if start is None or start.job_id != end.job_id:
            rows[end.job_id] = 0
        if end.job_id not in rows:
            continue
        rows[end.job_id] += source.numInputRows
        if end.is_read:
            org = parsed.access.org()
            job = org.jobs.refresh(QueryJob(end.job_id, end.api_version, state=""))
            check_records(org, job, rows[end.job_id])
            checked.append(end.job_id)
    return checked


def _offset(text: str | None) -> JobStreamOffset | None:
    """Parse the offset of a batch; return None if there is none, or it is another source's."""
    try:
        saved = json.loads(text or "null")
        return JobStreamOffset.parse(saved) if isinstance(saved, dict) else None
    except (StateError, ValueError):
        return None


def _number(name: str, text: str) -> int:
    """Parse an option.

    Raises:
        SettingsError: If it is not a whole number above zero.
    """
    if not text.strip().isdecimal() or not int(text):
        raise SettingsError(f"{name} must be a whole number above zero, not {text[:100]!r}")
    return int(text)
