"""A stream paginates with `nextRecordsUrl` as its token, the very one that its reading follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_sfbulk_pages.errors import ListingError
from tap_sfbulk_pages.singer.streams.paginator import ResultPagesPaginator
from tap_sfbulk_pages.singer.streams.stream import BulkStream
from tap_sfbulk_pages.singer.tap import TapSFBulkPages

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox import SandboxServer

MORE = "/jobs/query/750x/resultPages?locator=c"


def reply(body: Any) -> requests.Response:
    response = requests.Response()
    response._content = json.dumps(body).encode()
    response.status_code = 200
    return response


def token_of(paginator: ResultPagesPaginator) -> str | None:
    token = paginator.current_value
    return token.geturl() if token else None


def test_paginator_follows_the_continuation_to_its_end() -> None:
    paginator = ResultPagesPaginator()
    assert token_of(paginator) is None
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": MORE, "done": False}))
    assert token_of(paginator) == MORE
    assert not paginator.finished
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": None, "done": True}))
    assert paginator.count == 2
    assert paginator.finished


def test_paginator_keeps_links_to_the_letter() -> None:
    link = "/jobs/query/750x/resultPages?locator=a%2Fb%3D&blank=&b=1&a=2"
    paginator = ResultPagesPaginator()
    paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": link}))
    assert token_of(paginator) == link


@pytest.mark.parametrize("begin", [None, MORE])
def test_paginator_refuses_a_circle(begin: str | None) -> None:
    paginator = ResultPagesPaginator(begin)
    for link in [MORE, "/b"] if begin is None else ["/b"]:
        paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": link}))
    with pytest.raises(ListingError, match="circle"):
        paginator.advance(reply({"resultChunks": [], "nextRecordsUrl": MORE}))


@pytest.mark.usefixtures("capsys")
def test_the_reading_of_a_stream_moves_its_paginator_on(
    start_sandbox: Callable[..., SandboxServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sandbox(rows={"Account": 19}, page_rows=3, links_per_reply=3)
    made: list[ResultPagesPaginator] = []
    make = BulkStream.get_new_paginator

    def noted(stream: BulkStream, begin: str | None = None) -> ResultPagesPaginator:
        made.append(make(stream, begin))
        return made[-1]

    monkeypatch.setattr(BulkStream, "get_new_paginator", noted)
    config = {
        "instance_url": server.url,
        "client_id": "app",
        "client_secret": "secret",
        "objects": ["Account"],
    }
    tap = TapSFBulkPages(config=config, parse_env_config=False)
    tap.streams["Account"].sync()
    (paginator,) = made
    lists = [call.path for call in server.calls if call.place == "list_pages"]
    assert len(lists) == 3
    assert paginator.finished
    assert (token_of(paginator) or "unset") in lists[-1]
