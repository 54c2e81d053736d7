"""A page is handed on only if it is the whole of what was announced and asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import requests
from result_page_bodies import received

from tap_sfbulk_pages.errors import ResultPageError, UnavailableError
from tap_sfbulk_pages.jobs.page_body import PageMemory
from tap_sfbulk_pages.jobs.page_download import PageDownload
from tap_sfbulk_pages.jobs.query import QueryJob
from tap_sfbulk_pages.watching.activity import RunActivity, on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'"Id","Name"\n"1","a"\n"2","b"\n'
COUNT = "Sforce-NumberOfRecords"
JOB = QueryJob("750x", "61.0", state="JobComplete", records=2)


def test_a_page_says_what_is_in_it() -> None:
    page = received(BODY, fields=["NAME"], headers={COUNT: "2", "Sforce-Locator": "next"})
    assert (page.locator, page.columns, page.records) == ("abc", ("Id", "Name"), 2)
    assert (page.text_bytes, page.next_locator) == (len(BODY), "next")
    assert b"".join(page.text_pieces()) == BODY


@pytest.mark.parametrize("locator", ["null", "", "  ", None])
def test_the_last_page_names_no_other(locator: str | None) -> None:
    headers = {} if locator is None else {"Sforce-Locator": locator}
    assert received(BODY, headers=headers).next_locator is None


@pytest.mark.parametrize("announced", ["1", "3", "0", "many"])
def test_a_page_with_another_number_of_records_is_refused(announced: str) -> None:
    with pytest.raises(UnavailableError, match=f"2 records; Salesforce announced {announced}"):
        received(BODY, headers={COUNT: announced})


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "application/json"])
def test_a_reply_of_another_kind_is_no_page(kind: str) -> None:
    with pytest.raises(UnavailableError, match="instead of a result page"):
        received(BODY, headers={"Content-Type": kind})


def test_no_content_is_no_page_unless_that_is_announced() -> None:
    with pytest.raises(UnavailableError, match="204"):
        received(b"", status=204, job_records=2)
    assert received(b"", status=204, headers={COUNT: "0"}).records == 0


def test_an_empty_page_that_is_not_counted_is_refused() -> None:
    with pytest.raises(UnavailableError, match="announced no number of records"):
        received(b"", fields=["Id"], job_records=3)
    assert received(b"", fields=["Id"], job_records=0).records == 0


def test_a_last_line_that_may_have_been_cut_is_refused() -> None:
    body, count = b"Id\n1\n2", {COUNT: "2"}
    with pytest.raises(UnavailableError, match="ends within a line"):
        received(body, fields=["Id"], headers=count, framed=False)
    assert received(body + b"\n", fields=["Id"], headers=count, framed=False).records == 2
    assert received(body, fields=["Id"], headers=count).records == 2


def test_a_page_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(UnavailableError, match=r"\['phone'\]"):
        received(BODY, fields=["Id", "Phone"])


def test_columns_are_named_by_their_place() -> None:
    page = received(BODY, fields=["Id", "Owner.Name"], by_place={1: "Owner.Name"})
    assert page.columns == ("Id", "Owner.Name")


def test_a_delimiter_that_is_unknown_is_an_error() -> None:
    with pytest.raises(ResultPageError, match="SPACE"):
        received(BODY, delimiter="SPACE")


class CutOff:
    """Loses the connection in the middle of the first page, and then gives it whole."""

    def __init__(self, memory: PageMemory) -> None:
        self._memory = memory

    def call(self, method: str, link: str, *, api_version: str, read: Any, headers: Any) -> Any:
        assert (method, link, api_version) == ("GET", "/r?locator=abc", "61.0")
        assert headers == {"Accept": "text/csv"}
        response = requests.Response()
        response.status_code = 200
        response.headers.update({"Transfer-Encoding": "chunked", COUNT: "2"})

        def cut() -> Iterator[bytes]:
            yield BODY[:20]
            raise UnavailableError("lost the connection")

        with pytest.raises(UnavailableError, match="Result page abc: lost the connection"):
            read(response, cut())
        assert self._memory.reserve(len(BODY)), "the first part is still held"
        self._memory.release(len(BODY))
        return read(response, iter([BODY]))


def test_a_page_that_is_cut_off_leaves_nothing_behind() -> None:
    memory = PageMemory(len(BODY))
    download = PageDownload(cast("Any", CutOff(memory)), memory, JOB, frozenset({"Id"}))
    stream = RunActivity().stream("Account")
    with on_behalf_of(stream):
        page = download.fetch("/r?locator=abc")
    assert b"".join(page.text_pieces()) == BODY
    assert stream.wire_bytes == len(BODY)
    assert not memory.reserve(1)
    page.close()
    assert memory.reserve(len(BODY))
