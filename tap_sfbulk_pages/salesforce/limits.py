"""The org's daily limits, and how many records its objects have.

Query jobs and the volume of their results have their own limits, counted over the last 24 hours
(REST API guide, "Limits").
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import AllowanceError
from tap_sfbulk_pages.salesforce.call_allowance import RENEWAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

API_CALLS = "DailyApiRequests"
QUERY_JOBS = "DailyBulkV2QueryJobs"
RESULT_MEGABYTES = "DailyBulkV2QueryFileStorageMB"
# The unit of each.
UNITS = {
    API_CALLS: "API calls",
    QUERY_JOBS: "query jobs",
    RESULT_MEGABYTES: "MB of query results",
}


@dataclass(frozen=True)
class Limit:
    """A daily limit of an org.

    Attributes:
        remaining: How much is left.
        maximum: How much there is in all.
    """

    remaining: int
    maximum: int


def fetch_limits(client: SalesforceClient, api_version: str) -> dict[str, Limit]:
    """Ask for the limits in `UNITS`; one that the org does not report is left out.

    Raises:
        RefusedError: If the user may not ask.
        ExtractionError: As `SalesforceClient.fetch_json`.
    """
    return client.fetch_json("/limits", api_version=api_version, parse=_parse_limits)


def _parse_limits(reply: Any) -> dict[str, Limit]:
    return {
        name: Limit(int(reply[name]["Remaining"]), int(reply[name]["Max"]))
        for name in UNITS
        if name in reply
    }


class JobAllowance:
    """Counts down query jobs and the volume of their results, for all threads.

    Args:
        limits: From `fetch_limits`; empty if the user may not ask.
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        jobs, megabytes = limits.get(QUERY_JOBS), limits.get(RESULT_MEGABYTES)
        self._lock = threading.Lock()
        self._jobs = jobs.remaining if jobs else None
        self._megabytes: float | None = megabytes.remaining if megabytes else None

    def take_job(self) -> None:
        """Count a job that is about to be created.

        Raises:
            AllowanceError: If no job, or no volume, is left; the job must not be created.
        """
        with self._lock:
            if self._jobs is not None and self._jobs < 1:
                raise AllowanceError(
                    f"The org's daily query jobs ({QUERY_JOBS}) are used up. {RENEWAL}"
                )
            if self._megabytes is not None and self._megabytes <= 0:
                raise AllowanceError(
                    f"The org's daily volume of query results ({RESULT_MEGABYTES}) is used up. "
                    f"{RENEWAL}"
                )
            if self._jobs is not None:
                self._jobs -= 1

    def take_volume(self, count: int) -> None:
        """Count bytes of a result of a job that this run has created."""
        with self._lock:
            if self._megabytes is not None:
                self._megabytes -= count / 1_000_000


def fetch_record_counts(client: SalesforceClient, api_version: str) -> dict[str, int]:
    """Ask how many records each object of the org has, with one call.

    REST API guide, "Record Count": approximate; of whole objects, without what is deleted or
    archived. An object without a count is left out, such as history and share objects. The user
    needs the permission *View Setup and Configuration*.

    Raises:
        ExtractionError: As `SalesforceClient.fetch_json`.
    """
    return client.fetch_json("/limits/recordCount", api_version=api_version, parse=_parse_counts)


def _parse_counts(reply: Any) -> dict[str, int]:
    return {entry["name"]: int(entry["count"]) for entry in reply["sObjects"]}
