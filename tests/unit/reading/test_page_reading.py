"""A page counts as read only if it has as many records as were counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from result_page_bodies import csv_of, received

from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.decoding.page import CsvBlocks
from tap_sfbulk_pages.errors import ResultPageError
from tap_sfbulk_pages.reading.page import PageReading

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {"Id": CellType.TEXT}


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def reading(body: bytes, executor: ThreadPoolExecutor) -> PageReading:
    page = received(body, fields=TYPES)
    return PageReading(
        page.locator,
        received_at=page.received_at,
        types=TYPES,
        blocks=CsvBlocks(page, TYPES),
        expected=page.records,
        executor=executor,
    )


def test_a_page_that_decodes_to_fewer_records_is_not_read(executor: ThreadPoolExecutor) -> None:
    """A last line of nothing but a NUL character, which is dropped, is a line and no record."""
    body = csv_of([["Id"], ["1"]]) + b"\0"
    for ways in ("lines", "columns"):
        page = reading(body, executor)
        written: list[object] = []
        with pytest.raises(ResultPageError, match="counted as 2 records, but decodes to 1"):
            written.extend(page.lines(JSON_LINES) if ways == "lines" else page.columns())
        assert not page.is_read


def test_a_whole_page_is_read(executor: ThreadPoolExecutor) -> None:
    page = reading(csv_of([["Id"], ["1"], ["2"]]), executor)
    assert [lines.text for lines in page.lines(JSON_LINES)] == [b'{"Id":"1"}\n{"Id":"2"}\n']
    assert page.is_read
    assert page.records == 2
