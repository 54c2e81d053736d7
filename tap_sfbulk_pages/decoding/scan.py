"""Counting the records of a CSV body as it arrives, before any of them is written.

The scan also finds where the body can be cut into blocks of whole records. It keeps nothing of the
body but the header line.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_sfbulk_pages.decoding.marks import create_marks
from tap_sfbulk_pages.errors import UnavailableError
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Large enough to make the fixed costs of a block negligible, small enough for memory and caches.
BLOCK_BYTES = 1 << 20
# Of a body that is parsed while it arrives, on the same thread: small enough for its cache.
SMALL_BLOCK_BYTES = 1 << 18
# All long texts of a record together have at most 1.6 million characters (Salesforce Help, "Custom
# Field Allocations"); those of several parents still fit.
LARGEST_RECORD_BYTES = 32 << 20

# A query has at most 100,000 characters (SOQL limits), and its columns are named in it.
LARGEST_HEADER_BYTES = 1 << 20

_BOM = b"\xef\xbb\xbf"
_LINE_END = b"\n"


@dataclass(frozen=True)
class CountedText:
    """What the scan found in a body.

    Attributes:
        columns: Names in the header line, in order; empty for an empty body.
        records: The number of records, without the header line.
        size: Bytes.
        cuts: Where blocks of whole records end: first the end of the header line, then one per
            block, the last one the end of the body.
        nul_characters: The number of NUL characters.
        ends_with_line: Whether the body ends with a line end, as Salesforce's bodies do.
    """

    columns: tuple[str, ...]
    records: int
    size: int
    cuts: tuple[int, ...] = field(repr=False)
    nul_characters: int
    ends_with_line: bool


class CsvScan:
    """Scans a body piece by piece.

    Args:
        delimiter: The byte between cells.
        announced: How many records the body is said to have; None if nothing says it.
        in_small_blocks: Whether the body is parsed while it arrives.
    """

    def __init__(
        self, delimiter: bytes, announced: int | None = None, *, in_small_blocks: bool = False
    ) -> None:
        self._delimiter = delimiter
        self._announced = announced
        self._block_bytes = SMALL_BLOCK_BYTES if in_small_blocks else BLOCK_BYTES
        self._marks = create_marks(delimiter)
        # Includes its line end, once that has arrived.
        self._header = bytearray()
        self._cuts: list[int] = []
        self._ends_with_line = True

    @property
    def cuts(self) -> Sequence[int]:
        """Where blocks of whole records end, in what has arrived so far."""
        return self._cuts

    @property
    def nul_characters(self) -> int:
        """The number of NUL characters in what has arrived so far."""
        return self._marks.nul_characters

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the decoded body.

        Raises:
            UnavailableError: If the text is not UTF-8, the header line or a record has no end, or
                there are more records than announced.
        """
        if not piece:
            return
        if not self._marks.take(piece):
            raise UnavailableError("The page is not valid UTF-8.")
        self._ends_with_line = piece.endswith(_LINE_END)
        if not self._cuts:
            self._take_header(piece)
        elif self._marks.record_end - self._cuts[-1] >= self._block_bytes:
            self._cuts.append(self._marks.record_end)
        records = self._marks.line_ends - 1
        if self._announced is not None and records > self._announced:
            # A body that has passed its end may go on for ever.
            raise UnavailableError(
                f"It holds {format_count(records, 'record')}; "
                f"Salesforce announced {self._announced}."
            )
        if self._marks.size - self._marks.record_end > LARGEST_RECORD_BYTES:
            raise UnavailableError(f"A record of the page exceeds {LARGEST_RECORD_BYTES} bytes.")

    def finish(self) -> CountedText:
        """Finish the count, once the body is whole.

        Raises:
            UnavailableError: If the body ends inside a value, the first line is not a header, or
                cells are missing or too many.
        """
        marks = self._marks
        if not marks.is_whole:
            raise UnavailableError("The page ends in the middle of a record.")
        if not self._cuts and self._header:
            self._cuts.append(len(self._header))
        if self._cuts and self._cuts[-1] != marks.size:
            self._cuts.append(marks.size)
        columns = self.columns()
        lines = marks.line_ends + (not self._ends_with_line)
        if marks.delimiters != lines * max(len(columns) - 1, 0):
            raise UnavailableError(
                f"The page has {lines} lines and {marks.delimiters + lines} cells, "
                f"which is not {len(columns)} cells per line."
            )
        return CountedText(
            columns=columns,
            records=max(lines - 1, 0),
            size=marks.size,
            cuts=tuple(self._cuts),
            nul_characters=marks.nul_characters,
            ends_with_line=self._ends_with_line,
        )

    def _take_header(self, piece: bytes) -> None:
        """Collect the header line; field names contain no line end."""
        end = piece.find(_LINE_END) + 1
        self._header += piece[:end] if end else piece
        if len(self._header) > LARGEST_HEADER_BYTES:
            raise UnavailableError(
                f"The header line of the page exceeds {LARGEST_HEADER_BYTES} bytes."
            )
        if end:
            self._cuts.append(len(self._header))

    def columns(self) -> tuple[str, ...]:
        """Parse the header line, which must have arrived.

        Raises:
            UnavailableError: If the first line is not a header line.
        """
        line = self._header.removeprefix(_BOM).rstrip(b"\r\n").decode()
        try:
            return tuple(next(csv.reader([line], delimiter=self._delimiter.decode()), ()))
        except csv.Error as error:
            raise UnavailableError(f"The page has no valid header line ({error}).") from error


class BlockCutter:
    """Cuts a body into blocks while it is being scanned, without the header line.

    Args:
        scan: Must have been fed each piece before the piece is cut.
    """

    def __init__(self, scan: CsvScan) -> None:
        self._scan = scan
        self._held: list[memoryview] = []
        self._position = 0
        self._cut = 0

    def blocks(self, piece: bytes = b"") -> Iterator[bytes]:
        """Take the next piece and yield the blocks that end in it, without NUL characters.

        At the end, call it without a piece for the scan's last cut.
        """
        # Copied once only, into its block.
        rest = memoryview(piece)
        for number in range(self._cut, len(self._scan.cuts)):
            end = self._scan.cuts[number]
            inside = end - self._position - sum(map(len, self._held))
            block = b"".join((*self._held, rest[:inside]))
            rest = rest[inside:]
            self._held, self._position, self._cut = [], end, number + 1
            if number and block:
                yield block.replace(b"\0", b"") if self._scan.nul_characters else block
        self._held.append(rest)
