"""Connections that are shut down when a reply stalls, whatever it sends.

A socket's timeout starts anew with each byte, so a server that sends its status line, a header or
the length of a chunk byte by byte would occupy a thread for days. One thread watches all
connections; each complete read (the head of a reply, a piece of its body) gives its connection more
time.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import ProxyManager

if TYPE_CHECKING:
    import requests
    from urllib3.response import HTTPResponse

_CHECKS_PER_DEADLINE = 4


class Deadline:
    """The time that one connection has until its next progress.

    Args:
        watched: The connection's socket.
        seconds: The longest time between two steps.
    """

    def __init__(self, watched: socket.socket, seconds: float) -> None:
        self._socket = watched
        self._seconds = seconds
        self.is_over = False
        self.extend()

    def extend(self) -> None:
        """Start the time anew."""
        self._until = time.monotonic() + self._seconds

    def enforce(self) -> None:
        """If the time is over, shut the connection down, which ends any read from it."""
        if time.monotonic() > self._until:
            self.is_over = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """Enforces deadlines on a thread of its own.

    Args:
        seconds: The longest time between two steps of one connection.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._deadlines: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    def watch(self, watched: socket.socket) -> Deadline:
        """Begin to watch a connection."""
        deadline = Deadline(watched, self._seconds)
        with self._lock:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._look, name="sfbulk-watchdog", daemon=True
                )
                self._thread.start()
        return deadline

    def forget(self, deadline: Deadline) -> None:
        """Stop watching a connection."""
        with self._lock:
            self._deadlines.discard(deadline)

    def _look(self) -> None:
        while True:
            time.sleep(self._seconds / _CHECKS_PER_DEADLINE)
            with self._lock:
                deadlines = list(self._deadlines)
            for deadline in deadlines:
                deadline.enforce()


class DeadlineAdapter(HTTPAdapter):
    """Sends over connections that are watched.

    Args:
        watchdog: Watches them.
        rest: As for `HTTPAdapter`.
    """

    def __init__(self, watchdog: Watchdog, **rest: Any) -> None:
        self._pools = _make_pools(watchdog)
        super().__init__(**rest)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **rest: Any) -> ProxyManager:
        """Watch connections through a proxy, too; one for SOCKS has pools of its own."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **rest)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = self._pools
        return manager


def find_deadline(response: requests.Response) -> Deadline | None:
    """Return the deadline of a reply's connection; None for one through a SOCKS proxy."""
    return getattr(response.raw.connection, "deadline", None)


def _make_pools(watchdog: Watchdog) -> dict[str, type[HTTPConnectionPool]]:
    """Return the classes of pools of watched connections, by scheme."""

    class Watched:
        """Mixed into a connection: its replies start in time, or fail."""

        sock: socket.socket
        deadline: Deadline

        def getresponse(self) -> HTTPResponse:
            self.deadline = watchdog.watch(self.sock)
            try:
                response: HTTPResponse = super().getresponse()  # type: ignore[misc]
            except BaseException:
                watchdog.forget(self.deadline)
                raise
            if self.deadline.is_over:
                # The parser takes a head that was cut for a whole one.
                raise TimeoutError("the head of the reply is too slow")
            self.deadline.extend()
            return response

        def _tunnel(self) -> None:
            """Ask a proxy for a tunnel; http.client reads its answer line by line."""
            deadline = watchdog.watch(self.sock)
            try:
                super()._tunnel()  # type: ignore[misc]
            finally:
                watchdog.forget(deadline)
            if deadline.is_over:
                raise TimeoutError("the answer of the proxy is too slow")

    class Connection(Watched, HTTPConnection):  # type: ignore[misc]
        pass

    class SecureConnection(Watched, HTTPSConnection):  # type: ignore[misc]
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
