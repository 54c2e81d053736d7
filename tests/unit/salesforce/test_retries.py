"""What is tried again, how often and after how long."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.errors import RefusedError, UnavailableError
from tap_sfbulk_pages.salesforce.retries import (
    LONGEST_RETRY_AFTER_SECONDS,
    LONGEST_WAIT_SECONDS,
    call_with_retries,
    is_transient,
    retry_after_seconds,
)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the waits instead of waiting."""
    collected: list[float] = []
    monkeypatch.setattr("time.sleep", collected.append)
    return collected


class Attempts:
    """Fails a number of times, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


@pytest.mark.parametrize("status", [406, 408, 420, 425, 429, 500, 502, 503, 504])
def test_statuses_that_pass(status: int) -> None:
    assert is_transient(status, "", "")


@pytest.mark.parametrize("status", [s.value for s in HTTPStatus if 300 <= s < 500])
def test_statuses_that_stay(status: int) -> None:
    passing = {406, 408, 425, 429}
    assert is_transient(status, "NOT_FOUND", "gone") == (status in passing)


@pytest.mark.parametrize(
    ("code", "said", "passes"),
    [
        ("SERVER_UNAVAILABLE", "", True),
        ("UNABLE_TO_LOCK_ROW", "", True),
        ("TXN_SECURITY_METERING_ERROR", "", True),
        ("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", True),
        ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", False),
        ("LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been reached", False),
        ("INVALID_FIELD", "", False),
        ("", "", False),
    ],
)
def test_codes(code: str, said: str, passes: bool) -> None:  # noqa: FBT001
    assert is_transient(400, code, said) == passes
    assert is_transient(403, code, said) == passes


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("99999", LONGEST_RETRY_AFTER_SECONDS),
        ("1e400", None),
        ("nan", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_retry_after_a_date() -> None:
    moment = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=9)
    before = datetime.now(timezone.utc)
    seconds = retry_after_seconds(format_datetime(moment, usegmt=True))
    after = datetime.now(timezone.utc)
    assert seconds is not None
    assert (moment - after).total_seconds() <= seconds <= (moment - before).total_seconds()


@given(st.text(max_size=30))
def test_any_retry_after_is_bounded(header: str) -> None:
    seconds = retry_after_seconds(header)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_SECONDS


def test_success_after_failures(waits: list[float]) -> None:
    attempts = Attempts(*[UnavailableError("busy")] * 3)
    told: list[str] = []
    assert call_with_retries(attempts, max_tries=8, on_retry=told.append) == "done"
    assert attempts.count == 4
    assert len(waits) == len(told) == 3
    assert "busy" in told[0]
    assert "try 1 of 8" in told[0]


def test_the_last_error_is_raised(waits: list[float]) -> None:
    errors = [UnavailableError(f"busy {number}") for number in range(5)]
    attempts = Attempts(*errors)
    with pytest.raises(UnavailableError, match="busy 2"):
        call_with_retries(attempts, max_tries=3, on_retry=lambda _: None)
    assert attempts.count == 3
    assert len(waits) == 2


def test_one_try_is_one_try(waits: list[float]) -> None:
    attempts = Attempts(UnavailableError("busy"))
    with pytest.raises(UnavailableError):
        call_with_retries(attempts, max_tries=1, on_retry=lambda _: None)
    assert (attempts.count, waits) == (1, [])


def test_what_cannot_help_is_not_tried_again(waits: list[float]) -> None:
    refusal = RefusedError("no", status=400, error_code="INVALID_FIELD", said="no")
    attempts = Attempts(refusal)
    with pytest.raises(RefusedError):
        call_with_retries(attempts, max_tries=8, on_retry=lambda _: None)
    assert (attempts.count, waits) == (1, [])


def test_waits_grow_with_jitter_up_to_a_bound(waits: list[float]) -> None:
    call_with_retries(
        Attempts(*[UnavailableError("busy")] * 12), max_tries=13, on_retry=lambda _: None
    )
    for number, wait in enumerate(waits):
        longest = min(2.0**number, LONGEST_WAIT_SECONDS)
        assert longest / 4 <= wait <= longest
    assert len(set(waits)) == len(waits)


def test_what_salesforce_asks_for_is_waited(waits: list[float]) -> None:
    asked = [30.0, 0.0, 600.0]
    errors = [UnavailableError("busy", retry_after=each) for each in asked]
    call_with_retries(Attempts(*errors), max_tries=8, on_retry=lambda _: None)
    for wait, least in zip(waits, asked, strict=True):
        assert least <= wait <= least + 1
