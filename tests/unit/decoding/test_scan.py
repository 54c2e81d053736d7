"""Records and columns are counted exactly while the bytes come in."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding import scan as csv_scan
from tap_sfbulk_pages.decoding.scan import CountedText, CsvScan
from tap_sfbulk_pages.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = st.text(st.sampled_from('ab"\n\r, é😀'), max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), max_size=6)
)


@pytest.fixture(scope="module", params=["compiled", "by Python"], autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Count each way."""
    if request.param == "compiled":
        assert compiled.library(), "There was no C compiler where the tap was installed"
        yield
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "library", lambda: None)
            yield


def scanned(body: bytes, chunk: int = 1 << 16) -> CountedText:
    scan = CsvScan(b",")
    for start in range(0, len(body), chunk):
        scan.feed(body[start : start + chunk])
    return scan.finish()


def written(lines: list[list[str]], quoting: int = csv.QUOTE_ALL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(lines)  # type: ignore[arg-type]
    return text.getvalue().encode()


@given(table=TABLES, chunk=st.integers(1, 9), minimal=st.booleans())
def test_counts_as_the_csv_module_does(
    table: list[list[str]],
    chunk: int,
    minimal: bool,  # noqa: FBT001
) -> None:
    header = [f"Field{number}__c" for number in range(len(table[0]) if table else 2)]
    quoting = csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL
    scan = scanned(written([header, *table], quoting), chunk)
    assert scan.columns == tuple(header)
    assert scan.records == len(table)


@example(table=[["a long value"]], chunk=9, block=1)
@given(table=TABLES.filter(bool), chunk=st.integers(1, 9), block=st.integers(1, 40))
def test_every_cut_stands_behind_a_record(table: list[list[str]], chunk: int, block: int) -> None:
    body = written([["F"] * len(table[0]), *table])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block)
        found = scanned(body, chunk)
    cuts = found.cuts
    assert found.records == len(table)
    assert cuts[0] == body.index(b"\n") + 1
    assert cuts[-1] == len(body)
    assert list(cuts) == sorted(set(cuts))
    blocks = [body[start:end] for start, end in zip((0, *cuts), cuts, strict=False)]
    read = [
        line
        for each in blocks
        for line in csv.reader(io.StringIO(each.decode(), newline=""), strict=True)
    ]
    assert read[1:] == table


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30), chunk=st.integers(1, 5))
def test_utf_8_may_be_cut_anywhere(text: str, chunk: int) -> None:
    # By hand, since the csv module of Python 3.10 writes no NUL.
    body = '"Id"\n"{}"\n'.format(text.replace('"', '""')).encode()
    assert scanned(body, chunk).records == 1


@given(body=st.binary(max_size=40), chunk=st.integers(1, 7))
def test_what_is_no_utf_8_is_refused(body: bytes, chunk: int) -> None:
    def is_utf_8() -> bool:
        try:
            body.decode()
        except UnicodeDecodeError:
            return False
        return True

    if is_utf_8():
        return
    with pytest.raises(UnavailableError):
        scanned(b'"Id"\n"' + body + b'"\n', chunk)


@given(st.binary(max_size=60), st.integers(1, 60))
def test_arbitrary_bytes_are_counted_or_refused(body: bytes, chunk: int) -> None:
    try:
        assert scanned(body, chunk).records >= 0
    except UnavailableError:
        return


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_last_line_without_an_end_counts(line_end: bytes) -> None:
    body = line_end.join([b'"Id","Name"', b'"1","a"', b'"2","b"'])
    assert scanned(body).records == 2
    assert scanned(body + line_end).records == 2


def test_nul_characters_are_counted() -> None:
    assert scanned(b'"Id"\n"\0a\0"\n', 2).nul_characters == 2


def test_an_empty_body_has_neither_columns_nor_records() -> None:
    scan = scanned(b"")
    assert (scan.columns, scan.records) == ((), 0)


def test_a_record_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_scan, "BLOCK_BYTES", 10)
    monkeypatch.setattr(csv_scan, "LARGEST_RECORD_BYTES", 100)
    with pytest.raises(UnavailableError, match="exceeds 100 bytes"):
        scanned(b'"Id"\n"' + b"x" * 200, 10)


def test_a_header_without_an_end_is_refused() -> None:
    with pytest.raises(UnavailableError):
        scanned(b'"Id' + b"x" * (2 << 20))
