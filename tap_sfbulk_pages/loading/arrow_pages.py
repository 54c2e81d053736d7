"""Pages as Arrow while they arrive: they wait on disk, typed, until their turn has come."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from datetime import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_sfbulk_pages.decoding.cells import NOT_A_NUMBER
from tap_sfbulk_pages.decoding.fast_arrow import ArrowMemory
from tap_sfbulk_pages.decoding.greatest import pick_later
from tap_sfbulk_pages.decoding.record_batches import BatchBuilder
from tap_sfbulk_pages.errors import (
    ResultPageError,
    UnfitNumberError,
    explain_temporary_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.reading.page import PageReading
    from tap_sfbulk_pages.reading.request import JobRequest

TIME = pa.time64("us")
# Of CSV, held for each page that arrives, and as much again to be filled next. The database is
# handed more at a time, page by page.
_BATCH_BYTES = 2 << 20
_TEXT: Mapping[str, Any] = {"type": ["string", "null"]}

logger = logging.getLogger(__name__)


class ArrowPages:
    """Takes the records of a stream's pages (`reading.page.PageSinks`).

    Args:
        stream: Its name, for messages.
        schemas: JSON schemas by field, of the stream's fields at least.
    """

    def __init__(self, stream: str, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self._stream = stream
        self._schemas = dict(schemas)
        self._memory = ArrowMemory()

    def begin(
        self,
        locator: str,  # noqa: ARG002 - no name is needed
        columns: Sequence[str],
        delimiter: str,
        *,
        job_id: str,  # noqa: ARG002 - as above
        request: JobRequest,
    ) -> ArrowPage:
        """Begin a page, on the thread that receives it."""

        def new_builder() -> BatchBuilder:
            return BatchBuilder(
                columns,
                {name: self._schemas[name] for name in request.types},
                delimiter=delimiter,
                replication_key=request.replication_key,
                memory=self._memory,
                forbidden=request.forbidden,
                deleted=request.deleted,
            )

        return ArrowPage(_Batches(new_builder, self._take_unfit, request.replication_key))

    def batches(self, page: PageReading) -> Iterator[pa.RecordBatch]:
        """Yield the records of a page, whether they were taken while it arrived or not.

        Raises:
            ResultPageError: If they cannot be decoded to as many as were counted.
        """
        sink = page.take_sink()
        batches = sink.batches() if isinstance(sink, ArrowPage) else self._decode(page)
        times = [name for name in page.types if self._schemas[name].get("format") == "time"]
        for batch in batches:
            yield self._drop_non_numbers(convert_times(batch, times) if times else batch)

    def read_as_text(self, field: str) -> None:
        """Read a field as text from now on, whatever its schema says."""
        self._schemas[field] = _TEXT

    def _take_unfit(self, error: UnfitNumberError) -> None:
        """Read a field as text from now on, since no decimal holds its numbers."""
        if self._schemas[error.field] is not _TEXT:
            self.read_as_text(error.field)
            logger.warning(
                "Stream %s: %s. Its column becomes text, which keeps every digit.",
                self._stream,
                str(error).partition(". ")[0],
            )

    def _drop_non_numbers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Give numbers that are held as text null in place of what formulas can result in."""
        for place, column in enumerate(batch.schema):
            if self._schemas[column.name] is _TEXT and pa.types.is_string(column.type):
                texts = batch.column(place)
                is_none = pc.is_in(pc.utf8_lower(texts), pa.array(sorted(NOT_A_NUMBER)))
                numbers = pc.if_else(is_none, pa.scalar(None, pa.string()), texts)
                batch = batch.set_column(place, column.name, numbers)
        return batch

    def _decode(self, page: PageReading) -> Iterator[pa.RecordBatch]:
        def new_builder() -> BatchBuilder:
            return BatchBuilder(
                (), {name: self._schemas[name] for name in page.types}, delimiter=","
            )

        records = _Batches(new_builder, self._take_unfit, None)
        for columns in page.columns():
            records.append(columns)
            yield from records.take()


class _Batches:
    """The records of a page as batches; those after a number that fits no decimal hold it as text.

    Args:
        new_builder: Makes what decodes them, by what is known of the fields at the time.
        take_unfit: Takes note of such a number.
        replication_key: The field whose greatest value is kept; None for none.
    """

    def __init__(
        self,
        new_builder: Callable[[], BatchBuilder],
        take_unfit: Callable[[UnfitNumberError], None],
        replication_key: str | None,
    ) -> None:
        self._new_builder = new_builder
        self._take_unfit = take_unfit
        self._replication_key = replication_key
        self._builder = new_builder()
        self._batches: list[pa.RecordBatch] = []
        self._records = 0
        self._greatest: str | None = None

    @property
    def records(self) -> int:
        """The number of records taken."""
        return self._records + self._builder.records

    @property
    def greatest(self) -> str | None:
        """Their greatest replication key; None if there is none."""
        if self._replication_key is None:
            return None
        return pick_later(
            self._greatest, self._builder.greatest, replication_key=self._replication_key
        )

    @property
    def held_bytes(self) -> int:
        """Bytes of CSV that are held since batches were last taken, roughly."""
        return self._builder.held_bytes

    def append(self, block: bytes | Columns) -> None:
        """Append a block: CSV of whole records, or its columns.

        Raises:
            ResultPageError: If it cannot be decoded.
        """
        try:
            if isinstance(block, bytes):
                self._builder.append(block)
            else:
                self._builder.append_columns(block)
        except UnfitNumberError as error:
            self._take_unfit(error)
            self._batches += self._builder.take()
            self._records, self._greatest = self.records, self.greatest
            self._builder = self._new_builder()
            self.append(block)

    def take(self) -> list[pa.RecordBatch]:
        """Return what has been appended since the last call, in order.

        Raises:
            ForbiddenValueError: If a record holds what none may.
        """
        batches, self._batches = [*self._batches, *self._builder.take()], []
        return batches


class ArrowPage:
    """The records of one page (`jobs.page_sink.PageSink`), in a file that nobody else sees.

    Args:
        records: Decodes them.
    """

    def __init__(self, records: _Batches) -> None:
        self._records = records
        # One Arrow stream after another, each of batches of one schema.
        with explain_temporary_files():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `discard`
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None

    @property
    def records(self) -> int:
        """The number of records taken."""
        return self._records.records

    @property
    def greatest(self) -> str | None:
        """Their greatest replication key; None if there is none."""
        return self._records.greatest

    def append(self, block: bytes) -> None:
        """Take the CSV of whole records.

        Raises:
            ResultPageError: If the records cannot be decoded.
            TemporaryFileError: If the disk is full.
        """
        self._records.append(block)
        if self._records.held_bytes >= _BATCH_BYTES:
            self._write()

    def finish(self) -> None:
        """End: the page is whole, and its count is right.

        Raises:
            TemporaryFileError: If the disk is full.
        """
        self._write()
        with explain_temporary_files():
            if self._writer:
                self._writer.close()
            self._file.flush()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the records, once."""
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        while self._file.tell() < end:
            yield from pa.ipc.open_stream(self._file)

    def discard(self) -> None:
        """Free the file."""
        # On a full disk, closing raises once more for what could not be written.
        with suppress(OSError):
            self._file.close()

    def _write(self) -> None:
        for batch in self._records.take():
            with explain_temporary_files():
                if self._writer is None or batch.schema != self._schema:
                    if self._writer:
                        self._writer.close()
                    self._schema = batch.schema
                    self._writer = pa.ipc.new_stream(self._file, self._schema)
                self._writer.write_batch(batch)


def convert_times(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """Give columns of times, which Arrow has as text, their own type.

    Raises:
        ResultPageError: If a value is not a time.
    """
    schema = batch.schema
    columns = dict(zip(schema.names, batch.columns, strict=True))
    for name in names:
        columns[name] = _times(name, columns[name])
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _times(name: str, texts: pa.Array) -> pa.Array:
    encoded = pc.dictionary_encode(texts)
    text, values = "", []
    try:
        for text in encoded.dictionary.to_pylist():
            values.append(time.fromisoformat(text.removesuffix("Z")))
    except ValueError as error:
        raise ResultPageError(f"Field {name} holds {text[:100]!r}, which is not a time.") from error
    return pa.array(values, TIME).take(encoded.indices)
