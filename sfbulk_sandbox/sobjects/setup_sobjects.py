"""What an org is set up with: itself, profiles, roles and record types."""

from __future__ import annotations

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    audit_fields,
    flag,
    moment,
    name_of_record,
    picklist,
    record_id,
    reference,
    text,
)
from sfbulk_sandbox.sobjects.schema import SObject

_PROFILES = (
    "System Administrator",
    "Standard User",
    "Minimum Access - API Only Integrations",
    "Read Only",
    "Contract Manager",
    "Marketing User",
)
_ROLES = ("CEO", "SVP, Sales & Marketing", "Western Sales Team", "Customer Support", "Installation")
_RECORD_TYPES = ("Business", "Partner", "Internal", "Hardware", "Service", "Trial")

ORGANIZATION = SObject(
    name="Organization",
    label="Organization",
    label_plural="Organizations",
    key_prefix="00D",
    default_rows=1,
    can_be_created=False,
    can_be_deleted=False,
    fields=(
        record_id("Organization ID"),
        name_of_record(values.constant("Acme"), 80),
        text("Country", 80, values.constant("US")),
        text("PrimaryContact", 80, values.constant("Kim Lopez")),
        picklist("DefaultLocaleSidKey", "en_US"),
        picklist("TimeZoneSidKey", "America/Los_Angeles"),
        picklist("LanguageLocaleKey", "en_US"),
        picklist("OrganizationType", "Developer Edition"),
        text("InstanceName", 5, values.constant("NA1")),
        flag("IsSandbox", values.boolean(0)),
        text("NamespacePrefix", 15, values.nothing),
        moment("TrialExpirationDate", values.nothing),
        *audit_fields(recycle_bin=False),
    ),
)

PROFILE = SObject(
    name="Profile",
    label="Profile",
    label_plural="Profile",
    key_prefix="00e",
    default_rows=len(_PROFILES),
    fields=(
        record_id("Profile ID"),
        name_of_record(values.in_turn(*_PROFILES)),
        picklist("UserType", "Standard"),
        text("Description", 255, values.nothing),
        *audit_fields(recycle_bin=False),
    ),
)

USER_ROLE = SObject(
    name="UserRole",
    label="Role",
    label_plural="Roles",
    key_prefix="00E",
    default_rows=len(_ROLES),
    fields=(
        record_id("Role ID"),
        name_of_record(values.in_turn(*_ROLES), 80),
        reference("ParentRoleId", "UserRole", source=values.earlier_record),
        text("DeveloperName", 80, values.numbered("Role_", 2)),
        picklist("OpportunityAccessForAccountOwner", "Edit", "Read"),
        *audit_fields(recycle_bin=False)[2:],
    ),
)

RECORD_TYPE = SObject(
    name="RecordType",
    label="Record Type",
    label_plural="Record Types",
    key_prefix="012",
    default_rows=len(_RECORD_TYPES),
    fields=(
        record_id("Record Type ID"),
        name_of_record(values.in_turn(*_RECORD_TYPES), 80),
        text("DeveloperName", 80, values.in_turn(*_RECORD_TYPES)),
        picklist("SobjectType", "Account", "Case", "Opportunity"),
        flag("IsActive", values.boolean(90)),
        text("Description", 255, values.nothing),
        text("NamespacePrefix", 15, values.nothing),
        *audit_fields(recycle_bin=False),
    ),
)

SETUP_SOBJECTS = (ORGANIZATION, PROFILE, RECORD_TYPE, USER_ROLE)
