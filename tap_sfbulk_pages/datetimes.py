"""Dates and datetimes, as Salesforce, SOQL and saved states write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse_datetime(text: str) -> datetime:
    """Read a date or datetime of Salesforce, or of a saved state.

    Returns:
        Aware, UTC; a date is its midnight.

    Raises:
        ValueError: If it is neither.
    """
    zoned = re.sub(r"Z$", "+00:00", re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text.strip()))
    # Python 3.10 reads three or six digits of a second only.
    zoned = re.sub(r"\.(\d+)", lambda match: f".{match[1]:0<6.6}", zoned)
    moment = datetime.fromisoformat(zoned)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(
        timezone.utc
    )


def format_literal(moment: datetime, schema: Mapping[str, Any]) -> str:
    """Write a bound as SOQL does, by the JSON schema of its field: dates and datetimes bare."""
    if schema.get("format") == "date":
        return moment.date().isoformat()
    return f"{moment.astimezone(timezone.utc).isoformat(timespec='milliseconds')[:-6]}Z"
