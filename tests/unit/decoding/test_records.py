"""RECORD lines of whole blocks and single rows say the same."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_page_bodies import csv_of, received, records_in
from test_columns import CELLS

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.lines import JSON_LINES, Envelope, record_message
from tap_sfbulk_pages.decoding.page import CsvBlocks, decode_columns
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVED_AT = datetime(2026, 1, 31, 12, 30, 45, 123456, tzinfo=timezone.utc)
NUMBERS = st.one_of(
    st.sampled_from(
        ["", "NaN", "Infinity", "-Infinity", "9.9213206E7", "47.0", "-0.0", "4.9E-324"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=12).map(str),
    st.integers(-(10**30), 10**30).map(str),
)
INTEGERS = st.one_of(
    st.sampled_from(["", "NaN", "0.0", "47.0", "1.6147805824397E13", "47.5"]),
    st.integers(-(10**30), 10**30).map(str),
    st.integers(-(10**6), 10**6).map("{}.0".format),
)
BOOLEANS = st.sampled_from(["true", "false", ""])
VALUES = {
    CellType.TEXT: CELLS,
    CellType.NUMBER: NUMBERS,
    CellType.DECIMAL: NUMBERS,
    CellType.INTEGER: INTEGERS,
    CellType.BOOLEAN: BOOLEANS,
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, CellType], list[list[str]]]:
    """Make columns of any types and rows of fitting cells."""
    kinds = draw(st.lists(st.sampled_from(list(CellType)), min_size=1, max_size=6))
    types = {f"F{number}": kind for number, kind in enumerate(kinds)}
    row = st.tuples(*(VALUES[kind] for kind in kinds)).map(list)
    return types, draw(st.lists(row, min_size=1, max_size=6))


@pytest.fixture(scope="module", params=["compiled", "through columns"], autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Make lines each way."""
    if request.param == "compiled":
        assert compiled.library(), "There is no C compiler where the tap was installed"
        yield
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "library", lambda: None)
            yield


def lines_of(body: bytes, types: dict[str, CellType], envelope: Envelope) -> list[dict[str, Any]]:
    blocks = CsvBlocks(received(body, fields=types), types)
    text = b"".join(blocks.lines(block, envelope).text for block in blocks)
    assert text.endswith(b"\n")
    return [json.loads(line, parse_float=Decimal) for line in text[:-1].split(b"\n")]


def messages_of(body: bytes, types: dict[str, CellType], **options: Any) -> list[dict[str, Any]]:
    rest = {"stream": "Account", "time_extracted": RECEIVED_AT, "version": None, **options}
    return lines_of(body, types, record_message(**rest))


def exact(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


@given(tables())
def test_block_path_and_row_path_say_the_same(
    table: tuple[dict[str, CellType], list[list[str]]],
) -> None:
    types, cells = table
    body = csv_of([list(types), *cells])
    rows = records_in(received(body, fields=types), types)
    messages = messages_of(body, types)
    exactly = [{name: exact(value) for name, value in row.items()} for row in rows]
    assert [message["record"] for message in messages] == exactly
    for message, row in zip(messages, exactly, strict=True):
        assert message["record"].keys() == row.keys()
        kinds = {name: type(value) for name, value in row.items() if not isinstance(value, Decimal)}
        assert {name: type(message["record"][name]) for name in kinds} == kinds
    assert lines_of(body, types, JSON_LINES) == exactly


@given(tables())
def test_rows_are_what_the_cells_mean(table: tuple[dict[str, CellType], list[list[str]]]) -> None:
    types, cells = table
    rows = records_in(received(csv_of([list(types), *cells]), fields=types), types)
    for row, line in zip(rows, cells, strict=True):
        for (name, kind), cell in zip(types.items(), line, strict=True):
            value = row[name]
            if cell.replace("\0", "") == "" or (kind is not CellType.TEXT and cell[-1] in "Ny"):
                assert value is None
            elif kind is CellType.TEXT:
                assert value == cell.replace("\0", "")
            elif kind is CellType.BOOLEAN:
                assert value is (cell == "true")
            elif kind is CellType.DECIMAL:
                assert isinstance(value, str)
                assert Decimal(value) == Decimal(cell)
            else:
                assert exact(value) == Decimal(cell)
                whole = kind is CellType.INTEGER and Decimal(cell) == int(Decimal(cell))
                assert isinstance(value, int) == whole


def test_message() -> None:
    body = csv_of([["Id", "Count__c"], ["a", "1"]])
    types = {"Id": CellType.TEXT, "Count__c": CellType.INTEGER}
    (message,) = messages_of(body, types, stream='A"ccount', version=17)
    assert message == {
        "type": "RECORD",
        "stream": 'A"ccount',
        "record": {"Id": "a", "Count__c": 1},
        "version": 17,
        "time_extracted": "2026-01-31T12:30:45.123456+00:00",
    }
    (message,) = messages_of(body, types)
    assert "version" not in message


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (CellType.INTEGER, "four"),
        (CellType.NUMBER, "1,5"),
        (CellType.NUMBER, "0x1F"),
        (CellType.BOOLEAN, "yes"),
        (CellType.NUMBER, "1 000"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: CellType, cell: str) -> None:
    page = received(csv_of([["F"], [cell]]), fields=["F"])
    with pytest.raises(ResultPageError, match=r"^Field \w+: .* is not a (number|boolean)"):
        list(decode_columns(page, {"F": kind}))


@pytest.mark.parametrize("cell", ["5\n", "\n5", "5\r\n", "5 ", "-7\n"])
@pytest.mark.parametrize("kind", [CellType.INTEGER, CellType.NUMBER])
def test_a_number_never_breaks_its_line(kind: CellType, cell: str) -> None:
    (message,) = messages_of(csv_of([["F"], [cell]]), {"F": kind})
    assert message["record"] == {"F": int(cell)}
