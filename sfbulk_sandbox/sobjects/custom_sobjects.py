"""Custom objects: invoices, one object with every type of field, an empty one and a setting."""

from __future__ import annotations

from dataclasses import replace

from sfbulk_sandbox.sobjects import awkward_values as awkward
from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    Field,
    audit_fields,
    auto_number,
    date,
    flag,
    formula,
    location,
    long_text,
    master_detail,
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

_PLACE = ("Location__Latitude__s", "Location__Longitude__s")
_COLOURS = ("red", "green", "blue", "grün; gelb")

INVOICE = SObject(
    name="Invoice__c",
    label="Invoice",
    label_plural="Invoices",
    key_prefix="a00",
    default_rows=600,
    fields=(
        record_id("Record ID"),
        reference("OwnerId", "Group", "User"),
        auto_number("Name", "INV-", 6),
        *audit_fields(),
        reference("Account__c", "Account", children="Invoices__r"),
        picklist("Status__c", "Draft", "Sent", "Paid", "Overdue"),
        date("Issued_On__c", values.date_within_days(-900, 0)),
        date("Due_On__c", values.sometimes(90, values.date_within_days(0, 90))),
        number("Total__c", "currency", values.double(0, 30_000_000, 2)),
        number("Tax_Rate__c", "percent", values.double(0, 25, 2)),
        formula(
            number("Tax__c", "currency", values.product_of("Total__c", "Tax_Rate__c", 2, 1)),
            "Total__c * Tax_Rate__c",
        ),
        replace(
            text("External_Id__c", 36, values.numbered("00", 8)),
            external_id=True,
            id_lookup=True,
            case_sensitive=True,
        ),
    ),
)

INVOICE_LINE = SObject(
    name="Invoice_Line__c",
    label="Invoice Line",
    label_plural="Invoice Lines",
    key_prefix="a01",
    default_rows=1_800,
    fields=(
        record_id("Record ID"),
        auto_number("Name", "L-", 8),
        *audit_fields(),
        master_detail("Invoice__c", "Invoice__c", "Lines__r"),
        reference("Product__c", "Product2", percent_filled=95),
        number("Quantity__c", "double", values.double(1, 100), scale=0),
        number("Unit_Price__c", "currency", values.double(0, 500_000, 2)),
        formula(
            number("Amount__c", "currency", values.product_of("Quantity__c", "Unit_Price__c", 2)),
            "Quantity__c * Unit_Price__c",
        ),
        long_text("Note__c", values.sometimes(30, values.in_turn(*awkward.AWKWARD_TEXTS)), 1_000),
    ),
)

EVERYTHING = SObject(
    name="Everything__c",
    label="Everything",
    label_plural="Everything",
    key_prefix="a02",
    default_rows=200,
    fields=(
        record_id("Record ID"),
        reference("OwnerId", "Group", "User"),
        name_of_record(values.numbered("Everything ", 5), 80),
        *audit_fields(),
        text("Text__c", 255, values.in_turn(*awkward.AWKWARD_TEXTS)),
        long_text("Text_Area__c", values.in_turn(*reversed(awkward.AWKWARD_TEXTS)), 255),
        long_text("Long_Text__c", values.with_longest_texts, awkward.LONGEST_TEXT),
        replace(
            long_text(
                "Rich_Text__c",
                values.one_of("<p>a &amp; b</p>", "<p>\n</p>", '<a href="/x">', None),
            ),
            extra_type_info="richtextarea",
        ),
        picklist("Picklist__c", *_COLOURS[:3], percent_filled=90),
        Field(
            name="Multi_Picklist__c",
            type="multipicklist",
            length=4_099,
            precision=4,
            picklist_values=_COLOURS[:3],
            values=values.one_of("red", "red;green", "green;blue", "red;green;blue", None),
        ),
        text("Combobox__c", 255, values.one_of("Call", "Email", None), "combobox"),
        text("Phone__c", 40, values.digits(10), "phone"),
        text("Email__c", 80, values.numbered("every.thing+", 4, "@example.com"), "email"),
        text("Url__c", 255, values.numbered("https://example.com/?q=%20&n=", 3), "url"),
        text("Encrypted__c", 175, values.constant("****1234"), "encryptedstring"),
        flag("Checkbox__c", values.boolean(50)),
        whole_number("Int__c", values.in_turn(*awkward.AWKWARD_INTS)),
        Field(
            name="Long__c", type="long", digits=18, values=values.in_turn(*awkward.AWKWARD_LONGS)
        ),
        number("Double__c", "double", values.in_turn(*awkward.AWKWARD_DOUBLES), scale=15),
        number("Currency__c", "currency", values.in_turn(*awkward.AWKWARD_DECIMALS)),
        number("Percent__c", "percent", values.in_turn(*awkward.AWKWARD_DECIMALS)),
        date("Date__c", values.in_turn(*awkward.AWKWARD_DATES)),
        moment("Datetime__c", values.in_turn(*awkward.AWKWARD_DATETIMES)),
        Field(name="Time__c", type="time", values=values.in_turn(*awkward.AWKWARD_TIMES)),
        *location("Location__c", values.double(-90, 90, 6), values.double(-180, 180, 6)),
        Field(name="Any__c", type="anyType", values=values.one_of("1", "true", "text", None)),
        Field(name="Binary__c", type="base64", values=values.body_text),
        text("Complex_Value__c", 255, values.one_of("a=1", None), "complexvalue"),
        text("Category__c", 80, values.one_of("All", None), "datacategorygroupreference"),
        text("Json__c", 4_000, values.constant('{"a": [1, "b"]}'), "json"),
        reference("Lookup__c", "Account", percent_filled=80, children="Everything__r"),
        reference("Contact__c", "Contact", percent_filled=80),
        formula(
            number("Formula_Number__c", "double", values.product_of(*_PLACE, 6)),
            "Location__Latitude__s * Location__Longitude__s",
        ),
        formula(text("Formula_Text__c", 1_300, values.joined(" ", "Name", "Picklist__c")), "Name"),
        formula(flag("Formula_Checkbox__c", values.matches("Checkbox__c", "true")), "Checkbox__c"),
        replace(text("Old__c", 20, values.constant("old")), deprecated_and_hidden=True),
    ),
)

EMPTY = SObject(
    name="Empty__c",
    label="Empty",
    label_plural="Empty",
    key_prefix="a03",
    default_rows=0,
    fields=(
        record_id("Record ID"),
        name_of_record(values.numbered("Empty ", 4), 80),
        *audit_fields(),
        number("Amount__c", "currency", values.double(0, 100, 2)),
    ),
)

SETTING = SObject(
    name="App_Settings__c",
    label="App Settings",
    label_plural="App Settings",
    key_prefix="a04",
    default_rows=3,
    custom_setting=True,
    fields=(
        record_id("Record ID"),
        name_of_record(values.numbered("Setting ", 1), 80),
        reference("SetupOwnerId", "User"),
        *audit_fields(),
        flag("Enabled__c", values.boolean(50)),
        text("Endpoint__c", 255, values.constant("https://example.com/api"), "url"),
    ),
)

CUSTOM_SOBJECTS = (SETTING, EMPTY, EVERYTHING, INVOICE, INVOICE_LINE)
