"""Blocks of CSV to the lines of a stream that is mapped, by compiled code as far as they are plain.

Cells that leave as they come are copied as always, under the names of the map. What is computed is
computed from the few columns that it needs, and added to each record.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tap_sfbulk_pages.decoding.columns import normalize_cells
from tap_sfbulk_pages.decoding.fast_lines import Additions, CsvLines
from tap_sfbulk_pages.decoding.records import encode_computed, json_text
from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.decoding.column_map import ColumnMap
    from tap_sfbulk_pages.decoding.lines import Envelope, RecordLines


class MappedLines:
    """Encodes the blocks of one page.

    Args:
        lines: Copies the cells that leave as they come.
        names: The names of the CSV's columns, in order.
        types: The types of the fields.
        delimiter: The character between cells.
        column_map: What becomes of the records.
    """

    def __init__(
        self,
        lines: CsvLines,
        names: Sequence[str],
        types: Mapping[str, CellType],
        delimiter: str,
        column_map: ColumnMap,
    ) -> None:
        self._lines = lines
        self._names = names
        self._delimiter = delimiter
        self._map = column_map
        needed = dict.fromkeys((*column_map.needed, *column_map.copies.values()))
        self._types = {name: types[name] for name in needed}

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        types: Mapping[str, CellType],
        *,
        delimiter: str,
        replication_key: str | None,
        column_map: ColumnMap,
    ) -> MappedLines | None:
        """Prepare for a page; return None if its records must go through columns."""
        constants = "".join(
            f"{json.dumps(name)}:{json_text(each.value(()))},"
            for name, each in column_map.expressions.items()
            if not each.fields
        )
        lines = CsvLines.of(
            names,
            types,
            delimiter=delimiter,
            replication_key=replication_key,
            keys=column_map.names,
            constants=constants,
        )
        if not lines or not column_map.names:
            return None
        return cls(lines, names, types, delimiter, column_map)

    def lines(self, text: bytes, envelope: Envelope) -> RecordLines | None:
        """Encode a block; return None if anything in it is not plain, or an expression fails.

        Args:
            text: CSV of whole records, in UTF-8.
            envelope: What surrounds each record.

        Raises:
            ResultPageError: If a value is not of its field's type.
        """
        additions = None
        if self._types:
            from tap_sfbulk_pages.decoding.fast_arrow import read_texts  # noqa: PLC0415 - brings pyarrow

            cells = read_texts(text, self._names, list(self._types), self._delimiter)
            if cells is None:
                return None
            columns = normalize_cells(cells, self._types)
            try:
                additions = Additions(*encode_computed(columns, self._types, self._map))
            except SettingsError:
                # Columns say which record it is.
                return None
        return self._lines.lines(text, envelope, additions)
