"""Servers and proxies that repeat what they were sent: no secret, and no control, gets out."""

from __future__ import annotations

import html
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

import pytest
from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_process import Tap

TOKEN = "00D5g000008Kf2Z!AQ.issued_token/of+the=org"
SECRETS = {
    "client_secret": "S3CRET&of the app+1",
    "refresh_token": "5Aep861_refresh.of-ada==",
    "password": 'pass "word" <of> ada',
    "security_token": "s3cur1tyt0k3n",
    "access_token": TOKEN,
}
FLOWS: dict[str, tuple[str, ...]] = {
    "ready token": ("access_token",),
    "client credentials": ("client_id", "client_secret"),
    "refresh token": ("client_id", "client_secret", "refresh_token"),
    "password": ("client_id", "client_secret", "username", "password", "security_token"),
    "JWT": ("client_id", "username", "private_key"),
}
OSC = "\x1b]0;owned\x07\x9b31m\r\nERROR a forged line\u202e"
NOISY = {"LOGLEVEL": "DEBUG", "TAP_SFBULK_PAGES_LOGLEVEL": "DEBUG"}


def _as_error(code: str) -> Callable[[str], tuple[str, str]]:
    def written(request: str) -> tuple[str, str]:
        body = [{"errorCode": code, "message": f"you sent {request}{OSC}"}]
        return "application/json", json.dumps(body)

    return written


FORMS: dict[str, tuple[int, Callable[[str], tuple[str, str]]]] = {
    "JSON of Salesforce": (403, _as_error("NO")),
    "JSON of Salesforce in the code": (400, lambda it: _as_error(it)("")),
    "JSON of the token endpoint": (
        400,
        lambda it: (
            "application/json",
            json.dumps({"error": f"e{OSC}", "error_description": it}),
        ),
    ),
    "other JSON": (400, lambda it: ("application/json", json.dumps([it, OSC]))),
    "JSON that may pass": (500, _as_error("LATER")),
    "a proxy's page": (502, lambda it: ("text/html", f"<h1>502</h1>{html.escape(it)}{OSC}")),
    "a page in red": (200, lambda it: ("text/html", f"<b>{it}</b>{OSC}")),
    "text": (418, lambda it: ("text/plain", f"{it}{OSC}")),
    "a document of another form": (200, lambda it: ("application/json", json.dumps({"a": it}))),
}


class EchoServer:
    """Answers each request with what was sent, in one form; signs in first if it should."""

    def __init__(self, form: str, *, signs_in: bool) -> None:
        status, write = FORMS[form]

        class Handler(BaseHTTPRequestHandler):
            seen: ClassVar[list[str]] = []

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                kind, text = write(f"{self.path} {self.headers} {body} {dict(parse_qsl(body))}")
                answer = status
                self.seen.append(self.path)
                if signs_in and self.path.endswith("/token"):
                    kind, text, answer = (
                        "application/json",
                        json.dumps({"access_token": TOKEN}),
                        200,
                    )
                self.send_response(answer)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST  # noqa: N815 - as `BaseHTTPRequestHandler` looks for it

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.seen = Handler.seen

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("flow", FLOWS)
def test_an_echo_is_blacked_out(
    tap: Tap, tmp_path: Path, key_pair: tuple[str, str], flow: str, form: str
) -> None:
    known = {
        **SECRETS,
        "client_id": "3MVG9app",
        "username": "ada@example.com",
        "private_key": key_pair[0],
    }
    for signs_in in {False, flow == "client credentials"}:
        with EchoServer(form, signs_in=signs_in) as server:
            config = {
                "instance_url": server.url,
                "max_retries": 2 if form == "JSON that may pass" else 1,
                "report_path": str(tmp_path / "report.html"),
                **{name: known[name] for name in FLOWS[flow]},
            }
            run = tap(config, environment=NOISY)
            assert server.seen
        assert run.exit_code == 1
        told = run.stderr + run.stdout.decode()
        told += "".join(each.read_text() for each in tmp_path.glob("report*"))
        assert "Traceback" not in told
        for secret in (*SECRETS.values(), TOKEN[16:], "eyJhbGciOiJSUzI1NiIs", key_pair[0][30:60]):
            for written in (secret, json.dumps(secret)[1:-1], html.escape(secret), repr(secret)):
                assert written not in told
        assert not any(
            (character < " " and character != "\n") or "\x7f" <= character < "\xa0"
            for character in run.stderr
        )
        assert "\u202e" not in told
        assert not any(line.startswith("ERROR") for line in run.stderr.splitlines())
