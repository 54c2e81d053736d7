"""Ranges of an object's records, and where a wide one is cut.

Ranges are adjacent: each starts where the one before it ends, the first and the last are open, so
that every record is in exactly one of them, whatever is added meanwhile. Records without a value
are in the range that has no start.
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
# The rest of an Id of 18 characters distinguishes upper from lower case.
_ID_DIGITS = 15


@dataclass(frozen=True)
class Range:
    """Some of an object's records.

    Attributes:
        start: The first value that is read; None for no start.
        stop: The first value that is no longer read; None for no end.
    """

    start: str | None = None
    stop: str | None = None

    def cut(self, bounds: Iterable[str]) -> list[Range]:
        """Return the pieces of the range, cut at values within it, in order."""
        return [Range(start, stop) for start, stop in pairwise([self.start, *bounds, self.stop])]


@dataclass(frozen=True)
class RangeField:
    """The field by whose values an object is cut into ranges.

    Attributes:
        name: The field's name.
        is_id: Whether its values are Ids, not dates or datetimes.
    """

    name: str
    is_id: bool = False

    def condition(self, part: Range) -> str | None:
        """Return the SOQL condition of a range; None for all records."""
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
            least: The least value of the field.
            greatest: The greatest value of the field.
            pieces: The largest number of pieces.

        Returns:
            Where the second and each later piece starts: values after the least, up to the
            greatest, in order. Empty if there is nothing to cut.

        Raises:
            ValueError: If the values are not of the field's type.
        """
        if self.is_id:
            first, last = _number(least), _number(greatest)
            inner = {first + (last - first) * n // pieces for n in range(1, pieces)}
            return [_id(number) for number in sorted(inner) if number > first]
        # Stamps have whole seconds. The last range takes those in the future, which are few.
        begin = parse_datetime(least)
        end = min(parse_datetime(greatest), datetime.now(timezone.utc))
        width = max(int((end - begin).total_seconds()), 0)
        seconds = {width * n // pieces for n in range(1, pieces)}
        return [
            format_literal(begin + timedelta(seconds=each), {}) for each in sorted(seconds) if each
        ]


def choose_range_field(sobject: SObject) -> RangeField | None:
    """Return a field whose value never changes, for the ranges of a full read; None without one."""
    if any(
        (field.name, field.type, field.is_filterable) == ("CreatedDate", "datetime", True)
        for field in sobject.fields
    ):
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
