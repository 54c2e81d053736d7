"""A huge object in ranges: every record in one of them, and nothing done before it is written."""

from __future__ import annotations

import re
import threading
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import pytest
from object_questions import ask

from tap_sfbulk_pages.errors import QueryJobTooLongError
from tap_sfbulk_pages.reading import through_ranges
from tap_sfbulk_pages.reading.page import ReadingContext
from tap_sfbulk_pages.reading.through_ranges import SplitReading
from tap_sfbulk_pages.salesforce.clock import SalesforceClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_sfbulk_pages.reading.request import JobRequest

LEAST, MIDDLE = "2024-01-01T00:00:00.000Z", "2024-07-01T00:00:00.000Z"
GREATEST = "2025-01-01T00:00:00.000Z"


class Job:
    """Stands for `JobReading`: one page, or too long a time.

    Attributes:
        asked: The query of each job that was read, in order.
        too_long: The queries whose jobs take too long.
    """

    asked: list[str]
    too_long: set[str]

    def __init__(
        self,
        _: ReadingContext,
        request: JobRequest,
        *,
        on_finished: Callable[[str | None], None],
        is_divisible: bool,
        **__: Any,
    ) -> None:
        self.soql = cast("Any", request.query).soql
        self.job_id = None
        self._on_finished = on_finished
        assert is_divisible

    def prepare(self, *_: object) -> None:
        pass

    def keep(self) -> None:
        pass

    def prefetch(self) -> None:
        pass

    def close(self) -> None:
        pass

    def pages(self) -> Iterator[Any]:
        self.asked.append(self.soql)
        if self.soql in self.too_long:
            raise QueryJobTooLongError("too long")
        yield self.soql
        self._on_finished(MIDDLE)


@pytest.fixture(autouse=True)
def _jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "asked", [], raising=False)
    monkeypatch.setattr(Job, "too_long", set(), raising=False)
    monkeypatch.setattr(through_ranges, "JobReading", Job)


def reading_of(state: dict[str, Any], saved: list[Any], *, records: int = 0) -> SplitReading:
    def fetch_json(path: str, *, parse: Any, **_: Any) -> Any:
        begin = re.search(r">= (\S+)", unquote(path))
        least = begin[1] if begin else LEAST
        return parse({"records": [{"SystemModstamp": least if "ASC" in path else GREATEST}]})

    org = SimpleNamespace(
        client=SimpleNamespace(fetch_json=fetch_json, clock=SalesforceClock()),
        api_version="62.0",
        record_counts=lambda: {"Thing__c": records},
        settings=SimpleNamespace(max_concurrent_jobs=2),
        job_slots=threading.Semaphore(2),
    )
    context = ReadingContext(
        cast("Any", org),
        save=lambda: saved.append(state.get("ranges", "none")),
        new_cursor=cast("Any", None),
        waiting=nullcontext,
        tend=lambda: None,
    )
    return SplitReading(
        context, ask(state=state), state=state, may_cut=True, may_cut_by_size=records > 0
    )


def bounds_of(parts: list[dict[str, Any]]) -> list[tuple[str | None, str | None]]:
    return [(part["from"], part["until"]) for part in parts]


def assert_gapless(parts: list[dict[str, Any]]) -> None:
    bounds = bounds_of(parts)
    assert bounds[0][0] is None
    assert bounds[-1][1] is None
    assert [end for _, end in bounds[:-1]] == [begin for begin, _ in bounds[1:]]


def test_what_is_not_huge_is_one_job() -> None:
    state: dict[str, Any] = {}
    assert len(list(reading_of(state, [], records=10_000_000).pages())) == 1
    assert Job.asked == ["SELECT Id, Name FROM Thing__c"]
    assert state["replication_key_value"] == MIDDLE


def test_a_huge_object_is_cut_without_a_gap_and_dropped_when_all_is_written() -> None:
    state: dict[str, Any] = {}
    saved: list[Any] = []
    pages = reading_of(state, saved, records=11_000_000).pages()
    next(pages)
    parts = state["ranges"]["parts"]
    assert len(parts) == 5
    assert_gapless(parts)
    assert not any("done" in part for part in parts)
    assert saved[0] is state["ranges"]
    next(pages)
    assert sum("done" in part for part in state["ranges"]["parts"]) == 1
    assert "replication_key" not in state
    assert len(list(pages)) == 3
    assert len(set(Job.asked)) == 5
    assert state["ranges"] is None
    assert state["replication_key_value"] == MIDDLE


def test_a_job_that_takes_too_long_is_cut_and_so_is_a_range() -> None:
    state: dict[str, Any] = {}
    whole = ask().query.write().soql
    Job.too_long.add(whole)
    pages = reading_of(state, []).pages()
    first: Any = next(pages)
    assert len(state["ranges"]["parts"]) == 4
    assert_gapless(state["ranges"]["parts"])
    later = state["ranges"]["parts"][-1]
    too_long = f"{whole} WHERE SystemModstamp >= {later['from']}"
    assert first != too_long
    Job.too_long.add(too_long)
    read = [first]
    for soql in pages:
        read.append(soql)
        assert_gapless(state["ranges"]["parts"])
    assert len(read) == 7
    assert state["ranges"] is None


def test_a_range_that_cannot_be_read_leaves_the_bookmark() -> None:
    part = {"from": None, "until": MIDDLE, "done": True, "maximum": MIDDLE}
    query = ask().query
    saved = {
        "query": query.write().fingerprint,
        "cut_at": GREATEST,
        "parts": [part, {"from": MIDDLE, "until": None}],
    }
    state: dict[str, Any] = {"ranges": saved}
    reading = reading_of(state, [])
    # Nothing lies between two equal values: the range cannot be cut any further.
    reading._query = cast("Any", SimpleNamespace(find_bounds=lambda *_: [], sobject="Thing__c"))
    Job.too_long.add(f"{query.write().soql} WHERE SystemModstamp >= {MIDDLE}")
    with pytest.raises(QueryJobTooLongError):
        list(reading.pages())
    assert state["ranges"]["parts"] == saved["parts"]
    assert "replication_key" not in state


def test_ranges_of_another_query_are_dropped() -> None:
    part = {"from": None, "until": None, "done": True, "maximum": GREATEST}
    state: dict[str, Any] = {"ranges": {"query": "x", "cut_at": GREATEST, "parts": [part]}}
    assert len(list(reading_of(state, []).pages())) == 1
    assert state["replication_key_value"] == MIDDLE
