"""BATCH messages: a result page as files, written while the page arrives.

Files are named by stream, job, page and part, so that a page that is read again overwrites itself.
Those of a page whose check fails are removed.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.singer.batch_formats import WRITERS, compression_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from singer_sdk.helpers._batch import BatchConfig

    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.decoding.fast_arrow import ArrowMemory
    from tap_sfbulk_pages.decoding.record_batches import BatchBuilder
    from tap_sfbulk_pages.reading.page import PageReading
    from tap_sfbulk_pages.reading.request import JobRequest
    from tap_sfbulk_pages.singer.batch_formats import FileWriter
    from tap_sfbulk_pages.singer.batch_storage import BatchStorage, NewFile
    from tap_sfbulk_pages.singer.record_maps import RecordMaps

# Of text, roughly, that is encoded at once: small enough for several pages in memory.
_ENCODED_BYTES = 8 << 20
_FORMATS_OF_COLUMNS = ("arrow", "parquet")


class BatchFiles:
    """Writes the files of one stream.

    Args:
        config: Format, compression and storage.
        stream: Its name.
        properties: JSON schemas of its fields.
        file_bytes: How much text is written to a file, roughly, before the next one is begun.
        maps: What becomes of its records; None if they leave as they come.
    """

    def __init__(
        self,
        config: BatchConfig,
        *,
        stream: str,
        properties: Mapping[str, Mapping[str, Any]],
        file_bytes: int,
        maps: RecordMaps | None,
    ) -> None:
        from tap_sfbulk_pages.singer.batch_storage import BatchStorage  # noqa: PLC0415 - brings fsspec

        # Read when pyarrow is imported. Its own allocator keeps what each thread has freed: 60 MB
        # while several pages are written as Parquet.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        self._format = config.encoding.format
        self._compression = compression_of(config)
        self._storage = BatchStorage(config.storage)
        self._stream = stream
        self._properties = properties
        self._file_bytes = file_bytes
        self._maps = maps

    @cached_property
    def _memory(self) -> ArrowMemory:
        from tap_sfbulk_pages.decoding.fast_arrow import ArrowMemory  # noqa: PLC0415 - brings pyarrow

        return ArrowMemory()

    @property
    def holds_columns(self) -> bool:
        """Whether pages can be written while they arrive (`PageSinks`)."""
        return self._format in _FORMATS_OF_COLUMNS

    def begin(
        self,
        locator: str,
        columns: Sequence[str],
        delimiter: str,
        *,
        job_id: str,
        request: JobRequest,
    ) -> ColumnFiles:
        """Begin the files of a page that arrives (`PageSinks.begin`)."""
        return self._begin(
            locator,
            job_id,
            columns=columns,
            properties={name: self._properties[name] for name in request.types},
            delimiter=delimiter,
            replication_key=request.replication_key,
            forbidden=request.forbidden,
            deleted=request.deleted,
        )

    def write(self, page: PageReading, *, job_id: str) -> tuple[list[str], int]:
        """Write a page, if that was not done while it arrived.

        Args:
            page: Not read yet.
            job_id: The job that it belongs to.

        Returns:
            The addresses of its files, and how many records they hold.

        Raises:
            ResultPageError: If a value does not fit its type.
            SettingsError: If the storage cannot be written to.
        """
        if isinstance(sink := page.take_sink(), ColumnFiles):
            return sink.take_over(), page.records
        write = self._write_columns if self.holds_columns else self._write_lines
        return write(page, job_id), page.records

    def _write_columns(self, page: PageReading, job_id: str) -> list[str]:
        properties = {name: self._properties[name] for name in page.types}
        files = self._begin(page.name, job_id, columns=(), properties=properties, delimiter=",")
        try:
            for columns in page.columns():
                files.append_columns(columns)
            files.finish()
        except BaseException:
            files.discard()
            raise
        return files.take_over()

    def _write_lines(self, page: PageReading, job_id: str) -> list[str]:
        files = self._files(page.name, job_id)
        try:
            column_map = self._maps.find_for_files(page.types) if self._maps else None
            for lines in page.lines(JSON_LINES, column_map):
                files.write([lines.text], len(lines.text))
            files.finish()
        except BaseException:
            files.remove()
            raise
        return files.addresses

    def _begin(
        self,
        locator: str,
        job_id: str,
        *,
        properties: Mapping[str, Mapping[str, Any]],
        **options: Any,
    ) -> ColumnFiles:
        from tap_sfbulk_pages.decoding.mapped_batches import MappedBatches  # noqa: PLC0415 - brings pyarrow
        from tap_sfbulk_pages.decoding.record_batches import BatchBuilder  # noqa: PLC0415 - as above

        mapped = None
        if self._maps:
            column_map = self._maps.find_for_files(properties)
            mapped = MappedBatches(column_map, properties, self._maps.announced)
        builder = BatchBuilder(properties=properties, memory=self._memory, mapped=mapped, **options)
        files = self._files(locator, job_id, schema=builder.schema)
        return ColumnFiles(builder, files, encoded_bytes=min(_ENCODED_BYTES, self._file_bytes))

    def _files(self, locator: str, job_id: str, **options: Any) -> PageFiles:
        page = hashlib.sha256(locator.encode()).hexdigest()[:16]
        return PageFiles(
            self._storage,
            f"{self._stream}-{job_id}-{page}",
            self._ending,
            partial(WRITERS[self._format], compression=self._compression, **options),
            file_bytes=self._file_bytes,
        )

    @property
    def _ending(self) -> str:
        return (
            "jsonl.gz" if (self._format, self._compression) == ("jsonl", "gzip") else self._format
        )


class PageFiles:
    """The files of one page, one after another.

    Args:
        storage: Where they are.
        name: What their names begin with.
        ending: What they end with.
        new_writer: Makes what writes to a file.
        file_bytes: As of `BatchFiles`.
    """

    def __init__(
        self,
        storage: BatchStorage,
        name: str,
        ending: str,
        new_writer: Callable[[NewFile], FileWriter],
        *,
        file_bytes: int,
    ) -> None:
        self._storage = storage
        self._name = name
        self._ending = ending
        self._new_writer = new_writer
        self._file_bytes = file_bytes
        self._files: list[NewFile] = []
        self._writer: FileWriter | None = None
        self._size = 0

    @property
    def addresses(self) -> list[str]:
        """What the BATCH message calls them."""
        return [file.address for file in self._files]

    def write(self, parts: list[Any], size: int) -> None:
        """Write to the file that is open, or begin one.

        Args:
            parts: As the writer takes them.
            size: How much text they are.

        Raises:
            SettingsError: If the storage cannot be written to.
        """
        if self._writer is None:
            name = f"{self._name}-{len(self._files):04}.{self._ending}"
            self._files.append(self._storage.create(name))
        with self._storage.explain_errors():
            if self._writer is None:
                self._writer = self._new_writer(self._files[-1])
            self._writer.write(parts)
        self._size += size
        if self._size >= self._file_bytes:
            self.finish()

    def finish(self) -> None:
        """Complete the file that is open.

        Raises:
            SettingsError: If the storage does not take it.
        """
        if self._writer is None:
            return
        with self._storage.explain_errors():
            self._writer.close()
        self._files[-1].complete()
        self._writer, self._size = None, 0

    def remove(self) -> None:
        """Remove every file, as far as that can be done."""
        for file in self._files:
            file.remove()


class ColumnFiles:
    """Writes the records of one page to files while it arrives (`PageSink`).

    Args:
        builder: Decodes them.
        files: Where they go.
        encoded_bytes: How much text is encoded at once, roughly.
    """

    def __init__(self, builder: BatchBuilder, files: PageFiles, *, encoded_bytes: int) -> None:
        self._builder = builder
        self._files = files
        self._encoded_bytes = encoded_bytes
        self._is_taken_over = False

    @property
    def records(self) -> int:
        """How many records have been written."""
        return self._builder.records

    @property
    def greatest(self) -> str | None:
        """Their greatest replication key; None if there is none."""
        return self._builder.greatest

    def append(self, block: bytes) -> None:
        """Take the CSV of whole records.

        Raises:
            ResultPageError: If it cannot be decoded, or a value does not fit its type.
            SettingsError: If the storage cannot be written to.
        """
        self._builder.append(block)
        self._write(self._encoded_bytes)

    def append_columns(self, columns: Columns) -> None:
        """Take a block of columns.

        Raises:
            ResultPageError: If a value does not fit its type.
            SettingsError: If the storage cannot be written to.
        """
        self._builder.append_columns(columns)
        self._write(self._encoded_bytes)

    def finish(self) -> None:
        """Complete the files.

        Raises:
            SettingsError: If the storage cannot be written to.
        """
        self._write(0)
        self._files.finish()

    def take_over(self) -> list[str]:
        """Keep the files, whatever happens to the page now, and return their addresses."""
        self._is_taken_over = True
        return self._files.addresses

    def discard(self) -> None:
        """Remove the files, unless they have been taken over."""
        if not self._is_taken_over:
            self._files.remove()

    def _write(self, least_bytes: int) -> None:
        size = self._builder.held_bytes
        if size >= least_bytes and (batches := self._builder.take()):
            self._files.write(batches, size)
