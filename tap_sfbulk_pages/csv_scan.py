"""Counting the records of a CSV body while it arrives, before any of them is written.

The scan tells what is inside quotes from what is outside, which is enough to count records and
cells exactly, whatever line ends, delimiters or quotes the values hold, and costs a fraction of
parsing.
"""

from __future__ import annotations

import codecs
import csv

from tap_sfbulk_pages.errors import UnavailableError

_BOM = b"\xef\xbb\xbf"
# Longer than the names of all fields that a query can select.
_LONGEST_HEADER_BYTES = 1 << 20


class CsvScan:
    """Takes a body piece by piece.

    Args:
        delimiter: Between cells, one byte.
    """

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._in_quotes = False
        self._header = bytearray()
        self._header_ended = False
        self._line_ends = 0
        self._delimiters = 0
        self._last_byte = b"\n"
        self.size = 0
        self.nul_characters = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the decoded body.

        Raises:
            UnavailableError: If the text is not UTF-8.
        """
        if not piece:
            return
        self.size += len(piece)
        try:
            self._utf8.decode(piece)
        except UnicodeDecodeError as error:
            raise UnavailableError(f"The page is not UTF-8 ({error.reason}).") from error
        if not self._header_ended:
            self._take_header(piece)
        parts = piece.split(b'"')
        outside = b"".join(parts[self._in_quotes :: 2])
        self._in_quotes ^= len(parts) % 2 == 0
        self._line_ends += outside.count(b"\n")
        self._delimiters += outside.count(self._delimiter)
        self.nul_characters += piece.count(b"\0")
        self._last_byte = piece[-1:]

    def columns(self) -> tuple[str, ...]:
        """Name the columns; none for an empty body.

        Raises:
            UnavailableError: If the body ends inside a value, or the first line is no header.
        """
        if self._in_quotes:
            raise UnavailableError("The page ends in the middle of a record.")
        line = self._header.removeprefix(_BOM).split(b"\n", 1)[0].rstrip(b"\r")
        try:
            return tuple(next(csv.reader([line.decode()], delimiter=self._delimiter.decode()), ()))
        except (UnicodeDecodeError, csv.Error) as error:
            raise UnavailableError(f"The page's first line is no header line ({error}).") from error

    def records(self) -> int:
        """Count the records, the header line left out, once the body is whole.

        Raises:
            UnavailableError: If the body ends inside a value, or cells are missing or too many.
        """
        columns = len(self.columns())
        lines = self._line_ends + (self._last_byte != b"\n")
        if self._delimiters != lines * max(columns - 1, 0):
            raise UnavailableError(
                f"The page's {lines} lines hold {self._delimiters + lines} cells, which are not "
                f"{columns} in each."
            )
        return max(lines - 1, 0)

    def _take_header(self, piece: bytes) -> None:
        """Collect bytes until the first line is whole. Field names hold no line end."""
        self._header += piece[: _LONGEST_HEADER_BYTES - len(self._header)]
        self._header_ended = b"\n" in self._header or len(self._header) >= _LONGEST_HEADER_BYTES
