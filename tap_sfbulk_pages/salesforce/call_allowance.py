"""The org's daily API calls: counted as they are made, and stopped before they are used up.

Every reply reports the API calls of the last 24 hours (`Sforce-Limit-Info: api-usage=45/100000`,
REST API guide, "Limit Info Header").
"""

from __future__ import annotations

import math
import re
import threading

from tap_sfbulk_pages.errors import AllowanceError

_API_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")
RENEWAL = "The limit covers the last 24 hours, so it recovers hour by hour."


class CallAllowance:
    """Counts API calls before they are made, for all threads.

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
        """How many of the org's daily calls are used, and how many it has; None until known."""
        with self._lock:
            return None if self._daily is None else (self._used, self._daily)

    def allow_all(self) -> None:
        """Make every call, whatever share of the daily calls is used."""
        with self._lock:
            self._percent_total = self._percent_per_run = math.inf

    def take(self) -> None:
        """Count a call that is about to be made.

        Raises:
            AllowanceError: If it would exceed a share; the call must not be made.
        """
        with self._lock:
            if self._daily is not None:
                self._check(self._daily)
            self._under_way += 1
            self.made += 1

    def note(self, header: str | None) -> None:
        """Note the end of a call.

        Args:
            header: `Sforce-Limit-Info` of its reply; None without one.
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
                f"quota_percent_total allows {self._percent_total:g} %. {RENEWAL}"
            )
        if self.made + 1 > daily * self._percent_per_run / 100:
            raise AllowanceError(
                f"This run has made {self.made} API calls, and quota_percent_per_run allows it "
                f"{self._percent_per_run:g} % of the org's {daily}. {RENEWAL}"
            )
