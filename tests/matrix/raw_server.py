"""A server that answers with arbitrary bytes, which HTTP servers do not let you send."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB = "7505g00000RAWAAA0A"
# Bytes to send; a generator may wait between them.
Answer = bytes | Iterator[bytes]


def reply(body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    """Return a complete HTTP reply with a length."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(
        ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *lines]
    )
    return f"{head}\r\n\r\n".encode() + body


def json_reply(value: Any) -> bytes:
    """Return a JSON reply."""
    return reply(json.dumps(value).encode())


class RawServer:
    """An org with one sObject `Thing`, two rows on one page, and answers chosen by the test.

    Args:
        answers: By the end of the path, without the query string; called with the number of the
            call at that path, from 1.
    """

    def __init__(self, answers: Mapping[str, Callable[[int], Answer]]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.close()

    def count(self, end: str) -> int:
        """Count the calls whose path has this ending."""
        return sum(path.partition("?")[0].endswith(end) for path, _ in self.requests)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            file = connection.makefile("rb")
            while request := file.readline():
                path = request.decode().split(" ")[1]
                headers = dict(
                    line.decode().strip().lower().split(": ", 1)
                    for line in iter(file.readline, b"\r\n")
                )
                file.read(int(headers.get("content-length", 0)))
                self.requests.append((path, headers))
                answer = self._answer(path.partition("?")[0])
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    if self._ended.is_set():
                        return
                    connection.sendall(piece)
                if not isinstance(answer, bytes):
                    return

    def _answer(self, path: str) -> Answer:
        for end, make in self._answers.items():
            if path.endswith(end):
                return make(self.count(end))
        return _USUAL[next(end for end in _USUAL if path.endswith(end))]


_FIELDS = [{"name": "Id", "type": "id"}, {"name": "Name", "type": "string"}]
PAGE = b'"Id","Name"\n"1","a"\n"2","b"\n'
_USUAL = {
    "/composite": json_reply(
        {
            "compositeResponse": [
                {
                    "referenceId": "describe0",
                    "httpStatusCode": 200,
                    "body": {"name": "Thing", "fields": _FIELDS},
                }
            ]
        }
    ),
    "/sobjects": json_reply({"sobjects": [{"name": "Thing", "queryable": True}]}),
    "/limits": json_reply({}),
    "/limits/recordCount": json_reply({"sObjects": []}),
    "/jobs/query": json_reply({"id": JOB, "state": "UploadComplete"}),
    f"/jobs/query/{JOB}": json_reply(
        {"id": JOB, "state": "JobComplete", "numberRecordsProcessed": 2}
    ),
    "/resultPages": json_reply(
        {"resultPages": [{"resultUrl": f"/jobs/query/{JOB}/results?locator=p1"}], "done": True}
    ),
    "/results": reply(PAGE, "text/csv", Sforce_NumberOfRecords="2", Sforce_Locator="null"),
}
