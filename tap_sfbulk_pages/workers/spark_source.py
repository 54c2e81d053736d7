"""The Spark data source `sfbulk`: reads query jobs, one partition per result page.

For Spark's Python Data Source API, from Spark 4.0 on; it runs on Sail too. The driver creates the
job and lists its pages, and each task reads one. What both need is in `options.py` and
`partitions.py`, which know nothing about Spark.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)
from typing_extensions import override

from tap_sfbulk_pages.decoding.arrow import arrow_type
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.workers.options import (
    PUSH_FILTERS,
    STREAM_OPTIONS,
    JobOptions,
    fold_names,
)
from tap_sfbulk_pages.workers.partitions import JobPartition, JobRead, job_partitions
from tap_sfbulk_pages.workers.spark_filters import write_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence

    from pyspark.sql.datasource import DataSourceStreamReader, Filter

# The Spark type, Arrow's name for it, and the JSON schema of a field of that type. Times of day are
# strings, since not every engine has a type for them.
_TYPES: tuple[tuple[DataType, str, dict[str, Any]], ...] = (
    (StringType(), "string", {"type": ["string", "null"]}),
    (BooleanType(), "bool", {"type": ["boolean", "null"]}),
    (LongType(), "int64", {"type": ["integer", "null"]}),
    (DateType(), "date32[day]", {"type": ["string", "null"], "format": "date"}),
    (
        TimestampType(),
        "timestamp[us, tz=UTC]",
        {"type": ["string", "null"], "format": "date-time"},
    ),
)


class SFBulkDataSource(DataSource):
    """Reads an sObject, a query or an existing query job.

    Args:
        options: `object`, `soql`, `job`, `fields`, `push_filters`, options of streams, and settings
            of the tap that are not secret.

    Raises:
        SettingsError: If the options are wrong.
    """

    def __init__(self, options: MutableMapping[str, str]) -> None:
        if not options:
            raise SettingsError(
                "there are no options. Spark does not pass those of CREATE TABLE to a query: use "
                "CREATE TEMPORARY VIEW, or repeat them: SELECT … FROM … WITH (object = '…')"
            )
        given = fold_names(options)
        self._pushes_filters = given.pop(PUSH_FILTERS, "").strip().lower() == "true"
        self._of_stream = {name: given.pop(name) for name in STREAM_OPTIONS if name in given}
        self._options = JobOptions.parse(given)

    @override
    @classmethod
    def name(cls) -> str:
        """The format's name."""
        return "sfbulk"

    @override
    def schema(self) -> StructType:
        """Ask the org for the columns.

        Raises:
            ExtractionError: If their types cannot be found, or the org cannot be reached.
        """
        properties = self._options.properties()
        return StructType(
            [StructField(name, _spark_type(each)) for name, each in properties.items()]
        )

    @override
    def reader(self, schema: StructType | pa.Schema) -> DataSourceReader:
        """Create the reader.

        Args:
            schema: As returned by `schema` or given by the user; Sail passes an Arrow schema.

        Raises:
            SettingsError: If the user's schema has a type that cells cannot be read as.
        """
        reader = FilteringReader if self._pushes_filters else SFBulkReader
        return reader(self._options, _properties(schema))

    @override
    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        """Create the reader of a stream.

        Args:
            schema: As returned by `schema` or given by the user.

        Raises:
            SettingsError: If Spark is too old, or an option or a type in the schema is wrong.
        """
        try:
            from tap_sfbulk_pages.workers.spark_streaming import SFBulkStreamReader  # noqa: PLC0415 - from 4.2
        except ImportError as error:
            raise SettingsError(f"streams need Spark 4.2 or newer: {error}") from error
        return SFBulkStreamReader(self._options, _properties(schema), self._of_stream)


class SFBulkReader(DataSourceReader):
    """Lists the pages on the driver and reads each in a task.

    Args:
        options: What to read.
        properties: JSON schemas by field, in the order of the columns.
    """

    def __init__(self, options: JobOptions, properties: Mapping[str, Mapping[str, Any]]) -> None:
        self._options = options
        self._read = JobRead(options.access, properties)
        self._conditions: Sequence[str] = ()

    @override
    def partitions(self) -> Sequence[InputPartition]:
        """Take the existing job or create one, wait for it, and list its pages."""
        job = self._options.job(list(self._read.properties), self._conditions)
        partitions = job_partitions(self._options.access.org(), job)
        return [InputPartition(partition) for partition in partitions]

    @override
    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read one page; yield nothing for the partition that Spark makes up if there are none.

        That one is None on Spark 4.0, and an `InputPartition(None)` later.
        """
        value = getattr(partition, "value", None)
        if isinstance(value, JobPartition):
            yield from self._read.batches(value)


class FilteringReader(SFBulkReader):
    """Narrows the query by filters; Spark still checks each row, so extra rows do no harm.

    A separate class, because Spark refuses a reader that takes filters unless
    `spark.sql.python.filterPushdown.enabled` is set.
    """

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802 - Spark's name
        """Keep the filters that SOQL can express; Spark still applies all of them."""
        self._conditions = write_conditions(filters, self._read.properties)
        return filters


def _spark_type(schema: Mapping[str, Any]) -> DataType:
    """Return the Spark type of a property."""
    wanted = arrow_type(schema)
    if pa.types.is_decimal(wanted):
        return DecimalType(wanted.precision, wanted.scale)
    return next((type_ for type_, _, own in _TYPES if arrow_type(own) == wanted), StringType())


def _properties(schema: StructType | pa.Schema) -> dict[str, Mapping[str, Any]]:
    """Return JSON schemas by column for a Spark or Arrow schema.

    Raises:
        SettingsError: If cells cannot be read as one of the types.
    """
    if isinstance(schema, pa.Schema):
        given = {field.name: str(field.type) for field in schema}
        known = {name: own for _, name, own in _TYPES}
    else:
        given = {field.name: field.dataType.simpleString() for field in schema.fields}
        known = {type_.simpleString(): own for type_, _, own in _TYPES}
    found = {name: known.get(type_) or _decimal(type_) for name, type_ in given.items()}
    errors = [
        f"column {name} cannot be read as {given[name]}: choose one of {', '.join(known)} or "
        "decimal, and cast it afterwards"
        for name, own in found.items()
        if own is None
    ]
    if errors:
        raise SettingsError(*errors)
    return {name: own for name, own in found.items() if own}


def _decimal(type_: str) -> Mapping[str, Any] | None:
    """Return the JSON schema of a decimal, by what Spark or Arrow calls it; None if it is none."""
    match = re.fullmatch(r"decimal(?:128)?\((\d+), ?(\d+)\)", type_)
    if match is None:
        return None
    return {"type": ["number", "null"], "precision": int(match[1]), "scale": int(match[2])}
