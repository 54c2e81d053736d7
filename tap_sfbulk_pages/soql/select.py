"""The SOQL of a query job.

No ORDER BY, and no LIMIT in a real run: they switch off the automatic PK chunking and make jobs
time out (Bulk API 2.0 guide, "Create a Query Job"). Rows therefore come in no particular order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def select(
    sobject: str,
    fields: Sequence[str],
    *,
    replication_key: str | None = None,
    lower_bound: str | None = None,
    within: str | None = None,
    condition: str | None = None,
    limit: int | None = None,
) -> str:
    """Write the query for an sObject.

    Args:
        sobject: Its name.
        fields: The fields to read, in order.
        replication_key: The field of `lower_bound`.
        lower_bound: A date or datetime literal; rows at the bound are read too. None: every row.
        within: A condition on the range that is read.
        condition: The user's own condition, added with AND.
        limit: To read only a few rows.

    Returns:
        SOQL text.
    """
    conditions = [within] if within else []
    if replication_key and lower_bound:
        conditions.append(f"{replication_key} >= {lower_bound}")
    if condition:
        conditions.append(f"({condition})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    last = f" LIMIT {limit}" if limit is not None else ""
    return f"SELECT {', '.join(fields)} FROM {sobject}{where}{last}"  # noqa: S608 - SOQL only reads
