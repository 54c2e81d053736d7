"""Ways from a result page to RECORD lines, each measured in a process of its own.

`page_paths.py PATH PAGE.csv SECONDS` walks one way again and again for at least so many seconds of
processor time, and prints the cost of the cheapest walk as JSON. Reading the file and importing
libraries is not counted.
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import requests
from isal import igzip
from pyarrow import csv as pa_csv
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget
from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import RecordMessage

from tap_sfbulk_pages.decoding.ahead import run_ahead
from tap_sfbulk_pages.decoding.arrow import arrow_type
from tap_sfbulk_pages.decoding.cells import CellType, cell_type
from tap_sfbulk_pages.decoding.column_map import ColumnMap, Expression
from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.decoding.lines import record_message
from tap_sfbulk_pages.decoding.page import CsvBlocks, decode_columns
from tap_sfbulk_pages.decoding.records import convert_rows, encode_lines
from tap_sfbulk_pages.jobs.page_body import PageMemory
from tap_sfbulk_pages.jobs.page_download import PageDownload, ResultPage
from tap_sfbulk_pages.jobs.query import ExistingJob, QueryJob
from tap_sfbulk_pages.reading.page import PageReading
from tap_sfbulk_pages.reading.request import JobRequest
from tap_sfbulk_pages.salesforce.transport import CHUNK_BYTES, decode_body
from tap_sfbulk_pages.singer.batch_files import BatchFiles, ColumnFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
STREAM = "Opportunity"
MESSAGE = record_message(STREAM, time_extracted=NOW, version=None)
FEWEST_WALKS = 2
# Of the pipeline.
PAGES = 16
_UNBOUNDED = 1 << 40
_FILE_BYTES = 64_000_000
# In memory, so that no disk is measured.
_SCRATCH = "/dev/shm"  # noqa: S108 - files have names of their own there
_EXTRACTED = NOW.isoformat()
_HEAD = '{"type": "RECORD", "stream": "Opportunity", "record": '
_TAIL = f', "time_extracted": "{_EXTRACTED}"}}\n'


class MeasuredPage:
    """A page in every form that a way begins with.

    Args:
        path: CSV, with the JSON schemas of its fields in a file beside it.
        sink: Where lines go.
    """

    def __init__(self, path: Path, sink: io.BufferedWriter) -> None:
        self.text = path.read_bytes()
        self.compressed = igzip.compress(self.text, compresslevel=1)
        self.sink = sink
        self.fields = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        self.types = {name: cell_type(schema) for name, schema in self.fields.items()}
        self.received = received(self.text, None)
        self._folder = tempfile.TemporaryDirectory(dir=_SCRATCH)
        self._files: dict[tuple[str, str | None], BatchFiles] = {}

    def files(self, format_: str, compression: str | None) -> BatchFiles:
        """Return what writes pages of one stream."""
        if (format_, compression) not in self._files:
            config = BatchConfig(
                encoding=BaseBatchFileEncoding(format_, compression),
                storage=StorageTarget(Path(self._folder.name).as_uri()),
            )
            self._files[format_, compression] = BatchFiles(
                config,
                stream=STREAM,
                properties=self.fields,
                file_bytes=_FILE_BYTES,
                maps=None,
            )
        return self._files[format_, compression]

    def remove_files(self) -> None:
        """Remove what has been written, so that the next file does not replace it."""
        for file in Path(self._folder.name).iterdir():
            file.unlink()

    def block_texts(self) -> Iterator[bytes]:
        """Cut the text as the tap does, the header line left out."""
        start, *ends = self.received.cuts
        for end in ends:
            yield self.text[start:end]
            start = end


class OneReply:
    """Stands in for the client: a call gets this body.

    Args:
        content: As it comes.
        encoding: Its `Content-Encoding`.
    """

    def __init__(self, content: bytes, encoding: str | None) -> None:
        self._content = content
        self._response = requests.Response()
        self._response.status_code = HTTPStatus.OK
        if encoding:
            self._response.headers["Content-Encoding"] = encoding

    def call(self, *_: Any, read: Callable[[Any, Iterator[bytes]], ResultPage], **__: Any) -> Any:
        """Let the body be read."""
        starts = range(0, len(self._content), CHUNK_BYTES)
        chunks = (self._content[start : start + CHUNK_BYTES] for start in starts)
        return read(self._response, chunks)


def received(content: bytes, encoding: str | None, **options: Any) -> ResultPage:
    """Receive a page: kept as it came, and counted."""
    client: Any = OneReply(content, encoding)
    job = QueryJob("750", "62.0", state="JobComplete")
    download = PageDownload(client, PageMemory(_UNBOUNDED), job, frozenset(), **options)
    return download.fetch("/results?locator=page")


def block_path(page: MeasuredPage) -> None:
    """Count the page, decode it by blocks, encode them."""
    _write_blocks(page, received(page.text, None))


def block_path_uncounted(page: MeasuredPage) -> None:
    """Decode and encode a page that has been counted before."""
    _write_blocks(page, page.received)


def block_path_from_gzip(page: MeasuredPage) -> None:
    """Do the same with a compressed page, which is inflated twice."""
    _write_blocks(page, received(page.compressed, "gzip"))


def block_path_mapped(page: MeasuredPage) -> None:
    """Do the same for a stream whose map leaves out a field and hashes another."""
    digest = Expression(
        "sha256(Name)", ("Name",), lambda row: sha256(row[0].encode()).hexdigest(), is_text=True
    )
    outputs = {field: field for field in page.types if field != "OwnerId"}
    column_map = ColumnMap(STREAM, {**outputs, "Name": digest})
    _write_blocks(page, received(page.compressed, "gzip"), column_map)


def _write_blocks(
    page: MeasuredPage, result_page: ResultPage, column_map: ColumnMap | None = None
) -> None:
    blocks = CsvBlocks(result_page, page.types)
    for text in blocks:
        page.sink.write(blocks.lines(text, MESSAGE, column_map).text)


def block_path_by_columns(page: MeasuredPage) -> None:
    """Count the page, and go the way of blocks that are not plain: through columns."""
    for frame in decode_columns(received(page.text, None), page.types):
        page.sink.write(encode_lines(frame, page.types, MESSAGE, None).text)


def batch_arrow(page: MeasuredPage) -> None:
    """Receive a compressed page, and write it as Arrow while it arrives."""
    _write_files(page, "arrow")


def batch_arrow_lz4(page: MeasuredPage) -> None:
    """Do the same, compressed."""
    _write_files(page, "arrow", "lz4")


def batch_parquet(page: MeasuredPage) -> None:
    """Receive a compressed page, and write it as Parquet while it arrives."""
    _write_files(page, "parquet")


def _write_files(page: MeasuredPage, format_: str, compression: str | None = None) -> None:
    begin = partial(
        page.files(format_, compression).begin,
        job_id="750",
        request=JobRequest(
            ExistingJob("750", tuple(page.types)),
            page.types,
            replication_key=None,
            forbidden=ForbiddenValues.of(("Id",), page.types, page.fields),
        ),
    )
    sink = received(page.compressed, "gzip", new_sink=begin).sink
    assert isinstance(sink, ColumnFiles)  # noqa: S101 - of `files`
    sink.take_over()


def arrow_csv(page: MeasuredPage) -> None:
    """Parse the compressed page with pyarrow, typed, and write Arrow: no count, no strictness."""
    types = {name: arrow_type(schema) for name, schema in page.fields.items()}
    # It reads no decimals with an exponent.
    types = {
        name: pa.float64() if pa.types.is_decimal(kind) else kind for name, kind in types.items()
    }
    text = pa.py_buffer(b"".join(decode_body(iter([page.compressed]), "gzip")))
    options = {
        "read_options": pa_csv.ReadOptions(use_threads=False, block_size=8 << 20),
        "parse_options": pa_csv.ParseOptions(newlines_in_values=True),
        "convert_options": pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True),
    }
    with tempfile.TemporaryFile(dir=_SCRATCH) as file:
        reader = pa_csv.open_csv(pa.BufferReader(text), **options)
        with pa.ipc.new_file(file, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)


def write_file(page: MeasuredPage) -> None:
    """Write as many bytes as the page has to a file."""
    with tempfile.TemporaryFile(dir=_SCRATCH) as file:
        for text in page.block_texts():
            file.write(text)


def pipeline(page: MeasuredPage) -> None:
    """Receive several compressed pages while those before them are written, as the tap does."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as downloads, ThreadPoolExecutor(cores) as encoders:
        pages = run_ahead(downloads, partial(received, encoding="gzip"), [page.compressed] * PAGES)
        for result_page in pages:
            reading = PageReading(
                result_page.locator,
                received_at=NOW,
                types=page.types,
                blocks=CsvBlocks(result_page, page.types),
                expected=result_page.records,
                executor=encoders,
            )
            for lines in reading.lines(MESSAGE):
                page.sink.write(lines.text)


def row_path(page: MeasuredPage) -> None:
    """Count and decode, then a dictionary and a message of the SDK for each record."""
    writer = SingerWriter()
    for frame in decode_columns(received(page.text, None), page.types):
        for record in convert_rows(frame, page.types):
            writer.write_message(RecordMessage(STREAM, record, time_extracted=NOW))


def csv_and_json(page: MeasuredPage) -> None:
    """Do it with the standard library: a converter for each column, a dictionary a record."""
    lines = csv.reader(io.StringIO(page.text.decode(), newline=""))
    names = next(lines)
    converters = [_CONVERTERS[page.types[name]] for name in names]
    for cells in lines:
        record = {
            name: convert(cell) if cell else None
            for name, convert, cell in zip(names, converters, cells, strict=True)
        }
        message = {
            "type": "RECORD",
            "stream": STREAM,
            "record": record,
            "time_extracted": _EXTRACTED,
        }
        page.sink.write(f"{json.dumps(message)}\n".encode())


def bare_polars(page: MeasuredPage) -> None:
    """Parse and encode, every value a text: no count, no types. The limit of the block path."""
    _encode_bare(page, page.block_texts())


def bare_polars_whole_page(page: MeasuredPage) -> None:
    """Do the same with the page in one piece."""
    _encode_bare(page, [page.text[page.received.cuts[0] :]])


def _encode_bare(page: MeasuredPage, texts: Iterable[bytes]) -> None:
    line = pl.concat_str(pl.lit(_HEAD), pl.struct(pl.all()).struct.json_encode(), pl.lit(_TAIL))
    for text in texts:
        frame = _parsed(text, page.types)
        page.sink.write(frame.select(line.str.join("").cast(pl.Binary)).item())


def parse(page: MeasuredPage) -> None:
    """Parse the CSV with Polars."""
    for text in page.block_texts():
        _parsed(text, page.types)


def _parsed(text: bytes, types: Mapping[str, CellType]) -> pl.DataFrame:
    schema = dict.fromkeys(types, pl.String)
    return pl.read_csv(text, has_header=False, schema=schema, null_values="")


def scan(page: MeasuredPage) -> None:
    """Count the records."""
    received(page.text, None)


def inflate(page: MeasuredPage) -> None:
    """Inflate the page."""
    compressed = page.compressed
    pieces = (
        compressed[start : start + CHUNK_BYTES] for start in range(0, len(compressed), CHUNK_BYTES)
    )
    for _ in decode_body(pieces, "gzip"):
        pass


def pipe(page: MeasuredPage) -> None:
    """Send as many bytes as the page has through a pipe to `cat`."""
    with subprocess.Popen(
        ["cat"],  # noqa: S607 - whichever there is
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stdin  # noqa: S101 - a pipe was asked for
        for text in page.block_texts():
            process.stdin.write(text)


def _integer(text: str) -> int:
    return int(float(text))


_CONVERTERS: Mapping[CellType, Callable[[str], Any]] = {
    CellType.TEXT: str,
    CellType.BOOLEAN: "true".__eq__,
    CellType.INTEGER: _integer,
    CellType.NUMBER: float,
}
PATHS: Mapping[str, Callable[[MeasuredPage], None]] = {
    each.__name__: each
    for each in (
        block_path,
        block_path_uncounted,
        block_path_from_gzip,
        block_path_mapped,
        block_path_by_columns,
        batch_arrow,
        batch_arrow_lz4,
        batch_parquet,
        arrow_csv,
        write_file,
        pipeline,
        csv_and_json,
        row_path,
        bare_polars,
        bare_polars_whole_page,
        parse,
        scan,
        inflate,
        pipe,
    )
}


def main() -> None:
    """Measure one way and print what it cost."""
    path, page_file, least_seconds = sys.argv[1:]
    findings = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("wb") as sink:
        os.dup2(sink.fileno(), 1)
        page = MeasuredPage(Path(page_file), sink)
        costs: list[tuple[float, float]] = []
        while len(costs) < FEWEST_WALKS or sum(cpu for cpu, _ in costs) < float(least_seconds):
            wall, cpu = time.perf_counter(), time.process_time()
            PATHS[path](page)
            costs.append((time.process_time() - cpu, time.perf_counter() - wall))
            page.remove_files()
    cpu_seconds, wall_seconds = min(cpu for cpu, _ in costs), min(wall for _, wall in costs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    pages = PAGES if path == pipeline.__name__ else 1
    found = {"records": pages * page.received.records, "cpu_seconds": cpu_seconds}
    json.dump({**found, "wall_seconds": wall_seconds, "peak_mb": peak}, findings)
    findings.close()


if __name__ == "__main__":
    main()
