"""Allowances: of API calls, of query jobs and of their volume, and what the org reports of them."""

from __future__ import annotations

from typing import Any

import pytest

from tap_sfbulk_pages.errors import AllowanceError
from tap_sfbulk_pages.salesforce.call_allowance import CallAllowance
from tap_sfbulk_pages.salesforce.limits import (
    API_CALLS,
    QUERY_JOBS,
    RESULT_MEGABYTES,
    JobAllowance,
    Limit,
    fetch_limits,
    fetch_record_counts,
)


class Reply:
    """Stands in for the client of an org that gives one reply."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply

    def fetch_json(self, _link: str, *, parse: Any, **_: Any) -> Any:
        return parse(self._reply)


def test_the_limits_that_the_tap_uses() -> None:
    nested = {"Max": 15000, "Remaining": 14000, "Some App": {"Max": 0, "Remaining": 0}}
    client: Any = Reply({API_CALLS: nested, QUERY_JOBS: {"Max": "10000", "Remaining": "9"}, "X": 1})
    assert fetch_limits(client, "62.0") == {
        API_CALLS: Limit(remaining=14000, maximum=15000),
        QUERY_JOBS: Limit(remaining=9, maximum=10000),
    }


def test_record_counts() -> None:
    client: Any = Reply({"sObjects": [{"name": "Account", "count": 3}]})
    assert fetch_record_counts(client, "62.0") == {"Account": 3}


def test_calls_are_not_limited_until_the_org_has_reported_its_usage() -> None:
    allowance = CallAllowance(percent_total=0, percent_per_run=0)
    for header in (None, "", "per-app-api-usage=17/250(appName=x)"):
        allowance.take()
        allowance.note(header)
    assert allowance.usage is None
    assert allowance.made == 3


@pytest.mark.parametrize("header", ["api-usage=10/100", "api-usage=10/100; per-app-api-usage=1/9"])
def test_the_share_of_all_calls(header: str) -> None:
    allowance = CallAllowance(percent_total=12, percent_per_run=100)
    allowance.take()
    allowance.note(header)
    assert allowance.usage == (10, 100)
    # Calls under way count, and so do those without a reply.
    allowance.take()
    allowance.take()
    with pytest.raises(AllowanceError, match="quota_percent_total allows 12 %"):
        allowance.take()
    allowance.note(None)
    assert allowance.usage == (11, 100)
    allowance.note("api-usage=11/100")
    allowance.take()
    with pytest.raises(AllowanceError):
        allowance.take()
    assert allowance.made == 4


def test_the_share_of_this_run() -> None:
    allowance = CallAllowance(percent_total=100, percent_per_run=2)
    for _ in range(2):
        allowance.take()
        allowance.note("api-usage=90/100")
    with pytest.raises(AllowanceError, match="This run has made 2 API calls"):
        allowance.take()


def test_jobs_are_counted_down() -> None:
    allowance = JobAllowance({QUERY_JOBS: Limit(remaining=2, maximum=10)})
    allowance.take_job()
    allowance.take_job()
    with pytest.raises(AllowanceError, match="query jobs"):
        allowance.take_job()


def test_volume_is_counted_down() -> None:
    allowance = JobAllowance({RESULT_MEGABYTES: Limit(remaining=2, maximum=10)})
    allowance.take_volume(1_999_999)
    allowance.take_job()
    allowance.take_volume(1)
    with pytest.raises(AllowanceError, match="volume of query results"):
        allowance.take_job()


def test_without_known_limits_there_is_no_limit() -> None:
    allowance = JobAllowance({})
    allowance.take_volume(10**15)
    allowance.take_job()
