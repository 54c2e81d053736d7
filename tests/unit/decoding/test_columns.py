"""Any text survives a page, however it is cut, compressed, parted or ordered."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from result_page_bodies import DELIMITERS, csv_of, received, records_in

from tap_sfbulk_pages.decoding import scan as csv_scan
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.errors import ResultPageError, UnavailableError

AWKWARD = (
    'say "hello"', '"', '""', "a,b", "\n", "\r", "\r\n", "a\nb", "\u2028", "\u0085", "\x0b", "\x1c",
    "\x00", "a\x00b", "👩‍👩‍👧‍👦",
    "e\u0301", "\ufeff", "00123", "NA", "null", "NULL", "nan", "true",
    " ", "\t", "\\", ";|^`\t", "#", "'", "\x7f", "\ufffd", "\U0010ffff", "", "-", "1E7",
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.sampled_from(AWKWARD), max_size=4).map("".join),
)
WIDTH = 3
ROWS = st.lists(st.tuples(*[CELLS] * WIDTH), max_size=12)
NAMES = ("Name", "Text__c", "Id")
TYPES = dict.fromkeys(NAMES, CellType.TEXT)
# Without the time, which would tell the tests of one worker from those of another.
COMPRESSED = gzip.compress(b'"Id"\n"1"\n', mtime=0)
PLAIN_CELLS = st.text(st.sampled_from("abc äß€😀-_.'#:/ 0123"), max_size=8)


def kept(rows: list[tuple[str, ...]]) -> list[dict[str, str | None]]:
    """Return the records that rows must become."""
    return [
        {name: cell.replace("\0", "") or None for name, cell in zip(NAMES, row, strict=True)}
        for row in rows
    ]


@pytest.fixture(scope="module", params=[1, 7, 64, 1 << 20])
def block_bytes(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@given(
    rows=ROWS,
    chunk=st.integers(1, 90) | st.just(1 << 16),
    compressed=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from(sorted(DELIMITERS)),
    memory=st.sampled_from([0, 50, 1 << 26]),
)
@example(
    rows=[("x" * 131_072, "é," * 65_536, '"' * 131_072)],
    chunk=1 << 16,
    compressed=False,
    line_end="\n",
    delimiter="COMMA",
    memory=0,
)
def test_any_text_survives(  # noqa: PLR0917 - given by Hypothesis
    block_bytes: int,
    rows: list[tuple[str, ...]],
    chunk: int,
    compressed: bool,  # noqa: FBT001
    line_end: str,
    delimiter: str,
    memory: int,
) -> None:
    body = csv_of([NAMES, *rows], DELIMITERS[delimiter], line_end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block_bytes)
        page = received(
            body,
            fields=NAMES,
            chunk=chunk,
            compressed=compressed,
            delimiter=delimiter,
            memory=memory,
            headers={"Sforce-NumberOfRecords": str(len(rows))},
        )
        records = records_in(page, TYPES)
    assert records == kept(rows)
    assert page.records == len(rows)
    assert page.nul_characters == sum(cell.count("\0") for row in rows for cell in row)


@given(
    rows=st.lists(st.tuples(*[PLAIN_CELLS] * WIDTH), max_size=8),
    line_end=st.sampled_from(["\n", "\r\n"]),
    last_line_ends=st.booleans(),
)
def test_cells_without_quotes(
    rows: list[tuple[str, ...]],
    line_end: str,
    last_line_ends: bool,  # noqa: FBT001
) -> None:
    body = line_end.join(",".join(line) for line in [NAMES, *rows])
    page = received((body + line_end * last_line_ends).encode(), fields=NAMES)
    assert records_in(page, TYPES) == kept(rows)


@given(
    rows=st.lists(st.tuples(*[CELLS] * WIDTH), min_size=1, max_size=4),
    order=st.permutations(range(WIDTH)),
    extra=st.integers(0, WIDTH),
    spelling=st.sampled_from([str.upper, str.lower, str]),
)
def test_columns_in_any_order_and_case_and_one_too_many(
    rows: list[tuple[str, ...]], order: list[int], extra: int, spelling: type[str]
) -> None:
    def line(cells: tuple[str, ...], other: str) -> list[str]:
        moved = [cells[place] for place in order]
        return [*moved[:extra], other, *moved[extra:]]

    header = [spelling(name) for name in line(NAMES, "Other__c")]
    body = csv_of([header, *(line(row, 'a "b"\n') for row in rows)])
    assert records_in(received(body, fields=NAMES), TYPES) == kept(rows)


@given(CELLS)
def test_a_single_column(cell: str) -> None:
    page = received(csv_of([["Id"], [cell], ["last"]]), fields=["Id"])
    records = records_in(page, {"Id": CellType.TEXT})
    assert records == [{"Id": cell.replace("\0", "") or None}, {"Id": "last"}]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "body", [b"", csv_of([NAMES]), csv_of([NAMES]).rstrip(), b"\xef\xbb\xbf" + csv_of([NAMES])]
)
def test_a_page_without_rows(body: bytes, *, compressed: bool) -> None:
    page = received(body, fields=NAMES, compressed=compressed)
    assert page.records == 0
    assert records_in(page, TYPES) == []


def test_a_byte_order_mark_in_front_of_the_header() -> None:
    page = received(b"\xef\xbb\xbf" + csv_of([NAMES, ("a", "b", "c")]), fields=NAMES)
    assert records_in(page, TYPES) == kept([("a", "b", "c")])


@given(
    rows=st.lists(st.tuples(*[CELLS] * WIDTH), min_size=1, max_size=6),
    cut=st.integers(1, 1_000),
)
def test_a_body_that_ends_early_is_refused(rows: list[tuple[str, ...]], cut: int) -> None:
    # A value that ends between two quotes that stand for one looks whole.
    rows = [tuple(cell.replace('"', "'") for cell in row) for row in rows]
    body = csv_of([NAMES, *rows])
    # Without the last line end every record is whole all the same.
    # A last cell that is missing looks like an empty one.
    shorter = body[: -1 - (cut % (len(body) - 1) + 1)]
    assume(not shorter.endswith(b","))
    with pytest.raises(UnavailableError):
        received(shorter, fields=NAMES, headers={"Sforce-NumberOfRecords": str(len(rows))})


@given(
    rows=st.lists(st.tuples(*[CELLS] * WIDTH), max_size=6),
    difference=st.sampled_from([-2, -1, 1, 2]),
)
def test_another_count_is_refused(rows: list[tuple[str, ...]], difference: int) -> None:
    announced = str(len(rows) + difference)
    with pytest.raises(UnavailableError, match="announced"):
        received(
            csv_of([NAMES, *rows]), fields=NAMES, headers={"Sforce-NumberOfRecords": announced}
        )


@given(rows=st.lists(st.tuples(*[CELLS] * WIDTH), min_size=1, max_size=4), data=st.data())
def test_ragged_rows_are_refused(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    lines: list[tuple[str, ...]] = list(rows)
    short = data.draw(st.integers(0, len(rows) - 1))
    lines[short] = lines[short][:-1]
    if data.draw(st.booleans()):
        lines.append(("too", "many", "cells", "here"))
    with pytest.raises((UnavailableError, ResultPageError)):
        records_in(received(csv_of([NAMES, *lines]), fields=NAMES), TYPES)


def test_rows_that_make_good_for_each_other_are_refused() -> None:
    body = csv_of([NAMES, ("a", "b"), ("c", "d", "e", "f")])
    with pytest.raises(ResultPageError):
        records_in(received(body, fields=NAMES), TYPES)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(UnavailableError, match="lacks columns"):
        received(csv_of([NAMES[:2], ("a", "b")]), fields=NAMES)


def test_a_missing_header_is_refused() -> None:
    with pytest.raises(UnavailableError):
        received(csv_of([("a", "b", "c"), ("d", "e", "f")]), fields=NAMES)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"\x1f\x8b broken", "gzip"),
        (COMPRESSED + b"more", "gzip"),
        (COMPRESSED[:-1], "gzip"),
        (b"\xff\xfe\x00", None),
        (b'"Id"\n"\xc3', None),
        (b'"Id"\n"\xe9"\n', None),
        (b"anything", "br"),
        (b"anything", "deflate"),
    ],
)
def test_bodies_that_cannot_be_decoded_are_refused(body: bytes, encoding: str | None) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    with pytest.raises(UnavailableError):
        received(body, fields=["Id"], headers=headers)


_PIECES = st.sampled_from(
    [
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xc3",
        b"a",
        b"Id",
        b'"Id"',
        b'"Name"',
        b"1",
    ]
)


@given(
    body=st.one_of(st.binary(max_size=60), st.lists(_PIECES, max_size=30).map(b"".join)),
    compressed=st.booleans(),
    chunk=st.sampled_from([1, 4, 1 << 16]),
    count=st.none() | st.integers(0, 3),
    kind=st.sampled_from(list(CellType)),
)
def test_arbitrary_bytes_are_records_or_refused(
    body: bytes,
    compressed: bool,  # noqa: FBT001
    chunk: int,
    count: int | None,
    kind: CellType,
) -> None:
    headers = {} if count is None else {"Sforce-NumberOfRecords": str(count)}
    try:
        page = received(body, fields=["Id"], chunk=chunk, compressed=compressed, headers=headers)
        records = records_in(page, {"Id": kind})
    except (UnavailableError, ResultPageError):
        return
    assert len(records) == page.records
    assert count is None or len(records) == count


@given(st.binary(max_size=100))
def test_arbitrary_bytes_as_gzip_are_refused(body: bytes) -> None:
    if body:
        with pytest.raises(UnavailableError):
            received(body, fields=["Id"], headers={"Content-Encoding": "gzip"})


def test_a_column_that_is_known_by_its_place() -> None:
    body = csv_of([("Id", "whatever", "Name"), ("1", "a", "b")])
    types = dict.fromkeys(("Id", "Label", "Name"), CellType.TEXT)
    page = received(body, fields=types, by_place={1: "Label"})
    assert records_in(page, types) == [{"Id": "1", "Label": "a", "Name": "b"}]
    with pytest.raises(UnavailableError, match="lacks columns"):
        received(body, fields=types, by_place={2: "Label"})
    with pytest.raises(UnavailableError, match="lacks columns"):
        received(body, fields=types, by_place={3: "Label"})
