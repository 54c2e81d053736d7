"""Feeds the decoder of result pages with libFuzzer's bytes: records, or an error of the tap.

What is compiled must make of them what columns make.

A program of its own, started by `test_fuzz.py`; its arguments are libFuzzer's. Of each input the
first four bytes say how the rest comes: compressed, cut into pieces, counted, typed.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["tap_sfbulk_pages"]):
    # What is behind it too, which is the rest of the way of a page.
    import pyarrow as pa
    from result_page_bodies import received, records_in

    from tap_sfbulk_pages.decoding import scan as csv_scan
    from tap_sfbulk_pages.decoding.arrow import arrow_columns
    from tap_sfbulk_pages.decoding.cells import SINGER_DECIMAL, CellType, cell_type
    from tap_sfbulk_pages.decoding.lines import JSON_LINES
    from tap_sfbulk_pages.decoding.page import CsvBlocks
    from tap_sfbulk_pages.decoding.record_batches import BatchBuilder
    from tap_sfbulk_pages.decoding.records import encode_lines
    from tap_sfbulk_pages.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_sfbulk_pages.jobs.page_download import ResultPage

PAGE_MEMORY = 64
CHUNKS = (1, 3, 7, 1 << 16)
SCHEMAS: tuple[Mapping[str, str | int], ...] = (
    *({"type": kind} for kind in ("string", "boolean", "integer", "number")),
    *({"type": "string", "format": name} for name in (SINGER_DECIMAL, "date", "date-time")),
    *({"type": "number", "precision": 38, "scale": scale} for scale in (2, 24)),
)
# Small ones, so that a page of a few bytes is cut into several.
BLOCK_BYTES = 16
# A first byte of an input whose body is repeated before it is compressed: much out of little.
REPEATED = 0xFD
REPETITIONS = 300


def check_lines(page: ResultPage, types: dict[str, CellType]) -> None:
    """Make lines of a page each way.

    Raises:
        AssertionError: If they differ.
    """
    blocks = CsvBlocks(page, types)
    for text in blocks:
        each_way = (
            blocks.lines(text, JSON_LINES),
            encode_lines(blocks.columns(text), types, JSON_LINES, None),
        )
        made, through_columns = (
            [json.loads(line, parse_float=str, parse_int=str) for line in way.text.splitlines()]
            for way in each_way
        )
        assert made == through_columns


def check_columns(page: ResultPage, schema: Mapping[str, str | int]) -> None:
    """Make record batches of a page each way.

    Raises:
        AssertionError: If they differ.
    """
    blocks = CsvBlocks(page, {"Id": cell_type(schema)})
    builder = BatchBuilder(page.columns, {"Id": schema}, delimiter=page.delimiter)

    def make_either_way(text: bytes) -> list[pa.RecordBatch]:
        builder.append(text)
        return builder.take()

    def make_exactly(text: bytes) -> list[pa.RecordBatch]:
        return [arrow_columns(blocks.columns(text), builder.schema)]

    def outcome_of(make: Callable[[bytes], list[pa.RecordBatch]], text: bytes) -> object:
        try:
            return pa.Table.from_batches(make(text), builder.schema).to_pylist()
        except ExtractionError as error:
            return str(error)

    for text in blocks:
        assert outcome_of(make_either_way, text) == outcome_of(make_exactly, text)


def decode(data: bytes) -> None:
    """Receive and decode one page.

    Raises:
        Exception: Another error than the tap's own.
    """
    encoding, chunk, count, kind = data[:4].ljust(4, b"\0")
    body, chunk_bytes, csv_scan.BLOCK_BYTES = data[4:], CHUNKS[chunk % len(CHUNKS)], BLOCK_BYTES
    if encoding == REPEATED:
        body *= REPETITIONS
        chunk_bytes = csv_scan.BLOCK_BYTES = len(body) + 1
    headers = {"Content-Encoding": "gzip"} if encoding % 3 else {}
    announced = count % 4
    if announced:
        headers["Sforce-NumberOfRecords"] = str(announced)
    try:
        page = received(
            gzip.compress(body, 1) if encoding % 3 == 1 else body,
            fields=["Id"],
            chunk=chunk_bytes,
            headers=headers,
            memory=PAGE_MEMORY,
        )
        schema = SCHEMAS[kind % len(SCHEMAS)]
        types = {"Id": cell_type(schema)}
        check_columns(page, schema)
        check_lines(page, types)
        records = records_in(page, types)
    except ExtractionError:
        return
    assert len(records) == page.records
    assert not announced or len(records) == announced


if __name__ == "__main__":
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
