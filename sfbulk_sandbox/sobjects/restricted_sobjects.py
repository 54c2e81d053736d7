"""Objects that show how Salesforce refuses: events, and objects without queries or without ids.

Which objects these are and what is said about them: seen in live clients.
"""

from __future__ import annotations

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    flag,
    moment,
    record_id,
    reference,
    text,
)
from sfbulk_sandbox.sobjects.record_ids import ID_OF_NO_RECORD
from sfbulk_sandbox.sobjects.schema import QueryRefusal, SObject

APP_DEFINITION = SObject(
    name="AppDefinition",
    label="App Definition",
    label_plural="App Definitions",
    key_prefix="06m",
    default_rows=8,
    unique_ids=False,
    fields=(
        record_id("App Definition ID", values.constant(ID_OF_NO_RECORD)),
        text("DurableId", 255, values.numbered("06m5g0000000", 6)),
        text("Label", 240, values.in_turn("Sales", "Service", "Marketing", "Content")),
        text("DeveloperName", 240, values.numbered("App_", 2)),
        text("HeaderColor", 255, values.constant("#0070D2")),
        flag("IsOverrideOrgTheme", values.boolean(10)),
    ),
)

ACCOUNT_CHANGE_EVENT = SObject(
    name="AccountChangeEvent",
    label="Account Change Event",
    label_plural="Account Change Events",
    key_prefix=None,
    default_rows=0,
    queryable=False,
    event=True,
    query_refusal=QueryRefusal(
        "INVALID_TYPE_FOR_OPERATION", "entity type AccountChangeEvent does not support query"
    ),
    fields=(
        record_id("Change Event ID"),
        text("ReplayId", 1_000, values.nothing),
        text("Name", 255, values.nothing),
    ),
)

EMAIL_STATUS = SObject(
    name="EmailStatus",
    label="Email Status",
    label_plural="Email Status",
    key_prefix="018",
    default_rows=0,
    query_refusal=QueryRefusal(
        "INVALID_TYPE_FOR_OPERATION", "entity type EmailStatus does not support query"
    ),
    fields=(
        record_id("Email Status ID"),
        reference("TaskId", "Task"),
        moment("CreatedDate", values.created),
        moment("LastModifiedDate", values.last_modified),
    ),
)

NAME = SObject(
    name="Name",
    label="Name",
    label_plural="Names",
    key_prefix=None,
    default_rows=0,
    query_refusal=QueryRefusal(
        "INVALID_TYPE_FOR_OPERATION", "entity type Name does not support query"
    ),
    fields=(
        record_id("Name ID"),
        text("Name", 255, values.nothing),
        text("Type", 40, values.nothing),
        text("FirstName", 40, values.nothing),
        text("LastName", 80, values.nothing),
        text("Email", 80, values.nothing, "email"),
        text("Phone", 40, values.nothing, "phone"),
        text("Title", 128, values.nothing),
        text("Username", 80, values.nothing),
    ),
)
"""What a polymorphic lookup leads to: the fields that its targets have in common."""

OUTGOING_EMAIL = SObject(
    name="OutgoingEmail",
    label="Outgoing Email",
    label_plural="Outgoing Emails",
    key_prefix="8lt",
    default_rows=0,
    query_refusal=QueryRefusal(
        "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION",
        "This query is not supported on the OutgoingEmail object. (OutgoingEmail)",
    ),
    fields=(
        record_id("Outgoing Email ID"),
        text("ExternalId", 255, values.nothing),
        text("Subject", 998, values.nothing),
    ),
)

URI_EVENT_STREAM = SObject(
    name="UriEventStream",
    label="URI Event Stream",
    label_plural="URI Event Streams",
    key_prefix="0Ux",
    default_rows=0,
    queryable=False,
    event=True,
    query_refusal=QueryRefusal(
        "INVALID_TYPE_FOR_OPERATION", "entity type UriEventStream does not support query"
    ),
    fields=(
        text("ReplayId", 1_000, values.nothing),
        moment("CreatedDate", values.created),
        moment("EventDate", values.created),
    ),
)

RESTRICTED_SOBJECTS = (
    ACCOUNT_CHANGE_EVENT,
    APP_DEFINITION,
    EMAIL_STATUS,
    NAME,
    OUTGOING_EMAIL,
    URI_EVENT_STREAM,
)
