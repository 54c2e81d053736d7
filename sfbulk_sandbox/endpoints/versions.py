"""API versions: the list of them, their names, and the refusal of those the org does not offer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.endpoints.access.identity import identity_url
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import not_found, usual_error

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

OLDEST_LIVING = 31
"""Versions 21.0 to 30.0 were retired in Summer '25."""
_WINTER_26 = 65
_RESOURCES = (
    *("composite", "jobs", "limits", "query", "queryAll", "recent", "search", "sobjects"),
    "tooling",
)


async def list_versions(state: State, _call: Call) -> Reply:
    """Answer ``GET /services/data``, oldest first; needs no sign-in."""
    return json_reply(
        [
            {"label": release(version), "url": f"/services/data/v{version}", "version": version}
            for version in map(str, state.scenario.api_versions)
        ]
    )


async def list_resources(state: State, call: Call) -> Reply:
    """Answer ``GET /services/data/vXX.X/``: the resources and their paths."""
    paths = {name: f"/services/data/v{call.version}/{name}" for name in _RESOURCES}
    return json_reply({**paths, "identity": identity_url(state, call)})


def check_version(state: State, version: str) -> None:
    """Refuse a version that the org does not offer.

    Raises:
        SalesforceError: 410 for a retired version, 404 for one not made yet.
    """
    if version in state.scenario.api_versions:
        return
    if float(version) < OLDEST_LIVING:
        raise usual_error(HTTPStatus.GONE)
    raise not_found()


def release(version: str) -> str:
    """Name the release of a version: three a year, ``62.0`` is Winter '25."""
    distance = int(float(version)) - _WINTER_26
    season = ("Winter", "Spring", "Summer")[distance % 3]
    return f"{season} '{(26 + distance // 3) % 100:02}"
