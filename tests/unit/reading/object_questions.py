"""Questions about an object, made without an org."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading.object_query import ObjectQuestion, ObjectSelection, ask_object
from tap_sfbulk_pages.salesforce.describe import Field, SObject
from tap_sfbulk_pages.salesforce.schema import json_schema
from tap_sfbulk_pages.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

SOBJECT = SObject(
    "Thing__c",
    (
        Field("Id", "id"),
        Field("Name", "string"),
        Field("Total__c", "double", is_calculated=True),
        Field("Day__c", "date"),
        Field("Body__c", "base64"),
        Field("CreatedDate", "datetime"),
        Field("SystemModstamp", "datetime"),
    ),
)
BOOKMARK = {
    "replication_key": "SystemModstamp",
    "replication_key_value": "2025-03-04T05:06:07.000Z",
}


def settings_of(**given: Any) -> Settings:
    return Settings.parse(
        {"instance_url": "https://acme.my.salesforce.com", "access_token": "a", **given}
    )


def ask(
    names: Sequence[str] = ("Id", "Name"),
    *,
    key: str | None = "SystemModstamp",
    state: dict[str, Any] | None = None,
    schemas: dict[str, Any] | None = None,
    limit: int | None = None,
    **settings: Any,
) -> ObjectQuestion:
    selection = ObjectSelection(
        SOBJECT,
        json_schema(SOBJECT)["properties"] if schemas is None else schemas,
        names,
        primary_keys=("Id",),
        replication_key=key,
        limit=limit,
    )
    now = datetime.now(timezone.utc)
    return ask_object(selection, settings_of(**settings), {} if state is None else state, now=now)
