"""The org's daily allowances, and stopping before they are used up.

Every reply names the API calls of the last 24 hours (`Sforce-Limit-Info: api-usage=45/100000`,
REST API guide, "Limit Info Header"). Query jobs and the volume of their results have limits of
their own, which `/limits` tells (REST API guide, "Limits"). All of them are counted over a rolling
day.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import AllowanceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

API_CALLS = "DailyApiRequests"
QUERY_JOBS = "DailyBulkV2QueryJobs"
RESULT_MEGABYTES = "DailyBulkV2QueryFileStorageMB"
# What each of them counts.
UNITS = {
    API_CALLS: "API calls",
    QUERY_JOBS: "query jobs",
    RESULT_MEGABYTES: "MB of query results",
}

_API_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")
_RENEWAL = "It counts the last 24 hours, so what was used comes back hour by hour."


@dataclass(frozen=True)
class Limit:
    """A daily limit of an org.

    Attributes:
        remaining: What is left of it.
        maximum: In all.
    """

    remaining: int
    maximum: int


def org_limits(client: SalesforceClient, api_version: str) -> dict[str, Limit]:
    """Ask for those limits in `UNITS` that the org tells.

    Raises:
        RefusedError: If the user may not ask.
        ExtractionError: As `SalesforceClient.document`.
    """
    return client.document("/limits", api_version=api_version, parse=_limits)


def _limits(reply: Any) -> dict[str, Limit]:
    return {
        name: Limit(int(reply[name]["Remaining"]), int(reply[name]["Max"]))
        for name in UNITS
        if name in reply
    }


class CallAllowance:
    """API calls: counted before they are made, by all threads.

    Args:
        percent_total: Share of the org's daily calls that may be used in all.
        percent_per_run: Share of them that this run may use.
    """

    def __init__(self, *, percent_total: float, percent_per_run: float) -> None:
        self._percent_total = percent_total
        self._percent_per_run = percent_per_run
        self._lock = threading.Lock()
        self._daily: int | None = None
        self._used = 0
        self._under_way = 0
        self.made = 0

    @property
    def usage(self) -> tuple[int, int] | None:
        """How many of the org's daily calls are used, and how many there are, once it is known."""
        with self._lock:
            return None if self._daily is None else (self._used, self._daily)

    def take(self) -> None:
        """Count a call that is about to be made.

        Raises:
            AllowanceError: If it would cross a share; it must not be made then.
        """
        with self._lock:
            if self._daily is not None:
                self._check(self._daily)
            self._under_way += 1
            self.made += 1

    def note(self, header: str | None) -> None:
        """Take note of a reply, or of a call that got none.

        Args:
            header: Its `Sforce-Limit-Info`, where it has one.
        """
        match = _API_USAGE.search(header or "")
        with self._lock:
            self._under_way -= 1
            if match:
                self._used = max(self._used, int(match[1]))
                self._daily = int(match[2])
            else:
                self._used += 1

    def _check(self, daily: int) -> None:
        used = self._used + self._under_way + 1
        if used > daily * self._percent_total / 100:
            raise AllowanceError(
                f"{self._used} of the org's {daily} daily API calls are used, and "
                f"quota_percent_total allows {self._percent_total:g} %. {_RENEWAL}"
            )
        if self.made + 1 > daily * self._percent_per_run / 100:
            raise AllowanceError(
                f"This run has made {self.made} API calls, and quota_percent_per_run allows it "
                f"{self._percent_per_run:g} % of the org's {daily}. {_RENEWAL}"
            )


class JobAllowance:
    """Query jobs and the volume of their results, counted down by all threads.

    Args:
        limits: As of `org_limits`; empty where the user may not ask.
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        jobs, megabytes = limits.get(QUERY_JOBS), limits.get(RESULT_MEGABYTES)
        self._lock = threading.Lock()
        self._jobs = jobs.remaining if jobs else None
        self._megabytes: float | None = megabytes.remaining if megabytes else None

    def take_job(self) -> None:
        """Count a job that is about to be made.

        Raises:
            AllowanceError: If none is left, or no volume for its result; it must not be made then.
        """
        with self._lock:
            if self._jobs is not None and self._jobs < 1:
                raise AllowanceError(
                    f"The org's daily query jobs ({QUERY_JOBS}) are used up. {_RENEWAL}"
                )
            if self._megabytes is not None and self._megabytes <= 0:
                raise AllowanceError(
                    f"The org's daily volume of query results ({RESULT_MEGABYTES}) is used up. "
                    f"{_RENEWAL}"
                )
            if self._jobs is not None:
                self._jobs -= 1

    def take_volume(self, count: int) -> None:
        """Count bytes of a result that a job of this run has made."""
        with self._lock:
            if self._megabytes is not None:
                self._megabytes -= count / 1_000_000
