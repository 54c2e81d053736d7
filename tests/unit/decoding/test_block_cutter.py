"""A body that is cut while it arrives gives the blocks that the whole page would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding import scan as scanning
from tap_sfbulk_pages.decoding.scan import BlockCutter, CountedText, CsvScan

HEADER = b'"Id","Name"\n'
CELLS = st.text("a,\n\0é\"'", max_size=6)


def cut(body: bytes, piece: int) -> tuple[list[bytes], CountedText]:
    """Let a body arrive in pieces of so many bytes, and cut it."""
    scan = CsvScan(b",")
    cutter = BlockCutter(scan)
    blocks: list[bytes] = []
    for start in range(0, len(body), piece):
        scan.feed(body[start : start + piece])
        blocks += cutter.blocks(body[start : start + piece])
    counted = scan.finish()
    return [*blocks, *cutter.blocks()], counted


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.integers(1, 40), st.integers(1, 60))
def test_blocks_are_whole_records_without_header_and_nul_characters(
    records: list[tuple[str, str]], piece: int, block_bytes: int
) -> None:
    lines = [
        ",".join('"' + cell.replace('"', '""') + '"' for cell in record).encode() + b"\n"
        for record in records
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "BLOCK_BYTES", block_bytes)
        blocks, counted = cut(HEADER + b"".join(lines), piece)
    assert counted.records == len(records)
    assert len(blocks) == len(counted.cuts) - 1
    plain = [line.replace(b"\0", b"") for line in lines]
    assert b"".join(blocks) == b"".join(plain)
    ends = {sum(map(len, plain[:count])) for count in range(len(plain) + 1)}
    assert {sum(map(len, blocks[:count])) for count in range(len(blocks) + 1)} <= ends


@pytest.mark.parametrize("body", [b"", HEADER, HEADER[:-1]])
def test_a_body_without_records_has_no_blocks(body: bytes) -> None:
    assert cut(body, 5)[0] == []


def test_a_last_record_without_a_line_end_is_a_block() -> None:
    assert cut(HEADER + b'"1","a"', 5)[0] == [b'"1","a"']
