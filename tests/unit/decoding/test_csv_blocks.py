"""A page is cut where the scan says, however it arrives; columns are found by their names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.decoding.page import CsvBlocks, check_count, decode_columns
from tap_sfbulk_pages.decoding.records import convert_rows
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {"Id": CellType.TEXT, "Amount": CellType.NUMBER}
HEADER = b'"amount","Other","ID"\n'
RECORDS = [f'"{n}.5","x","00{n}"\n'.encode() for n in range(6)]


@dataclass
class Page:
    """A page that was received, without a download."""

    pieces: list[bytes]
    cuts: tuple[int, ...]
    records: int = len(RECORDS)
    columns: tuple[str, ...] = ("amount", "Other", "ID")
    delimiter: str = ","
    nul_characters: int = 0
    locator: str = "abc"

    def text_pieces(self) -> Iterator[bytes]:
        return iter(self.pieces)


def page_of(*blocks: list[bytes], piece: int = 7, nul_characters: int = 0) -> Page:
    """Make a page of blocks of records, whose text arrives in pieces of so many bytes."""
    texts = [HEADER, *(b"".join(block) for block in blocks)]
    whole = b"".join(texts)
    cuts = tuple(sum(map(len, texts[: n + 1])) for n in range(len(texts)))
    pieces = [whole[start : start + piece] for start in range(0, len(whole), piece)]
    records = sum(map(len, blocks))
    return Page(pieces, cuts, records, nul_characters=nul_characters)


@given(st.integers(0, len(RECORDS)), st.integers(0, len(RECORDS)), st.integers(1, 200))
def test_blocks_are_cut_where_the_scan_says(first: int, second: int, piece: int) -> None:
    first, second = sorted((first, second))
    blocks = [RECORDS[:first], RECORDS[first:second], RECORDS[second:]]
    blocks = [block for block in blocks if block]
    found = list(CsvBlocks(page_of(*blocks, piece=piece), TYPES))
    assert found == [b"".join(block) for block in blocks]


def test_a_page_without_records_has_no_blocks() -> None:
    assert list(CsvBlocks(page_of(), TYPES)) == []


def test_nul_characters_are_dropped() -> None:
    page = page_of([b'"1","x\0","a\0b"\n'], nul_characters=2)
    assert list(CsvBlocks(page, TYPES)) == [b'"1","x","ab"\n']


def test_columns_are_named_as_the_fields_are_spelled() -> None:
    (columns,) = decode_columns(page_of(RECORDS), TYPES)
    assert list(columns.by_name) == ["Id", "Amount"]
    assert next(columns.slices(1)).by_name == {"Id": ["000"], "Amount": ["0.5"]}


@pytest.mark.parametrize(
    "text",
    [b"".join(RECORDS), b'"1.50E1","x","006"\n"NaN","x","007"\n"","x",""\n"1.",x,008\n'],
    ids=["plain", "odd"],
)
def test_a_block_holds_the_same_records_as_lines_and_as_columns(text: bytes) -> None:
    blocks = CsvBlocks(page_of([text]), TYPES)
    lines = blocks.lines(text, JSON_LINES).text.splitlines()
    assert [json.loads(line) for line in lines] == list(convert_rows(blocks.columns(text), TYPES))
    assert len(lines) == text.count(b"\n")


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_page_that_decodes_to_another_number_of_records(difference: int) -> None:
    page = page_of(RECORDS)
    page.records += difference
    with pytest.raises(ResultPageError, match=rf"page abc was counted as {page.records} records"):
        list(decode_columns(page, TYPES))
    check_count("abc", 6, 6)
