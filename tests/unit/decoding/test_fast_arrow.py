"""Compiled code fills Arrow columns with the values of the exact way, or leaves a block to it."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from result_page_bodies import DELIMITERS, csv_of, received
from test_columns import CELLS
from test_fast_lines import DATETIMES, KEY, PIECES
from test_records import BOOLEANS, INTEGERS, NUMBERS

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding import record_batches as batching
from tap_sfbulk_pages.decoding import scan as csv_scan
from tap_sfbulk_pages.decoding.arrow import arrow_schema
from tap_sfbulk_pages.decoding.fast_arrow import ArrowMemory, ArrowRows
from tap_sfbulk_pages.decoding.record_batches import BatchBuilder, record_batches
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.jobs.page_download import ResultPage

TEXT = {"type": ["string", "null"]}
MOMENT = {**TEXT, "format": "date-time"}
NUMBER = {"type": ["number", "null"]}
PRECISE = {**NUMBER, "precision": 38, "scale": 2}
STRINGS = {**TEXT, "format": "x-singer.decimal", "precision": 30, "scale": 24}
FITTING = st.decimals(-(10**19), 10**19, places=6).map(str)
MOMENTS = DATETIMES | st.datetimes(
    datetime(1, 1, 1),  # noqa: DTZ001 - written as UTC
    datetime(9999, 12, 31),  # noqa: DTZ001 - the same
).map("{:%Y-%m-%dT%H:%M:%S.}".format).map(lambda text: f"{text:0>20}123Z")
FIELDS: Sequence[tuple[Mapping[str, Any], st.SearchStrategy[str]]] = (
    (TEXT, CELLS),
    (MOMENT, st.just("") | MOMENTS),
    ({**TEXT, "format": "date"}, st.just("") | st.dates().map(str)),
    ({**TEXT, "format": "time"}, st.sampled_from(["", "12:30:00.000Z"])),
    ({"type": ["integer", "null"]}, INTEGERS),
    ({"type": ["boolean", "null"]}, BOOLEANS),
    (NUMBER, FITTING | NUMBERS),
    (PRECISE, FITTING | st.just("1.234")),
    (STRINGS, st.decimals(-(10**5), 10**5, places=20).map(str)),
)
LIBRARY = compiled.library()
Properties = dict[str, Any]
Outcome = list[list[Any]] | str


def batches_of(
    text: bytes, names: Sequence[str], properties: Properties, **options: Any
) -> tuple[pa.Table | str, str | None]:
    """Return what a block becomes, or why it is refused, and the greatest replication key."""
    builder = BatchBuilder(names, properties, **{"delimiter": ",", **options})
    try:
        builder.append(text)
        table = pa.Table.from_batches(builder.take(), builder.schema)
    except ResultPageError as error:
        return str(error), None
    table.validate(full=True)
    assert builder.records == table.num_rows
    return table, builder.greatest


def exactly(*arguments: Any, **options: Any) -> tuple[pa.Table | str, str | None]:
    """Do the same without what is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "library", lambda: None)
        return batches_of(*arguments, **options)


def is_plain(text: bytes, names: Sequence[str], properties: Properties) -> bool:
    assert LIBRARY, "There is no C compiler where the tap was installed"
    rows = ArrowRows.of(
        names, arrow_schema(properties), delimiter=",", replication_key=None, memory=ArrowMemory()
    )
    assert rows
    return rows.append(text)


@given(
    kinds=st.lists(st.sampled_from([*FIELDS, None]), min_size=1, max_size=6).filter(any),
    data=st.data(),
    delimiter=st.sampled_from(sorted(DELIMITERS.values())),
    line_end=st.sampled_from(["\n", "\r\n"]),
    last_line_ends=st.booleans(),
)
def test_both_ways_lead_to_the_same_values(
    kinds: list[tuple[Mapping[str, Any], st.SearchStrategy[str]] | None],
    data: st.DataObject,
    delimiter: str,
    line_end: str,
    last_line_ends: bool,  # noqa: FBT001
) -> None:
    """Columns of no type are left out; a replication key stands in front."""
    names = [KEY, *(f"F{number}" for number in range(len(kinds)))]
    properties = {KEY: MOMENT} | {
        name: kind[0] for name, kind in zip(names[1:], kinds, strict=True) if kind
    }
    row = st.tuples(DATETIMES, *(kind[1] if kind else CELLS for kind in kinds))
    rows = data.draw(st.lists(row, min_size=1, max_size=20))
    text = csv_of(rows, delimiter, line_end).replace(b"\0", b"")
    if not last_line_ends:
        text = text.removesuffix(line_end.encode())
    options = {"delimiter": delimiter, "replication_key": KEY}
    assert batches_of(text, names, properties, **options) == exactly(
        text, names, properties, **options
    )


@given(
    text=st.lists(PIECES | st.sampled_from([b"2024-02-29", b"T00:00:00.000Z"]), max_size=40).map(
        b"".join
    ),
    kinds=st.lists(st.sampled_from([*FIELDS, None]), min_size=1, max_size=3).filter(any),
)
@example(text=b"\n", kinds=[FIELDS[0]])
@example(text=b'""', kinds=[FIELDS[0]])
@example(text=b'"a"\r', kinds=[FIELDS[0]])
@example(text=b'"a",\n', kinds=[FIELDS[0], FIELDS[0]])
@example(text=b'"-0.0"\n', kinds=[FIELDS[4]])
@example(text=b'"a""', kinds=[FIELDS[0]])
def test_any_text_is_plain_and_the_same_or_left_to_the_exact_way(
    text: bytes, kinds: list[tuple[Mapping[str, Any], st.SearchStrategy[str]] | None]
) -> None:
    names = [f"F{number}" for number in range(len(kinds))]
    properties = {name: kind[0] for name, kind in zip(names, kinds, strict=True) if kind}
    assert batches_of(text, names, properties) == exactly(text, names, properties)


@pytest.mark.parametrize(
    ("cell", "schema", "value"),
    [
        ('say "a"', TEXT, 'say "a"'),
        ("", TEXT, None),
        ("true", {"type": "boolean"}, True),
        ("-47.00", {"type": "integer"}, -47),
        ("-999999999999999999", {"type": "integer"}, -999999999999999999),
        ("9.9213206E7", NUMBER, Decimal(99213206)),
        ("-1E-18", NUMBER, Decimal("-1E-18")),
        ("0.000", NUMBER, Decimal(0)),
        ("1E19", NUMBER, Decimal(10**19)),
        ("007", NUMBER, Decimal(7)),
        ("1E35", PRECISE, Decimal(10**35)),
        ("12345678901234567.89", PRECISE, Decimal("12345678901234567.89")),
        ("1.5", STRINGS, Decimal("1.5")),
        ("2024-02-29", {**TEXT, "format": "date"}, date(2024, 2, 29)),
        ("0001-01-01", {**TEXT, "format": "date"}, date(1, 1, 1)),
        ("9999-12-31", {**TEXT, "format": "date"}, date(9999, 12, 31)),
        (
            "1969-12-31T23:59:59.999Z",
            MOMENT,
            datetime(1969, 12, 31, 23, 59, 59, 999_000, timezone.utc),
        ),
    ],
)
def test_plain_cells(cell: str, schema: Properties, value: object) -> None:
    text = csv_of([["é", cell], ["", ""]])
    assert is_plain(text, ["E", "F"], {"F": schema})
    table, _ = batches_of(text, ["E", "F"], {"F": schema})
    assert not isinstance(table, str)
    assert table.column("F").to_pylist() == [value, None]


@pytest.mark.parametrize(
    ("cell", "schema"),
    [
        *((cell, NUMBER) for cell in ("NaN", "1,5", "1.", ".5", "+1", "-", " 1", "1E-19")),
        *((cell, NUMBER) for cell in ("1E20", "12345678901234567890", "1E9999999999")),
        *((cell, {"type": "integer"}) for cell in ("47.5", "1E3", "1234567890123456789")),
        *((cell, {"type": "boolean"}) for cell in ("True", "1", "tru", "falsehood")),
        *((cell, {**TEXT, "format": "date"}) for cell in ("2023-02-29", "0000-01-01", "2024-1-1")),
        *((cell, MOMENT) for cell in ("2024-01-01T24:00:00.000Z", "2024-01-01T00:00:00Z", "soon")),
        ("2024-01-01T00:00:00.000+0000", MOMENT),
    ],
)
def test_cells_that_are_left_to_the_exact_way(cell: str, schema: Properties) -> None:
    assert not is_plain(csv_of([["a", cell]]), ["E", "F"], {"F": schema})


@pytest.mark.parametrize("number", ["1E20", "1.8E308", "-1.8E308"])
def test_a_number_that_fits_no_column_is_named(number: str) -> None:
    problem, _ = batches_of(csv_of([[number]]), ["F"], {"F": NUMBER})
    assert isinstance(problem, str)
    assert problem.startswith(f"Field F holds '{number}', which does not fit decimal128(38, 18)")


def page_of(rows: Sequence[Sequence[str]], fields: Sequence[str]) -> ResultPage:
    return received(csv_of([fields, *rows]), fields=fields, chunk=1)


@pytest.mark.parametrize("odd", [None, 0, 700, 1999])
def test_blocks_keep_their_order_whichever_way_they_go(
    odd: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than 1,024 rows and 4 KiB of text, so that the buffers grow."""
    monkeypatch.setattr(csv_scan, "BLOCK_BYTES", 4_000)
    monkeypatch.setattr(batching, "BATCH_BYTES", 20_000)
    rows = [
        [f"{'ä' * (number % 9)}{number}", "NaN" if number == odd else f"{number}.5"]
        for number in range(2_000)
    ]
    properties = {"Id": TEXT, "F": NUMBER}
    table = pa.Table.from_batches(record_batches(page_of(rows, ["Id", "F"]), properties))
    table.validate(full=True)
    assert table.column("Id").to_pylist() == [row[0] for row in rows]
    assert table.column("F").to_pylist() == [
        None if row[1] == "NaN" else Decimal(row[1]) for row in rows
    ]


def test_what_is_taken_lives_on_when_the_page_has_gone() -> None:
    builder = BatchBuilder(["F"], {"F": TEXT}, delimiter=",")
    builder.append(csv_of([["first"], [""]]))
    (first,) = builder.take()
    builder.append(csv_of([["second"]]))
    (second,) = builder.take()
    assert builder.take() == []
    column = first.column("F")
    del builder, first
    assert column.to_pylist() == ["first", None]
    assert second.column("F").to_pylist() == ["second"]


def test_a_block_that_is_not_plain_leaves_nothing_behind() -> None:
    rows = ArrowRows.of(
        ["A", "B", "C"],
        arrow_schema({"A": TEXT, "B": {"type": "boolean"}, "C": MOMENT}),
        delimiter=",",
        replication_key="C",
        memory=ArrowMemory(),
    )
    assert rows
    early, late = "2024-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"
    assert rows.append(csv_of([["a", "true", early]] * 3))
    forgotten = [["b", "true", late], ["", "", ""]] * 2500
    assert not rows.append(csv_of([*forgotten, ["c", "odd", late]]))
    assert rows.append(csv_of([["", "", ""], ["d", "false", ""], ["e", "false", early]]))
    taken = rows.take()
    assert taken
    batch, greatest = taken
    batch.validate(full=True)
    assert batch.column("A").to_pylist() == ["a", "a", "a", None, "d", "e"]
    assert batch.column("B").to_pylist() == [True, True, True, None, False, False]
    assert batch.column("C").null_count == 2
    assert greatest == early


def test_memory_that_is_used_again_holds_nothing_of_before() -> None:
    memory = ArrowMemory()
    schema = arrow_schema({"A": TEXT, "B": {"type": "boolean"}})

    def read(cells: Sequence[str]) -> list[dict[str, Any]]:
        rows = ArrowRows.of(["A", "B"], schema, delimiter=",", replication_key=None, memory=memory)
        assert rows
        assert rows.append(csv_of([cells] * 2000))
        taken = rows.take()
        assert taken
        batch, _ = taken
        batch.validate(full=True)
        records: list[dict[str, Any]] = batch.to_pylist()
        return records

    for _ in range(3):
        assert read(["", ""]) == [{"A": None, "B": None}] * 2000
        assert read(["a", "true"]) == [{"A": "a", "B": True}] * 2000
        assert read(["b", "false"]) == [{"A": "b", "B": False}] * 2000


def test_a_record_that_is_decoded_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of([["1"], ["2"]], ["Id"])
    append = BatchBuilder.append
    monkeypatch.setattr(BatchBuilder, "append", lambda *both: (append(*both), append(*both)))
    with pytest.raises(ResultPageError):
        list(record_batches(page, json.loads('{"Id": {"type": "string"}}')))
