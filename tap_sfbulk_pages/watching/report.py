"""The report of a run: a self-contained HTML page with a timeline of every stream."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from tap_sfbulk_pages.watching.activity import Phase
from tap_sfbulk_pages.watching.summary import HEADINGS, summary_rows
from tap_sfbulk_pages.words import format_count, format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_sfbulk_pages.watching.activity import RunActivity, StreamActivity

# Distances between marks on the axis, in seconds; the first that gives few enough marks is used.
_STEPS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400)
_MOST_MARKS = 10
_MOST_JOBS = 3
# The least width of a period, in percent of the run, so that short ones can be seen.
_THINNEST = 0.15


@dataclass(frozen=True)
class _Bar:
    """A period, in percent of the run."""

    phase: str
    left: float
    width: float
    title: str


@dataclass(frozen=True)
class _Mark:
    """A moment, in percent of the run."""

    left: float
    title: str


@dataclass(frozen=True)
class _Row:
    """A stream of the timeline."""

    name: str
    outcome: str
    remark: str
    jobs: str
    bars: list[_Bar]
    marks: list[_Mark]


def write_report(path: Path, activity: RunActivity, calls_made: int, *, ending: str) -> None:
    """Write the report of a run.

    Args:
        path: The file, which is written whole or not at all.
        activity: What the run has done.
        calls_made: The number of API calls.
        ending: How it has ended, in a sentence.

    Raises:
        OSError: If it cannot be written.
    """
    from jinja2 import Environment  # noqa: PLC0415 - only needed for a report

    source = files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    seconds = max(activity.seconds, 1e-3)
    begun = activity.slowest_first
    left_out = len(activity.streams) - len(begun)
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
    text = page.render(
        began_at=f"{activity.began_at:%Y-%m-%d %H:%M:%S} UTC",
        local_time=f"{activity.began_at.astimezone():%Y-%m-%d %H:%M:%S %Z}",
        host=activity.host,
        ending=ending,
        duration=format_duration(seconds),
        records=format_count(activity.records, "record"),
        calls=format_count(calls_made, "API call"),
        version=version("tap-sfbulk-pages"),
        phases=[phase.value for phase in Phase],
        axis=list(_axis(seconds)),
        rows=[_row(stream, seconds) for stream in begun],
        left_out=format_count(left_out, "further stream") if left_out else None,
        headings=HEADINGS,
        summary=summary_rows(activity),
        notes=[
            (stream.name, format_duration(n.at), n.text) for stream in begun for n in stream.notes
        ],
        failures=[(stream.name, stream.outcome) for stream in begun if stream.has_failed],
    )
    unfinished = path.with_name(f"{path.name}.part")
    # What a run that was killed has left, or a link that others have put there, is not followed.
    unfinished.unlink(missing_ok=True)
    # Names of fields and words of Salesforce are for nobody else on this machine.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def _row(stream: StreamActivity, seconds: float) -> _Row:
    bars = [
        _Bar(
            phase.value,
            100 * begin / seconds,
            max(100 * (min(end, seconds) - begin) / seconds, _THINNEST),
            f"{phase.value}, {format_duration(begin)} to {format_duration(end)}",
        )
        for phase in Phase
        for begin, end in stream.all_periods(phase)
        if begin < seconds
    ]
    marks = [
        _Mark(100 * note.at / seconds, f"{format_duration(note.at)}: {note.text}")
        for note in stream.notes
    ]
    outcome = "failed" if stream.has_failed else (stream.outcome or "unfinished")
    remark = format_count(stream.records, "record") + (", resumed" if stream.is_resumed else "")
    return _Row(stream.name, outcome, remark, _name_jobs(stream), bars, marks)


def _name_jobs(stream: StreamActivity) -> str:
    """Name the query jobs of a stream; many are counted."""
    jobs = list(stream.job_states)
    more = f" and {len(jobs) - _MOST_JOBS} more" if len(jobs) > _MOST_JOBS else ""
    return ", ".join(jobs[:_MOST_JOBS]) + more


def _axis(seconds: float) -> Iterator[_Mark]:
    step = next((each for each in _STEPS if seconds / each <= _MOST_MARKS), _STEPS[-1])
    at = 0.0
    while at <= seconds:
        yield _Mark(100 * at / seconds, format_duration(at))
        at += step
