"""Pages as Arrow while they arrive: they wait on disk, typed, until their turn has come."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_sfbulk_pages.decoding.record_batches import BATCH_BYTES, BatchBuilder
from tap_sfbulk_pages.errors import ExtractionError, ResultPageError, explain_temporary_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_sfbulk_pages.reading.page import PageReading
    from tap_sfbulk_pages.reading.request import JobRequest

TIME = pa.time64("us")


class ArrowPages:
    """Takes the records of a stream's pages (`reading.page.PageSinks`).

    Args:
        schemas: JSON schemas by field, of the stream's fields at least.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self._schemas = schemas

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
        return ArrowPage(
            BatchBuilder(
                columns,
                {name: self._schemas[name] for name in request.types},
                delimiter=delimiter,
                replication_key=request.replication_key,
                forbidden=request.forbidden,
            )
        )

    def batches(self, page: PageReading) -> Iterator[pa.RecordBatch]:
        """Yield the records of a page, whether they were taken while it arrived or not.

        Raises:
            ResultPageError: If they cannot be decoded to as many as were counted.
        """
        sink = page.take_sink()
        batches = sink.batches() if isinstance(sink, ArrowPage) else self._decode(page)
        times = [name for name in page.types if self._schemas[name].get("format") == "time"]
        for batch in batches:
            yield convert_times(batch, times) if times else batch

    def _decode(self, page: PageReading) -> Iterator[pa.RecordBatch]:
        schemas = {name: self._schemas[name] for name in page.types}
        builder = BatchBuilder((), schemas, delimiter=",")
        for columns in page.columns():
            builder.append_columns(columns)
            yield from builder.take()


class ArrowPage:
    """The records of one page (`jobs.page_download.PageSink`), in a file that nobody else sees.

    Args:
        builder: Decodes them.
    """

    def __init__(self, builder: BatchBuilder) -> None:
        self._builder = builder
        with explain_temporary_files():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `discard`
            self._writer = pa.ipc.new_stream(self._file, builder.schema)
        self._error: ExtractionError | None = None

    @property
    def records(self) -> int:
        """The number of records taken."""
        return self._builder.records

    @property
    def greatest(self) -> str | None:
        """Their greatest replication key; None if there is none."""
        return self._builder.greatest

    def append(self, block: bytes) -> None:
        """Take the CSV of whole records. What cannot be decoded is raised by `finish`.

        A page that is broken on its way can hold anything; whether it is whole is known at its end.
        """
        if self._error is None:
            try:
                self._builder.append(block)
                if self._builder.held_bytes >= BATCH_BYTES:
                    self._write()
            except ExtractionError as error:
                self._error = error

    def finish(self) -> None:
        """End: the page is whole, and its count is right.

        Raises:
            ResultPageError: If the records cannot be decoded.
            TemporaryFileError: If the disk is full.
        """
        if self._error is None:
            self._write()
        if self._error:
            raise self._error
        with explain_temporary_files():
            self._writer.close()
            self._file.flush()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the records, once."""
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)

    def discard(self) -> None:
        """Free the file."""
        # On a full disk, closing raises once more for what could not be written.
        with suppress(OSError):
            self._file.close()

    def _write(self) -> None:
        for batch in self._builder.take():
            with explain_temporary_files():
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
