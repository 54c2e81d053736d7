"""The table that ends a log."""

from __future__ import annotations

import pytest

from tap_sfbulk_pages.watching.activity import READ, Phase, RunActivity
from tap_sfbulk_pages.watching.summary import HEADINGS, summary_rows, summary_text


def activity_of(*, empty: int) -> RunActivity:
    """Make a run with a slow stream, a failed one, and some that brought nothing."""
    activity = RunActivity()
    failed = activity.stream("Case")
    failed.note_call()
    failed.outcome = "The job is Failed."
    slow = activity.stream("Account")
    for _ in range(1_200):
        slow.note_call()
    slow.note_page_written(40_000)
    slow.note_page_received(4_100_000)
    slow.note_retry("cut short")
    slow.is_resumed = True
    slow.outcome = READ
    slow.periods[Phase.QUEUED].add(0, 1)
    slow.periods[Phase.RUNNING].add(1, 3.5)
    slow.periods[Phase.DOWNLOADING].add(3, 4)
    slow.periods[Phase.WRITING].add(3.5, 4.2)
    for number in range(empty):
        stream = activity.stream(f"Empty{number}")
        stream.note_call()
        stream.outcome = READ
    activity.stream("Untouched")
    return activity


def test_a_row_for_each_stream_that_was_begun_the_slowest_first() -> None:
    rows = summary_rows(activity_of(empty=1))
    assert [row[0] for row in rows] == ["Account", "Case", "Empty0"]
    assert all(len(row) == len(HEADINGS) for row in rows)
    account = ("40,000", "1", "4.1", "3.5", "1.0", "0.7", "1,200", "1", "resumed")
    assert rows[0] == ("Account", *account)
    assert rows[1][-1] == "failed"


def test_a_few_empty_streams_are_listed() -> None:
    text = summary_text(activity_of(empty=20), 1_300)
    assert "Empty19" in text
    assert "…" not in text
    assert text.splitlines()[0] == "This run:"
    assert "  40,000 records of 22 streams in " in text.splitlines()[-1]
    assert text.endswith(", with 1,300 API calls.")


def test_many_empty_streams_are_counted_and_the_failed_one_is_listed() -> None:
    text = summary_text(activity_of(empty=21), 1)
    assert "Empty" not in text
    assert "… and 21 streams without new records" in text
    assert "Case" in text
    assert "of 23 streams" in text


def test_a_run_without_streams() -> None:
    assert "0 records of 0 streams" in summary_text(RunActivity(), 0)


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (60, ["pages", "MB", "at Salesforce s", "downloading s", "writing s", "calls"]),
        (80, ["MB", "at Salesforce s", "downloading s", "writing s"]),
        (120, []),
        (200, []),
    ],
)
def test_no_number_is_cut_however_narrow_the_terminal_is(width: int, left_out: list[str]) -> None:
    activity = activity_of(empty=1)
    long = activity.stream("A_custom_object_with_a_long_name__c")
    long.note_call()
    long.note_page_written(123_456_789)
    long.is_resumed = True
    text = summary_text(activity, 1_234_567, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert [heading for heading in HEADINGS if heading not in lines[1]] == left_out
    assert "resumed" in next(line for line in lines if "123,456,789 " in line)
    assert "1,234,567 API calls." in " ".join(text.split())
    assert "A_custom_object_with_a_" in text
    # The slowest, then those of less than a second by their records.
    assert [line.split()[0][:8] for line in lines[2:5]] == ["Account", "A_custom", "Case"]
