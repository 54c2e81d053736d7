"""Line ends and delimiters outside the quotes of CSV.

Telling inside from outside is enough to count records and cells exactly, whatever the values
contain. `marks.c` does it at the speed of memory; where it has not been compiled, Python does the
same.
"""

from __future__ import annotations

import codecs
import ctypes
from typing import Protocol

from tap_sfbulk_pages.decoding import compiled

_QUOTE = b'"'
_LINE_END = b"\n"


class Marks(Protocol):
    """Counts over a text that arrives piece by piece.

    Attributes:
        size: Bytes so far.
        record_end: Position after the last line end outside quotes; 0 if there was none.
        line_ends: Line ends outside quotes.
        delimiters: Delimiters outside quotes.
        nul_characters: NUL characters anywhere.
    """

    size: int
    record_end: int
    line_ends: int
    delimiters: int
    nul_characters: int

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return False if the text is not UTF-8."""

    @property
    def is_whole(self) -> bool:
        """Whether the text could end here: outside quotes, after a whole character."""


def create_marks(delimiter: bytes) -> Marks:
    """Start counting a text, with compiled code if there is any.

    Args:
        delimiter: The byte between cells.
    """
    library = compiled.library()
    return CompiledMarks(library, delimiter) if library else PythonMarks(delimiter)


class _Marks(ctypes.Structure):
    # As in `marks.c`.
    _fields_ = (
        ("size", ctypes.c_uint64),
        ("record_end", ctypes.c_uint64),
        ("line_ends", ctypes.c_uint64),
        ("delimiters", ctypes.c_uint64),
        ("nul_characters", ctypes.c_uint64),
        ("is_in_quotes", ctypes.c_uint8),
        ("lacking", ctypes.c_uint8),
        ("lowest", ctypes.c_uint8),
        ("highest", ctypes.c_uint8),
    )

    size: int
    record_end: int
    line_ends: int
    delimiters: int
    nul_characters: int
    is_in_quotes: int
    lacking: int


class CompiledMarks(_Marks):
    """Marks counted by `marks.c`.

    Args:
        library: The compiled code.
        delimiter: The byte between cells.
    """

    def __init__(self, library: ctypes.CDLL, delimiter: bytes) -> None:
        super().__init__()
        self._delimiter = delimiter[0]
        # `library[...]` returns a new function object each time, so that declaring the argument
        # types here does not race with a call on another thread.
        self._take = library["sfbulk_marks"]
        self._take.argtypes = (
            ctypes.POINTER(_Marks),
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint8,
        )

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return False if the text is not UTF-8."""
        is_utf_8: bool = self._take(self, piece, len(piece), self._delimiter) == 0
        return is_utf_8

    @property
    def is_whole(self) -> bool:
        """Whether the text could end here: outside quotes, after a whole character."""
        return not self.is_in_quotes and not self.lacking


class PythonMarks:
    """Marks counted by Python.

    Args:
        delimiter: The byte between cells.
    """

    def __init__(self, delimiter: bytes) -> None:
        self.size = self.record_end = self.line_ends = self.delimiters = self.nul_characters = 0
        self._delimiter = delimiter
        self._is_in_quotes = False
        self._characters = codecs.getincrementaldecoder("utf-8")()

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return False if the text is not UTF-8."""
        try:
            self._characters.decode(piece)
        except UnicodeDecodeError:
            return False
        parts = piece.split(_QUOTE)
        outside = b"".join(parts[self._is_in_quotes :: 2])
        self._is_in_quotes ^= len(parts) % 2 == 0
        self.line_ends += outside.count(_LINE_END)
        self.delimiters += outside.count(self._delimiter)
        self.nul_characters += piece.count(b"\0")
        if end := self._last_record_end(piece):
            self.record_end = self.size + end
        self.size += len(piece)
        return True

    def _last_record_end(self, piece: bytes) -> int:
        """Return the position after the last record end in a piece; 0 if there is none."""
        in_quotes = self._is_in_quotes
        end = len(piece)
        while (at := piece.rfind(_LINE_END, 0, end)) >= 0:
            in_quotes ^= piece.count(_QUOTE, at, end) % 2 == 1
            if not in_quotes:
                return at + 1
            end = at
        return 0

    @property
    def is_whole(self) -> bool:
        """Whether the text could end here: outside quotes, after a whole character."""
        unfinished, _ = self._characters.getstate()
        return not self._is_in_quotes and not unfinished
