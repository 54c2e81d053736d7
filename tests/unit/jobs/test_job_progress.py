"""The account of pages is never wrong, whatever happens in whatever order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tap_sfbulk_pages.errors import ListingError, StateError
from tap_sfbulk_pages.jobs.progress import JobProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

LINKS_A_REPLY = 3
MOST_GROUPS = 8


class Job:
    """A job whose pages are listed in groups, each page with a number of records."""

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self.groups = [
            {f"locator-{number}-{place}": count for place, count in enumerate(group)}
            for number, group in enumerate(groups)
        ]
        self.records = {name: count for group in self.groups for name, count in group.items()}

    def link(self, number: int) -> str | None:
        """Return what lists a group; None for the first."""
        return f"/list?locator={number}" if number else None

    def continuation(self, number: int) -> str | None:
        """Return what a group's list leads to."""
        return self.link(number + 1) if number + 1 < len(self.groups) else None

    def number(self, link: str | None) -> int:
        """Tell which group a link lists."""
        return int(link.rpartition("=")[2]) if link else 0


def restarted(progress: JobProgress) -> JobProgress:
    """Save and load, as a run does that follows on a killed one."""
    return JobProgress.load(json.loads(json.dumps(progress.save())))


class ReadingOfAJob(RuleBasedStateMachine):
    """Lists, fetches, finishes and crashes in any order; every page is written, none forgotten."""

    @initialize(
        groups=st.lists(
            st.lists(st.integers(0, 9), min_size=1, max_size=LINKS_A_REPLY),
            min_size=1,
            max_size=MOST_GROUPS,
        )
    )
    def begin(self, groups: list[list[int]]) -> None:
        self.job = Job(groups)
        self.written: set[str] = set()
        self.finished: set[str] = set()
        self.progress = JobProgress()
        self.restart()

    def restart(self) -> None:
        self.next_group: int | None = self.job.number(self.progress.start)
        self.wanted: list[str] = []

    @precondition(lambda self: self.next_group is not None)
    @rule(repeated=st.booleans())
    def list_pages(self, repeated: bool) -> None:  # noqa: FBT001
        assert self.next_group is not None
        number = self.next_group
        locators = list(self.job.groups[number])
        continuation = self.job.continuation(number)
        fetch = self.progress.list_group(
            self.job.link(number), locators + locators[:repeated], continuation
        )
        # What is done is never fetched again; what is not done is fetched once.
        assert fetch == [each for each in locators if each not in self.finished]
        self.wanted += fetch
        self.next_group = number + 1 if continuation else None

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        locator = data.draw(st.sampled_from(self.wanted))
        self.wanted.remove(locator)
        self.progress.finish(
            locator, records=self.job.records[locator], maximum=max(self.finished | {locator})
        )
        self.finished.add(locator)

    @precondition(lambda self: self.finished)
    @rule(data=st.data())
    def finish_again(self, data: st.DataObject) -> None:
        before = self.progress.save()
        with pytest.raises(ListingError):
            self.progress.finish(
                data.draw(st.sampled_from(sorted(self.finished))), records=1, maximum=None
            )
        assert self.progress.save() == before

    @rule()
    def crash(self) -> None:
        self.progress = restarted(self.progress)
        self.restart()

    @invariant()
    def account_is_true(self) -> None:
        if not hasattr(self, "job"):
            return
        assert self.progress.records == sum(self.job.records[each] for each in self.finished)
        assert self.progress.is_finished == (not self.wanted)
        assert self.progress.maximum == (max(self.finished) if self.finished else None)

    @invariant()
    def saved_form_says_what_is_done(self) -> None:
        if not hasattr(self, "job"):
            return
        saved = self.progress.save()
        first = self.job.number(saved["next_records_url"])
        before = {name for group in self.job.groups[:first] for name in group}
        assert before | set(saved["locators_done"]) == self.finished
        assert not before & set(saved["locators_done"])

    def teardown(self) -> None:
        """Read on to the end, after one more crash: then everything is done."""
        if not hasattr(self, "job"):
            return
        self.crash()
        while self.next_group is not None or self.wanted:
            if self.next_group is not None:
                self.list_pages(repeated=False)
            for locator in list(self.wanted):
                self.wanted.remove(locator)
                self.progress.finish(locator, records=self.job.records[locator], maximum="z")
                self.finished.add(locator)
        assert self.finished == self.job.records.keys()
        assert self.progress.records == sum(self.job.records.values())
        assert self.progress.is_finished


ReadingOfAJob.TestCase.settings = settings(max_examples=80, stateful_step_count=30)
test_reading_of_a_job = ReadingOfAJob.TestCase


@given(order=st.permutations(range(9)), crash_after=st.integers(0, 9))
def test_any_order_of_finished_pages_leads_to_the_same(order: list[int], crash_after: int) -> None:
    job = Job([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    progress = JobProgress()
    for number, group in enumerate(job.groups):
        progress.list_group(job.link(number), list(group), job.continuation(number))
    names = list(job.records)
    for place in order[:crash_after]:
        progress.finish(names[place], records=job.records[names[place]], maximum=None)
    progress = restarted(progress)
    fetched = []
    for number in range(job.number(progress.start), 3):
        fetched += progress.list_group(
            job.link(number), list(job.groups[number]), job.continuation(number)
        )
    assert sorted(fetched) == sorted(names[place] for place in order[crash_after:])
    for name in fetched:
        progress.finish(name, records=job.records[name], maximum=None)
    assert progress.records == 45
    assert progress.is_finished


def test_finished_groups_collapse_into_the_continuation() -> None:
    job = Job([[1] * 5] * 2_000)
    progress = JobProgress()
    sizes = []
    for number, group in enumerate(job.groups):
        progress.list_group(job.link(number), list(group), job.continuation(number))
        for name in group:
            progress.finish(name, records=1, maximum="2026-01-01T00:00:00.000Z")
            sizes.append(len(json.dumps(progress.save())))
    assert progress.records == 10_000
    assert max(sizes) < 400


def test_a_page_listed_twice_is_fetched_once() -> None:
    progress = JobProgress()
    assert progress.list_group(None, ["a", "b", "a"], "/next") == ["a", "b"]
    assert progress.list_group("/next", ["b", "c"], None) == ["c"]


def test_a_page_that_was_never_listed_is_not_done() -> None:
    progress = JobProgress()
    with pytest.raises(ListingError):
        progress.finish("a", records=1, maximum=None)
    assert progress.records == 0


def test_an_empty_group_leads_on() -> None:
    progress = JobProgress()
    assert progress.list_group(None, [], "/next") == []
    assert restarted(progress).start == "/next"
    assert progress.list_group("/next", ["a"], None) == ["a"]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_page_of_a_list_that_is_done_is_not_counted_again(*, is_restarted: bool) -> None:
    progress = JobProgress()
    progress.list_group(None, ["a", "b"], "/second")
    for locator in ("a", "b"):
        progress.finish(locator, records=1, maximum=None)
    if is_restarted:
        progress = restarted(progress)
    assert progress.list_group("/second", ["b", "c"], None) == ["c"]
    progress.finish("c", records=1, maximum=None)
    assert progress.records == 3
    assert progress.is_finished


def test_more_pages_follow_after_all() -> None:
    progress = JobProgress()
    progress.list_group(None, ["a"], None)
    progress.finish("a", records=1, maximum=None)
    assert restarted(progress).start is None
    progress.extend("/more")
    assert restarted(progress).start == "/more"
    with pytest.raises(ListingError):
        JobProgress().extend("/more")


SOUND: dict[str, Any] = {
    "next_records_url": "/next",
    "locators_done": ["a"],
    "records_done": 1,
    "replication_key_maximum": "2026-01-01T00:00:00.000Z",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("next_records_url", 5),
        ("next_records_url", ["/next"]),
        ("locators_done", None),
        ("locators_done", "a"),
        ("locators_done", [1]),
        ("locators_done", {"a": 1}),
        ("locators_before", "a"),
        ("locators_before", [1]),
        ("records_done", None),
        ("records_done", -1),
        ("records_done", 1.5),
        ("records_done", True),
        ("records_done", "1"),
        ("replication_key_maximum", 5),
    ],
)
def test_a_broken_saved_form_is_refused(name: str, value: Any) -> None:
    with pytest.raises(StateError):
        JobProgress.load({**SOUND, name: value})


@pytest.mark.parametrize("name", ["locators_done", "records_done"])
def test_a_saved_form_that_lacks_something_is_refused(name: str) -> None:
    with pytest.raises(StateError):
        JobProgress.load({key: value for key, value in SOUND.items() if key != name})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SOUND, JSON_VALUES)))
def test_any_saved_form_is_understood_or_refused(saved: dict[str, Any]) -> None:
    try:
        progress = JobProgress.load(saved)
    except StateError:
        return
    assert progress.records == saved["records_done"]
    assert set(progress.save()["locators_done"]) == set(saved["locators_done"])
