"""What a run notes of itself stays true, and small."""

from __future__ import annotations

import itertools
import threading

from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.watching.activity import Periods, Phase, RunActivity, current, on_behalf_of

lengths = st.lists(
    st.tuples(st.floats(0, 1e6), st.floats(0, 1e3)).map(lambda each: (each[0], each[0] + each[1])),
    max_size=400,
)


@given(lengths)
def test_periods_stay_few_apart_and_in_order(periods: list[tuple[float, float]]) -> None:
    kept = Periods()
    for begin, end in sorted(periods, key=lambda each: each[1]):
        kept.add(begin, end)
    result = list(kept)
    assert len(result) <= 121
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(result))
    for begin, end in periods:
        assert any(a <= begin and end <= b for a, b in result)


def test_time_that_overlaps_is_counted_once() -> None:
    kept = Periods()
    for begin, end in [(0.0, 4.0), (1.0, 5.0), (2.0, 6.0), (8.0, 9.0)]:
        kept.add(begin, end)
    assert list(kept) == [(0.0, 6.0), (8.0, 9.0)]
    assert kept.seconds == 7.0


def test_gaps_that_are_not_drawn_are_not_counted() -> None:
    kept = Periods()
    for begin in range(1000):
        kept.add(begin, begin + 0.5)
    assert len(list(kept)) <= 121
    assert kept.seconds == 500.0


def test_the_phases_of_a_job_follow_its_states() -> None:
    stream = RunActivity().stream("Account")
    stream.note_job("750a", "queued", phase=Phase.QUEUED)
    stream.note_job("750a", "queued", phase=Phase.QUEUED)
    stream.note_job("750a", "running", phase=Phase.RUNNING)
    stream.note_job("750a", "complete", records=7)
    (queued,), (running,) = stream.periods[Phase.QUEUED], stream.periods[Phase.RUNNING]
    assert queued[1] == running[0]
    assert stream.expected_records == 7
    stream.note_job("750b", "running", phase=Phase.RUNNING)
    assert stream.expected_records is None


def test_a_thread_works_for_nobody_until_it_is_told() -> None:
    run = RunActivity()
    seen = []
    with on_behalf_of(run.stream("Account")):
        with on_behalf_of(run.stream("Contact")):
            seen.append(current())
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
        seen.append(current())
    assert seen == [run.stream("Contact"), None, run.stream("Account")]
