"""Records of Singer messages as Arrow: each value as its stream's schema says."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import simplejson

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding.arrow import DecimalConverter
from tap_sfbulk_pages.errors import LoadError, UnfitNumberError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# As of the tap's own numbers, where a schema says no more than `number`.
_NUMBER = (38, 18)
# What a converter raises of a value that does not fit.
UNFIT = (ValueError, TypeError, OverflowError, InvalidOperation, RecursionError)
_FORMATS: Mapping[str, pa.DataType] = {
    "date-time": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
}


def arrow_type_of(schema: Mapping[str, Any]) -> pa.DataType:
    """Choose the Arrow type for a property of any tap; what has no type of its own is text.

    Raises:
        TypeError: If it is no JSON schema.
    """
    kinds, format_ = _kinds(schema)
    if kinds == {"boolean"}:
        return pa.bool_()
    if kinds == {"integer"}:
        return pa.int64()
    if format_ == "singer.decimal" or (kinds and kinds <= {"integer", "number"}):
        return _decimal_type(schema)
    if kinds == {"string"}:
        return _FORMATS.get(format_ or "", pa.string())
    return pa.string()


def records_as_arrow(
    stream: str, records: Sequence[Mapping[str, Any]], types: Mapping[str, pa.DataType]
) -> pa.Table:
    """Gather records into columns; properties that are not in `types` are left out.

    Raises:
        UnfitNumberError: If a decimal does not hold a number.
        LoadError: If a value does not fit its type; it names the field.
    """
    columns = [
        _array(stream, name, type_, (each.get(name) for each in records))
        for name, type_ in types.items()
    ]
    return pa.Table.from_arrays(columns, names=list(types))


def _decimal_type(schema: Mapping[str, Any]) -> pa.Decimal128Type:
    """Choose the digits of a number; what has more than fit is noticed where it comes."""
    most, usual = _NUMBER
    precision, scale = schema.get("precision", most), schema.get("scale", usual)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 < precision <= most:
        return pa.decimal128(most, scale if isinstance(scale, int) and 0 <= scale < most else usual)
    return pa.decimal128(precision, min(max(scale, 0), precision))


def _array(stream: str, name: str, type_: pa.DataType, given: Iterable[Any]) -> pa.Array:
    try:
        return pa.array(_values(stream, name, type_, given), type_)
    except UnicodeEncodeError as error:
        raise LoadError(
            f"Stream {stream}: the field {name} holds half a character (a lone surrogate), which "
            "no column can hold."
        ) from error


def _kinds(schema: Mapping[str, Any]) -> tuple[set[str], str | None]:
    kinds: set[str] = set()
    format_ = None
    options = [schema]
    for name in ("anyOf", "oneOf"):
        others = schema.get(name, [])
        if not isinstance(others, list):
            raise TypeError(f"{name} is not a list")
        # In JSON Schema, `true` is a schema, too.
        options += [each for each in others if isinstance(each, dict)]
    for option in options:
        names = option.get("type", [])
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise TypeError("type is neither a name nor a list of names")
        kinds.update(names)
        format_ = format_ or option.get("format")
    if format_ is not None and not isinstance(format_, str):
        raise TypeError("format is not a name")
    return kinds - {"null"}, format_


def _values(stream: str, name: str, type_: pa.DataType, given: Iterable[Any]) -> list[Any]:
    convert = converter_of(type_)
    value, values = None, list[Any]()
    try:
        for value in given:
            values.append(None if value is None else convert(value))
    except UNFIT as error:
        message = (
            f"Stream {stream}: the field {name} holds {str(value)[:100]!r}, which does not fit "
            f"{type_}, as its schema announces it."
        )
        if isinstance(convert, _Number) and isinstance(error, OverflowError):
            raise UnfitNumberError(message, field=name) from error
        raise LoadError(message) from error
    if isinstance(convert, _Number):
        convert.to_decimal.warn(name, stream=stream)
    return values


class _Number:
    """Converts numbers, which some taps write as texts."""

    def __init__(self, type_: pa.Decimal128Type) -> None:
        self.to_decimal = DecimalConverter(type_)

    def __call__(self, value: Any) -> Decimal:
        text = str(value)
        # Python's own way of writing numbers, which would be read.
        if "_" in text:
            raise ValueError
        return self.to_decimal(text)


def converter_of(type_: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes a value of a record one of an Arrow type, or raises one of `UNFIT`."""
    if pa.types.is_decimal(type_):
        return _Number(type_)
    return _CONVERTERS.get(type_, _text)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    # Compared first: as an integer, 1e999999999 would fill the memory.
    if isinstance(value, bool) or not -(2**63) <= value < 2**63 or int(value) != value:
        raise OverflowError
    return int(value)


def _moment(value: Any) -> datetime:
    return parse_datetime(_of_text(value)).astimezone(timezone.utc)


def _of_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _date(value: Any) -> date:
    # Some taps write a date with the time of midnight.
    return date.fromisoformat(_of_text(value).partition("T")[0])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Decimal):
        return str(value)
    return str(simplejson.dumps(value, use_decimal=True, ensure_ascii=False))


def _time(value: Any) -> time:
    return time.fromisoformat(_of_text(value).removesuffix("Z"))


_CONVERTERS: Mapping[pa.DataType, Callable[[Any], Any]] = {
    pa.bool_(): _boolean,
    pa.int64(): _integer,
    _FORMATS["date-time"]: _moment,
    _FORMATS["date"]: _date,
    _FORMATS["time"]: _time,
}
