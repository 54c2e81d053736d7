"""An org that does nothing but issue a token."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class TokenServer:
    """Issues a token.

    Args:
        token: The token; None to let `answer` say.
        answer: Makes the status and the document from the form that was sent.
    """

    def __init__(
        self,
        token: str | None = None,
        answer: Callable[[str], tuple[int, Mapping[str, Any]]] | None = None,
    ) -> None:
        self.forms: list[str] = []
        forms = self.forms

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                forms.append(form)
                status, document = answer(form) if answer else (200, {"access_token": token})
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
