"""Progress during a run: a live table on a terminal (Rich), a line a minute in a log."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_sfbulk_pages.watching.activity import Phase
from tap_sfbulk_pages.words import fit_columns, format_count, format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, Group

    from tap_sfbulk_pages.watching.activity import RunActivity, StreamActivity

SECONDS_BETWEEN_LINES = 60.0
_REFRESHES_PER_SECOND = 4
# Lines of the terminal that are left for other output.
_LINES_LEFT = 8
_STREAMS_IN_A_LINE = 5
# What comes in the first moments says nothing of what a second brings.
_SECONDS_BEFORE_A_RATE = 1.0
_NAME, _JOB = "stream", "job"
# On a narrow terminal, in this order.
_LEFT_OUT_FIRST = ("pages", "a second", _JOB, "of", "left")
_SHORTEST_NAME = 12
# Rich frames each cell and closes each row.
_FRAME_OF_A_CELL, _END_OF_A_ROW = 3, 1

logger = logging.getLogger(__name__)


@contextmanager
def show_progress(
    activity: RunActivity, streams: Sequence[str], calls_made: Callable[[], int]
) -> Iterator[None]:
    """Show the progress of a run until the context ends.

    Args:
        activity: What the run does.
        streams: The names of the streams that it reads.
        calls_made: Returns the number of API calls so far.
    """
    # If records are written to the terminal too, they would tear the table apart.
    if sys.stderr.isatty() and not sys.stdout.isatty():
        with _display_table(activity, streams, calls_made):
            yield
    else:
        with _log_progress(activity, streams, calls_made):
            yield


def terminal_width() -> int | None:
    """Return the width of the terminal that shows the log, or None if it goes elsewhere."""
    if not sys.stderr.isatty():
        return None
    from rich.console import Console  # noqa: PLC0415 - not needed where there is no terminal

    return Console(stderr=True).width


@contextmanager
def _log_progress(
    activity: RunActivity, streams: Sequence[str], calls_made: Callable[[], int]
) -> Iterator[None]:
    is_over = threading.Event()

    def log_lines() -> None:
        while not is_over.wait(SECONDS_BETWEEN_LINES):
            logger.info("%s", progress_line(activity, streams, calls_made()))

    threading.Thread(target=log_lines, name="sfbulk-progress", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


@contextmanager
def _display_table(
    activity: RunActivity, streams: Sequence[str], calls_made: Callable[[], int]
) -> Iterator[None]:
    from rich.console import Console  # noqa: PLC0415 - not needed where there is no terminal
    from rich.live import Live  # noqa: PLC0415

    console = Console(stderr=True)
    terminal = sys.stderr
    live = Live(
        get_renderable=lambda: progress_table(activity, streams, calls_made(), console),
        console=console,
        refresh_per_second=_REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
    )
    with live:
        # Log lines go above the table, not through it.
        _log_to(terminal, sys.stderr)
        try:
            yield
        finally:
            _log_to(sys.stderr, terminal)


def _log_to(before: object, after: object) -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is before:
            handler.setStream(after)


def progress_line(activity: RunActivity, streams: Sequence[str], calls_made: int) -> str:
    """Describe the progress of a run in one line."""
    ended = [name for name in streams if activity.stream(name).outcome]
    going_on = _going_on(activity, streams)
    rate = _records_a_second(activity.records, activity.seconds)
    listed = going_on[:_STREAMS_IN_A_LINE]
    doing = ", ".join(f"{stream.name} ({_doing(stream)})" for stream in listed)
    more = f" and {len(going_on) - len(listed)} more" if len(going_on) > len(listed) else ""
    return (
        f"After {format_duration(activity.seconds)}: "
        f"{len(ended)} of {format_count(len(streams), 'stream')} ended, "
        f"{format_count(activity.records, 'record')} written"
        f"{'' if rate is None else f' ({rate:,.0f} a second)'}, "
        f"{format_count(calls_made, 'API call')}." + (f" Now: {doing}{more}." if doing else "")
    )


def progress_table(
    activity: RunActivity, streams: Sequence[str], calls_made: int, console: Console
) -> Group:
    """Return a line and a table of the streams that are being read, as many as fit the terminal."""
    from rich.console import Group  # noqa: PLC0415 - not needed where there is no terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = _going_on(activity, streams)[: max(console.height - _LINES_LEFT, 1)]
    rows = [_cells(stream) for stream in shown]
    columns = fit_columns(
        {heading: [row[heading] for row in rows] for heading in rows[0]} if rows else {},
        console.width - _END_OF_A_ROW,
        gap=_FRAME_OF_A_CELL,
        left_out_first=_LEFT_OUT_FIRST,
        shortest_name=_SHORTEST_NAME,
    )
    table = Table()
    for heading, cells in columns.items():
        # As wide as what is in it: Rich would cut numbers before it leaves out a column.
        width = max(map(len, [heading, *cells]))
        is_text = heading in (_NAME, _JOB)
        table.add_column(
            heading, justify="left" if is_text else "right", no_wrap=True, min_width=width
        )
    for row in zip(*columns.values(), strict=True):
        # A bare text would be read as Rich's markup, and a state of a job is another party's text.
        table.add_row(*map(Text, row))
    line = progress_line(activity, streams, calls_made).partition(" Now:")[0]
    # The last line is empty, so that lines of the target begin below the table, not beside it.
    return Group(Text(line, style="italic"), table, Text())


def _cells(stream: StreamActivity) -> dict[str, str]:
    rate, left = _rate(stream), _records_left(stream)
    expected = stream.expected_records
    return {
        _NAME: stream.name,
        _JOB: _doing(stream),
        "pages": f"{stream.pages:,}",
        "records": f"{stream.records:,}",
        "of": "" if expected is None else f"{expected:,}",
        "a second": f"{rate:,.0f}" if rate else "",
        "left": format_duration(left / rate) if rate and left is not None else "",
    }


def _going_on(activity: RunActivity, streams: Sequence[str]) -> list[StreamActivity]:
    """Return the streams that are being read, those with most to do first."""
    going_on = [stream for name in streams if (stream := activity.stream(name)).is_going_on]
    return sorted(going_on, key=lambda stream: -(_records_left(stream) or 0))


def _records_left(stream: StreamActivity) -> int | None:
    """Return how many records are still to be written; None until the job is complete."""
    expected = stream.expected_records
    return None if expected is None else max(expected - stream.records, 0)


def _doing(stream: StreamActivity) -> str:
    """Return what a stream is doing: the state of its job, or reading."""
    if stream.pages or stream.seconds(Phase.WRITING):
        return "reading, resumed" if stream.is_resumed else "reading"
    return ", ".join(dict.fromkeys(stream.job_states.values())) or "asking"


def _rate(stream: StreamActivity) -> float:
    """Return records per second since the first page was requested; 0 if that is not known."""
    begins = [begin for begin, _ in stream.periods[Phase.DOWNLOADING]]
    return _records_a_second(stream.records, stream.now - begins[0]) or 0.0 if begins else 0.0


def _records_a_second(records: int, seconds: float) -> float | None:
    """Return how many records a second brings; None until there is something to go by."""
    return records / seconds if seconds >= _SECONDS_BEFORE_A_RATE else None
