"""Where the values of generated fields come from: functions that make a source of a column.

A source takes a `Draw` and returns the column as the text that Salesforce writes into CSV, one
row for each place of `draw.sequence`; null is an empty cell.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import polars as pl

from sfbulk_sandbox.sobjects.awkward_values import AWKWARD_TEXTS, LONGEST_TEXT
from sfbulk_sandbox.sobjects.draw import Draw, deleted, live_records
from sfbulk_sandbox.sobjects.java_numbers import java_doubles

ValueSource: TypeAlias = Callable[[Draw], pl.Series]

DATETIME_FORM = "%Y-%m-%dT%H:%M:%S.000Z"
"""How bulk results write a moment: always in UTC."""

_YEARS_OF_HISTORY = 5
_DAYS_OF_HISTORY = 365 * _YEARS_OF_HISTORY
_SECONDS_A_DAY = 86_400
_HOUR = 3_600
_THOUSAND = 1_000
_SHORTEST_BODY, _LONGEST_BODY = 1, 600
_EVERY_BYTE = bytes(range(256))
_ENCODED = [
    base64.b64encode((_EVERY_BYTE * 3)[:length]).decode() for length in range(_LONGEST_BODY + 1)
]
_BODIES = pl.Series(_ENCODED)


def nothing(draw: Draw) -> pl.Series:
    """Leave every cell empty."""
    return pl.repeat(None, len(draw.sequence), dtype=pl.String, eager=True)


def constant(text: str) -> ValueSource:
    """Write the same into every cell."""
    return lambda draw: pl.repeat(text, len(draw.sequence), dtype=pl.String, eager=True)


def one_of(*texts: str | None, purpose: str | None = None) -> ValueSource:
    """Choose among these values.

    Args:
        texts: The values.
        purpose: Fields with the same purpose, and as many values, choose the same place.
    """
    choices = pl.Series(texts, dtype=pl.String)
    return lambda draw: choices.gather(draw.random(purpose) % len(choices))


def in_turn(*texts: str | None) -> ValueSource:
    """Take these values one after the other, in the sequence of creation, and begin again."""
    values = pl.Series(texts, dtype=pl.String)
    return lambda draw: values.gather(draw.sequence % len(values))


def combined(*parts: str | tuple[str, ...]) -> ValueSource:
    """Put texts together: strings as they are, and of each tuple one of its texts."""

    def source(draw: Draw) -> pl.Series:
        pieces = [
            pl.lit(part)
            if isinstance(part, str)
            else pl.lit(pl.Series(part).gather(draw.random(f"{draw.field}{place}") % len(part)))
            for place, part in enumerate(parts)
        ]
        return pl.select(pl.concat_str(pieces).alias(draw.field)).to_series()

    return source


def with_longest_texts(draw: Draw) -> pl.Series:
    """Write the awkward texts in turn, and into two cells the longest that Salesforce keeps."""
    longest = {3: "x" * LONGEST_TEXT, 9: "é," * (LONGEST_TEXT // 2)}
    texts = in_turn(*AWKWARD_TEXTS)(draw)
    for place, text in longest.items():
        texts = texts.set(draw.sequence == place, text)
    return texts


def joined(separator: str, *fields: str) -> ValueSource:
    """Join other fields of the record; empty ones are left out."""

    def source(draw: Draw) -> pl.Series:
        columns = [pl.lit(draw.column(field)) for field in fields]
        text = pl.concat_str(columns, separator=separator, ignore_nulls=True)
        return pl.select(text.alias(draw.field)).to_series()

    return source


def numbered(head: str, width: int, tail: str = "") -> ValueSource:
    """Count the records in the sequence of creation, as an auto-number field does."""

    def source(draw: Draw) -> pl.Series:
        number = (draw.sequence + 1).cast(pl.String).str.pad_start(width, "0")
        return pl.Series([head], dtype=pl.String) + number + tail

    return source


def cut_to(length: int, source: ValueSource) -> ValueSource:
    """Keep the last characters of longer texts."""
    return lambda draw: source(draw).str.tail(length)


def digits(width: int) -> ValueSource:
    """Write a random number of so many digits, leading zeros included."""
    return lambda draw: draw.integers(0, 10**width - 1).cast(pl.String).str.pad_start(width, "0")


def integer(low: int, high: int) -> ValueSource:
    """Choose an integer, both ends included."""
    return lambda draw: draw.integers(low, high).cast(pl.String)


def double(low: int, high: int, scale: int = 0) -> ValueSource:
    """Choose a number between two integers, with at most so many digits after the decimal point."""
    unit = 10**scale
    return lambda draw: java_doubles(draw.integers(low * unit, high * unit), scale)


def boolean(percent_true: int) -> ValueSource:
    """Choose true in so many cases of a hundred."""
    return lambda draw: _boolean_text(draw.integers(0, 99) < percent_true)


def is_deleted(draw: Draw) -> pl.Series:
    """Return whether the record is in the recycle bin."""
    return _boolean_text(deleted(draw.sequence))


def _boolean_text(flags: pl.Series) -> pl.Series:
    return flags.cast(pl.String)


def matches(field: str, *texts: str) -> ValueSource:
    """Return whether another field of the record has one of these values."""
    return lambda draw: _boolean_text(draw.column(field).is_in(texts))


def sometimes(percent: int, source: ValueSource, together: str | None = None) -> ValueSource:
    """Fill so many cells of a hundred and leave the others empty.

    Args:
        percent: How many of a hundred are filled.
        source: Where the values come from.
        together: Fields with the same word here are filled or empty together.
    """

    def thinned(draw: Draw) -> pl.Series:
        filled = draw.integers(0, 99, f"{together or draw.field} filled") < percent
        return pl.select(pl.when(filled).then(source(draw)).alias(draw.field)).to_series()

    return thinned


def lookup(*sobjects: str) -> ValueSource:
    """Point at a record of one of these objects that is not in the recycle bin."""

    def source(draw: Draw) -> pl.Series:
        turn = draw.integers(0, len(sobjects) - 1, f"{draw.field} object")
        ids = nothing(draw)
        for place, sobject in enumerate(sobjects):
            if rows := draw.live_rows_of(sobject):
                targets = draw.live_ids_of(sobject, draw.random() % rows)
                ids = targets.zip_with(turn == place, ids)
        return ids

    return source


def earlier_record(draw: Draw) -> pl.Series:
    """Point at a record of the same object that was made before, so that no circle comes about."""
    earlier = live_records(draw.sequence)
    numbers = draw.random() % earlier.clip(lower_bound=1)
    return draw.live_ids_of(draw.sobject, numbers).zip_with(earlier > 0, nothing(draw))


def created(draw: Draw) -> pl.Series:
    """Return when each record was made: spread over five years, in the sequence of creation."""
    return datetime_text(_created_seconds(draw))


def last_modified(draw: Draw) -> pl.Series:
    """Return when a user last changed each record: for seven of ten the moment it was made."""
    return datetime_text(_modified_seconds(draw))


def system_modstamp(draw: Draw) -> pl.Series:
    """Return when each record last changed: for one in ten some time after the last user did."""
    modified = _modified_seconds(draw)
    by_automation = draw.integers(0, 9, "changed by automation") == 0
    later = modified + draw.integers(1, _HOUR, "until automation")
    stamp = later.zip_with(by_automation, modified).clip(upper_bound=_until_seconds(draw) - 1)
    return datetime_text(stamp)


def datetime_text(seconds: pl.Series) -> pl.Series:
    """Return moments, given in seconds since 1970, as bulk results write them."""
    return (seconds * _THOUSAND).cast(pl.Datetime("ms")).dt.strftime(DATETIME_FORM)


def _until_seconds(draw: Draw) -> int:
    return int(draw.until.timestamp())


def _created_seconds(draw: Draw) -> pl.Series:
    span = int(timedelta(days=_DAYS_OF_HISTORY).total_seconds())
    rows = len(draw.sequence)
    since_start = draw.sequence * span // rows + draw.random("created") % max(1, span // rows)
    return _until_seconds(draw) - span + since_start


def _modified_seconds(draw: Draw) -> pl.Series:
    made = _created_seconds(draw)
    never_changed = draw.integers(0, 9, "changed") < 7  # noqa: PLR2004 - seven of ten
    changed = made + draw.random("modified") % (_until_seconds(draw) - made)
    return made.zip_with(never_changed, changed)


def date_within_days(first: int, last: int) -> ValueSource:
    """Choose a date, counted in days from the end of the generated time."""

    def source(draw: Draw) -> pl.Series:
        today = _until_seconds(draw) // _SECONDS_A_DAY
        days = draw.integers(today + first, today + last)
        return days.cast(pl.Int32).cast(pl.Date).cast(pl.String)

    return source


def datetime_in_history(draw: Draw) -> pl.Series:
    """Choose a moment within the five years of generated time."""
    first = _until_seconds(draw) - _DAYS_OF_HISTORY * _SECONDS_A_DAY
    return datetime_text(draw.integers(first, _until_seconds(draw) - 1))


def product_of(first: str, second: str, scale: int, percent: int = 100) -> ValueSource:
    """Multiply two number fields of the record, and take so many percent: a formula's value."""

    def source(draw: Draw) -> pl.Series:
        factors = (draw.column(field).cast(pl.Float64) for field in (first, second))
        number = next(factors) * next(factors) * percent / 100
        return java_doubles((number * 10**scale).round().cast(pl.Int64), scale)

    return source


def body_text(draw: Draw) -> pl.Series:
    """Return a file for each record, as base64; none of them is empty."""
    return _BODIES.gather(_body_lengths(draw))


def body_length(draw: Draw) -> pl.Series:
    """Return how many bytes each record's file has."""
    return _body_lengths(draw).cast(pl.String)


def _body_lengths(draw: Draw) -> pl.Series:
    return draw.integers(_SHORTEST_BODY, _LONGEST_BODY, "length of the body")
