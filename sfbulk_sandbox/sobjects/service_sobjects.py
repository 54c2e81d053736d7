"""The objects of service and of working together: users, cases, tasks, files and histories."""

from __future__ import annotations

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    Field,
    audit_fields,
    auto_number,
    date,
    flag,
    long_text,
    moment,
    name_of_record,
    picklist,
    record_id,
    reference,
    text,
    whole_number,
)
from sfbulk_sandbox.sobjects.schema import SObject

_SUBJECTS = ("Cannot log in", 'Error "500" on save', "Invoice, again", "Broken\tpart", "Question")
_COMMENT = values.combined(
    ("Called.", "Left a message;", "No answer\nTried twice", "Sent \u201coffer\u201d"),
    " ",
    ("Will call back.", "Done.", "→ next week", "\r\n--\r\nSent from my phone"),
)


def _body(name: str) -> Field:
    return Field(name=name, type="base64", values=values.body_text)


USER = SObject(
    name="User",
    label="User",
    label_plural="People",
    key_prefix="005",
    default_rows=25,
    can_be_deleted=False,
    fields=(
        record_id("User ID"),
        text("Username", 80, values.numbered("user", 3, "@acme.example")),
        text("LastName", 80, values.one_of("Lopez", "Nkrumah", "O'Hara", "Sørensen")),
        text("FirstName", 40, values.one_of("Kim", "Lena", "Max", "Noor", None)),
        name_of_record(values.joined(" ", "FirstName", "LastName"), 121),
        text("Email", 128, values.numbered("user", 3, "@acme.example"), "email"),
        text("Alias", 8, values.numbered("u", 3)),
        flag("IsActive", values.boolean(90)),
        picklist("TimeZoneSidKey", "America/Los_Angeles", "Europe/Zurich", "Asia/Tokyo"),
        picklist("LocaleSidKey", "en_US", "de_CH", "ja_JP"),
        picklist("UserType", "Standard"),
        reference("ManagerId", "User", percent_filled=60, source=values.earlier_record),
        reference("ProfileId", "Profile", children="Users"),
        reference("UserRoleId", "UserRole", percent_filled=80, children="Users"),
        moment("LastLoginDate", values.sometimes(80, values.datetime_in_history)),
        *audit_fields(recycle_bin=False),
    ),
)

GROUP = SObject(
    name="Group",
    label="Group",
    label_plural="Groups",
    key_prefix="00G",
    default_rows=5,
    fields=(
        record_id("Group ID"),
        name_of_record(values.numbered("Queue ", 1), 40),
        text("DeveloperName", 80, values.numbered("Queue_", 1)),
        picklist("Type", "Queue"),
        *audit_fields(recycle_bin=False),
    ),
)

CASE = SObject(
    name="Case",
    label="Case",
    label_plural="Cases",
    key_prefix="500",
    default_rows=800,
    fields=(
        record_id("Case ID"),
        auto_number("CaseNumber", "", 8),
        reference("ContactId", "Contact", percent_filled=80, children="Cases"),
        reference("AccountId", "Account", percent_filled=90, children="Cases"),
        reference("ParentId", "Case", percent_filled=5, source=values.earlier_record),
        picklist("Type", "Mechanical", "Electrical", "Other", percent_filled=70),
        picklist("Status", "New", "Working", "Escalated", "Closed"),
        picklist("Origin", "Phone", "Email", "Web"),
        text("Subject", 255, values.one_of(*_SUBJECTS)),
        picklist("Priority", "High", "Medium", "Low"),
        long_text("Description", values.sometimes(70, _COMMENT)),
        flag("IsClosed", values.matches("Status", "Closed")),
        moment("ClosedDate", values.sometimes(40, values.datetime_in_history)),
        flag("IsEscalated", values.matches("Status", "Escalated")),
        reference("OwnerId", "Group", "User"),
        *audit_fields(),
    ),
)

TASK = SObject(
    name="Task",
    label="Task",
    label_plural="Tasks",
    key_prefix="00T",
    default_rows=1_000,
    fields=(
        record_id("Activity ID"),
        reference("WhoId", "Contact", "Lead", percent_filled=60),
        reference("WhatId", "Account", "Case", "Opportunity", percent_filled=60),
        text("Subject", 255, values.one_of("Call", "Send Letter", "Other", None), "combobox"),
        date("ActivityDate", values.sometimes(80, values.date_within_days(-800, 60))),
        picklist("Status", "Not Started", "In Progress", "Completed"),
        picklist("Priority", "High", "Normal", "Low"),
        flag("IsHighPriority", values.matches("Priority", "High")),
        long_text("Description", values.sometimes(50, _COMMENT)),
        whole_number("CallDurationInSeconds", values.sometimes(20, values.integer(0, 7_200))),
        flag("IsClosed", values.matches("Status", "Completed")),
        reference("AccountId", "Account", percent_filled=50),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

ACCOUNT_HISTORY = SObject(
    name="AccountHistory",
    label="Account History",
    label_plural="Account History",
    key_prefix="017",
    default_rows=500,
    fields=(
        record_id("Account History ID"),
        Field(name="IsDeleted", type="boolean", nillable=False, values=values.is_deleted),
        reference("AccountId", "Account", children="Histories"),
        reference("CreatedById", "User"),
        moment("CreatedDate", values.created),
        picklist("Field", "Name", "AnnualRevenue", "Rating", "created"),
        picklist("DataType", "Text", "Currency", "Picklist"),
        text("OldValue", 255, values.one_of("Hot", "1000", "true", "00123", None), "anyType"),
        text("NewValue", 255, values.one_of("Cold", "2000.5", "false", "00124", None), "anyType"),
    ),
)

ACCOUNT_SHARE = SObject(
    name="AccountShare",
    label="Account Share",
    label_plural="Account Share",
    key_prefix="00r",
    default_rows=500,
    fields=(
        record_id("Account Share ID"),
        reference("AccountId", "Account", children="Shares"),
        reference("UserOrGroupId", "Group", "User"),
        picklist("AccountAccessLevel", "Read", "Edit", "All"),
        picklist("RowCause", "Owner", "Manual", "Rule"),
        moment("LastModifiedDate", values.last_modified),
        reference("LastModifiedById", "User"),
        Field(name="IsDeleted", type="boolean", nillable=False, values=values.is_deleted),
    ),
)

LOGIN_HISTORY = SObject(
    name="LoginHistory",
    label="Login History",
    label_plural="Login History",
    key_prefix="0Ya",
    default_rows=400,
    fields=(
        record_id("Login History ID"),
        reference("UserId", "User"),
        moment("LoginTime", values.created),
        picklist("LoginType", "Application", "Remote Access 2.0"),
        text("SourceIp", 39, values.combined("192.0.2.", tuple(map(str, range(1, 255))))),
        text("Browser", 64, values.one_of("Chrome 130", "Firefox 131", "Unknown")),
        picklist("Status", "Success", "Invalid Password"),
    ),
)

ATTACHMENT = SObject(
    name="Attachment",
    label="Attachment",
    label_plural="Attachments",
    key_prefix="00P",
    default_rows=30,
    fields=(
        record_id("Attachment ID"),
        reference("ParentId", "Account", "Case", children="Attachments"),
        name_of_record(values.numbered("scan ", 3, ".bin")),
        text("ContentType", 120, values.constant("application/octet-stream")),
        whole_number("BodyLength", values.body_length),
        _body("Body"),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

CONTENT_DOCUMENT = SObject(
    name="ContentDocument",
    label="Content Document",
    label_plural="Content Documents",
    key_prefix="069",
    default_rows=40,
    fields=(
        record_id("ContentDocument ID"),
        text("Title", 255, values.numbered("Document ", 3)),
        text("FileExtension", 40, values.constant("bin")),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

CONTENT_VERSION = SObject(
    name="ContentVersion",
    label="Content Version",
    label_plural="Content Versions",
    key_prefix="068",
    default_rows=40,
    fields=(
        record_id("ContentVersion ID"),
        reference("ContentDocumentId", "ContentDocument", children="ContentVersions"),
        flag("IsLatest", values.boolean(80)),
        text("Title", 255, values.numbered("Document ", 3)),
        text("PathOnClient", 500, values.numbered("document", 3, ".bin")),
        whole_number("ContentSize", values.body_length),
        _body("VersionData"),
        reference("OwnerId", "User"),
        *audit_fields(),
    ),
)

CONTENT_DOCUMENT_LINK = SObject(
    name="ContentDocumentLink",
    label="Content Document Link",
    label_plural="Content Document Links",
    key_prefix="06A",
    default_rows=60,
    needs_filter_on=("ContentDocumentId", "LinkedEntityId"),
    fields=(
        record_id("ContentDocumentLink ID"),
        reference("LinkedEntityId", "Account", "Opportunity", children="ContentDocumentLinks"),
        reference("ContentDocumentId", "ContentDocument", children="ContentDocumentLinks"),
        Field(name="IsDeleted", type="boolean", nillable=False, values=values.is_deleted),
        moment("SystemModstamp", values.system_modstamp),
        picklist("ShareType", "V", "C", "I"),
        picklist("Visibility", "AllUsers", "InternalUsers"),
    ),
)

CASE_STATUS = SObject(
    name="CaseStatus",
    label="Case Status Value",
    label_plural="Case Status Value",
    key_prefix="01J",
    default_rows=4,
    in_bulk_api=False,
    fields=(
        record_id("Case Status Value ID"),
        text("MasterLabel", 255, values.in_turn("New", "Working", "Escalated", "Closed")),
        text("ApiName", 255, values.in_turn("New", "Working", "Escalated", "Closed")),
        whole_number("SortOrder", values.numbered("", 1)),
        flag("IsClosed", values.matches("ApiName", "Closed")),
        *audit_fields(recycle_bin=False),
    ),
)

SERVICE_SOBJECTS = (
    ACCOUNT_HISTORY,
    ACCOUNT_SHARE,
    ATTACHMENT,
    CASE,
    CASE_STATUS,
    CONTENT_DOCUMENT,
    CONTENT_DOCUMENT_LINK,
    CONTENT_VERSION,
    GROUP,
    LOGIN_HISTORY,
    TASK,
    USER,
)
