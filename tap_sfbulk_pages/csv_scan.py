"""Counting the records of a CSV body while it arrives, before any of them is written.

The scan tells what is inside quotes from what is outside, which is enough to count records and
cells exactly, whatever line ends, delimiters or quotes the values hold, and costs a fraction of
parsing. It also finds where the body can be cut into blocks of whole records.
"""

from __future__ import annotations

import csv

import polars as pl

from tap_sfbulk_pages.errors import UnavailableError

# Large enough that Polars' fixed costs vanish, small enough to stay in the processor's cache.
BLOCK_BYTES = 1 << 20
# 800 fields of 131,072 characters would still fit.
LARGEST_RECORD_BYTES = 512 << 20

_BOM = b"\xef\xbb\xbf"
# Longer than the names of all fields that a query can select.
_LONGEST_HEADER_BYTES = 1 << 20
_LONGEST_CHARACTER_BYTES = 4


class CsvScan:
    """Takes a body piece by piece.

    Args:
        delimiter: Between cells, one byte.
    """

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._ordinary = bytes(set(range(256)) - {*b'"\n', *delimiter})
        self._in_quotes = False
        self._begun_character = b""
        self._header = bytearray()
        self._header_ended = False
        self._line_ends = 0
        self._delimiters = 0
        self._last_byte = b"\n"
        self._cuts: list[int] = []
        self.size = 0
        self.nul_characters = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the decoded body.

        Raises:
            UnavailableError: If the text is not UTF-8, or a record has no end.
        """
        if not piece:
            return
        self._check_characters(piece)
        if not self._header_ended:
            self._take_header(piece)
        # What is left is quotes, line ends and delimiters; a pair of quotes next to each other
        # changes nothing for what stands behind it.
        marks = piece.translate(None, self._ordinary).replace(b'""', b"")
        parts = marks.split(b'"')
        outside = b"".join(parts[self._in_quotes :: 2])
        self._in_quotes ^= len(parts) % 2 == 0
        line_ends = outside.count(b"\n")
        self._line_ends += line_ends
        self._delimiters += outside.count(self._delimiter)
        self.nul_characters += piece.count(b"\0")
        self._last_byte = piece[-1:]
        if line_ends:
            self._cut(piece)
        self.size += len(piece)
        if self.size - (self._cuts[-1] if self._cuts else 0) > LARGEST_RECORD_BYTES:
            raise UnavailableError(f"A record of the page is over {LARGEST_RECORD_BYTES} bytes.")

    def columns(self) -> tuple[str, ...]:
        """Name the columns; none for an empty body.

        Raises:
            UnavailableError: If the body ends inside a value, or the first line is no header.
        """
        if self._in_quotes or self._begun_character:
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

    @property
    def ends_with_line(self) -> bool:
        """Whether the body ends with a line end, as Salesforce's do."""
        return self._last_byte == b"\n"

    def cuts(self) -> tuple[int, ...]:
        """Tell where blocks of whole records end: the header line's end, then about a block each.

        Returns:
            Offsets in the decoded body, the last one its end.
        """
        ends = self._cuts if self._cuts[-1:] == [self.size] else [*self._cuts, self.size]
        return tuple(ends)

    def _check_characters(self, piece: bytes) -> None:
        """Check the UTF-8 of a piece, up to a character that the next piece goes on with."""
        text = self._begun_character + piece
        end = len(text)
        for length in range(1, min(_LONGEST_CHARACTER_BYTES, end + 1)):
            lead = text[end - length]
            if lead & 0xC0 == 0xC0:  # noqa: PLR2004 - the first byte of a character of several
                is_whole = (lead < 0xE0 and length == 2) or (lead < 0xF0 and length == 3)  # noqa: PLR2004
                end -= 0 if is_whole else length
                break
            if lead < 0x80:  # noqa: PLR2004 - a character of one byte
                break
        try:
            pl.Series([text[:end]], dtype=pl.Binary).cast(pl.String)
        except pl.exceptions.PolarsError as error:
            raise UnavailableError("The page is not UTF-8.") from error
        self._begun_character = text[end:]

    def _take_header(self, piece: bytes) -> None:
        """Collect bytes until the first line is whole. Field names hold no line end."""
        before = len(self._header)
        self._header += piece[: _LONGEST_HEADER_BYTES - before]
        end = self._header.find(b"\n", before) + 1
        if end:
            self._cuts.append(end)
        self._header_ended = bool(end) or len(self._header) >= _LONGEST_HEADER_BYTES

    def _cut(self, piece: bytes) -> None:
        """Note the last record end of a piece, once a block is full."""
        last_cut = self._cuts[-1] if self._cuts else 0
        if self.size + len(piece) - last_cut < BLOCK_BYTES:
            return
        in_quotes, end = self._in_quotes, len(piece)
        while (at := piece.rfind(b"\n", 0, end)) >= 0:
            in_quotes ^= piece.count(b'"', at, end) % 2 == 1
            if not in_quotes:
                if self.size + at + 1 > last_cut:
                    self._cuts.append(self.size + at + 1)
                return
            end = at
