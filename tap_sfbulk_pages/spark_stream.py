"""Spark streams an sObject: each batch a part of a query job, each run what has changed since.

For Spark 4.2 and newer, whose `latestOffset` is told where a batch starts. Spark keeps an offset in
its checkpoint before it runs the batch, so that the checkpoint is what a killed stream goes on
from. Everything but Spark's interface is in `job_stream.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxFiles, SupportsTriggerAvailableNow
from typing_extensions import override

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.job_partitions import JobPartition, JobRead
from tap_sfbulk_pages.job_stream import JobStream
from tap_sfbulk_pages.job_stream_offset import JobStreamOffset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tap_sfbulk_pages.job_options import JobOptions

_DEFAULTS: Mapping[str, int] = {"pages_per_batch": 50, "job_interval_seconds": 900}


class SFBulkStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Makes jobs and lists their pages on the driver, and reads each page in a task.

    Args:
        options: What to read.
        properties: JSON schemas by field, in the order of the columns.
        given: Texts of `pages_per_batch` and `job_interval_seconds`, where they are given.

    Raises:
        SettingsError: If one of them is no number.
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
        """Stand before the first job."""
        return self._stream.initial().saved()

    @override
    def getDefaultReadLimit(self) -> ReadLimit:
        """Read so many pages a batch; a page is what is a file to other sources."""
        return ReadMaxFiles(self._pages_per_batch)

    @override
    def prepareForTriggerAvailableNow(self) -> None:
        """Read one job and end."""
        self._stream.end_with_one_job()

    @override
    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:
        """Tell where the next batch ends (see `JobStream.latest`)."""
        most_pages = limit.max_files if isinstance(limit, ReadMaxFiles) else None
        return self._stream.latest(JobStreamOffset.parse(start), most_pages=most_pages).saved()

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


def _number(name: str, text: str) -> int:
    """Read an option.

    Raises:
        SettingsError: If it is no number above zero.
    """
    if not text.strip().isdecimal() or not int(text):
        raise SettingsError([f"{name} must be a whole number above zero, not {text[:100]!r}"])
    return int(text)
