"""The ids of the records that were deleted, or changed, in a time span.

REST API Developer Guide, "sObject Get Deleted" and "sObject Get Updated"; SOAP API Developer Guide,
"getDeleted()": seconds of the span are ignored, it must be longer than a minute and not begin more
than 30 days ago, and at most 600,000 ids are listed.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError, not_found

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_EARLIEST_START = timedelta(days=30)
_SHORTEST_SPAN = timedelta(minutes=1)


async def list_deleted(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X/deleted/?start=&end=``."""
    org, name = state.org, _find_replicable(state, call, sobject)
    now = org.moment()
    start, end = _read_span(call, now)
    covered = now - timedelta(seconds=state.scenario.delete_log_lag_seconds)
    if state.scenario.delete_log_lag_seconds and end > covered:
        latest = _format_moment(covered)
        raise _refusal(
            "INVALID_REPLICATION_DATE", f"endDate is after latestDateCovered, which is {latest}"
        )
    purged = org.purged(name)
    if purged is not None and start < _cut_to_minute(purged):
        raise _refusal(
            "INVALID_REPLICATION_DATE",
            f"startDate before org data available date, which is {_format_moment(purged)}",
        )
    earliest = _cut_to_minute(now - timedelta(days=state.scenario.delete_log_days))
    found = org.deleted(name, max(start, earliest), end)
    limit = state.scenario.deleted_ids_limit
    if len(found) > limit:
        raise _refusal("EXCEEDED_ID_LIMIT", f"more than {limit} ids; choose a shorter time span")
    return json_reply(
        {
            "deletedRecords": [
                {"id": record_id, "deletedDate": _format_moment(moment)}
                for record_id, moment in found
            ],
            "earliestDateAvailable": _format_moment(earliest),
            "latestDateCovered": _format_moment(min(end, _cut_to_minute(covered))),
        }
    )


async def list_updated(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X/updated/?start=&end=``."""
    org, name = state.org, _find_replicable(state, call, sobject)
    start, end = _read_span(call, org.moment())
    ids = await asyncio.to_thread(org.updated, name, start, end)
    covered = min(end, _cut_to_minute(org.moment()))
    return json_reply({"ids": ids, "latestDateCovered": _format_moment(covered)})


def _find_replicable(state: State, call: Call, sobject: str) -> str:
    """Return the name of an object as the org spells it.

    Raises:
        SalesforceError: If the user sees no such object, or Salesforce keeps no log of it.
    """
    description = state.org.describe(sobject, call.version)
    if description is None:
        raise not_found()
    if not description["replicateable"]:
        raise _refusal("INVALID_TYPE", f"sObject type '{sobject}' is not replicable")
    return str(description["name"])


def _read_span(call: Call, now: datetime) -> tuple[datetime, datetime]:
    """Return the time span that a call asks about.

    Raises:
        SalesforceError: 400 ``INVALID_REPLICATION_DATE``.
    """
    start, end = _read_moment(call, "start"), _read_moment(call, "end")
    if end - start <= _SHORTEST_SPAN:
        raise _refusal(
            "INVALID_REPLICATION_DATE", "startDate must precede endDate by more than one minute"
        )
    if start < now - _EARLIEST_START:
        raise _refusal("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
    return start, end


def _read_moment(call: Call, name: str) -> datetime:
    try:
        return _cut_to_minute(datetime.fromisoformat(call.query[name].replace("Z", "+00:00")))
    except (KeyError, ValueError) as error:
        raise _refusal("INVALID_REPLICATION_DATE", f"{name}Date is not a date and time") from error


def _cut_to_minute(moment: datetime) -> datetime:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return zoned.replace(second=0, microsecond=0)


def _format_moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _refusal(error_code: str, message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, error_code, message)
