"""Arrow types of fields, and the exact conversion of text to them.

One mapping leads from the JSON schema of a field to its Arrow type. Datetimes are microseconds in
UTC; times stay text. Numbers are decimals with the schema's precision and scale: 38 digits, 18 of
them after the decimal point, if it has none.
"""

from __future__ import annotations

import logging
import re
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.cells import ANY_DECIMAL, CellType, cell_type
from tap_sfbulk_pages.errors import ResultPageError, UnfitNumberError
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_sfbulk_pages.decoding.columns import Columns

MOMENT = pa.timestamp("us", "UTC")

_BY_CELL_TYPE: Mapping[CellType, pa.DataType] = {
    CellType.BOOLEAN: pa.bool_(),
    CellType.INTEGER: pa.int64(),
    CellType.TEXT: pa.string(),
}
_BY_FORMAT: Mapping[str, pa.DataType] = {"date": pa.date32(), "date-time": MOMENT}
# As Salesforce and its REST API write datetimes, with or without a fraction.
_is_datetime = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)", re.ASCII
).fullmatch
_is_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_INT64 = range(-(2**63), 2**63)
# Enough for every number of 38 digits, before it is rounded.
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)

logger = logging.getLogger(__name__)


def arrow_type(schema: Mapping[str, Any]) -> pa.DataType:
    """Return the Arrow type for a property's JSON schema."""
    kind = cell_type(schema)
    if kind in (CellType.NUMBER, CellType.DECIMAL):
        return pa.decimal128(**{name: schema.get(name, most) for name, most in ANY_DECIMAL.items()})
    if kind is CellType.TEXT:
        return _BY_FORMAT.get(schema.get("format", ""), _BY_CELL_TYPE[kind])
    return _BY_CELL_TYPE[kind]


def arrow_schema(properties: Mapping[str, Mapping[str, Any]]) -> pa.Schema:
    """Return the Arrow schema for JSON schemas by field."""
    return pa.schema([(name, arrow_type(schema)) for name, schema in properties.items()])


def arrow_columns(columns: Columns, schema: pa.Schema) -> pa.RecordBatch:
    """Convert the columns of a block to their Arrow types.

    Args:
        columns: As returned by `normalize_cells`.
        schema: The Arrow schema of these columns, from `arrow_schema`.

    Raises:
        ResultPageError: If a value does not fit the type of its field.
    """
    arrays = [
        pa.array(_values(field.name, columns[field.name], field.type), field.type)
        for field in schema
    ]
    return pa.record_batch(arrays, schema=schema)


def _values(name: str, texts: Iterable[str | None], type_: pa.DataType) -> list[Any]:
    if type_ == pa.string():
        return list(texts)
    convert = DecimalConverter(type_) if pa.types.is_decimal(type_) else _CONVERTERS[type_]
    text, values = None, list[Any]()
    try:
        for text in texts:
            values.append(None if text is None else convert(text))
    except (ValueError, OverflowError, InvalidOperation) as error:
        message = (
            f"Field {name} holds {(text or '')[:100]!r}, which does not fit {type_}. Read the "
            "field as text, or the stream as RECORD messages or jsonl files."
        )
        if isinstance(convert, DecimalConverter) and not isinstance(error, InvalidOperation):
            raise UnfitNumberError(message, field=name) from error
        raise ResultPageError(message) from error
    if isinstance(convert, DecimalConverter):
        convert.warn(name)
    return values


class DecimalConverter:
    """Converts numbers to decimals of one type, and counts those that had to be rounded.

    Args:
        type_: The type of the column.
    """

    def __init__(self, type_: pa.Decimal128Type) -> None:
        self._unit = Decimal((0, (1,), -type_.scale))
        self._scale = type_.scale
        self._most = Decimal(10) ** (type_.precision - type_.scale)
        self._rounded = 0

    def __call__(self, text: str) -> Decimal:
        """Convert a number.

        Raises:
            InvalidOperation: If it is none.
            OverflowError: If the type does not hold it.
        """
        number = Decimal(text)
        value = number.quantize(self._unit, context=_EXACT)
        if abs(value) >= self._most:
            raise OverflowError
        self._rounded += value != number
        return value

    def warn(self, name: str, *, stream: str = "") -> None:
        """Warn of numbers with more digits after the decimal point than the type keeps."""
        if self._rounded:
            logger.warning(
                "%sRounded %s of %s to %s digits after the decimal point.",
                f"Stream {stream}: " if stream else "",
                format_count(self._rounded, "value"),
                name,
                self._scale,
            )


def _to_int64(text: str) -> int:
    number = int(text)
    if number not in _INT64:
        raise OverflowError
    return number


def _to_date(text: str) -> date:
    if not _is_date(text):
        raise ValueError
    return date.fromisoformat(text)


def _to_moment(text: str) -> datetime:
    if not _is_datetime(text):
        raise ValueError
    return parse_datetime(text)


_CONVERTERS: Mapping[pa.DataType, Callable[[str], Any]] = {
    pa.bool_(): "true".__eq__,
    pa.int64(): _to_int64,
    pa.date32(): _to_date,
    MOMENT: _to_moment,
}
