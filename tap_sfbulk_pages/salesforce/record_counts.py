"""How many records objects have, as Salesforce tells without counting them.

REST API guide, "Record Count": approximate; of whole objects, without what is deleted or archived;
an object without a figure is left out, such as history and share objects. The user needs the
permission *View Setup and Configuration*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_sfbulk_pages.salesforce.client import SalesforceClient


def record_counts(client: SalesforceClient, api_version: str) -> dict[str, int]:
    """Ask how many records each object of the org has, with one call.

    Raises:
        ExtractionError: As `SalesforceClient.document`.
    """
    return client.document("/limits/recordCount", api_version=api_version, parse=_counts)


def _counts(reply: Any) -> dict[str, int]:
    return {entry["name"]: int(entry["count"]) for entry in reply["sObjects"]}
