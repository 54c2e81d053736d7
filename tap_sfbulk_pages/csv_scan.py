"""Counting the records of a CSV body while it arrives, before any of them is written.

The scan tells what is inside quotes from what is outside, which is enough to count records and
cells exactly, whatever line ends, delimiters or quotes the values hold. It also finds where the
body can be cut into blocks of whole records. Polars counts at the speed of memory, a fraction of
what parsing costs.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field

import polars as pl

from tap_sfbulk_pages.errors import UnavailableError

# Large enough that the fixed costs of a call to Polars vanish, small enough for memory and caches.
BLOCK_BYTES = 1 << 20
# 800 fields of 131,072 characters would still fit.
LARGEST_RECORD_BYTES = 128 << 20

_BOM = b"\xef\xbb\xbf"
_QUOTE = b'"'
_LINE_END = b"\n"


@dataclass(frozen=True)
class CountedText:
    """What the scan found in a body.

    Attributes:
        columns: Names in the header line, in order; empty for an empty body.
        records: How many there are, the header line left out.
        size: Bytes.
        cuts: Where blocks of whole records end: the header line's end, then about a block each,
            the last one the body's end.
        nul_characters: How many NUL characters there are.
        ends_with_line: Whether the body ends with a line end, as Salesforce's do.
    """

    columns: tuple[str, ...]
    records: int
    size: int
    cuts: tuple[int, ...] = field(repr=False)
    nul_characters: int
    ends_with_line: bool


class CsvScan:
    """Takes a body piece by piece.

    Args:
        delimiter: Between cells, one byte.
    """

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        # Behind the last cut.
        self._pieces: list[bytes] = []
        self._held = 0
        self._enough = BLOCK_BYTES
        self._header = b""
        self._lines = 0
        self._delimiters = 0
        self._nul_characters = 0
        self._cuts: list[int] = []
        self._size = 0
        self._ends_with_line = True

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the decoded body.

        Raises:
            UnavailableError: If the text is not UTF-8, or a record has no end.
        """
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held < self._enough:
            return
        text = b"".join(self._pieces)
        end = _last_record_end(text)
        if end:
            self._count(text[:end])
            self._hold(text[end:])
        elif len(text) > LARGEST_RECORD_BYTES:
            raise UnavailableError(f"A record of the page is over {LARGEST_RECORD_BYTES} bytes.")
        else:
            self._hold(text)
            self._enough = 2 * len(text)

    def finish(self) -> CountedText:
        """Count what is left, once the body is whole.

        Raises:
            UnavailableError: If the body ends inside a value, the first line is no header, cells
                are missing or too many, or the text is not UTF-8.
        """
        if rest := b"".join(self._pieces):
            if _marks(rest, _QUOTE, in_quotes=True) % 2:
                raise UnavailableError("The page ends in the middle of a record.")
            self._count(rest)
        columns = self._columns()
        if self._delimiters != self._lines * max(len(columns) - 1, 0):
            raise UnavailableError(
                f"The page's {self._lines} lines hold {self._delimiters + self._lines} cells, "
                f"which are not {len(columns)} in each."
            )
        return CountedText(
            columns=columns,
            records=max(self._lines - 1, 0),
            size=self._size,
            cuts=tuple(self._cuts),
            nul_characters=self._nul_characters,
            ends_with_line=self._ends_with_line,
        )

    def _hold(self, text: bytes) -> None:
        """Keep what stands behind the last cut, until there is enough for a block."""
        self._pieces, self._held, self._enough = [text], len(text), BLOCK_BYTES

    def _count(self, text: bytes) -> None:
        """Take a block of whole records."""
        _check_characters(text)
        if not self._cuts:
            # Field names hold no line end.
            self._header = text[: text.find(_LINE_END) + 1] or text
            self._cuts.append(len(self._header))
        self._ends_with_line = text.endswith(_LINE_END)
        self._lines += _marks(text, _LINE_END) + (not self._ends_with_line)
        self._delimiters += _marks(text, self._delimiter)
        if b"\0" in text:
            self._nul_characters += text.count(b"\0")
        self._size += len(text)
        if self._cuts[-1] != self._size:
            self._cuts.append(self._size)

    def _columns(self) -> tuple[str, ...]:
        """Read the header line."""
        line = self._header.removeprefix(_BOM).rstrip(b"\r\n").decode()
        try:
            return tuple(next(csv.reader([line], delimiter=self._delimiter.decode()), ()))
        except csv.Error as error:
            raise UnavailableError(f"The page's first line is no header line ({error}).") from error


def _last_record_end(text: bytes) -> int:
    """Tell where the last whole record of a text ends that begins with one; 0 if none does."""
    in_quotes = _marks(text, _QUOTE, in_quotes=True) % 2
    end = len(text)
    while (at := text.rfind(_LINE_END, 0, end)) >= 0:
        in_quotes ^= text.count(_QUOTE, at, end) % 2
        if not in_quotes:
            return at + 1
        end = at
    return 0


def _marks(text: bytes, mark: bytes, *, in_quotes: bool = False) -> int:
    """Count how often a byte stands in a text that is not empty.

    To Polars it is the end of a line, and counting lines is what it does fastest.

    Args:
        text: Where.
        mark: What.
        in_quotes: Whether those inside quotes count too.
    """
    lines = pl.scan_csv(
        text,
        has_header=False,
        schema={"": pl.String},
        eol_char=mark.decode(),
        separator="\0",
        quote_char=None if in_quotes else '"',
    )
    try:
        count: int = lines.select(pl.len()).collect(engine="in-memory").item()
    except (OSError, pl.exceptions.PolarsError) as error:
        # What begins like a compressed file is taken for one.
        raise UnavailableError(f"The page is no CSV ({error}).") from error
    return count - (not text.endswith(mark))


def _check_characters(text: bytes) -> None:
    if text.isascii():
        return
    try:
        pl.Series([text], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise UnavailableError("The page is not UTF-8.") from error
