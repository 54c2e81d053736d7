"""Which requests are retried, and after how long.

A reply is either a success, an `UnavailableError` (worth a retry) or a `RefusedError` (not).
Statuses and codes: Bulk API 2.0 and REST API developer guides, "Status Codes and Error
Responses"; 406, 420 and HTML bodies as seen by live clients.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import backoff

from tap_sfbulk_pages.errors import REQUEST_LIMIT, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from backoff._typing import Details

T = TypeVar("T")

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0

# 420 comes from Salesforce Edge when it could not route a request.
_TRANSIENT_STATUSES = frozenset(
    {
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.REQUEST_TIMEOUT,
        420,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_TRANSIENT_CODES = frozenset(
    {"SERVER_UNAVAILABLE", "TXN_SECURITY_METERING_ERROR", "UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION"}
)
# The daily limit and the limit of concurrent requests share a code; only the latter passes soon.
_CONCURRENCY_WORD = "concurrent"


def is_transient(status: int, error_code: str, said: str) -> bool:
    """Return whether an error reply is worth a retry."""
    if status in _TRANSIENT_STATUSES or error_code in _TRANSIENT_CODES:
        return True
    return error_code == REQUEST_LIMIT and _CONCURRENCY_WORD in said.lower()


def retry_after_seconds(header: str | None) -> float | None:
    """Read a `Retry-After` header: seconds, or an HTTP date.

    Returns:
        Seconds from now, bounded by `LONGEST_RETRY_AFTER_SECONDS`; None without a usable header.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        seconds = (moment - datetime.now(timezone.utc)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _waits() -> Generator[float, UnavailableError, None]:
    """Yield the seconds before each retry: 1, 2, 4, … with jitter, or what Salesforce asks for."""
    error = yield 0.0
    longest = FIRST_WAIT_SECONDS
    while True:
        wait = random.uniform(longest / 4, longest)  # noqa: S311 - spreads load, guards nothing
        error = yield wait if error.retry_after is None else error.retry_after + wait / 4
        longest = min(longest * 2, LONGEST_WAIT_SECONDS)


def call_with_retries(
    attempt: Callable[[], T], *, max_tries: int, on_retry: Callable[[str], None]
) -> T:
    """Call `attempt` until it returns, at most `max_tries` times.

    Args:
        attempt: Sends the request and reads the whole reply.
        max_tries: How often the request is sent at most.
        on_retry: Called with a sentence that says why and when the next try follows.

    Raises:
        UnavailableError: The last one, if every try failed.
    """

    def report(details: Details) -> None:
        on_retry(
            f"{details['exception']} Trying again in {details['wait']:.1f} s "
            f"(try {details['tries']} of {max_tries})."
        )

    decorated = backoff.on_exception(
        _waits,
        UnavailableError,
        max_tries=max_tries,
        jitter=None,
        on_backoff=report,
        logger=None,
    )(attempt)
    return decorated()
