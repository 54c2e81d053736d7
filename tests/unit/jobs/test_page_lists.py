"""The list of result pages is understood in every form that is in print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_sfbulk_pages.errors import (
    ExtractionError,
    ListingError,
    RefusedError,
    ResultPagesNotOfferedError,
    UnavailableError,
)
from tap_sfbulk_pages.jobs.page_lists import PageListCursor, ResultPageList, fetch_page_lists
from tap_sfbulk_pages.jobs.query import QueryJob

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = QueryJob("750x", "62.0", state="JobComplete")

LINKS = ("/jobs/query/750x/results?locator=a", "/jobs/query/750x/results?locator=b")
MORE = "/jobs/query/750x/resultPages?locator=c"


@pytest.mark.parametrize("prefix", ["", "/services/data/v62.0", "https://acme.my.salesforce.com/x"])
@pytest.mark.parametrize("continuation", ["nextRecordsUrl", "nextRecordUrl"])
@pytest.mark.parametrize("link", ["resultLink", "resultUrl"])
@pytest.mark.parametrize("pages", ["resultChunks", "resultPages"])
def test_every_form(pages: str, link: str, continuation: str, prefix: str) -> None:
    links = tuple(prefix + each for each in LINKS)
    body: Any = {
        pages: [{link: each} for each in links],
        continuation: prefix + MORE,
        "done": False,
    }
    listed = ResultPageList.parse(body)
    assert listed == ResultPageList(links=links, continuation=prefix + MORE, done=False)


@pytest.mark.parametrize(
    "last", [{"nextRecordsUrl": None}, {"nextRecordUrl": None}, {}, {"nextRecordsUrl": ""}]
)
@pytest.mark.parametrize("done", [True, False, None])
def test_every_end(last: dict[str, Any], done: Any) -> None:
    body: Any = {"resultChunks": [], **last, **({} if done is None else {"done": done})}
    assert ResultPageList.parse(body) == ResultPageList((), None, done)


def test_links_of_both_kinds_in_one_reply() -> None:
    body = {"resultPages": [{"resultLink": LINKS[0], "other": 1}, {"resultUrl": LINKS[1]}]}
    assert ResultPageList.parse(body).links == LINKS


def test_null_in_one_spelling_and_a_link_in_the_other() -> None:
    body: dict[str, Any] = {
        "resultPages": None,
        "resultChunks": [],
        "nextRecordsUrl": None,
        "nextRecordUrl": MORE,
    }
    assert ResultPageList.parse(body).continuation == MORE


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"locators": [], "done": True}, ["locators", "done"]),
        ({"resultPages": {"a": 1}}, ["resultPages"]),
        ({"resultPages": [{"href": "x", "id": 1}]}, ["href", "id"]),
        ({"resultPages": ["/a"]}, ["str"]),
        ({"resultPages": [{"resultUrl": 5}]}, ["resultUrl"]),
        ({"resultPages": [{"resultUrl": ""}]}, ["resultUrl"]),
        (["MTAwMDA"], ["list"]),
        ("text", ["str"]),
        (None, ["NoneType"]),
        ({"resultPages": [], "nextRecordsUrl": "http://[x"}, ["http://[x"]),
    ],
)
def test_an_unknown_form_is_an_error_that_names_its_keys(body: Any, named: list[str]) -> None:
    with pytest.raises(ListingError) as error:
        ResultPageList.parse(body)
    assert all(name in str(error.value) for name in named)


@pytest.mark.parametrize(
    ("done", "continuation", "contradicts_itself", "breaks_off"),
    [
        (True, MORE, True, False),
        (False, None, False, True),
        (False, MORE, False, False),
        (True, None, False, False),
        (None, MORE, False, False),
        (None, None, False, False),
    ],
)
def test_a_list_that_says_two_things_is_recognized(
    done: Any, continuation: str | None, *, contradicts_itself: bool, breaks_off: bool
) -> None:
    listed = ResultPageList((), continuation, done)
    assert (listed.contradicts_itself, listed.breaks_off) == (contradicts_itself, breaks_off)


class Salesforce:
    """Answers with the given lists in turn, an error by raising it, and keeps the links."""

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)
        self.links: list[str] = []

    def fetch_json(
        self, link: str, *, api_version: str, parse: Callable[[Any], Any], **_: object
    ) -> Any:
        assert api_version == JOB.api_version
        self.links.append(link)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return parse(reply)


def refused(status: int, error_code: str = "") -> RefusedError:
    return RefusedError("refused", status=status, error_code=error_code, said="")


def listed(continuation: str | None, *links: str, **others: Any) -> dict[str, Any]:
    pages = [{"resultLink": link} for link in links]
    return {"resultChunks": pages, "nextRecordsUrl": continuation, **others}


def fetch(begin: str | None, reply: Any) -> ResultPageList:
    return PageListCursor(begin).fetch(cast("Any", Salesforce(reply)), JOB)


@pytest.mark.parametrize("begin", [None, ""])
def test_cursor_walks_to_the_end(begin: str | None) -> None:
    salesforce = Salesforce(listed(MORE), listed("/b?x=%2F&blank="), listed(None))
    cursor = PageListCursor(begin)
    while not cursor.is_finished:
        cursor.advance(cursor.fetch(cast("Any", salesforce), JOB))
    assert salesforce.links == ["/jobs/query/750x/resultPages", MORE, "/b?x=%2F&blank="]


def test_cursor_stays_until_it_is_moved_on() -> None:
    salesforce = Salesforce(listed("/b"), listed("/b"))
    cursor = PageListCursor(MORE)
    first = cursor.fetch(cast("Any", salesforce), JOB)
    assert cursor.fetch(cast("Any", salesforce), JOB) == first
    assert salesforce.links == [MORE, MORE]
    assert cursor.link == MORE


def test_cursor_follows_a_list_that_calls_itself_the_last() -> None:
    cursor = PageListCursor()
    cursor.advance(ResultPageList((), MORE, done=True))
    assert cursor.link == MORE
    assert not cursor.is_finished


@pytest.mark.parametrize("begin", [None, MORE])
def test_cursor_refuses_a_circle_and_stays(begin: str | None) -> None:
    cursor = PageListCursor(begin)
    for link in [MORE, "/b"] if begin is None else ["/b"]:
        cursor.advance(ResultPageList((), link, done=False))
    with pytest.raises(ListingError, match="circle"):
        cursor.advance(ResultPageList((), MORE, done=False))
    assert cursor.link == "/b"
    assert not cursor.is_finished


@pytest.mark.parametrize(
    ("begin", "reply", "kind"),
    [
        (None, {"unheard": []}, ResultPagesNotOfferedError),
        (MORE, {"unheard": []}, ListingError),
        (None, refused(404), ResultPagesNotOfferedError),
        (None, refused(400), ResultPagesNotOfferedError),
        (None, refused(409), RefusedError),
        (MORE, refused(404), ListingError),
        (MORE, refused(409), ListingError),
        (None, refused(403, "API_DISABLED_FOR_ORG"), RefusedError),
        (MORE, refused(403, "API_DISABLED_FOR_ORG"), RefusedError),
        (None, UnavailableError("gone"), UnavailableError),
        (MORE, UnavailableError("gone"), UnavailableError),
    ],
)
def test_a_refusal_means_another_thing_for_the_first_list(
    begin: str | None, reply: Any, kind: type[ExtractionError]
) -> None:
    with pytest.raises(ExtractionError) as raised:
        fetch(begin, reply)
    assert type(raised.value) is kind


def test_all_lists_are_walked_through() -> None:
    salesforce = Salesforce(
        listed(MORE, *LINKS, done=True), listed("/b"), listed(None, "/c", done=True)
    )
    lists = list(fetch_page_lists(cast("Any", salesforce), JOB))
    assert [link for each in lists for link in each.links] == [*LINKS, "/c"]


@pytest.mark.parametrize(
    "last", [listed(None, done=False), listed(MORE), listed("/b"), refused(400), {"unheard": []}]
)
def test_lists_without_an_end_are_an_error(last: Any) -> None:
    salesforce = Salesforce(listed("/b"), last)
    with pytest.raises(ListingError):
        list(fetch_page_lists(cast("Any", salesforce), JOB, MORE))
