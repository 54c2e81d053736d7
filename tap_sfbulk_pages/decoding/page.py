"""A result page, block by block: the CSV of whole records, decoded to columns or RECORD lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tap_sfbulk_pages.decoding.columns import normalize_cells, parse_csv
from tap_sfbulk_pages.decoding.fast_lines import CsvLines
from tap_sfbulk_pages.decoding.mapped_lines import MappedLines
from tap_sfbulk_pages.decoding.records import encode_lines
from tap_sfbulk_pages.errors import ResultPageError
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.decoding.column_map import ColumnMap
    from tap_sfbulk_pages.decoding.columns import Columns
    from tap_sfbulk_pages.decoding.lines import Envelope, RecordLines


class CountedPage(Protocol):
    """The CSV of a page that was received whole, with what the scan found in it."""

    @property
    def locator(self) -> str:
        """The page's locator, which names it in messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names in the header line, in order; empty for a body without one."""

    @property
    def delimiter(self) -> str:
        """The character between cells."""

    @property
    def records(self) -> int:
        """How many records were counted."""

    @property
    def cuts(self) -> tuple[int, ...]:
        """Where blocks of whole records end, in bytes of decoded CSV."""

    @property
    def nul_characters(self) -> int:
        """How many NUL characters the values hold."""

    def text_pieces(self) -> Iterator[bytes]:
        """Yield the decoded CSV from the start."""


class CsvBlocks:
    """The blocks of a page, each about `scan.BLOCK_BYTES` of CSV.

    Args:
        page: Received whole.
        types: The fields to decode, in order; other columns are left out.
        replication_key: The field whose greatest value `lines` returns, or None.
    """

    def __init__(
        self,
        page: CountedPage,
        types: Mapping[str, CellType],
        replication_key: str | None = None,
    ) -> None:
        self._page = page
        self._types = types
        self._replication_key = replication_key
        self._names = name_columns(page.columns, types)
        self._compiled = CsvLines.of(
            self._names, types, delimiter=page.delimiter, replication_key=replication_key
        )
        self._mapped: MappedLines | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield the CSV of each block, cut where the scan found the ends of records.

        The header line is left out.

        Raises:
            UnavailableError: As for `transport.decode_body`.
        """
        if not self._page.records:
            return
        ends = iter(self._page.cuts)
        end = next(ends)
        held: list[bytes] = []
        position = 0
        in_header = True
        for piece in self._page.text_pieces():
            rest = piece
            while position + len(rest) >= end:
                held.append(rest[: end - position])
                rest = rest[end - position :]
                if not in_header:
                    yield self._without_nul(b"".join(held))
                held, position, in_header = [], end, False
                following = next(ends, None)
                if following is None:
                    return
                end = following
            held.append(rest)
            position += len(rest)

    def columns(self, text: bytes) -> Columns:
        """Decode a block into columns.

        Raises:
            ResultPageError: If the CSV cannot be parsed, or a value is not of its field's type.
        """
        return parse_columns(text, self._names, self._types, self._page.delimiter)

    def lines(
        self, text: bytes, envelope: Envelope, column_map: ColumnMap | None = None
    ) -> RecordLines:
        """Encode a block as lines: directly if it is plain, through columns if it is not.

        Args:
            text: The block.
            envelope: What surrounds each record.
            column_map: What becomes of the records, the same for all blocks; None if they leave as
                they come.

        Raises:
            ResultPageError: As for `columns`.
            SettingsError: If an expression of the map fails on a record.
        """
        compiled = self._compiled_map(column_map) if column_map else self._compiled
        lines = compiled.lines(text, envelope) if compiled else None
        if lines is None:
            columns, key = self.columns(text), self._replication_key
            lines = encode_lines(columns, self._types, envelope, key, column_map)
        return lines

    def _compiled_map(self, column_map: ColumnMap) -> MappedLines | None:
        if self._mapped is None:
            self._mapped = MappedLines.of(
                self._names,
                self._types,
                delimiter=self._page.delimiter,
                replication_key=self._replication_key,
                column_map=column_map,
            )
        return self._mapped

    def _without_nul(self, text: bytes) -> bytes:
        return text.replace(b"\0", b"") if self._page.nul_characters else text


def parse_columns(
    text: bytes, names: Sequence[str], types: Mapping[str, CellType], delimiter: str
) -> Columns:
    """Decode a block into the columns of its fields, exactly.

    Args:
        text: CSV of whole records, in UTF-8 and without NUL characters.
        names: The names of its columns, from `name_columns`.
        types: The fields to decode, in order.
        delimiter: The character between cells.

    Raises:
        ResultPageError: If the CSV cannot be parsed, or a value is not of its field's type.
    """
    columns = parse_csv(text, names, delimiter).select(list(types))
    return normalize_cells(columns, types)


def decode_columns(page: CountedPage, types: Mapping[str, CellType]) -> Iterator[Columns]:
    """Decode a page into columns, block by block.

    Args:
        page: As for `CsvBlocks`.
        types: As for `CsvBlocks`.

    Raises:
        ResultPageError: As for `parse_columns`, or if the number of records differs from the count.
    """
    blocks = CsvBlocks(page, types)
    records = 0
    for text in blocks:
        columns = blocks.columns(text)
        records += columns.records
        yield columns
    check_count(page.locator, page.records, records)


def check_count(name: str, announced: int, records: int) -> None:
    """Compare the number of decoded records with the number counted when the page arrived.

    This is the last check before a page is marked done: without it, a decoder that skips a record
    would lose it.

    Raises:
        ResultPageError: If they differ.
    """
    if records != announced:
        raise ResultPageError(
            f"Result page {name} was counted as {format_count(announced, 'record')}, but decodes "
            f"to {records:,}."
        )


def name_columns(columns: Sequence[str], types: Mapping[str, CellType]) -> list[str]:
    """Return the column names in the fields' spelling, and names that cannot clash for the rest."""
    spelled = {name.lower(): name for name in types}
    return [spelled.pop(column.lower(), f"\0{index}") for index, column in enumerate(columns)]
