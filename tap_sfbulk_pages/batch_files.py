"""BATCH messages: a result page as files, written straight from its columns.

Files are named by stream, job, page and part, so that a page that is read again overwrites itself.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any, cast

import polars as pl
from isal import igzip

from tap_sfbulk_pages.arrow_types import typed
from tap_sfbulk_pages.batch_formats import compression_of
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.records import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.helpers._batch import BatchConfig

    from tap_sfbulk_pages.cells import CellType
    from tap_sfbulk_pages.page_reading import PageReading

# Of `csv_scan.BLOCK_BYTES` each; a part is held in memory while it is written.
_BLOCKS_A_PART = 16
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
            page: All its blocks are read.
            job_id: The job that it belongs to.

        Returns:
            The addresses of its files, and how many records they hold.

        Raises:
            ResultPageError: If a value does not fit its type.
            SettingsError: If the storage cannot be written to.
        """
        locator = hashlib.sha256(page.name.encode()).hexdigest()[:16]
        addresses, records = [], 0
        for number, part in enumerate(_parts(page.blocks())):
            name = f"{self._prefix}-{job_id}-{locator}-{number:04}{self._ending}"
            try:
                with self._storage.open(name, "wb") as file:
                    self._write_part(part, page.types, file)
            except (ImportError, OSError) as error:
                root = self._storage.root
                raise SettingsError(
                    f"batch_config.storage.root: {root} cannot be written to: {error}"
                ) from error
            addresses.append(self._storage.get_url(name))
            records += sum(block.height for block in part)
        return addresses, records

    @property
    def _ending(self) -> str:
        if self._format != "jsonl":
            return f".{self._format}"
        return ".jsonl.gz" if self._compression == "gzip" else ".jsonl"

    def _write_part(
        self, part: list[pl.DataFrame], types: Mapping[str, CellType], file: IO[bytes]
    ) -> None:
        if self._format == "jsonl":
            self._write_lines((json_lines(block, types) for block in part), file)
            return
        frame = typed(pl.concat(part), self._properties)
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


def _parts(blocks: Iterable[pl.DataFrame]) -> Iterator[list[pl.DataFrame]]:
    part: list[pl.DataFrame] = []
    for block in blocks:
        part.append(block)
        is_large = sum(each.estimated_size() for each in part) >= _LARGEST_PART_BYTES
        if is_large or len(part) == _BLOCKS_A_PART:
            yield part
            part = []
    if part:
        yield part
