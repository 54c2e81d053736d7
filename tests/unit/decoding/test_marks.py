"""Marks are counted alike by what is compiled and by Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.marks import CompiledMarks, PythonMarks

if TYPE_CHECKING:
    from tap_sfbulk_pages.decoding.marks import Marks

PIECES = st.lists(
    st.sampled_from(
        [b'"', b'""', b",", b"\n", b"\r\n", b"\0", b"a", b"abcdefgh", "é€😀".encode(), b"\xc3"]
    )
    | st.binary(max_size=3),
    max_size=20,
).map(b"".join)


def both() -> tuple[Marks, Marks]:
    """Begin a text each way."""
    library = compiled.library()
    assert library, "There was no C compiler where the tap was installed"
    return CompiledMarks(library, b","), PythonMarks(b",")


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


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize(
    "sequence",
    [
        *(
            b"\x80",
            b"\xc3",
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xe2\x82",
            b"\xe0\x9f\xbf",
            b"\xed\xa0\x80",
        ),
        *(b"\xf0\x9f\x98", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff"),
    ],
)
def test_what_is_no_utf_8_is_refused_wherever_it_stands(sequence: bytes, before: int) -> None:
    for marks in both():
        assert not marks.take(b"a" * before + sequence + b"b" * 16)


@pytest.mark.parametrize("character", ["é", "߿", "ࠀ", "퟿", "\ue000", "\uffff", "😀", "\U0010ffff"])
def test_a_character_may_be_cut_anywhere(character: str) -> None:
    text = f"a{character}b".encode()
    for cut in range(len(text)):
        for marks in both():
            assert marks.take(text[:cut])
            assert marks.is_whole == (cut in {0, 1, len(text) - 1})
            assert marks.take(text[cut:])
            assert marks.is_whole


@given(st.lists(PIECES, max_size=4))
def test_each_way_tells_the_same(pieces: list[bytes]) -> None:
    by_c, by_python = (taken(marks, pieces) for marks in both())
    # Of bytes that are not UTF-8, one may be told a piece earlier than the other.
    assert by_c == by_python[: len(by_c)]
    assert not any(each[-1] for each in by_python[len(by_c) :])
