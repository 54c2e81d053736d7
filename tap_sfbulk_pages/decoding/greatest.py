"""The greatest value of a replication key, over blocks and pages in no order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import ResultPageError

if TYPE_CHECKING:
    from collections.abc import Iterable

# How Bulk API 2.0 writes every datetime. Texts of this form sort as the moments they name.
_is_uniform = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
).fullmatch


def find_greatest(column: Iterable[str | None], replication_key: str) -> str | None:
    """Find the latest date or datetime of a column.

    Args:
        column: Values of the replication key, as text.
        replication_key: The name of the column, for messages.

    Returns:
        The latest, as text; None if there are no values.

    Raises:
        ResultPageError: If a value is not a date.
    """
    texts = {text for text in column if text is not None}
    if not texts:
        return None
    if all(map(_is_uniform, texts)):
        return max(texts)
    return _latest(texts, replication_key)


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
            f"The replication key {replication_key} holds a value that is not a date ({error}). "
            "Choose another in the catalog, or FULL_TABLE."
        ) from error
