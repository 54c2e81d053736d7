"""Connections on which the head of a reply must come within a time, not just a byte now and then.

A socket's timeout starts anew with each byte. A server that drips its status line and headers
would hold a thread for days; the body has a guard of its own (`transport.py`).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import HTTPResponse


class DeadlineAdapter(HTTPAdapter):
    """Sends over connections whose replies must begin, headers and all, in time.

    Args:
        seconds: From the end of the request to the end of the headers.
        rest: As `HTTPAdapter`.
    """

    def __init__(self, seconds: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.poolmanager.pool_classes_by_scheme = _pools(seconds)


def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Make connection pools for a deadline, by scheme."""

    class Connection(HTTPConnection):
        @override
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
            with _deadline(self, seconds):
                return super().getresponse()

    class SecureConnection(HTTPSConnection):
        @override
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
            with _deadline(self, seconds):
                return super().getresponse()

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


@contextlib.contextmanager
def _deadline(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Shut a connection down, which ends whatever reads from it, when the time is over.

    Raises:
        TimeoutError: If it was; a head that was cut looks like a whole one otherwise.
    """
    is_over = threading.Event()

    def shut() -> None:
        is_over.set()
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_over.is_set():
            raise TimeoutError("the head of the reply drips")
