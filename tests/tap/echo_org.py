"""An org that repeats what it was sent, in each way that servers and proxies have of doing so."""

from __future__ import annotations

import contextlib
import html
import json
import re
import socket
import threading
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote_plus

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# What a terminal obeys, and what looks like another line of a log.
OSC = "\x1b]0;owned\x07\x9b31m\r\nERROR a forged line\u202e\u2028\x00"
ISSUED = "00D5g000008Kf2Z!AQ.issued_token.of.the.org.0123456789"
ROTATED = "5Aep861rotated.refresh.token.of.ada_0123456789=="
FIELDS = [{"name": "Id", "type": "id"}, {"name": "Name", "type": "string"}]
_LONGEST_IN_HEADER = 6_000


def forms_of(secret: str) -> Iterator[str]:
    """Yield a secret as programs may write it."""
    for each in filter(None, (line.strip() for line in secret.splitlines())):
        yield each
        yield quote(each, safe="")
        yield quote_plus(each)
        yield quote(quote(each, safe=""), safe="")
        yield json.dumps(each)
        yield json.dumps(json.dumps({"a": each}))
        yield html.escape(each)
        yield "".join(f"&#{ord(character)};" for character in each)
        yield repr(each)
        yield repr(each.encode())
        for user in ("", "a", "ab"):
            yield b64encode(f"{user}:{each}".encode()).decode()
            yield urlsafe_b64encode(f"{user}:{each}".encode()).decode()
        yield each[:20]


Reply = bytes


def reply(status: int, body: str, kind: str = "application/json", **headers: str) -> Reply:
    """Return a whole reply; headers may hold what no honest server sends."""
    data = body.encode("utf-8", "replace")
    named = {"Content-Type": kind, "Content-Length": str(len(data)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} {headers.pop('reason', 'Said')}", *lines])
    return f"{head}\r\n\r\n".encode("latin-1", "replace") + data


def json_reply(value: Any, status: int = 200) -> Reply:
    """Return a JSON reply."""
    return reply(status, json.dumps(value))


# How an error looks that repeats a text; the second text is one that a header can hold.
ERRORS: dict[str, Callable[[str, str], Reply]] = {
    "refused": lambda text, _: json_reply([{"errorCode": "NO", "message": text}], 403),
    "in_code": lambda text, _: json_reply([{"errorCode": text, "message": ""}], 400),
    "html": lambda text, _: reply(502, f"<h1>502</h1>{html.escape(text)}", "text/html"),
    "raw_html": lambda text, _: reply(200, f"<script>{text}</script><b>{text}</b>", "text/html"),
    "form": lambda text, _: json_reply({"error": text[:90], "error_description": text}, 400),
    "text": lambda text, _: reply(418, text, "text/plain"),
    "document": lambda text, _: json_reply({"a": text}),
    "busy": lambda text, _: json_reply([{"errorCode": "LATER", "message": text}], 500),
    "reason": lambda _, short: reply(404, "", reason=short),
    "redirect": lambda _, short: reply(302, "", Location=f"https://elsewhere.example/{short}"),
    "asks": lambda text, short: reply(401, json.dumps(text), WWW_Authenticate=short),
    "encoding": lambda _, short: reply(200, "{}", Content_Encoding=short),
    "no_http": lambda _, short: f"{short}\r\n\r\n".encode("latin-1", "replace"),
    "header": lambda _, short: f"HTTP/1.1 200 {short}\r\n{short}\r\n\r\n".encode(
        "latin-1", "replace"
    ),
}


def _page(body: str, **headers: str) -> Reply:
    return reply(200, body, "text/csv", **{"Sforce_NumberOfRecords": "1", **headers})


def _pages(**listed: Any) -> Reply:
    return json_reply({"done": True, "resultPages": [], **listed})


def _job(job: str, facts: Mapping[str, Any]) -> Reply:
    return json_reply({"id": job, "numberRecordsProcessed": 1, **facts})


# Jobs whose reading ends after a page, so that the state says where.
_GO_ON = ("List_locator", "List_query", "Page_next")


PAGE = '"Id","Name"\n"001","a"\n'
# What an object's job answers at the end of a path, by the name of the object.
OBJECTS: dict[str, tuple[str, Callable[[str, str], Reply]]] = {
    **{f"Create_{name}": ("/jobs/query", make) for name, make in ERRORS.items()},
    **{f"List_{name}": ("/resultPages", make) for name, make in ERRORS.items()},
    **{f"Page_{name}": ("/results", make) for name, make in ERRORS.items()},
    "Job_failed": ("", lambda text, _: json_reply({"state": "Failed", "errorMessage": text})),
    "Job_state": ("", lambda text, _: json_reply({"state": text})),
    "Job_delimiter": ("", lambda text, _: json_reply({"columnDelimiter": text})),
    "Job_id": ("/jobs/query", lambda text, _: json_reply({"id": text, "state": "JobComplete"})),
    "List_link": ("/resultPages", lambda text, _: _pages(resultPages=[{"resultUrl": text}])),
    "List_locator": (
        "/resultPages",
        lambda _, short: _pages(resultPages=[{"resultUrl": f"/results?locator={quote(short)}"}]),
    ),
    "List_query": (
        "/resultPages",
        lambda _, short: _pages(
            resultPages=[{"resultUrl": f"/jobs/query/7505g0000000000AAA/results?a={quote(short)}"}],
            nextRecordsUrl=f"/jobs/query/7505g0000000000AAA/resultPages?a={quote(short)}",
        ),
    ),
    "List_next": ("/resultPages", lambda text, _: _pages(nextRecordsUrl=text)),
    "List_keys": ("/resultPages", lambda text, _: json_reply({text: 1})),
    "Page_columns": ("/results", lambda text, _: _page(f'"{text}","Id"\n"1","2"\n')),
    "Page_count": ("/results", lambda _, short: _page(PAGE, Sforce_NumberOfRecords=short)),
    "Page_kind": ("/results", lambda _, short: reply(200, PAGE, f"text/html; {short}")),
    "Page_next": ("/results", lambda _, short: _page(PAGE, Sforce_Locator=short)),
    "Page_value": ("/results", lambda text, _: _page(f'"Id","Name"\n"","{text[:90]}"\n')),
}


class EchoOrg:
    """Answers as an org, but for one place.

    Args:
        secrets: What it repeats beside what it is sent.
        place: The end of the path at which it repeats everything; None for the jobs of `OBJECTS`.
        error: One of `ERRORS`.
    """

    def __init__(self, secrets: Mapping[str, str], place: str | None, error: str) -> None:
        self._secrets = secrets
        self._place = place
        self._error = error
        self._objects = ["Thing"] if place else [*OBJECTS, "Thing"]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.assertions: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        suppressed = contextlib.suppress(OSError, ValueError, IndexError)
        with suppressed, connection, connection.makefile("rb") as file:
            head = b"".join(iter(file.readline, b"\r\n")).decode()
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = file.read(int(length[1])).decode() if length else ""
            if assertion := re.search(r"assertion=([^&]+)", body):
                self.assertions.append(unquote_plus(assertion[1]))
            method, path = head.split(" ", 2)[:2]
            answer = self._answer(method, path.partition("?")[0], f"{head}{body}")
            connection.sendall(answer.replace(b"HTTP/1.1", b"HTTP/1.0", 1))

    def _answer(self, method: str, path: str, sent: str) -> Reply:
        # Each answer begins at another of the forms, so that limits cut each of them somewhere.
        forms = [form for secret in self._secrets.values() for form in forms_of(secret)]
        number = len(path) % len(forms)
        said = " ".join([*forms[number:], *forms[:number]])
        text = f"{OSC}{sent} {said} {sent}"
        short = re.sub(r"[\r\n\0]", " ", f"{OSC}{said} {sent}")[:_LONGEST_IN_HEADER]
        if method == "CONNECT" or (self._place and path.endswith(self._place)):
            return ERRORS[self._error](text, short)
        if path.endswith("/token"):
            return json_reply({"access_token": ISSUED, "refresh_token": ROTATED, "scope": text})
        if path.endswith("/composite"):
            return self._describe(sent, text)
        if "/jobs/query" in path:
            return self._job(path, sent, text, short)
        return self._others(path, text)

    def _others(self, path: str, text: str) -> Reply:
        found: dict[str, Any] = {
            "/sobjects": {
                "sobjects": [
                    *({"name": name, "queryable": True} for name in self._objects),
                    {"name": text, "queryable": True},
                ]
            },
            "/recordCount": {"sObjects": []},
            "/userinfo": {"preferred_username": text},
            "/limits": {"DailyApiRequests": {"Max": 9000, "Remaining": 9000}, text: {"Max": text}},
            "/data": [{"version": "62.0", "label": text, "url": text}],
        }
        return json_reply(next((it for end, it in found.items() if path.endswith(end)), {}))

    def _describe(self, sent: str, text: str) -> Reply:
        names = re.findall(r"/sobjects/(\w+)/describe", sent)
        fields = [{**field, "label": text} for field in FIELDS]
        answers = [
            {
                "referenceId": f"describe{number}",
                "httpStatusCode": 200,
                "body": {"name": name, "label": text, "fields": fields},
            }
            for number, name in enumerate(names)
        ]
        return json_reply({"compositeResponse": answers})

    def _job(self, path: str, sent: str, text: str, short: str) -> Reply:
        if asked := re.search(r"FROM (\w+)", sent):
            number = self._objects.index(asked[1])
        elif found := re.search(r"/7505g00000(\d+)AAA", path):
            number = int(found[1])
        else:
            return json_reply({"done": True, "records": []})
        job = f"7505g00000{number:05}AAA"
        end, make = OBJECTS.get(self._objects[number], ("nowhere", ERRORS["text"]))
        if path.endswith(end or job):
            answer = make(text, short)
            if end:
                return answer
            facts = json.loads(answer.partition(b"\r\n\r\n")[2])
            return _job(job, {"state": "JobComplete", **facts})
        if path.endswith("/resultPages"):
            return _pages(resultPages=[{"resultUrl": f"/jobs/query/{job}/results?locator=p1"}])
        if path.endswith("/results"):
            return _page(PAGE)
        state = "UploadComplete" if path.endswith("/jobs/query") else "JobComplete"
        records = 1 + (self._objects[number] in _GO_ON)
        return _job(job, {"state": state, "numberRecordsProcessed": records})
