"""Objects that tie others together: price book entries, members, contact roles, appointments."""

from __future__ import annotations

from dataclasses import replace

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    audit_fields,
    flag,
    long_text,
    moment,
    name_of_record,
    number,
    picklist,
    record_id,
    reference,
    text,
    whole_number,
)
from sfbulk_sandbox.sobjects.schema import SObject

PRICEBOOK = SObject(
    name="Pricebook2",
    label="Price Book",
    label_plural="Price Books",
    key_prefix="01s",
    default_rows=4,
    fields=(
        record_id("Price Book ID"),
        name_of_record(values.in_turn("Standard", "Partner", "Education", "Old")),
        text("Description", 255, values.nothing),
        flag("IsActive", values.boolean(90)),
        flag("IsStandard", values.matches("Name", "Standard")),
        *audit_fields(),
    ),
)

PRICEBOOK_ENTRY = SObject(
    name="PricebookEntry",
    label="Price Book Entry",
    label_plural="Price Book Entries",
    key_prefix="01u",
    default_rows=200,
    fields=(
        record_id("Price Book Entry ID"),
        name_of_record(values.numbered("Entry ", 4)),
        reference("Pricebook2Id", "Pricebook2", children="PricebookEntries"),
        reference("Product2Id", "Product2", children="PricebookEntries"),
        number("UnitPrice", "currency", values.double(1, 90_000, 2)),
        flag("IsActive", values.boolean(90)),
        flag("UseStandardPrice", values.boolean(20)),
        text("ProductCode", 255, values.digits(5)),
        *audit_fields(),
    ),
)

CAMPAIGN_MEMBER = SObject(
    name="CampaignMember",
    label="Campaign Member",
    label_plural="Campaign Members",
    key_prefix="00v",
    default_rows=300,
    fields=(
        record_id("Campaign Member ID"),
        replace(reference("CampaignId", "Campaign", children="CampaignMembers"), nillable=False),
        reference("LeadId", "Lead", percent_filled=50, children="CampaignMembers"),
        reference("ContactId", "Contact", percent_filled=60, children="CampaignMembers"),
        picklist("Status", "Sent", "Responded"),
        flag("HasResponded", values.matches("Status", "Responded")),
        *audit_fields(),
    ),
)

OPPORTUNITY_CONTACT_ROLE = SObject(
    name="OpportunityContactRole",
    label="Opportunity Contact Role",
    label_plural="Opportunity Contact Role",
    key_prefix="00K",
    default_rows=300,
    fields=(
        record_id("Contact Role ID"),
        replace(
            reference("OpportunityId", "Opportunity", children="OpportunityContactRoles"),
            nillable=False,
        ),
        replace(
            reference("ContactId", "Contact", children="OpportunityContactRoles"), nillable=False
        ),
        picklist("Role", "Decision Maker", "Evaluator", "Influencer", percent_filled=80),
        flag("IsPrimary", values.boolean(30)),
        *audit_fields(),
    ),
)

EVENT = SObject(
    name="Event",
    label="Event",
    label_plural="Events",
    key_prefix="00U",
    default_rows=200,
    fields=(
        record_id("Activity ID"),
        reference("WhoId", "Contact", "Lead", percent_filled=60),
        reference("WhatId", "Account", "Opportunity", percent_filled=60),
        text("Subject", 255, values.one_of("Call", "Meeting", "Demo; on site", None), "combobox"),
        text("Location", 255, values.one_of("Room 1", "Zürich", None)),
        flag("IsAllDayEvent", values.boolean(10)),
        moment("ActivityDateTime", values.datetime_in_history),
        whole_number("DurationInMinutes", values.one_of("30", "60", "90")),
        long_text("Description", values.sometimes(30, values.one_of("Agenda:\n- a", "none"))),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

LINKING_SOBJECTS = (
    CAMPAIGN_MEMBER,
    EVENT,
    OPPORTUNITY_CONTACT_ROLE,
    PRICEBOOK,
    PRICEBOOK_ENTRY,
)
