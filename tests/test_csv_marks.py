"""Marks are counted alike by what is compiled and by Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages import compiled
from tap_sfbulk_pages.csv_marks import CompiledMarks, PythonMarks

if TYPE_CHECKING:
    from tap_sfbulk_pages.csv_marks import Marks

PIECES = st.lists(
    st.sampled_from(
        [b'"', b'""', b",", b"\n", b"\r\n", b"\0", b"a", b"abcdefgh", "é€😀".encode(), b"\xc3"]
    )
    | st.binary(max_size=3),
    max_size=20,
).map(b"".join)


def taken(marks: Marks, pieces: list[bytes]) -> list[tuple[object, ...]]:
    """Return what marks tell after each piece, up to one that is not UTF-8."""
    told: list[tuple[object, ...]] = []
    for piece in pieces:
        if not marks.take(piece):
            break
        told.append(
            (
                marks.size,
                marks.record_end,
                marks.line_ends,
                marks.delimiters,
                marks.nul_characters,
                marks.is_whole,
            )
        )
    return told


@given(st.lists(PIECES, max_size=4))
def test_each_way_tells_the_same(pieces: list[bytes]) -> None:
    library = compiled.library()
    assert library, "There was no C compiler where the tap was installed"
    by_c = taken(CompiledMarks(library, b","), pieces)
    by_python = taken(PythonMarks(b","), pieces)
    # Of bytes that are not UTF-8, one may be told a piece earlier than the other.
    assert by_c == by_python[: len(by_c)]
    assert not any(each[-1] for each in by_python[len(by_c) :])
