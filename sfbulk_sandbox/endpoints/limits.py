"""The org's daily allowances as ``/limits`` shows them, and record counts.

REST API Developer Guide, "Limits" and "Record Count"; the two allowances of Bulk API 2.0 queries
from "Bulk API and Bulk API 2.0 Limits and Allocations".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.state.usage import MEGABYTE

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_UNUSED = {
    "AnalyticsExternalDataSizeMB": 40_960,
    "BOZosCalloutHourlyLimit": 20_000,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51_200,
    "DailyAsyncApexExecutions": 250_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyEinsteinDataInsightsStoryCreation": 1_000,
    "DailyEinsteinDiscoveryPredictAPICalls": 50_000,
    "DailyEinsteinDiscoveryPredictionsByCDC": 500_000,
    "DailyEinsteinDiscoveryStoryCreation": 100,
    "DailyStandardVolumePlatformEvents": 10_000,
    "DailyWorkflowEmails": 405,
    "DurableStreamingApiConcurrentClients": 20,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyODataCallout": 1_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "SingleEmail": 15,
    "StreamingApiConcurrentClients": 20,
}
_UNUSED_BY_APPS = {
    "DailyBulkApiBatches": 15_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
}
_CONNECTED_APPS = ("Ant Migration Tool", "Dataloader Bulk", "Workbench")


async def list_limits(state: State, _call: Call) -> Reply:
    """Answer ``/limits``; some allowances nest an object per connected app beside their numbers."""
    usage, scenario = state.usage, state.scenario
    requests, jobs = scenario.daily_api_requests, scenario.daily_query_jobs
    storage = scenario.daily_query_storage_mb
    apps = {app: {"Max": 0, "Remaining": 0} for app in _CONNECTED_APPS}
    return json_reply(
        {
            **{name: _left(maximum, 0) for name, maximum in _UNUSED.items()},
            **{name: {**_left(maximum, 0), **apps} for name, maximum in _UNUSED_BY_APPS.items()},
            "DailyApiRequests": {
                **_left(requests.max, requests.used + usage.api_requests),
                **apps,
            },
            "DailyBulkV2QueryFileStorageMB": _left(
                storage.max, storage.used + usage.result_bytes // MEGABYTE
            ),
            "DailyBulkV2QueryJobs": _left(jobs.max, jobs.used + usage.query_jobs),
            "DataStorageMB": _left(1024, 211),
            "FileStorageMB": _left(1024, 3),
            "PermissionSets": {**_left(1500, 4), "CreateCustom": _left(1000, 4)},
        }
    )


async def count_records(state: State, call: Call) -> Reply:
    """Answer ``/limits/recordCount?sObjects=A,B``; unknown names are left out without an error."""
    asked = [name for name in call.query.get("sObjects", "").split(",") if name]
    names = [name for name in asked or state.org.sobjects if name in state.org.sobjects]
    given = state.scenario.record_counts
    counts = await asyncio.to_thread(
        lambda: {name: given.get(name, state.org.count(name)) for name in names}
    )
    return json_reply({"sObjects": [{"count": n, "name": name} for name, n in counts.items()]})


def _left(maximum: int, used: int) -> dict[str, int]:
    return {"Max": maximum, "Remaining": max(0, maximum - used)}
