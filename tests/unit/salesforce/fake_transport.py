"""Replies without a network."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from tap_sfbulk_pages.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

ORG = "https://acme.my.salesforce.com"


class FakeTransport:
    """Stands in for `transport.Transport`.

    Args:
        replies: One after another; a status and the body (JSON unless text), headers if wanted,
            or an error. The last one repeats.
    """

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)
        self.requests: list[requests.PreparedRequest] = []

    @contextmanager
    def send(
        self, method: str, url: str, *, headers: Any, json: Any = None, form: Any = None
    ) -> Iterator[requests.Response]:
        request = requests.Request(method, url, headers=headers, json=json, data=form).prepare()
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        yield response(request, *reply)

    def body_chunks(self, reply: requests.Response) -> Iterator[bytes]:
        yield reply.content

    def whole_body(self, reply: requests.Response, _largest: int = 0) -> bytes:
        return reply.content

    error_body = whole_body


def response(
    request: requests.PreparedRequest, status: int, body: Any = "", headers: Any = None
) -> requests.Response:
    reply = requests.Response()
    reply.status_code = status
    reply.request = request
    reply.url = str(request.url)
    reply.headers.update(headers or {})
    text = body if isinstance(body, str) else json.dumps(body)
    reply._content = text.encode()
    return reply


def refusal(status: int, code: str = "INVALID_TYPE", message: str = "no") -> tuple[int, Any]:
    return status, [{"errorCode": code, "message": message}]


BUSY = UnavailableError("busy", retry_after=0)
