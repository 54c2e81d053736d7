"""Records of Singer messages as Arrow: each value as its stream's schema says."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import simplejson

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import LoadError, UnfitNumberError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# As of the tap's own numbers, where a schema says no more than `number`.
_NUMBER = (38, 18)
# Enough digits for every number before it is rounded to those of its column.
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_FORMATS: Mapping[str, pa.DataType] = {
    "date-time": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
}


def arrow_type_of(schema: Mapping[str, Any]) -> pa.DataType:
    """Choose the Arrow type for a property of any tap; what has no type of its own is text."""
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
    format_ = schema.get("format")
    options = (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ()))
    # In JSON Schema, `true` is a schema, too.
    for option in (each for each in options if isinstance(each, dict)):
        of_option = option.get("type", ())
        kinds |= {of_option} if isinstance(of_option, str) else set(of_option)
        format_ = format_ or option.get("format")
    return kinds - {"null"}, format_


def _values(stream: str, name: str, type_: pa.DataType, given: Iterable[Any]) -> list[Any]:
    convert = _converter(type_)
    value, values = None, list[Any]()
    try:
        for value in given:
            values.append(None if value is None else convert(value))
    except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
        message = (
            f"Stream {stream}: the field {name} holds {str(value)[:100]!r}, which does not fit "
            f"{type_}, as its schema announces it."
        )
        if isinstance(convert, _ToDecimal) and isinstance(error, OverflowError):
            raise UnfitNumberError(message, field=name) from error
        raise LoadError(message) from error
    return values


class _ToDecimal:
    """Converts numbers to decimals of one type, rounded to its digits after the point."""

    def __init__(self, type_: pa.Decimal128Type) -> None:
        self._unit = Decimal((0, (1,), -type_.scale))
        self._most = Decimal(10) ** (type_.precision - type_.scale)

    def __call__(self, value: Any) -> Decimal:
        number = Decimal(str(value)).quantize(self._unit, context=_EXACT)
        if abs(number) >= self._most:
            raise OverflowError
        return number


def _converter(type_: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_decimal(type_):
        return _ToDecimal(type_)
    return _CONVERTERS.get(type_, _text)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number = int(value)
    if number != value or not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _moment(value: str) -> datetime:
    return parse_datetime(value).astimezone(timezone.utc)


def _date(value: str) -> date:
    # Some taps write a date with the time of midnight.
    return date.fromisoformat(value.partition("T")[0])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Decimal):
        return str(value)
    return str(simplejson.dumps(value, use_decimal=True, ensure_ascii=False))


def _time(value: str) -> time:
    return time.fromisoformat(value.removesuffix("Z"))


_CONVERTERS: Mapping[pa.DataType, Callable[[Any], Any]] = {
    pa.bool_(): _boolean,
    pa.int64(): _integer,
    _FORMATS["date-time"]: _moment,
    _FORMATS["date"]: _date,
    _FORMATS["time"]: _time,
}
