"""BATCH messages: a result page as files, written straight from its columns.

Files are named by stream, job, page and part, so that a page that is read again overwrites itself.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

import polars as pl
from isal import igzip

from tap_sfbulk_pages.decoding.arrow import cast_columns
from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.singer.batch_formats import compression_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk.helpers._batch import BatchConfig

    from tap_sfbulk_pages.reading.page import PageReading

Block = TypeVar("Block")

# Of `csv_scan.BLOCK_BYTES` each; a part is held in memory while it is written.
_BLOCKS_A_PART = 4
# Reached sooner by blocks with binary values.
_LARGEST_PART_BYTES = 128_000_000


class BatchFiles:
    """Writes the files of one stream.

    Args:
        config: Format, compression and storage.
        stream: Its name.
        properties: JSON schemas of its fields.
    """

    def __init__(
        self,
        config: BatchConfig,
        *,
        stream: str,
        properties: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._storage = config.storage
        self._format = config.encoding.format
        self._compression = compression_of(config)
        self._prefix = f"{config.storage.prefix or ''}{stream}"
        self._properties = properties

    def write(self, page: PageReading, *, job_id: str) -> tuple[list[str], int]:
        """Write a page.

        Args:
            page: Read to its end.
            job_id: The job that it belongs to.

        Returns:
            The addresses of its files, and how many records they hold.

        Raises:
            ResultPageError: If a value does not fit its type.
            SettingsError: If the storage cannot be written to.
        """
        locator = hashlib.sha256(page.name.encode()).hexdigest()[:16]
        addresses = []
        for number, write_part in enumerate(self._parts(page)):
            name = f"{self._prefix}-{job_id}-{locator}-{number:04}{self._ending}"
            try:
                with self._storage.open(name, "wb") as file:
                    write_part(file)
            except (ImportError, OSError) as error:
                root = self._storage.root
                raise SettingsError(
                    f"batch_config.storage.root: {root} cannot be written to: {error}"
                ) from error
            addresses.append(self._storage.get_url(name))
        return addresses, page.records

    @property
    def _ending(self) -> str:
        if self._format != "jsonl":
            return f".{self._format}"
        return ".jsonl.gz" if self._compression == "gzip" else ".jsonl"

    def _parts(self, page: PageReading) -> Iterator[Callable[[IO[bytes]], None]]:
        """Yield what writes each file of a page."""
        if self._format == "jsonl":
            for lines in _grouped(page.lines(JSON_LINES), lambda block: len(block.text)):
                yield partial(self._write_lines, [block.text for block in lines])
        else:
            for frames in _grouped(page.frames(), pl.DataFrame.estimated_size):
                yield partial(self._write_columns, frames)

    def _write_columns(self, frames: list[pl.DataFrame], file: IO[bytes]) -> None:
        frame = cast_columns(pl.concat(frames), self._properties)
        compression = cast("Any", self._compression)
        if self._format == "parquet":
            frame.write_parquet(file, compression=compression)
        else:
            # Older readers know no string views.
            oldest = pl.CompatLevel.oldest()
            frame.write_ipc(file, compression=compression, compat_level=oldest)

    def _write_lines(self, lines: Iterable[bytes], file: IO[bytes]) -> None:
        if self._compression != "gzip":
            file.writelines(lines)
            return
        with igzip.IGzipFile(fileobj=file, mode="wb", mtime=0) as compressed:  # type: ignore[no-untyped-call]
            compressed.writelines(lines)


def _grouped(blocks: Iterable[Block], size_of: Callable[[Block], float]) -> Iterator[list[Block]]:
    """Put the blocks of each file together."""
    group: list[Block] = []
    size = 0.0
    for block in blocks:
        group.append(block)
        size += size_of(block)
        if size >= _LARGEST_PART_BYTES or len(group) == _BLOCKS_A_PART:
            yield group
            group, size = [], 0.0
    if group:
        yield group
