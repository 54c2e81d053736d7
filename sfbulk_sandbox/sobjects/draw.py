"""Random numbers for generated columns: the same for the same seed, whatever else is generated.

Every number is a hash (splitmix64) of the seed, the object, the purpose and the record's place
in the sequence of creation. So a column can be made alone and late, and the first records of a
large object are those of a small one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
DELETED_EVERY = 50
"""One record of so many is in the recycle bin, where the object has one."""
_FIRST_DELETED = 7

Rows = TypeVar("Rows", int, pl.Series)


def deleted(sequence: pl.Series) -> pl.Series:
    """Return which records are in the recycle bin, by their place in the sequence of creation."""
    return sequence % DELETED_EVERY == _FIRST_DELETED


def live_records(rows: Rows) -> Rows:
    """Return how many of the first so many records are not in the recycle bin."""
    return rows - (rows + DELETED_EVERY - 1 - _FIRST_DELETED) // DELETED_EVERY


def place_of_live_record(number: pl.Series) -> pl.Series:
    """Return the places in the sequence of creation of the live records with these numbers."""
    passed = (number - _FIRST_DELETED).clip(lower_bound=-1) // (DELETED_EVERY - 1) + 1
    return number + passed


def hashed_key(*parts: object) -> int:
    """Return 64 bits that depend on all the parts."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def random_bits(key: int, sequence: pl.Series) -> pl.Series:
    """Return 63 random bits for each place in a sequence (Int64), others for another key."""
    mixed = sequence.cast(pl.UInt64) * _word(_GOLDEN_GAMMA) + _word(key)
    for shift, factor in _MIX:
        mixed = (mixed ^ (mixed // _word(1 << shift))) * _word(factor)
    mixed = mixed ^ (mixed // _word(1 << _LAST_SHIFT))
    return (mixed // _word(2)).cast(pl.Int64)


@dataclass(frozen=True)
class Draw:
    """What a source of values may know about the column that it fills.

    Attributes:
        seed: The org's seed.
        sobject: Name of the object.
        field: Name of the field.
        sequence: Each row's place in the sequence of creation (Int64, from 0).
        until: The moment before which everything has happened.
        live_rows_of: How many records outside the recycle bin an object has; for lookups.
        live_ids_of: The ids of an object's records outside the recycle bin, by their number in
            the sequence of creation; for lookups.
        column: Another column of the same object; for formulas and names.
    """

    seed: int
    sobject: str
    field: str
    sequence: pl.Series
    until: datetime
    live_rows_of: Callable[[str], int]
    live_ids_of: Callable[[str, pl.Series], pl.Series]
    column: Callable[[str], pl.Series]

    def random(self, purpose: str | None = None) -> pl.Series:
        """Return 63 random bits for each row (Int64).

        Args:
            purpose: What they are for, where one field needs several, or several fields the same.
        """
        return random_bits(
            hashed_key(self.seed, self.sobject, purpose or self.field), self.sequence
        )

    def integers(self, low: int, high: int, purpose: str | None = None) -> pl.Series:
        """Return a random integer from low to high, both included, for each row (Int64)."""
        return self.random(purpose) % (high - low + 1) + low


def _word(number: int) -> pl.Series:
    return pl.Series([number], dtype=pl.UInt64)
