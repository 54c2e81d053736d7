"""Every request that the sandbox has had, for those who test a client against it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Call
    from sfbulk_sandbox.fault_kind import Place

_KEPT = 500_000


@dataclass(eq=False)
class LoggedCall:
    """One request.

    Args:
        number: From 1.
        method: HTTP method.
        path: With the query string.
        host: Scheme, host and port the client used.
        authorized: Whether the request had an Authorization header. Its value is not kept.
        place: The endpoint, as faults call it.
        sobject: What the call was about.
        status: HTTP status of the reply; None while it is being made.
        bytes: Size of the reply's body, compressed as it was, before any fault cut it.
        fault: Kind of the fault that struck.
    """

    number: int
    method: str
    path: str
    host: str
    authorized: bool
    place: Place | None = None
    sobject: str | None = None
    status: int | None = None
    bytes: int = 0
    fault: str | None = None


class CallLog:
    """The requests, in the order of their arrival; the oldest are dropped in the end."""

    def __init__(self) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=_KEPT)
        self._count = 0

    def begin(self, call: Call, path: str) -> LoggedCall:
        """Log a request that has just arrived."""
        self._count += 1
        authorized = "Authorization" in call.headers
        entry = LoggedCall(self._count, call.method, path, call.origin, authorized)
        self._calls.append(entry)
        return entry

    def calls(self) -> list[LoggedCall]:
        """Return what is logged."""
        return list(self._calls)

    def clear(self) -> None:
        """Forget all requests."""
        self._calls.clear()
