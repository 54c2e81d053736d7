"""Bodies of generated files: a few bytes of every value, as base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.draw import Draw

_SHORTEST, _LONGEST = 1, 600
_EVERY_BYTE = bytes(range(256))
_ENCODED = [base64.b64encode((_EVERY_BYTE * 3)[:length]).decode() for length in range(_LONGEST + 1)]
_BODIES = pl.Series(_ENCODED)


def body_text(draw: Draw) -> pl.Series:
    """Return a file for each record, as base64; none of them is empty."""
    return _BODIES.gather(_lengths(draw))


def body_length(draw: Draw) -> pl.Series:
    """Return how many bytes each record's file has."""
    return _lengths(draw).cast(pl.String)


def _lengths(draw: Draw) -> pl.Series:
    return draw.integers(_SHORTEST, _LONGEST, "length of the body")
