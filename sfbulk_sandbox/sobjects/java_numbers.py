"""Numbers as Salesforce writes them: Java's `Double.toString`.

Bulk results carry double, currency and percent values in that form (seen in live clients):
`150.0`, and `9.9213206E7` from 10,000,000 on.
"""

from __future__ import annotations

import math
from decimal import Decimal

import polars as pl

_LOWEST_PLAIN_EXPONENT = -3
_LOWEST_SCIENTIFIC_EXPONENT = 7


def java_double(number: float | Decimal) -> str:
    """Return the number in the form of `Double.toString`, with all the digits it has."""
    if not math.isfinite(number):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(number)).lower()]
    sign, digit_tuple, power = Decimal(
        repr(number) if isinstance(number, float) else number
    ).as_tuple()
    digits = "".join(map(str, digit_tuple)).lstrip("0")
    if not digits:
        return "-0.0" if sign else "0.0"
    exponent = len(digits) - 1 + int(power)
    digits = digits.rstrip("0")
    return ("-" if sign else "") + _place_point(digits, exponent)


def _place_point(digits: str, exponent: int) -> str:
    """Return significant digits with the point where Java puts it.

    Args:
        digits: Without zeros at either end.
        exponent: Power of ten of the first digit.
    """
    if not _LOWEST_PLAIN_EXPONENT <= exponent < _LOWEST_SCIENTIFIC_EXPONENT:
        return f"{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{whole}.{digits[exponent + 1 :] or '0'}"


def java_doubles(unscaled: pl.Series, scale: int) -> pl.Series:
    """Return a column of `unscaled / 10**scale` in the form of `Double.toString`.

    Args:
        unscaled: Integers. None of them is lost in a float on the way.
        scale: Digits after the decimal point.
    """
    magnitude = pl.col("unscaled").abs().cast(pl.String)
    exponent = magnitude.str.len_bytes().cast(pl.Int64) - 1 - scale
    text = _plain(pl.col("unscaled").abs(), scale)
    is_plain = (pl.col("unscaled") == 0) | exponent.is_between(
        _LOWEST_PLAIN_EXPONENT, _LOWEST_SCIENTIFIC_EXPONENT - 1
    )
    frame = unscaled.alias("unscaled").to_frame()
    if not frame.select(is_plain.all()).item():
        text = pl.when(is_plain).then(text).otherwise(_scientific(magnitude, exponent))
    sign = pl.when(pl.col("unscaled") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return frame.select(pl.concat_str(sign, text).alias("number")).to_series()


def _plain(magnitude: pl.Expr, scale: int) -> pl.Expr:
    unit = 10**scale
    whole = (magnitude // unit).cast(pl.String)
    if scale == 0:
        return pl.concat_str(whole, pl.lit(".0"))
    fraction = (magnitude % unit + unit).cast(pl.String).str.slice(1)
    first_digit, rest = fraction.str.slice(0, 1), fraction.str.slice(1)
    return pl.concat_str(whole, pl.lit("."), first_digit, rest.str.strip_chars_end("0"))


def _scientific(magnitude: pl.Expr, exponent: pl.Expr) -> pl.Expr:
    rest = _or_zero(magnitude.str.slice(1).str.strip_chars_end("0"))
    first = magnitude.str.slice(0, 1)
    return pl.concat_str(first, pl.lit("."), rest, pl.lit("E"), exponent.cast(pl.String))


def _or_zero(digits: pl.Expr) -> pl.Expr:
    """Return the digits, or `0` where there are none left."""
    return pl.when(digits == "").then(pl.lit("0")).otherwise(digits)
