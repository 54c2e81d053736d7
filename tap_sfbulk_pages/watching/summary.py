"""What each stream of a run resulted in, as a table for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tap_sfbulk_pages.watching.activity import Phase
from tap_sfbulk_pages.words import fit_columns, format_count, format_duration, table_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.watching.activity import RunActivity, StreamActivity

HEADINGS = (
    "stream",
    "records",
    "pages",
    "MB",
    "at Salesforce s",
    "downloading s",
    "writing s",
    "calls",
    "retries",
    "",
)
# On a narrow terminal, in this order. What remains says what arrived, and what went wrong.
_LEFT_OUT_FIRST = (
    "writing s",
    "downloading s",
    "MB",
    "at Salesforce s",
    "pages",
    "calls",
    "retries",
)
_SHORTEST_NAME = 24
_INDENT, _GAP = "  ", 2
# If more streams than this are empty, they are counted instead of listed.
_MOST_EMPTY_ROWS = 20


def summary_rows(activity: RunActivity) -> list[tuple[str, ...]]:
    """Return a row for each stream that was begun, in the order of `slowest_first`.

    Returns:
        Cells in the order of `HEADINGS`: stream, records, pages, MB of result pages as received,
        seconds that its jobs waited and ran at Salesforce, seconds during which its pages were
        downloaded and written (these overlap, within a stream and between streams), calls,
        retries, and a remark.
    """
    return [_row(stream) for stream in activity.slowest_first]


def summary_text(activity: RunActivity, calls_made: int, width: int | None = None) -> str:
    """Return the table at the end of a run's log.

    Args:
        activity: What the run has done.
        calls_made: The number of API calls, including those that belong to no stream.
        width: Of the terminal that shows it; None for a log, whose lines may be of any length.
    """
    rows = summary_rows(activity)
    listed = [row for row in rows if row[1] != "0" or row[-1]]
    empty = [row for row in rows if row not in listed]
    if len(empty) <= _MOST_EMPTY_ROWS:
        listed, empty = rows, []
    total = (
        f"{format_count(activity.records, 'record')} of {format_count(len(rows), 'stream')} in "
        f"{format_duration(activity.seconds)}, with {format_count(calls_made, 'API call')}."
    )
    table = [HEADINGS, *listed]
    totals = [total]
    if width is not None:
        table = _fit(table, width - len(_INDENT))
        totals = textwrap.wrap(total, width - len(_INDENT))
    lines = list(table_lines(table))
    if empty:
        lines.append(f"… and {len(empty)} streams without new records")
    return f"\n{_INDENT}".join(["This run:", *lines, *totals])


def _fit(table: Sequence[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """Leave out columns, then shorten names, so that the lines of a table fit a width."""
    fitting = fit_columns(
        {heading: cells for heading, *cells in zip(*table, strict=True)},
        width + _GAP,
        gap=_GAP,
        left_out_first=_LEFT_OUT_FIRST,
        shortest_name=_SHORTEST_NAME,
    )
    return list(zip(*([heading, *cells] for heading, cells in fitting.items()), strict=True))


def _row(stream: StreamActivity) -> tuple[str, ...]:
    remarks = ["resumed"] if stream.is_resumed else []
    if stream.has_failed:
        remarks.append("failed")
    return (
        stream.name,
        f"{stream.records:,}",
        f"{stream.pages:,}",
        f"{stream.wire_bytes / 1_000_000:.1f}",
        f"{stream.seconds(Phase.QUEUED, Phase.RUNNING):.1f}",
        f"{stream.seconds(Phase.DOWNLOADING):.1f}",
        f"{stream.seconds(Phase.WRITING):.1f}",
        f"{stream.calls:,}",
        f"{stream.retries:,}",
        ", ".join(remarks),
    )
