"""How numbers, durations and tables are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def plural(number: int, noun: str) -> str:
    """Write a noun as its number asks for: `record`, `records`."""
    return noun if number == 1 else f"{noun}s"


def format_count(number: int, noun: str) -> str:
    """Write how many there are: `1 record`, `1,234 records`."""
    return f"{number:,} {plural(number, noun)}"


def format_duration(seconds: float) -> str:
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


def fit_columns(
    columns: Mapping[str, Sequence[str]],
    width: int,
    *,
    gap: int,
    left_out_first: Sequence[str],
    shortest_name: int,
) -> dict[str, list[str]]:
    """Make a table as narrow as a terminal without cutting a number.

    Columns are left out one after another; if that is not enough, the first column, which holds
    names, is shortened.

    Args:
        columns: Cells by heading; as many in each column.
        width: Of the terminal, in characters.
        gap: How many characters a column takes beside its cells.
        left_out_first: Headings of the columns that may be left out, in this order.
        shortest_name: Columns are left out rather than names cut to fewer characters than this.
    """
    fitting = {heading: list(cells) for heading, cells in columns.items()}

    def excess() -> int:
        widths = [max(map(len, [heading, *cells])) for heading, cells in fitting.items()]
        return sum(widths) + gap * len(widths) - width

    first = next(iter(fitting), "")
    longest = max(map(len, fitting.get(first, [])), default=0)
    for heading in left_out_first:
        if excess() <= 0:
            break
        if longest - excess() < shortest_name:
            fitting.pop(heading, None)
    if fitting and (too_wide := excess()) > 0:
        longest = max(longest - too_wide, 1)
        fitting[first] = [
            name if len(name) <= longest else f"{name[: longest - 1]}…" for name in fitting[first]
        ]
    return fitting
