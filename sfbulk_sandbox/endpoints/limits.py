"""The org's daily allowances: what is used, the header that says so, ``/limits``, record counts.

REST API Developer Guide, "Limits" and "Record Count"; the two allowances of Bulk API 2.0 queries
from "Bulk API and Bulk API 2.0 Limits and Allocations".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError

if TYPE_CHECKING:
    from sfbulk_sandbox.sandbox import Sandbox
    from sfbulk_sandbox.scenario import Scenario

_MEGABYTE = 1_000_000
_CONNECTED_APPS = ("Ant Migration Tool", "Dataloader Bulk", "Workbench")


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
        if storage.used + self.result_bytes // _MEGABYTE >= storage.max:
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


async def limits(sandbox: Sandbox, _call: Call) -> Reply:
    """Answer ``/limits``; some allowances nest an object per connected app beside their numbers."""
    usage, scenario = sandbox.usage, sandbox.scenario
    requests, jobs = scenario.daily_api_requests, scenario.daily_query_jobs
    storage = scenario.daily_query_storage_mb
    apps = {app: {"Max": 0, "Remaining": 0} for app in _CONNECTED_APPS}
    return json_reply(
        {
            "ConcurrentAsyncGetReportInstances": _left(200, 0),
            "DailyApiRequests": {
                **_left(requests.max, requests.used + usage.api_requests),
                **apps,
            },
            "DailyAsyncApexExecutions": _left(250_000, 0),
            "DailyBulkApiBatches": {**_left(15_000, 0), **apps},
            "DailyBulkV2QueryFileStorageMB": _left(
                storage.max, storage.used + usage.result_bytes // _MEGABYTE
            ),
            "DailyBulkV2QueryJobs": _left(jobs.max, jobs.used + usage.query_jobs),
            "DataStorageMB": _left(1024, 211),
            "FileStorageMB": _left(1024, 3),
            "PermissionSets": {**_left(1500, 4), "CreateCustom": _left(1000, 4)},
        }
    )


async def record_count(sandbox: Sandbox, call: Call) -> Reply:
    """Answer ``/limits/recordCount?sObjects=A,B``; unknown names are left out without an error."""
    asked = [name for name in call.query.get("sObjects", "").split(",") if name]
    names = [name for name in asked or sandbox.org.sobjects if name in sandbox.org.sobjects]
    told = sandbox.scenario.record_counts
    counts = await asyncio.to_thread(
        lambda: {name: told.get(name, sandbox.org.count(name)) for name in names}
    )
    return json_reply({"sObjects": [{"count": n, "name": name} for name, n in counts.items()]})


def _left(maximum: int, used: int) -> dict[str, int]:
    return {"Max": maximum, "Remaining": max(0, maximum - used)}
