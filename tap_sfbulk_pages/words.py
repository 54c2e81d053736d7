"""How numbers, durations and tables are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def plural(number: int, noun: str) -> str:
    """Write a noun as its number asks for: `record`, `records`."""
    return noun if number == 1 else f"{noun}s"


def format_count(number: int, noun: str) -> str:
    """Write how many there are: `1 record`, `1,234 records`."""
    return f"{number:,} {plural(number, noun)}"


def duration(seconds: float) -> str:
    """Write a duration: `4.2 s`, `3:05`, `2:03:05`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def table_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out rows: the first and the last column to the left, the numbers between to the right.

    Args:
        rows: Cells, the headings first; as many in each row.

    Yields:
        A line for each row, without spaces at its end.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    for row in rows:
        cells = [
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
