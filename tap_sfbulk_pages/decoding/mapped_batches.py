"""Record batches of a stream that is mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tap_sfbulk_pages.decoding.arrow import arrow_schema
from tap_sfbulk_pages.decoding.cells import cell_type
from tap_sfbulk_pages.decoding.columns import normalize_cells
from tap_sfbulk_pages.decoding.fast_arrow import read_texts
from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.decoding.column_map import ColumnMap, Computed
    from tap_sfbulk_pages.decoding.columns import Columns


class MappedBatches:
    """Maps the record batches of one page, from what was computed for its blocks.

    Args:
        column_map: What becomes of the records.
        properties: JSON schemas of the fields, as they come.
        announced: JSON schemas of the records that leave.

    Attributes:
        schema: The Arrow schema of the batches that leave.
    """

    def __init__(
        self,
        column_map: ColumnMap,
        properties: Mapping[str, Mapping[str, Any]],
        announced: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._map = column_map
        self._types = {name: cell_type(properties[name]) for name in column_map.needed}
        schemas = {
            name: properties[output] if isinstance(output, str) else announced[name]
            for name, output in column_map.outputs.items()
        }
        self.schema: pa.Schema = arrow_schema(schemas)
        # Of blocks whose batches have not been mapped yet.
        self._kept = bytearray()
        self._values = {name: list[Any]() for name in column_map.expressions}

    def compute_plain(self, text: bytes, names: Sequence[str], delimiter: str) -> Computed | None:
        """Compute what the map adds to a block; return None if that must go through columns.

        Args:
            text: CSV of whole records, in UTF-8.
            names: The names of its columns, in order.
            delimiter: The character between cells.

        Raises:
            ResultPageError: If a value is not of its field's type.
        """
        # Without such a field, one tells the number of records.
        texts = read_texts(text, names, list(self._types) or names[:1], delimiter)
        if texts is None:
            return None
        try:
            return self.compute(normalize_cells(texts.select(list(self._types)), self._types))
        except SettingsError:
            # Columns say which record it is.
            return None

    def compute(self, columns: Columns) -> Computed:
        """Compute what the map adds to a block.

        Raises:
            SettingsError: If an expression of the map fails on a record.
        """
        return self._map.compute(columns, self._types)

    def keep(self, computed: Computed) -> None:
        """Keep what was computed for the block that has just been appended."""
        self._kept += computed.kept or bytes([1]) * computed.records
        for name, values in computed.by_name.items():
            self._values[name] += values

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Map the next batch; those before it must have been mapped."""
        kept = self._kept[: batch.num_rows]
        del self._kept[: batch.num_rows]
        leaving = sum(kept)
        if leaving < batch.num_rows:
            batch = batch.filter(pa.array(map(bool, kept), pa.bool_()))
        arrays = []
        for name, output in self._map.outputs.items():
            if isinstance(output, str):
                arrays.append(batch.column(output))
                continue
            values = self._values[name]
            arrays.append(pa.array(values[:leaving], self.schema.field(name).type))
            del values[:leaving]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)
