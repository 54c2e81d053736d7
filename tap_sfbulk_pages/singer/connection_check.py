"""What a connection test looks at before it reads records: sign-in, API, Bulk API, limits.

Each check rests on those before it, so the first that fails is the last. None of them makes a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import AllowanceError, ExtractionError, RefusedError
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.salesforce.limits import UNITS, JobAllowance, fetch_limits
from tap_sfbulk_pages.salesforce.versions import explain_missing_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_sfbulk_pages.org import Org


def check_connection(org: Org, report: Callable[[str], None]) -> None:
    """Run the checks one after another.

    Args:
        org: Where to.
        report: Called with one line for each check.

    Raises:
        ExtractionError: If one failed; its line says why.
    """
    _run_check("sign-in", _sign_in, org, report)
    _run_check("API access", _api_access, org, report)
    _run_check("Bulk query jobs", _bulk_query_jobs, org, report)
    _run_check("limits", _limits, org, report)


def _run_check(
    name: str, check: Callable[[Org], str], org: Org, report: Callable[[str], None]
) -> None:
    try:
        found = check(org)
    except ExtractionError as error:
        # Any call may be the one that meets a limit.
        name = "limits" if isinstance(error, AllowanceError) else name
        report(f"{name}: failed. {error}")
        raise ExtractionError(f"The connection test ended at: {name}.") from error
    report(quote(f"{name}: {found}"))


def _sign_in(org: Org) -> str:
    address = org.sessions.session().address.origin
    try:
        # Not every session may ask.
        user = org.client.fetch_json(
            f"{address}/services/oauth2/userinfo",
            api_version="",
            parse=lambda reply: f", user {reply['preferred_username']}",
        )
    except RefusedError:
        user = ""
    return f"ok ({org.settings.sign_in.title}, {address}{user})"


def _api_access(org: Org) -> str:
    version = org.api_version
    with explain_missing_version(org.client, version):
        org.client.fetch_json("/", api_version=version, parse=dict)
    usage = org.calls.usage
    used = f"; {usage[0]:,} of {usage[1]:,} daily calls used" if usage else ""
    return f"ok (version {version}{used})"


def _bulk_query_jobs(org: Org) -> str:
    org.client.fetch_json(
        "/jobs/query", api_version=org.api_version, parse=lambda reply: reply["records"]
    )
    return "ok (the user may use them)"


def _limits(org: Org) -> str:
    try:
        limits = fetch_limits(org.client, org.api_version)
    except RefusedError as error:
        return f"not known, since the user may not ask. {error}"
    JobAllowance(limits).take_job()
    left = [
        f"{limit.remaining:,} of {limit.maximum:,} {UNITS[name]}" for name, limit in limits.items()
    ]
    return f"ok (left of 24 hours: {', '.join(left)})"
