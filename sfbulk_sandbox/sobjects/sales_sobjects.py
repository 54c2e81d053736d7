"""The objects of selling: accounts, contacts, leads, opportunities, products and campaigns."""

from __future__ import annotations

from dataclasses import replace

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    Field,
    address,
    audit_fields,
    date,
    filled_by_salesforce,
    flag,
    formula,
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

_FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Esi", "Fátima", "Grace", "Hiro", "Inês", "Jo")
_LAST_NAMES = ("O'Neil", "Müller", "García", "Nguyễn", "Smith", "d'Angelo", "Iwasaki", "Okafor")
_INDUSTRIES = ("Agriculture", "Banking", "Biotechnology", "Energy", "Retail", "Technology")
_LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_REMARK = values.combined(
    ("Met at a fair.", 'Said "call back".', "First line,\nsecond line", "Größe: 5 m²; 100 %"),
    " ",
    ("Follow up in May.", "No budget, yet.", "Wants a demo\r\nnext week", "👍", "n/a"),
)


def _person_name() -> tuple[Field, ...]:
    """Define the parts of a person's name; Name is compound but a plain string."""
    parts = (
        replace(text("LastName", 80, values.one_of(*_LAST_NAMES)), nillable=False),
        text("FirstName", 40, values.sometimes(95, values.one_of(*_FIRST_NAMES))),
        picklist("Salutation", "Mr.", "Ms.", "Dr.", "Prof.", percent_filled=50),
    )
    whole = name_of_record(values.joined(" ", "FirstName", "LastName"), 121)
    return (
        *(replace(p, compound_field="Name", extra_type_info="personname") for p in parts),
        replace(whole, extra_type_info="personname", set_by_salesforce=True),
    )


def _phone(name: str, percent_filled: int = 70) -> Field:
    source = values.combined("+1 (", tuple("234"), "15) 555-", tuple(map(str, range(1000, 9999))))
    return text(name, 40, values.sometimes(percent_filled, source), "phone")


def _email(percent_filled: int = 85) -> Field:
    source = values.sometimes(percent_filled, values.numbered("person", 7, "@example.com"))
    return replace(text("Email", 80, source, "email"), id_lookup=True)


def _description() -> Field:
    return long_text("Description", values.sometimes(40, _REMARK))


ACCOUNT = SObject(
    name="Account",
    label="Account",
    label_plural="Accounts",
    key_prefix="001",
    default_rows=1_000,
    fields=(
        record_id("Account ID"),
        filled_by_salesforce(reference("MasterRecordId", "Account", percent_filled=0)),
        name_of_record(
            values.combined(
                (
                    "Acme",
                    "Globex",
                    "Müller & Söhne",
                    'The "Best"',
                    "Édition",
                    "Initech",
                    "Umbrella",
                ),
                " ",
                ("Industries", "Logistics, Inc.", "Labs", "Foods", "株式会社", "Partners"),
                " ",
                tuple(str(n) for n in range(1, 1_000)),
            )
        ),
        picklist("Type", "Prospect", "Customer - Direct", "Technology Partner", "Other"),
        reference(
            "ParentId",
            "Account",
            percent_filled=30,
            children="ChildAccounts",
            source=values.earlier_record,
        ),
        *address("Billing"),
        *address("Shipping", percent_filled=50),
        _phone("Phone"),
        _phone("Fax", percent_filled=20),
        text("AccountNumber", 40, values.sometimes(80, values.digits(8))),
        text("Website", 255, values.numbered("https://www.example.com/", 5), "url"),
        text("Sic", 20, values.sometimes(60, values.digits(4))),
        picklist("Industry", *_INDUSTRIES, percent_filled=85),
        number(
            "AnnualRevenue", "currency", values.sometimes(75, values.double(0, 4 * 10**9)), scale=0
        ),
        whole_number("NumberOfEmployees", values.sometimes(80, values.integer(1, 250_000))),
        picklist("Ownership", "Public", "Private", "Subsidiary", "Other"),
        text("TickerSymbol", 20, values.sometimes(30, values.one_of("NA", "ACME", "NULL", "T"))),
        _description(),
        picklist("Rating", "Hot", "Warm", "Cold", percent_filled=60),
        reference("OwnerId", "User"),
        *audit_fields(),
        filled_by_salesforce(
            date("LastActivityDate", values.sometimes(50, values.date_within_days(-900, -1)))
        ),
        picklist("AccountSource", *_LEAD_SOURCES, percent_filled=70),
        date("SLAExpirationDate__c", values.sometimes(40, values.date_within_days(-900, 900))),
        number("NumberofLocations__c", "double", values.double(0, 150), scale=0),
        picklist("Active__c", "No", "Yes", percent_filled=90),
    ),
)

CONTACT = SObject(
    name="Contact",
    label="Contact",
    label_plural="Contacts",
    key_prefix="003",
    default_rows=2_000,
    fields=(
        record_id("Contact ID"),
        reference("AccountId", "Account", percent_filled=95, children="Contacts"),
        *_person_name(),
        *address("Mailing"),
        _phone("Phone"),
        _phone("MobilePhone", percent_filled=50),
        reference("ReportsToId", "Contact", percent_filled=20, source=values.earlier_record),
        _email(),
        text("Title", 128, values.one_of("CEO", "CTO", "Engineer", "VP, Sales", None)),
        text("Department", 80, values.one_of("Finance", "IT", "R&D", None)),
        picklist("LeadSource", *_LEAD_SOURCES, percent_filled=60),
        date("Birthdate", values.sometimes(50, values.date_within_days(-30_000, -7_000))),
        _description(),
        reference("OwnerId", "User"),
        *audit_fields(),
        flag("HasOptedOutOfEmail", values.boolean(10)),
        moment("LastCURequestDate", values.sometimes(5, values.datetime_in_history)),
    ),
)

LEAD = SObject(
    name="Lead",
    label="Lead",
    label_plural="Leads",
    key_prefix="00Q",
    default_rows=800,
    fields=(
        record_id("Lead ID"),
        *_person_name(),
        text("Title", 128, values.one_of("Buyer", "Owner", "Head of Data", None)),
        text("Company", 255, values.combined(("North", "South", "Old"), " ", ("Mill", "Bank"))),
        *address("", percent_filled=70),
        _phone("Phone"),
        _email(),
        picklist("LeadSource", *_LEAD_SOURCES),
        picklist("Status", "Open - Not Contacted", "Working - Contacted", "Closed - Converted"),
        picklist("Industry", *_INDUSTRIES, percent_filled=60),
        number("AnnualRevenue", "currency", values.sometimes(40, values.double(0, 10**8)), scale=0),
        whole_number("NumberOfEmployees", values.sometimes(40, values.integer(1, 5_000))),
        reference("OwnerId", "Group", "User"),
        flag("IsConverted", values.matches("Status", "Closed - Converted")),
        filled_by_salesforce(reference("ConvertedAccountId", "Account", percent_filled=10)),
        *audit_fields(),
    ),
)

CAMPAIGN = SObject(
    name="Campaign",
    label="Campaign",
    label_plural="Campaigns",
    key_prefix="701",
    default_rows=50,
    fields=(
        record_id("Campaign ID"),
        name_of_record(
            values.combined(("Spring", "Summer", "Trade fair", "Webinar"), " ", ("A", "B", "C")), 80
        ),
        reference("ParentId", "Campaign", percent_filled=20, source=values.earlier_record),
        picklist("Type", "Conference", "Webinar", "Email", "Other"),
        picklist("Status", "Planned", "In Progress", "Completed", "Aborted"),
        date("StartDate", values.date_within_days(-900, 0)),
        date("EndDate", values.sometimes(80, values.date_within_days(0, 200))),
        number("BudgetedCost", "currency", values.sometimes(90, values.double(100, 50_000, 2))),
        number("ExpectedResponse", "percent", values.double(0, 100, 2)),
        number("NumberSent", "double", values.double(0, 20_000_000), scale=0),
        flag("IsActive", values.boolean(50)),
        _description(),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

OPPORTUNITY = SObject(
    name="Opportunity",
    label="Opportunity",
    label_plural="Opportunities",
    key_prefix="006",
    default_rows=1_000,
    fields=(
        record_id("Opportunity ID"),
        reference("AccountId", "Account", percent_filled=97, children="Opportunities"),
        name_of_record(
            values.combined(("Renewal", "Upgrade", "New business"), " ", ("Q1", "Q2", "Q3")), 120
        ),
        _description(),
        picklist("StageName", "Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost"),
        number("Amount", "currency", values.sometimes(90, values.double(0, 25_000_000, 2))),
        number("Probability", "percent", values.double(0, 100), scale=0),
        date("CloseDate", values.date_within_days(-700, 300)),
        picklist("Type", "Existing Customer - Upgrade", "New Customer", percent_filled=80),
        picklist("LeadSource", *_LEAD_SOURCES, percent_filled=60),
        flag("IsClosed", values.matches("StageName", "Closed Won", "Closed Lost")),
        flag("IsWon", values.matches("StageName", "Closed Won")),
        reference("CampaignId", "Campaign", percent_filled=40, children="Opportunities"),
        reference("OwnerId", "User"),
        *audit_fields(),
        formula(
            number("ExpectedRevenue", "currency", values.product_of("Amount", "Probability", 2, 1)),
            "Amount * Probability",
        ),
    ),
)

PRODUCT = SObject(
    name="Product2",
    label="Product",
    label_plural="Products",
    key_prefix="01t",
    default_rows=100,
    fields=(
        record_id("Product ID"),
        name_of_record(
            values.combined(("Widget", "Generator", "Valve"), " ", ("S", "M", "L", '15"', "½"))
        ),
        text("ProductCode", 255, values.numbered("", 5)),
        _description(),
        flag("IsActive", values.boolean(90)),
        picklist("Family", "Hardware", "Software", percent_filled=80),
        *audit_fields(),
    ),
)

OPPORTUNITY_LINE_ITEM = SObject(
    name="OpportunityLineItem",
    label="Opportunity Product",
    label_plural="Opportunity Products",
    key_prefix="00k",
    default_rows=1_200,
    fields=(
        record_id("Line Item ID"),
        replace(
            reference("OpportunityId", "Opportunity", children="OpportunityLineItems"),
            nillable=False,
            master_detail=True,
        ),
        reference("Product2Id", "Product2"),
        text("ProductCode", 255, values.sometimes(80, values.digits(5))),
        number("Quantity", "double", values.double(1, 50)),
        number("UnitPrice", "currency", values.double(1, 90_000, 2)),
        number("TotalPrice", "currency", values.product_of("Quantity", "UnitPrice", 2)),
        date("ServiceDate", values.sometimes(30, values.date_within_days(-300, 300))),
        text("Description", 255, values.sometimes(30, _REMARK)),
        *audit_fields(),
    ),
)

SALES_SOBJECTS = (
    ACCOUNT,
    CAMPAIGN,
    CONTACT,
    LEAD,
    OPPORTUNITY,
    OPPORTUNITY_LINE_ITEM,
    PRODUCT,
)
