"""The blocks of a page as Arrow record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tap_sfbulk_pages.datetimes import format_literal
from tap_sfbulk_pages.decoding.arrow import MOMENT, arrow_columns, arrow_schema
from tap_sfbulk_pages.decoding.cells import cell_type
from tap_sfbulk_pages.decoding.deleted import DELETED_AT, IS_DELETED, DeletedRecords
from tap_sfbulk_pages.decoding.fast_arrow import ArrowMemory, ArrowRows
from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.decoding.greatest import find_greatest, pick_later
from tap_sfbulk_pages.decoding.page import CsvBlocks, check_count, name_columns, parse_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.decoding.mapped_batches import MappedBatches
    from tap_sfbulk_pages.decoding.page import CountedPage

# Of CSV: large enough to make the fixed costs of a batch negligible, small enough for memory.
BATCH_BYTES = 8 << 20
_KEY = "Id"


class BatchBuilder:
    """Collects the blocks of one page in record batches.

    Args:
        columns: Names in the page's header line, in order.
        properties: JSON schemas of the fields to decode, in order.
        delimiter: The character between cells.
        replication_key: The field whose greatest value is wanted, or None.
        memory: Shared with the other pages of a stream; None for a single page.
        forbidden: What no record may hold; None for nothing.
        mapped: What becomes of the records; None if they leave as they come.
        deleted: Marks the deleted ones among the records, in a column more; None for none.

    Attributes:
        schema: The Arrow schema of every batch.
        records: The number of records in the batches so far.
        greatest: The greatest replication key in the batches so far; None if there is none.
        held_bytes: Bytes of CSV that were appended since batches were last taken.
    """

    def __init__(
        self,
        columns: Sequence[str],
        properties: Mapping[str, Mapping[str, Any]],
        *,
        delimiter: str,
        replication_key: str | None = None,
        memory: ArrowMemory | None = None,
        forbidden: ForbiddenValues | None = None,
        mapped: MappedBatches | None = None,
        deleted: DeletedRecords | None = None,
    ) -> None:
        self._forbidden = forbidden or ForbiddenValues()
        self._mapped = mapped
        self._deleted = deleted
        self._schema: pa.Schema = arrow_schema(properties)
        self.schema: pa.Schema = mapped.schema if mapped else self._schema
        if deleted:
            self.schema = self.schema.append(pa.field(DELETED_AT, MOMENT))
        self.records = 0
        self.greatest: str | None = None
        self.held_bytes = 0
        self._types = {name: cell_type(schema) for name, schema in properties.items()}
        self._names = name_columns(columns, self._types)
        self._delimiter = delimiter
        self._replication_key = replication_key
        self._plain = ArrowRows.of(
            self._names,
            self._schema,
            delimiter=delimiter,
            replication_key=replication_key,
            memory=memory or ArrowMemory(),
        )
        self._batches: list[pa.RecordBatch] = []

    def append(self, text: bytes) -> None:
        """Append a block: directly if it is plain, through columns if it is not.

        Args:
            text: CSV of whole records, in UTF-8 and without NUL characters.

        Raises:
            ResultPageError: If it cannot be parsed, or a value does not fit the type of its field.
            SettingsError: If an expression of the map fails on a record.
        """
        self.held_bytes += len(text)
        if not self._append_plain(text):
            self._take_plain()
            columns = parse_columns(text, self._names, self._types, self._delimiter)
            self.append_columns(columns)

    def _append_plain(self, text: bytes) -> bool:
        """Append a block with compiled code; return False and append nothing if it is not plain."""
        computed = None
        if self._mapped:
            computed = self._mapped.compute_plain(text, self._names, self._delimiter)
            if computed is None:
                return False
        if self._plain is None or not self._plain.append(text):
            return False
        if self._mapped and computed:
            self._mapped.keep(computed)
        return True

    def append_columns(self, columns: Columns) -> None:
        """Append a block of columns.

        Raises:
            ResultPageError: As for `append`.
            SettingsError: As for `append`.
        """
        if self._mapped:
            self._mapped.keep(self._mapped.compute(columns))
        self._batches.append(arrow_columns(columns, self._schema))
        self.records += columns.records
        if key := self._replication_key:
            self._keep(find_greatest(columns[key], key))

    def take(self) -> list[pa.RecordBatch]:
        """Return what has been appended since the last call, in order.

        Raises:
            ForbiddenValueError: If a record holds what none may.
        """
        self._take_plain()
        batches, self._batches, self.held_bytes = self._batches, [], 0
        for batch in batches:
            self._forbidden.check_batch(batch)
        if self._deleted:
            batches = [self._mark(batch, self._deleted) for batch in batches]
        if self._mapped:
            mapped = map(self._mapped.apply, batches)
            batches = [batch for batch in mapped if batch.num_rows]
        return batches

    def _mark(self, batch: pa.RecordBatch, deleted: DeletedRecords) -> pa.RecordBatch:
        """Add the column of the marks (`DeletedRecords`)."""
        marks: list[datetime | None] = [None] * batch.num_rows
        if (are_deleted := batch.column(IS_DELETED)).true_count:
            cells = (batch.column(_KEY), are_deleted, batch.column(deleted.stamp))
            rows = zip(*(column.to_pylist() for column in cells), strict=True)
            for number, (record_id, is_deleted, moment) in enumerate(rows):
                if is_deleted and moment and deleted.mark(record_id, format_literal(moment, {})):
                    marks[number] = moment
        columns = [*batch.columns, pa.array(marks, MOMENT)]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _take_plain(self) -> None:
        """Move the records of the compiled code to the end of the batches, to keep the order."""
        if self._plain is None or not (taken := self._plain.take()):
            return
        batch, greatest = taken
        if batch.num_rows:
            self._batches.append(batch)
            self.records += batch.num_rows
            self._keep(greatest)

    def _keep(self, greatest: str | None) -> None:
        if self._replication_key:
            self.greatest = pick_later(
                self.greatest, greatest, replication_key=self._replication_key
            )


def record_batches(
    page: CountedPage, properties: Mapping[str, Mapping[str, Any]]
) -> Iterator[pa.RecordBatch]:
    """Decode a page into record batches.

    Args:
        page: A page that was received whole.
        properties: JSON schemas of the fields to decode, in order.

    Raises:
        ResultPageError: As for `BatchBuilder.append`, or if the number of records differs from the
            count.
    """
    builder = BatchBuilder(page.columns, properties, delimiter=page.delimiter)
    for text in CsvBlocks(page, {}):
        builder.append(text)
        if builder.held_bytes >= BATCH_BYTES:
            yield from builder.take()
    yield from builder.take()
    check_count(page.locator, page.records, builder.records)
