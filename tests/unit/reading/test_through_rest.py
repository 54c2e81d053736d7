"""A query through REST: each page counted, and the cursor moved only when it has been written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from object_questions import ask
from tap_process import in_use

from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.errors import RecordCountError, RefusedError
from tap_sfbulk_pages.jobs.fetching import DownloadThreads
from tap_sfbulk_pages.jobs.page_body import PageMemory
from tap_sfbulk_pages.reading.page import ReadingContext
from tap_sfbulk_pages.reading.through_rest import RestReading
from tap_sfbulk_pages.salesforce.clock import SalesforceClock

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMPS = ["2025-01-01T00:00:00.000+0000", "2025-01-02T00:00:00.000+0000"]
NAMES = ("Id", "Name", "SystemModstamp")


def reply(number: int, *, total: int = 2, following: str | None = None) -> dict[str, Any]:
    record = {"Id": f"{number}", "Name": "a\0b", "SystemModstamp": STAMPS[number]}
    return {
        "records": [record],
        "totalSize": total,
        "done": following is None,
        "nextRecordsUrl": following,
    }


class Replies:
    """Answers each link with what is given for it; None is the query itself."""

    def __init__(self, replies: dict[str | None, Any]) -> None:
        self._replies = replies
        self.clock = SalesforceClock()
        self.asked: list[str | None] = []

    def fetch_json(self, link: str, *, parse: Any, **_: Any) -> Any:
        key = None if "?q=" in link else link
        self.asked.append(key)
        answer = self._replies[key]
        if isinstance(answer, Exception):
            raise answer
        return parse(answer)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def reading_of(
    replies: Replies, state: dict[str, Any], executor: ThreadPoolExecutor
) -> RestReading:
    org = SimpleNamespace(
        client=replies,
        memory=PageMemory(1_000_000),
        threads=DownloadThreads(1),
        encoders=executor,
        api_version="62.0",
    )
    context = ReadingContext(
        cast("Any", org),
        save=lambda: None,
        new_cursor=cast("Any", None),
        waiting=nullcontext,
        tend=lambda: None,
    )
    question = ask(NAMES, state=state)
    return RestReading(
        context,
        question.request(),
        name="Thing__c",
        datetimes={"SystemModstamp"},
        state=state,
        on_finished=question.finish,
    )


def written(reading: RestReading) -> Iterator[bytes]:
    for page in reading.pages():
        yield b"".join(lines.text for lines in page.lines(JSON_LINES))


def test_the_cursor_moves_when_the_next_page_is_asked_for(executor: ThreadPoolExecutor) -> None:
    replies = Replies({None: reply(0, following="/2"), "/2": reply(1)})
    state: dict[str, Any] = {}
    reading = reading_of(replies, state, executor)
    pages = written(reading)
    assert next(pages) == b'{"Id":"0","Name":"ab","SystemModstamp":"2025-01-01T00:00:00.000Z"}\n'
    # As the jobs that run ahead do while a page is being written.
    reading.keep()
    assert state == {}
    assert b'"Id":"1"' in next(pages)
    reading.keep()
    saved = state["rest_query"]
    assert (saved["next_records_url"], saved["records_done"]) == ("/2", 1)
    assert saved["replication_key_maximum"] == "2025-01-01T00:00:00.000Z"
    assert list(pages) == []
    assert in_use(state) == {
        "replication_key": "SystemModstamp",
        "replication_key_value": "2025-01-02T00:00:00.000Z",
    }


def test_a_saved_cursor_is_followed(executor: ThreadPoolExecutor) -> None:
    first = Replies({None: reply(0, following="/query/0r8-2"), "/query/0r8-2": reply(1)})
    state: dict[str, Any] = {}
    pages = written(reading_of(first, state, executor))
    next(pages)
    next(pages)
    cast("Any", pages).close()
    second = Replies({"/query/0r8-2": reply(1)})
    (line,) = written(reading_of(second, state, executor))
    assert b'"Id":"1"' in line
    assert second.asked == ["/query/0r8-2"]
    assert state["rest_query"] is None


def test_a_cursor_that_has_expired_begins_again_once(executor: ThreadPoolExecutor) -> None:
    gone = RefusedError("gone", status=400, error_code="INVALID_QUERY_LOCATOR", said="gone")
    replies = Replies({None: reply(0, following="/2"), "/2": gone})
    with pytest.raises(RefusedError):
        list(written(reading_of(replies, {}, executor)))
    assert replies.asked == [None, "/2", None, "/2"]


@pytest.mark.parametrize("total", [1, 3])
def test_pages_that_do_not_add_up_leave_nothing_behind(
    executor: ThreadPoolExecutor, total: int
) -> None:
    replies = Replies({None: reply(0, following="/2", total=total), "/2": reply(1, total=total)})
    state: dict[str, Any] = {}
    with pytest.raises(RecordCountError, match=f"counts {total}"):
        list(written(reading_of(replies, state, executor)))
    assert not any(state.values())


def test_a_page_that_is_not_read_is_not_done(executor: ThreadPoolExecutor) -> None:
    state: dict[str, Any] = {}
    pages = reading_of(Replies({None: reply(0, total=1)}), state, executor).pages()
    next(pages)
    with pytest.raises(AssertionError, match="before all of its blocks were read"):
        next(pages)
    assert state == {}


@pytest.mark.parametrize(
    "changed", [{"done": True}, {"done": False, "nextRecordsUrl": None}, {"records": []}]
)
def test_a_reply_that_contradicts_itself_is_no_page(
    executor: ThreadPoolExecutor, changed: dict[str, Any]
) -> None:
    """Outside of this test the client makes such a call again."""
    replies = Replies({None: {**reply(0, following="/2"), **changed}})
    with pytest.raises(ValueError, match="contradict"):
        list(reading_of(replies, {}, executor).pages())
