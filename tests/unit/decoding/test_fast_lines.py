"""The compiled code makes the same lines as columns do, or leaves a block to them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from result_page_bodies import DELIMITERS, csv_of, received
from test_columns import CELLS
from test_records import BOOLEANS, INTEGERS, NUMBERS

from tap_sfbulk_pages.decoding import fast_lines as csv_lines
from tap_sfbulk_pages.decoding import scan as csv_scan
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.fast_lines import CsvLines
from tap_sfbulk_pages.decoding.lines import JSON_LINES, RecordLines
from tap_sfbulk_pages.decoding.page import CsvBlocks, parse_columns
from tap_sfbulk_pages.decoding.records import encode_lines
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = "SystemModstamp"
EARLIEST = datetime(1700, 1, 1)  # noqa: DTZ001 - written as UTC
DATETIMES = st.datetimes(EARLIEST).map("{:%Y-%m-%dT%H:%M:%S.000Z}".format)
VALUES: Mapping[CellType, st.SearchStrategy[str]] = {
    CellType.TEXT: CELLS,
    CellType.NUMBER: NUMBERS,
    CellType.DECIMAL: NUMBERS,
    CellType.INTEGER: INTEGERS,
    CellType.BOOLEAN: BOOLEANS,
}
# What CSV is made of, and what numbers and booleans are.
PIECES = st.sampled_from(
    [
        *(b'"', b'"', b'"', b'""', b",", b",", b"\n", b"\r\n", b"\r", b'","', b'"\n"'),
        *(b"0", b"1", b"47", b".0", b".", b"-", b"E", b"e+7", b"true", b"false", b"\\", b" "),
        *("é".encode(), "\u2028".encode(), b"\x01", b"\x1f", b"\x7f", b"12345678", b"abcdefghi"),
    ]
)


def compiled(
    text: bytes,
    names: Sequence[str],
    types: Mapping[str, CellType],
    *,
    delimiter: str = ",",
    replication_key: str | None = None,
) -> RecordLines | None:
    """Make lines of CSV; None if it is left to columns."""
    lines = CsvLines.of(names, types, delimiter=delimiter, replication_key=replication_key)
    assert lines, "There is no C compiler where the tap was installed"
    return lines.lines(text, JSON_LINES)


def values(lines: RecordLines) -> list[Any]:
    """Return the records, every number as its text."""
    assert lines.text.count(b"\n") == lines.records
    return [
        json.loads(line, parse_float=str, parse_int=str) for line in lines.text.split(b"\n")[:-1]
    ]


@given(
    kinds=st.lists(st.sampled_from([*CellType, None]), min_size=1, max_size=6).filter(any),
    data=st.data(),
    delimiter=st.sampled_from(sorted(DELIMITERS.values())),
    line_end=st.sampled_from(["\n", "\r\n"]),
    last_line_ends=st.booleans(),
)
def test_what_salesforce_writes_becomes_what_columns_make_of_it(
    kinds: list[CellType | None],
    data: st.DataObject,
    delimiter: str,
    line_end: str,
    last_line_ends: bool,  # noqa: FBT001
) -> None:
    """Columns of no type are left out; a replication key stands in front."""
    names = [KEY, *(f"F{number}" for number in range(len(kinds)))]
    types = {KEY: CellType.TEXT} | {
        name: kind for name, kind in zip(names[1:], kinds, strict=True) if kind
    }
    row = st.tuples(DATETIMES, *(VALUES[kind] if kind else CELLS for kind in kinds))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    text = csv_of(rows, delimiter, line_end).replace(b"\0", b"")
    if not last_line_ends:
        text = text.removesuffix(line_end.encode())

    made = compiled(text, names, types, delimiter=delimiter, replication_key=KEY)
    through_columns = encode_lines(
        parse_columns(text, names, types, delimiter), types, JSON_LINES, KEY
    )
    if made is None:
        odd = ("NaN", "Infinity", ".", "E")
        assert any(mark in cell for cells in rows for cell in cells[1:] for mark in odd)
        return
    assert values(made) == values(through_columns)
    assert made.greatest == through_columns.greatest == max(cells[0] for cells in rows)


@given(
    text=st.lists(PIECES, min_size=1, max_size=40).map(b"".join),
    kinds=st.lists(st.sampled_from([*CellType, None]), min_size=1, max_size=3).filter(any),
)
@example(text=b"\n", kinds=[CellType.TEXT])
@example(text=b'""', kinds=[CellType.TEXT])
@example(text=b'"a"\r', kinds=[CellType.TEXT])
@example(text=b'"a",\n', kinds=[CellType.TEXT, CellType.TEXT])
@example(text=b'"-0.0"\n', kinds=[CellType.INTEGER])
@example(text=b'"a""', kinds=[CellType.TEXT])
def test_other_texts_are_left_to_columns_or_become_the_same(
    text: bytes, kinds: list[CellType | None]
) -> None:
    names = [f"F{number}" for number in range(len(kinds))]
    types = {name: kind for name, kind in zip(names, kinds, strict=True) if kind}
    made = compiled(text, names, types)
    if made is not None:
        columns = parse_columns(text, names, types, ",")
        assert values(made) == values(encode_lines(columns, types, JSON_LINES, None))


@pytest.mark.parametrize(
    ("cell", "kind", "line"),
    [
        ("a", CellType.TEXT, b'"a"'),
        ("", CellType.TEXT, b"null"),
        ("", CellType.NUMBER, b"null"),
        ('say "a"', CellType.TEXT, rb'"say \"a\""'),
        ("a\\b\n\r\t\x01", CellType.TEXT, rb'"a\\b\n\r\t\u0001"'),
        ("12345678901234567890.5", CellType.NUMBER, b"12345678901234567890.5"),
        ("9.9213206E7", CellType.NUMBER, b"9.9213206E7"),
        ("-0.0", CellType.NUMBER, b"-0.0"),
        ("9.9213206E7", CellType.DECIMAL, b'"9.9213206E7"'),
        ("", CellType.DECIMAL, b"null"),
        ("47", CellType.INTEGER, b"47"),
        ("-47.00", CellType.INTEGER, b"-47"),
        ("true", CellType.BOOLEAN, b"true"),
        ("false", CellType.BOOLEAN, b"false"),
    ],
)
def test_plain_cells(cell: str, kind: CellType, line: bytes) -> None:
    made = compiled(csv_of([[cell, "é"]]), ["F", "G"], {"F": kind, "G": CellType.TEXT})
    assert made == RecordLines(b'{"F":' + line + ',"G":"é"}\n'.encode(), 1, None)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        *(((cell, CellType.NUMBER)) for cell in ("NaN", "1,5", "01", "1.", ".5", "1E", "+1", "-")),
        *(((cell, CellType.NUMBER)) for cell in (" 1", "1 ", "1\n", "0x1F", '1"2', "1-1", "1e+")),
        *(
            ((cell, CellType.INTEGER))
            for cell in ("47.5", "1E3", "007", "47.", "-", "-0.0", "4.0x")
        ),
        ("1" * 31 + ".0", CellType.INTEGER),
        *(((cell, CellType.BOOLEAN)) for cell in ("True", "1", "tru", "falsehood", "true ")),
    ],
)
def test_cells_that_are_left_to_columns(cell: str, kind: CellType) -> None:
    assert compiled(csv_of([["a", cell]]), ["E", "F"], {"F": kind}) is None


@pytest.mark.parametrize(
    "text", [b"\n", b'"a"\n\n', b'"a"x\n', b'"a"\r', b'"a', b'"a""', b'"a"\rb\n', b"a\n"]
)
def test_lines_that_are_left_to_columns(text: bytes) -> None:
    assert compiled(text, ["F"], {"F": CellType.TEXT}) is None


@pytest.mark.parametrize(
    "text",
    [
        b'"2024"\n',
        b'"2024-01-01"\n',
        b'"2024-01-01T00:00:00.000+0000"\n',
        b'"2024-01-01T00:00:0',
        b'"2024-01-01T00:00:00.000Z""x"\n',
    ],
)
def test_replication_keys_that_are_left_to_columns(text: bytes) -> None:
    assert compiled(text, [KEY], {KEY: CellType.TEXT}, replication_key=KEY) is None


def test_a_record_without_a_replication_key() -> None:
    text = csv_of([["", "1"], ["2024-01-01T00:00:00.000Z", "2"], ["", "3"]])
    made = compiled(text, [KEY, "F"], {KEY: CellType.TEXT}, replication_key=KEY)
    assert made
    assert made.greatest == "2024-01-01T00:00:00.000Z"
    empty = compiled(csv_of([["", "1"]]), [KEY, "F"], {KEY: CellType.TEXT}, replication_key=KEY)
    assert empty
    assert empty.greatest is None


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1_000, 300_000])
@pytest.mark.parametrize("character", ["a", '"', "\x01", "é"])
def test_lines_that_are_much_longer_than_their_csv(
    size: int, character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "_TIMES_THE_CSV", 0)
    monkeypatch.setattr(csv_lines, "_scratch_of", lambda size: bytearray(size or 1))
    text = csv_of([["x", character * size]])
    made = compiled(text, ["E", "F" * 200], {"F" * 200: CellType.TEXT})
    assert made
    assert values(made) == [{"F" * 200: character * size or None}]


def test_a_field_without_a_column_is_not_left_out() -> None:
    page = received(csv_of([["Id"], ["1"]]), fields=["Id"])
    blocks = CsvBlocks(page, {"Id": CellType.TEXT, "Name": CellType.TEXT})
    with pytest.raises(KeyError):
        blocks.lines(next(iter(blocks)), JSON_LINES)


def test_a_replication_key_that_is_not_read_is_not_passed_over() -> None:
    page = received(csv_of([["Id", KEY], ["1", "2024-01-01T00:00:00.000Z"]]), fields=["Id"])
    blocks = CsvBlocks(page, {"Id": CellType.TEXT}, KEY)
    with pytest.raises(KeyError):
        blocks.lines(next(iter(blocks)), JSON_LINES)


def test_a_block_that_is_not_plain_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_scan, "BLOCK_BYTES", 1)
    types = {"Id": CellType.TEXT, "F": CellType.NUMBER}
    rows = [["Id", "F"], ["1", "1.5"], ["2", "NaN"], ["3", "2E3"]]
    blocks = CsvBlocks(received(csv_of(rows), fields=types, chunk=1), types)
    assert [compiled(text, list(types), types) is None for text in blocks] == [False, True, False]
    made = [blocks.lines(text, JSON_LINES) for text in blocks]
    assert [values(lines) for lines in made] == [
        [{"Id": "1", "F": "1.5"}],
        [{"Id": "2", "F": None}],
        [{"Id": "3", "F": "2E3"}],
    ]


def test_a_block_that_is_wrong_is_refused_as_columns_refuse_it() -> None:
    types = {"Id": CellType.TEXT, "F": CellType.BOOLEAN}
    blocks = CsvBlocks(received(csv_of([[*types], ["1", "maybe"]]), fields=types), types)
    with pytest.raises(ResultPageError, match="Field F: 'maybe' is not a boolean"):
        blocks.lines(next(iter(blocks)), JSON_LINES)
