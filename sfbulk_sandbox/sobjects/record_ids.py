"""Salesforce record ids: 15 characters of base 62, and the three that make them case-safe.

An id is the object's key prefix (3 characters), the instance (2), a reserved character and a
number in base 62. The 18-character form adds one character for each five: its bits say which of
the five are upper case (Salesforce, "Record Id Type" in the Object Reference).
"""

from __future__ import annotations

import polars as pl

ID_OF_NO_RECORD = "000000000000000AAA"
"""The Id of every row of a few metadata-like objects, such as AppDefinition."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "5g0"
_SHORT, _LONG = 15, 18
_CHUNK = 5

_DIGIT_TEXT = pl.Series(list(_DIGITS))
_DIGIT_IS_UPPER = pl.Series([digit.isupper() for digit in _DIGITS]).cast(pl.Int64)
_CHECKSUM_TEXT = pl.Series(list(_CHECKSUM))


def eighteen_characters(record_id: str) -> str:
    """Return the 18-character form of an id of 15 or 18 characters.

    Raises:
        ValueError: The text is no record id.
    """
    short = record_id[:_SHORT]
    if len(record_id) not in (_SHORT, _LONG) or not set(short) <= set(_DIGITS):
        raise ValueError(f"invalid record id: {record_id}")
    complete = short + _checksum(short)
    if len(record_id) == _LONG and record_id.upper() != complete.upper():
        raise ValueError(f"invalid record id: {record_id}")
    return complete


def base_62(number: int, width: int) -> str:
    """Return a number in the digits of record ids, with leading zeros."""
    places = (number // len(_DIGITS) ** power % len(_DIGITS) for power in reversed(range(width)))
    return "".join(_DIGITS[place] for place in places)


def _checksum(text: str) -> str:
    """Return one character for each full chunk of five in the text."""
    chunks = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    return "".join(
        _CHECKSUM[sum(1 << place for place, digit in enumerate(chunk) if digit.isupper())]
        for chunk in chunks
    )


def record_ids(key_prefix: str, numbers: pl.Series, offset: int) -> pl.Series:
    """Return the ids of the records with these numbers.

    Args:
        key_prefix: Three characters that tell the object.
        numbers: What counts the records of one object, from 0; integers below 62**5 - offset.
        offset: Where this object's numbers begin.
    """
    head = f"{key_prefix}{_INSTANCE}".ljust(2 * _CHUNK, "0")
    places = [
        ((numbers + offset) // len(_DIGITS) ** power % len(_DIGITS)).cast(pl.UInt32)
        for power in reversed(range(_CHUNK))
    ]
    upper = sum(
        (_DIGIT_IS_UPPER.gather(place) * (1 << index) for index, place in enumerate(places)),
        start=pl.repeat(0, len(numbers), dtype=pl.Int64, eager=True),
    )
    tail = [_DIGIT_TEXT.gather(place) for place in places]
    return pl.select(
        pl.concat_str(
            pl.lit(head), *tail, pl.lit(_checksum(head)), _CHECKSUM_TEXT.gather(upper)
        ).alias("Id")
    ).to_series()
