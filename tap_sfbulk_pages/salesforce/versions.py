"""API versions: which ones the tap can use, and which it uses if none is set."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ExtractionError, RefusedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

# Get Parallel Results came with Summer '23 (Bulk API 2.0 guide, "Get Parallel Results").
OLDEST = 58.0
NEWEST_TESTED = 67.0


def parse_version(text: str) -> str:
    """Read an `api_version` setting.

    Args:
        text: `62`, `62.0` or `v62.0`.

    Returns:
        The version as `62.0`.

    Raises:
        SettingsError: If it is not a version, or too old.
    """
    match = re.fullmatch(r"v?([0-9]{2,3})(?:\.0)?", text.strip())
    if not match:
        raise SettingsError(f"api_version must be like 62.0, not {text!r}")
    if float(match[1]) < OLDEST:
        raise SettingsError(f"api_version must be at least {OLDEST}, not {text}")
    return f"{match[1]}.0"


def choose_version(client: SalesforceClient) -> str:
    """Ask the org for its versions and choose.

    Returns:
        The newest version that the org offers and the tap was tested with, as `62.0`.

    Raises:
        ExtractionError: If the org offers no such version.
    """
    return newest_usable(_fetch_versions(client))


def newest_usable(offered: Sequence[float]) -> str:
    """Return the newest version that an org offers and the tap was tested with, as `62.0`.

    Raises:
        ExtractionError: If there is none.
    """
    usable = [version for version in offered if OLDEST <= version <= NEWEST_TESTED]
    if not usable:
        raise ExtractionError(
            f"The org offers no API version from {OLDEST} to {NEWEST_TESTED}; set api_version."
        )
    return f"{max(usable):.1f}"


@contextmanager
def explain_missing_version(client: SalesforceClient, api_version: str) -> Iterator[None]:
    """Run a call that works in every version, and say so if the org lacks the version.

    Raises:
        SettingsError: If it does; the error names the newest version of the org.
        ExtractionError: As raised inside, or by asking for the versions.
    """
    try:
        yield
    except RefusedError as error:
        # Not released yet, or retired (REST API guide, "Status Codes and Error Responses").
        if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise
        versions = _fetch_versions(client)
        if not versions or float(api_version) in versions:
            raise
        problem = f"the org has no version {api_version}; its newest is {max(versions):.1f}"
        raise SettingsError(
            f"api_version: {problem}. Set that, or leave api_version out. {error}"
        ) from error


def _fetch_versions(client: SalesforceClient) -> list[float]:
    """Ask the org for its versions (`GET /services/data`)."""
    return client.fetch_json(
        "/services/data/",
        api_version="",
        parse=lambda offered: [float(entry["version"]) for entry in offered],
    )
