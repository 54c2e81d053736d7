"""Values of a saved state that become a part of queries and addresses, checked as they are read.

A state is a file that others can change. What is not of the exact form that this tap writes must
reach neither a query nor an address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.jobs.query import SHORT_ID
from tap_sfbulk_pages.salesforce.addresses import strip_host

if TYPE_CHECKING:
    from typing import TypeGuard

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_API_VERSION = re.compile(r"[1-9][0-9]{1,2}\.0")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_LINK = re.compile(
    r"(?:/services/data/v[0-9]+\.[0-9])?/(?:jobs/query|query|queryAll)"
    r"/(?P<id>(?!\.+(?:[/?]|$))[\w.=~-]+)"
    r"(?:/\w+)?(?:\?[^#\s\\]*)?",
    re.ASCII,
)


def is_id(value: Any) -> TypeGuard[str]:
    """Return whether a value is the id of a record or a job, of 15 or 18 characters."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_api_version(value: Any) -> TypeGuard[str]:
    """Return whether a value is an API version, as `62.0`."""
    return isinstance(value, str) and _API_VERSION.fullmatch(value) is not None


def is_count(value: Any) -> TypeGuard[int]:
    """Return whether a value is a number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_moment(value: Any) -> TypeGuard[str]:
    """Return whether a value is a date or a datetime, in the forms of SOQL and ISO 8601."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return False
    try:
        parse_datetime(value)
    except (ValueError, OverflowError):
        return False
    return True


def is_link(link: str, job_id: str | None = None) -> bool:
    """Return whether a link leads to the result of a query, or to another host.

    Nothing is sent to another host (`HostAddress.resolve`): the result is then asked for anew.

    Args:
        link: As saved.
        job_id: The query job whose result it must lead to; None for a query through REST.
    """
    link = strip_host(link)
    if "://" in link.partition("?")[0]:
        return True
    match = _LINK.fullmatch(link)
    if match is None or job_id is None:
        return match is not None
    return "/jobs/query/" in link and match["id"][:SHORT_ID] == job_id[:SHORT_ID]
