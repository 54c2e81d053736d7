"""The greatest value of a replication key, over blocks and pages in no order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

# How Bulk API 2.0 writes every datetime. Texts of this form sort as the moments they name.
_UNIFORM = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"


def find_greatest(column: pl.Series) -> str | None:
    """Find the latest date or datetime of a column.

    Args:
        column: Values of the replication key, as text.

    Returns:
        The latest, as text; None if there are no values.

    Raises:
        ResultPageError: If a value is not a date.
    """
    texts = column.drop_nulls()
    if texts.is_empty():
        return None
    if texts.str.contains(_UNIFORM).all():
        return str(texts.max())
    return _latest(texts.unique().to_list(), column.name)


def pick_later(maximum: str | None, text: str | None, *, replication_key: str) -> str | None:
    """Return the later of two values of a replication key; None stands for no value.

    Raises:
        ResultPageError: If one is not a date.
    """
    # Also for a single text, to check that it is a date.
    texts = [each for each in (text, maximum) if each is not None]
    return _latest(texts, replication_key) if texts else None


def _latest(texts: Iterable[str], replication_key: str) -> str:
    try:
        return max(texts, key=parse_datetime)
    except (OverflowError, ValueError) as error:
        raise ResultPageError(
            f"Replication key {replication_key} holds a value that is not a date: {error}"
        ) from error
