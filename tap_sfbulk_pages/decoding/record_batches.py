"""Blocks as Arrow record batches, for readers that have pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from tap_sfbulk_pages.decoding.arrow import arrow_type, cast_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

# Many readers of Arrow files do not know string views.
_OLDEST = pl.CompatLevel.oldest()


def arrow_schema(properties: Mapping[str, Mapping[str, Any]]) -> pa.Schema:
    """Return the Arrow schema for JSON schemas by field."""
    types = {name: arrow_type(schema) for name, schema in properties.items()}
    schema = pl.DataFrame(schema=types).to_arrow(compat_level=_OLDEST).schema
    # Engines expect plain strings, and a batch is far too small to need large ones.
    return pa.schema(
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in schema
    )


def record_batches(
    block: pl.DataFrame, properties: Mapping[str, Mapping[str, Any]], schema: pa.Schema
) -> list[pa.RecordBatch]:
    """Convert a block to record batches.

    Args:
        block: Columns as returned by `normalize_cells`.
        properties: JSON schemas by field, at least for the block's columns.
        schema: The Arrow schema of these properties, from `arrow_schema`.

    Raises:
        ResultPageError: If a value does not fit the type of its field.
    """
    table = cast_columns(block, properties).to_arrow(compat_level=_OLDEST)
    batches: list[pa.RecordBatch] = table.cast(schema).to_batches()
    return batches
