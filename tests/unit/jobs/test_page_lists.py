"""The list of result pages is understood in every form that is in print."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlparse

import pytest
import requests

from tap_sfbulk_pages.errors import ListingError
from tap_sfbulk_pages.jobs.page_lists import ResultPageList, ResultPagesPaginator

LINKS = ("/jobs/query/750x/results?locator=a", "/jobs/query/750x/results?locator=b")
MORE = "/jobs/query/750x/resultPages?locator=c"


def reply(body: Any) -> requests.Response:
    response = requests.Response()
    response._content = json.dumps(body).encode()
    response.status_code = 200
    return response


def token_of(paginator: ResultPagesPaginator) -> str | None:
    token = paginator.current_value
    return token.geturl() if token else None


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


def test_paginator_follows_the_continuation_to_its_end() -> None:
    paginator = ResultPagesPaginator()
    assert token_of(paginator) is None
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": MORE, "done": False}))
    assert token_of(paginator) == MORE
    assert not paginator.finished
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": None, "done": True}))
    assert paginator.finished


def test_paginator_keeps_links_to_the_letter() -> None:
    link = "/jobs/query/750x/resultPages?locator=a%2Fb%3D&blank=&b=1&a=2"
    paginator = ResultPagesPaginator()
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": link}))
    assert token_of(paginator) == link


@pytest.mark.parametrize("start", [None, MORE])
def test_paginator_refuses_a_circle(start: str | None) -> None:
    paginator = ResultPagesPaginator(urlparse(start) if start else None)
    for link in [MORE, "/b"] if start is None else ["/b"]:
        paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": link}))
    with pytest.raises(ListingError, match="circle"):
        paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": MORE}))
