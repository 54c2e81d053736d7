"""Ranges of an object's records, and where a wide one is cut.

Ranges lie side by side: each begins where the one before it ends, the first and the last are open,
so that every record is in one of them, whatever appears meanwhile. Records without a value are in
the range that is open at its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.salesforce.schema import KEY, primary_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_sfbulk_pages.salesforce.describe import SObject

# Ids sort as numbers of this base (`PK chunking` in the Bulk API guide cuts by them).
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The rest of an Id of 18 characters tells upper from lower case.
_ID_DIGITS = 15


@dataclass(frozen=True)
class Range:
    """Some of an object's records.

    Attributes:
        start: The first value that is read; None for all from the very first.
        stop: The first value that is not read any more; None for all to the very last.
    """

    start: str | None = None
    stop: str | None = None

    def cut(self, bounds: Iterable[str]) -> list[Range]:
        """Cut the range at values within it, in order."""
        return [Range(start, stop) for start, stop in pairwise([self.start, *bounds, self.stop])]


@dataclass(frozen=True)
class RangeField:
    """The field whose values ranges are of.

    Attributes:
        name: Of the field.
        is_id: Whether it holds Ids; else it holds dates or datetimes.
    """

    name: str
    is_id: bool = False

    def condition(self, part: Range) -> str | None:
        """Write a range as SOQL does; None for all records."""
        quote = "'" if self.is_id else ""
        conditions = []
        if part.start is not None:
            conditions.append(f"{self.name} >= {quote}{part.start}{quote}")
        if part.stop is not None:
            before = f"{self.name} < {quote}{part.stop}{quote}"
            is_open = part.start is None and not self.is_id
            conditions.append(f"({before} OR {self.name} = null)" if is_open else before)
        return " AND ".join(conditions) or None

    def bounds(self, least: str, greatest: str, pieces: int) -> list[str]:
        """Cut the values between two into pieces of the same width.

        Args:
            least: The least value that there is.
            greatest: The greatest value that there is.
            pieces: How many there shall be at the most.

        Returns:
            Where the second piece begins, and those behind it: values beyond the least, and up to
            the greatest, in order. None at all if there is nothing to cut.

        Raises:
            ValueError: If the values are none of the field's.
        """
        if self.is_id:
            first, last = _number(least), _number(greatest)
            inner = {first + (last - first) * n // pieces for n in range(1, pieces)}
            return [_id(number) for number in sorted(inner) if number > first]
        # Stamps are of whole seconds. Those in the future are few, and the last range is for them.
        begin = parse_datetime(least)
        end = min(parse_datetime(greatest), datetime.now(timezone.utc))
        width = max(int((end - begin).total_seconds()), 0)
        seconds = {width * n // pieces for n in range(1, pieces)}
        return [
            format_literal(begin + timedelta(seconds=each), {}) for each in sorted(seconds) if each
        ]


def choose_range_field(sobject: SObject) -> RangeField | None:
    """Choose a field that no change of a record moves, for ranges of a full read."""
    if any((field.name, field.type) == ("CreatedDate", "datetime") for field in sobject.fields):
        return RangeField("CreatedDate")
    return RangeField(KEY, is_id=True) if primary_keys(sobject) == (KEY,) else None


def _number(record_id: str) -> int:
    number = 0
    for digit in record_id[:_ID_DIGITS]:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return number


def _id(number: int) -> str:
    digits = []
    for _ in range(_ID_DIGITS):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
