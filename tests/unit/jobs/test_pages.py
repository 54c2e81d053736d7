"""All pages of a job are handed over, whichever way they are found and whatever is said of them."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_sfbulk_pages.errors import (
    ExtractionError,
    ListingError,
    RecordCountError,
    RefusedError,
    ResultPagesNotOfferedError,
)
from tap_sfbulk_pages.jobs.page_body import PageBody, PageMemory
from tap_sfbulk_pages.jobs.page_download import ResultPage
from tap_sfbulk_pages.jobs.page_lists import PageListCursor
from tap_sfbulk_pages.jobs.pages import JobPages, PageSource, verify_total
from tap_sfbulk_pages.jobs.parallel_pages import MOST_OPEN_GROUPS, ParallelPages
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.jobs.query import QueryJob
from tap_sfbulk_pages.jobs.serial_pages import SerialPages
from tap_sfbulk_pages.salesforce.addresses import locator_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A_PAGE = 5
REFUSAL = RefusedError("refused", status=404, error_code="", said="")


class OneThread:
    """Runs each task at once, where it is given."""

    count = 2
    are_idle = True

    def run(self, task: Callable[[], None]) -> None:
        task()


def job_of(records: int | None) -> QueryJob:
    return QueryJob("750x", "62.0", state="JobComplete", records=records)


def page(locator: str, *, records: int = A_PAGE, following: str | None = None) -> ResultPage:
    return ResultPage(
        locator=locator,
        columns=("Id",),
        delimiter=",",
        records=records,
        text_bytes=0,
        cuts=(),
        nul_characters=0,
        next_locator=following,
        received_at=datetime.now(timezone.utc),
        body=PageBody(PageMemory(0)),
        encoding=None,
    )


def read(pages: JobPages, progress: JobProgress, *, most: int | None = None) -> list[str]:
    """Take pages as a reading does, each one done before the next; stop in front of one."""
    taken: list[str] = []
    with closing(pages):
        for each in pages:
            if len(taken) == most:
                break
            taken.append(each.locator)
            progress.finish(each.locator, records=each.records, maximum=None)
    return taken


def restarted(progress: JobProgress) -> JobProgress:
    return JobProgress.load(json.loads(json.dumps(progress.save())))


class Lists:
    """Answers for each link with its list, an error by raising it."""

    def __init__(self, lists: dict[str, Any]) -> None:
        self._lists = lists
        self.asked: list[str] = []

    def fetch_json(self, link: str, *, parse: Callable[[Any], Any], **_: object) -> Any:
        self.asked.append(link)
        reply = self._lists[link]
        if isinstance(reply, Exception):
            raise reply
        return parse(reply)


FIRST = "/jobs/query/750x/resultPages"


def listed(locators: str, continuation: str | None = None, **others: Any) -> dict[str, Any]:
    links = [{"resultLink": f"/r?locator={locator}"} for locator in locators]
    return {"resultChunks": links, "nextRecordsUrl": continuation, **others}


def parallel(
    lists: dict[str, Any], progress: JobProgress, *, total: int | None
) -> tuple[ParallelPages, Lists, list[str]]:
    salesforce = Lists(lists)
    fetched: list[str] = []

    def fetch(link: str) -> ResultPage:
        fetched.append(locator_of(link))
        return page(locator_of(link))

    source = PageSource(job_of(total), progress, fetch, cast("Any", OneThread()))
    cursor = PageListCursor(progress.start)
    pages = ParallelPages(source, client=cast("Any", salesforce), cursor=cursor)
    return pages, salesforce, fetched


def test_every_list_is_followed_and_every_page_is_fetched_once() -> None:
    progress = JobProgress()
    pages, salesforce, fetched = parallel(
        {FIRST: listed("ab", "/2"), "/2": listed("bc", "/3"), "/3": listed("d")},
        progress,
        total=4 * A_PAGE,
    )
    assert read(pages, progress) == fetched == list("abcd")
    assert salesforce.asked == [FIRST, "/2", "/3"]
    assert not pages.is_doubtful


@pytest.mark.parametrize("most", range(5))
def test_what_is_done_is_not_fetched_again_by_a_later_run(most: int) -> None:
    lists = {FIRST: listed("ab", "/2"), "/2": listed("cd")}
    progress = JobProgress()
    before = read(parallel(lists, progress, total=4 * A_PAGE)[0], progress, most=most)
    progress = restarted(progress)
    pages, _, fetched = parallel(lists, progress, total=4 * A_PAGE)
    assert before + read(pages, progress) == list("abcd")
    assert not set(fetched).intersection(before)
    assert progress.records == 4 * A_PAGE


@pytest.mark.parametrize("total", [4 * A_PAGE, None])
def test_a_list_that_calls_itself_the_last_is_followed_while_records_are_missing(
    total: int | None,
) -> None:
    lists = {FIRST: listed("ab", "/2", done=True), "/2": listed("cd", done=True)}
    progress = JobProgress()
    pages, *_ = parallel(lists, progress, total=total)
    assert read(pages, progress) == list("abcd")
    assert progress.is_finished


def test_a_list_that_calls_itself_the_last_is_believed_where_the_total_fits() -> None:
    progress = JobProgress()
    pages, salesforce, _ = parallel(
        {FIRST: listed("ab", "/2", done=True)}, progress, total=2 * A_PAGE
    )
    assert read(pages, progress) == list("ab")
    assert salesforce.asked == [FIRST]
    assert pages.is_doubtful
    # The link that was not followed is not saved either.
    assert progress.save()["next_records_url"] is None
    assert progress.save()["locators_done"] == ["a", "b"]


BROKEN_LISTS = [
    pytest.param(REFUSAL, id="refused"),
    pytest.param({"unheard": []}, id="of an unknown form"),
    pytest.param(listed("", "/2"), id="in a circle"),
]


@pytest.mark.parametrize("broken", BROKEN_LISTS)
@pytest.mark.parametrize("total", [3 * A_PAGE, None])
def test_lists_that_break_off_are_an_error_after_their_pages(
    broken: Any, total: int | None
) -> None:
    progress = JobProgress()
    pages, *_ = parallel({FIRST: listed("ab", "/2"), "/2": broken}, progress, total=total)
    with pytest.raises(ListingError):
        read(pages, progress)
    # A later run begins where this one could not go on.
    assert progress.records == 2 * A_PAGE
    assert progress.save()["next_records_url"] == "/2"


@pytest.mark.parametrize("broken", BROKEN_LISTS)
def test_lists_that_break_off_do_not_matter_where_the_total_fits(broken: Any) -> None:
    progress = JobProgress()
    pages, *_ = parallel({FIRST: listed("ab", "/2"), "/2": broken}, progress, total=2 * A_PAGE)
    assert read(pages, progress) == list("ab")
    assert pages.is_doubtful


@pytest.mark.parametrize("first", [REFUSAL, {"unheard": []}])
def test_an_org_that_lists_no_pages_is_recognized(first: Any) -> None:
    progress = JobProgress()
    pages, *_ = parallel({FIRST: first}, progress, total=0)
    with pytest.raises(ResultPagesNotOfferedError):
        read(pages, progress)


def test_no_more_lists_are_asked_for_than_a_slow_page_may_hold_open() -> None:
    lists = {f"/{number}": listed("", f"/{number + 1}") for number in range(2, 200)}
    lists["/200"] = listed("b")
    progress = JobProgress()
    pages, salesforce, _ = parallel({FIRST: listed("a", "/2"), **lists}, progress, total=2 * A_PAGE)
    with closing(pages):
        assert next(iter(pages)).locator == "a"
        for _ in range(300):
            pages.prefetch()
        assert progress.open_groups <= MOST_OPEN_GROUPS
        assert len(salesforce.asked) <= MOST_OPEN_GROUPS
    progress = restarted(progress)
    pages, *_ = parallel({FIRST: listed("a", "/2"), **lists}, progress, total=2 * A_PAGE)
    assert read(pages, progress) == ["a", "b"]


def serial(
    chain: Sequence[ResultPage | Exception], progress: JobProgress, *, total: int | None
) -> tuple[SerialPages, list[str]]:
    """The page at the locator `n` is the n-th one; the first has none."""
    fetched: list[str] = []

    def fetch(link: str) -> ResultPage:
        locator = locator_of(link)
        fetched.append(locator)
        found = chain[0 if locator == link else int(locator)]
        if isinstance(found, Exception):
            raise found
        return page(locator, records=found.records, following=found.next_locator)

    return SerialPages(
        PageSource(job_of(total), progress, fetch, cast("Any", OneThread()))
    ), fetched


THREE = (page("", following="1"), page("", following="2"), page(""))


@pytest.mark.parametrize("total", [3 * A_PAGE, None, 99])
def test_each_page_leads_to_the_next(total: int | None) -> None:
    progress = JobProgress()
    pages, fetched = serial(THREE, progress, total=total)
    assert read(pages, progress) == fetched
    assert len(fetched) == 3
    assert progress.is_finished
    assert not pages.is_doubtful


@pytest.mark.parametrize("most", range(4))
@pytest.mark.parametrize("last", ["", "3"], ids=["end", "beyond the end"])
def test_a_serial_walk_is_taken_up_where_it_was_left(most: int, last: str) -> None:
    chain = (*THREE[:2], page("", following=last or None), REFUSAL)
    progress = JobProgress()
    before = read(serial(chain, progress, total=3 * A_PAGE)[0], progress, most=most)
    progress = restarted(progress)
    pages, fetched = serial(chain, progress, total=3 * A_PAGE)
    after = read(pages, progress)
    assert len(before + after) == len({*before, *after}) == 3
    assert not set(fetched).intersection(before)
    assert progress.records == 3 * A_PAGE
    assert progress.is_finished


@pytest.mark.parametrize("beyond", [REFUSAL, page("", records=0)], ids=["refused", "empty"])
def test_a_locator_after_the_last_record_may_lead_nowhere(beyond: Any) -> None:
    progress = JobProgress()
    pages, fetched = serial((page("", following="1"), beyond), progress, total=A_PAGE)
    assert len(read(pages, progress)) == 1
    assert len(fetched) == 2
    assert pages.is_doubtful


def test_a_circle_after_the_last_record_is_not_followed() -> None:
    progress = JobProgress()
    chain = (page("", following="1"), page("", following="1"))
    pages, fetched = serial(chain, progress, total=2 * A_PAGE)
    assert read(pages, progress) == fetched
    assert len(fetched) == 2
    assert pages.is_doubtful
    # Nor by a later run.
    again, fetched = serial(chain, restarted(progress), total=2 * A_PAGE)
    assert read(again, progress) == fetched == []


def test_pages_after_a_total_that_was_wrong_are_read() -> None:
    progress = JobProgress()
    pages, _ = serial(THREE, progress, total=2 * A_PAGE)
    assert len(read(pages, progress)) == 3
    assert progress.records == 3 * A_PAGE


@pytest.mark.parametrize(
    "chain",
    [(page("", following="1"), REFUSAL), (page("", following="1"), page("", following="1"))],
    ids=["refused", "circle"],
)
def test_a_serial_walk_without_an_end_is_an_error(chain: Any) -> None:
    progress = JobProgress()
    pages, _ = serial(chain, progress, total=3 * A_PAGE)
    with pytest.raises(ListingError):
        read(pages, progress)


def test_a_first_page_that_is_refused_is_an_error_though_the_job_is_empty() -> None:
    progress = JobProgress()
    pages, _ = serial((REFUSAL,), progress, total=0)
    with pytest.raises(ListingError):
        read(pages, progress)


def test_what_goes_wrong_with_a_page_is_raised() -> None:
    progress = JobProgress()
    pages, _ = serial((ExtractionError("no"),), progress, total=A_PAGE)
    with pytest.raises(ExtractionError, match="no"):
        read(pages, progress)


@pytest.mark.parametrize(
    ("told", "told_again", "is_doubtful", "fits"),
    [
        (9, None, False, True),
        (8, 9, False, True),
        (8, 8, False, False),
        (9, 8, True, False),
        (9, 9, True, True),
    ],
)
def test_a_total_is_asked_for_again_where_there_is_a_doubt(
    told: int, told_again: int | None, *, is_doubtful: bool, fits: bool
) -> None:
    progress = JobProgress()
    progress.records = 9
    asked: list[QueryJob] = []

    def refresh(job: QueryJob) -> QueryJob:
        asked.append(job)
        return job_of(told_again)

    jobs = cast("Any", SimpleNamespace(refresh=refresh))
    if fits:
        verify_total(jobs, job_of(told), progress, is_doubtful=is_doubtful)
    else:
        with pytest.raises(RecordCountError, match="hold 9 records, but Salesforce processed"):
            verify_total(jobs, job_of(told), progress, is_doubtful=is_doubtful)
    assert len(asked) == (told_again is not None)
