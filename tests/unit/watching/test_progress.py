"""Progress as a line and as a table."""

from __future__ import annotations

import io
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tap_sfbulk_pages.watching import progress
from tap_sfbulk_pages.watching.activity import READ, Phase, RunActivity

if TYPE_CHECKING:
    from tap_sfbulk_pages.watching.activity import StreamActivity

NAMES = [f"S{number}" for number in range(9)]


class Clock:
    """Stands still unless a test sets it."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def begun(activity: RunActivity, name: str) -> StreamActivity:
    stream = activity.stream(name)
    stream.note_call()
    return stream


def shown(activity: RunActivity, *, height: int, width: int = 120) -> str:
    console = Console(file=io.StringIO(), height=height, width=width)
    console.print(progress.progress_table(activity, NAMES, 17, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_in_the_log_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    activity = RunActivity()
    activity.stream("Account").note_call()
    activity.stream("Account").note_page_written(1234)
    told: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    monkeypatch.setattr(progress.logger, "info", lambda _, line: told.put(line))
    with progress.show_progress(activity, ["Account", "Lead"], lambda: 17):
        line = told.get(timeout=20)
    assert "0 of 2 streams ended, 1,234 records written" in line
    assert "17 API calls. Now: Account (reading)." in line


def test_no_line_comes_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(progress.logger, "info", lambda _, line: told.put(line))
    with pytest.raises(KeyError), progress.show_progress(RunActivity(), NAMES, lambda: 0):
        raise KeyError
    assert told.empty()


def test_a_line_names_five_streams_and_counts_the_rest() -> None:
    activity = RunActivity()
    for name in NAMES[:8]:
        begun(activity, name)
    begun(activity, NAMES[8]).outcome = READ
    activity.stream("S0").note_job("750a", "queued", phase=Phase.QUEUED)
    activity.stream("S1").note_page_written(5)
    activity.stream("S1").is_resumed = True
    line = progress.progress_line(activity, NAMES, 1)
    assert "1 of 9 streams ended, 5 records written" in line
    assert "1 API call. Now: S0 (queued), S1 (reading, resumed), S2 (asking), " in line
    assert line.endswith("S4 (asking) and 3 more.")


def test_a_line_before_anything_is_done() -> None:
    line = progress.progress_line(RunActivity(), NAMES, 0)
    assert line.endswith("0 API calls.")


def test_a_table_shows_as_many_streams_as_fit() -> None:
    activity = RunActivity()
    for name in NAMES:
        begun(activity, name)
    text = shown(activity, height=11)
    assert "0 of 9 streams ended" in text
    assert "Now:" not in text
    assert [name for name in NAMES if name in text] == NAMES[:3]
    assert [name for name in NAMES if name in shown(activity, height=1)] == NAMES[:1]


def test_a_state_that_nobody_knows_is_shown_as_it_is() -> None:
    activity = RunActivity(Clock())
    begun(activity, "S0").note_job("750a", "[/red]Odd[link=x]")
    assert "[/red]Odd[link=x]" in shown(activity, height=20)


def test_a_table_shows_what_is_left() -> None:
    clock = Clock()
    activity = RunActivity(clock)
    stream = begun(activity, "S0")
    stream.note_job("750a", "complete", records=400_000)
    with stream.during(Phase.DOWNLOADING):
        clock.seconds = 1_000
    stream.note_page_written(100_000)
    (row,) = (line for line in shown(activity, height=20).splitlines() if "S0" in line)
    cells = [cell.strip() for cell in row.strip("│┃ ").split("│")]
    assert cells == ["S0", "reading", "1", "100,000", "400,000", "100", "50:00"]


@pytest.mark.parametrize(("seconds", "rate"), [(0, ""), (0.9, ""), (1, " (1,234 a second)")])
def test_there_is_no_rate_before_there_is_anything_to_go_by(seconds: float, rate: str) -> None:
    clock = Clock()
    activity = RunActivity(clock)
    stream = begun(activity, "S0")
    stream.note_job("750a", "complete", records=400_000)
    with stream.during(Phase.DOWNLOADING):
        clock.seconds = seconds
    stream.note_page_written(1_234)
    line = progress.progress_line(activity, ["S0"], 17)
    assert f"1,234 records written{rate}, 17 API calls." in line
    (row,) = (line for line in shown(activity, height=20).splitlines() if "S0" in line)
    _, *cells, _ = (cell.strip() for cell in row.split("│"))
    assert cells[5:] == (["1,234", "5:23"] if rate else ["", ""])


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120, 200])
def test_no_number_is_cut_however_narrow_the_terminal_is(width: int) -> None:
    clock = Clock()
    activity = RunActivity(clock)
    names = [f"A_custom_object_with_a_long_name_{number}__c" for number in range(2)]
    for name in names:
        stream = begun(activity, name)
        stream.note_job("750a", "complete", records=123_456_789)
        stream.periods[Phase.DOWNLOADING].add(0, 1)
        stream.note_page_written(98_765_432)
        stream.is_resumed = True
    clock.seconds = 1_000
    console = Console(file=io.StringIO(), height=40, width=width)
    console.print(progress.progress_table(activity, names, 1_234_567, console))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if "A_custom_o" in line]
    assert len(rows) == 2
    # The last two are records a second and the time left.
    whole = {"1", "98,765,432", "123,456,789", "reading, resumed", "98,765", "4:09"}
    for row in rows:
        _, *cells = (cell.strip() for cell in row.strip("│ ").split("│"))
        assert "98,765,432" in cells
        assert set(cells) <= whole
    # The line above the table is wrapped.
    said = " ".join(console.file.getvalue().split())
    assert "197,530,864 records written (197,531 a second), 1,234,567 API calls." in said


def test_streams_with_most_to_do_come_first() -> None:
    activity = RunActivity()
    for name, records in (("S0", 10), ("S1", 3_000), ("S2", 200)):
        begun(activity, name).note_job("750a", "complete", records=records)
    begun(activity, "S3")
    text = shown(activity, height=40)
    places = [text.index(name) for name in ("S1", "S2", "S0", "S3")]
    assert places == sorted(places)
