"""The files of BATCH messages, as Arrow."""

from __future__ import annotations

import gzip
import json
import zlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.arrow_pages import convert_times
from tap_sfbulk_pages.loading.databases.rows import BYTES_AT_A_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_RECORDS_AT_A_TIME = 20_000


def read_batch_file(
    stream: str,
    uri: str,
    encoding: Mapping[str, Any],
    types: Mapping[str, pa.DataType],
    *,
    check_names: Callable[[Sequence[str]], None],
) -> Iterator[pa.Table | list[dict[str, Any]]]:
    """Read a file in parts: Arrow, or records where it has lines.

    Args:
        stream: Its stream, for messages.
        uri: Where it is: on this machine.
        encoding: `format` and `compression`, as of the message.
        types: Arrow types of the stream's columns.
        check_names: Called with the columns of a part, before it is read.

    Raises:
        LoadError: If it cannot be read, or a value does not fit its type.
    """
    format_ = encoding.get("format")
    try:
        path = local_path(uri)
        if format_ == "arrow":
            with pa.memory_map(str(path)) as file:
                reader = pa.ipc.open_file(file)
                check_names(reader.schema.names)
                batches = map(reader.get_batch, range(reader.num_record_batches))
                yield from _gather(batches, types)
        elif format_ == "parquet":
            from pyarrow import parquet  # noqa: PLC0415 - if it is needed

            columns = parquet.ParquetFile(path)
            check_names(columns.schema_arrow.names)
            batches = columns.iter_batches(_RECORDS_AT_A_TIME)
            yield from _gather(batches, types)
        elif format_ == "jsonl":
            yield from _read_lines(path, encoding.get("compression"))
        else:
            raise LoadError(
                f"Stream {stream}: files of the format {format_} cannot be loaded: set "
                "batch_config to arrow, parquet or jsonl."
            )
    except (OSError, EOFError, zlib.error, ValueError, LookupError, pa.ArrowException) as error:
        # ValueError: no address, or no path. LookupError: two columns of one name.
        raise LoadError(f"Stream {stream}: the file {uri} cannot be loaded: {error}") from error


def local_path(uri: str) -> Path:
    """Find a file on this machine.

    Raises:
        LoadError: If it is elsewhere.
    """
    parts = urlsplit(uri)
    if not parts.scheme or len(parts.scheme) == 1:
        # On Windows a path may begin with the letter of a drive.
        return Path(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise LoadError(
            f"{parts.scheme}://{parts.netloc}: files of BATCH messages are loaded from this "
            "machine only. Set batch_config.storage.root to file://… ."
        )
    return Path(url2pathname(parts.path))


def _gather(
    batches: Iterable[pa.RecordBatch], types: Mapping[str, pa.DataType]
) -> Iterator[pa.Table]:
    """Put batches together until they are worth a statement."""
    held: list[pa.Table] = []
    for batch in batches:
        held.append(_as_announced(batch, types))
        if sum(each.nbytes for each in held) >= BYTES_AT_A_TIME:
            yield pa.concat_tables(held)
            held.clear()
    if held:
        yield pa.concat_tables(held)


def _as_announced(batch: pa.RecordBatch, types: Mapping[str, pa.DataType]) -> pa.Table:
    names = [name for name in batch.schema.names if name in types]
    batch = batch.select(names)
    times = [name for name in names if pa.types.is_time(types[name])]
    texts = [name for name in times if pa.types.is_string(batch.schema.field(name).type)]
    table = pa.Table.from_batches([convert_times(batch, texts) if texts else batch])
    return table.cast(pa.schema([(name, types[name]) for name in names]))


def _read_lines(path: Path, compression: str | None) -> Iterator[list[dict[str, Any]]]:
    records, size = list[dict[str, Any]](), 0
    with gzip.open(path) if compression == "gzip" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            records.append(_parse_record(line, number, path))
            size += len(line)
            if len(records) == _RECORDS_AT_A_TIME or size >= BYTES_AT_A_TIME:
                yield records
                records, size = [], 0
    if records:
        yield records


def _parse_record(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise LoadError(f"Line {number} of {path} is not a record, or was cut off.")
    return record
