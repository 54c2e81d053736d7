"""How a database holds what Salesforce has."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from salesforce_data import expected_records, fields_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox import SandboxServer


def stored(value: Any, type_: str) -> Any:
    """Return what a value of a Salesforce type is in a table."""
    if value is None:
        return None
    if type_ == "date":
        return date.fromisoformat(value)
    if type_ == "datetime":
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    if type_ == "time":
        return time.fromisoformat(value.removesuffix("Z"))
    return value


def expected_rows(
    server: SandboxServer, sobject: str, *, fields: Sequence[str] | None = None, where: str = ""
) -> list[dict[str, Any]]:
    """Return the rows that an object must have become, ordered by key."""
    types = fields_of(server, sobject)
    records = expected_records(server, sobject, fields=fields, where=where)
    rows = [{name: stored(each[name], types[name]) for name in each} for each in records]
    return sorted(rows, key=lambda row: str(row["Id"]))


def by_id(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order rows by key; none is dropped."""
    return sorted(rows, key=lambda row: str(row["Id"]))
