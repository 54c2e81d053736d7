"""What clients use of the org's daily allowances, and the refusals once one is used up.

The two allowances of Bulk API 2.0 queries: "Bulk API and Bulk API 2.0 Limits and Allocations".
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.salesforce_errors import SalesforceError

if TYPE_CHECKING:
    from sfbulk_sandbox.scenario import Scenario

MEGABYTE = 1_000_000


@dataclass
class Usage:
    """What this server's clients have used; the scenario adds what others used before.

    Args:
        api_requests: Calls that count as API requests.
        query_jobs: Query jobs created.
        result_bytes: Size of the result pages made.
    """

    api_requests: int = 0
    query_jobs: int = 0
    result_bytes: int = 0

    def count_request(self, scenario: Scenario) -> None:
        """Count one API request.

        Raises:
            SalesforceError: 403 once the day's requests are used up.
        """
        allowance = scenario.daily_api_requests
        if allowance.used + self.api_requests >= allowance.max:
            raise request_limit_exceeded()
        self.api_requests += 1

    def count_job(self, scenario: Scenario) -> None:
        """Count one new query job.

        Raises:
            SalesforceError: 400 once the day's jobs or the day's volume of results is used up.
        """
        jobs, storage = scenario.daily_query_jobs, scenario.daily_query_storage_mb
        if jobs.used + self.query_jobs >= jobs.max:
            raise query_jobs_exceeded(jobs.max)
        if storage.used + self.result_bytes // MEGABYTE >= storage.max:
            raise SalesforceError(
                HTTPStatus.BAD_REQUEST,
                "LIMIT_EXCEEDED",
                f"Max bulk v2 query result size stored ({storage.max * 1024}) kb per 24 hrs "
                "has been exceeded",
            )
        self.query_jobs += 1

    def header(self, scenario: Scenario) -> dict[str, str]:
        """Return ``Sforce-Limit-Info`` as Salesforce sends it with each REST reply."""
        allowance = scenario.daily_api_requests
        used = min(allowance.used + self.api_requests, allowance.max)
        return {"Sforce-Limit-Info": f"api-usage={used}/{allowance.max}"}


def request_limit_exceeded() -> SalesforceError:
    """Return the error of an org whose daily API requests are used up."""
    return SalesforceError(
        HTTPStatus.FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."
    )


def query_jobs_exceeded(maximum: int) -> SalesforceError:
    """Return the error of an org whose daily query jobs are used up."""
    return SalesforceError(
        HTTPStatus.BAD_REQUEST,
        "LIMIT_EXCEEDED",
        f"Max bulk v2 query jobs ({maximum}) per 24 hrs has been reached",
    )
