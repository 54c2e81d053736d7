"""Describe replies of the sandbox's org."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sfbulk_sandbox.state.org import Org, SoqlError


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


GLOBAL_KEYS = words(
    """
    activateable associateEntityType associateParentEntity createable custom customSetting
    deepCloneable deletable deprecatedAndHidden feedEnabled hasSubtypes isInterface isSubtype
    keyPrefix label labelPlural layoutable mergeable mruEnabled name queryable replicateable
    retrieveable searchable triggerable undeletable updateable urls
    """
)
FIELD_KEYS = words(
    """
    aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula
    cascadeDelete caseSensitive compoundFieldName controllerName createable custom defaultValue
    defaultValueFormula defaultedOnCreate dependentPicklist deprecatedAndHidden digits
    displayLocationInDecimal encrypted externalId extraTypeInfo filterable filteredLookupInfo
    formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted idLookup inlineHelpText
    label length mask maskType name nameField namePointing nillable permissionable
    picklistValues polymorphicForeignKey precision queryByDistance referenceTargetField
    referenceTo relationshipName relationshipOrder restrictedDelete restrictedPicklist scale
    searchPrefilterable soapType sortable type unique updateable writeRequiresMasterRead
    """
)


@pytest.fixture(scope="module")
def org() -> Org:
    return Org()


def described(org: Org, sobject: str) -> dict[str, Any]:
    description = org.describe(sobject)
    assert description is not None
    return description


def field_of(org: Org, sobject: str, name: str) -> dict[str, Any]:
    (field,) = [f for f in described(org, sobject)["fields"] if f["name"] == name]
    return dict(field)


def test_the_global_describe_lists_objects_by_name_with_the_keys_of_a_real_one(org: Org) -> None:
    entries = org.describe_global()
    names = [entry["name"] for entry in entries]
    assert names == list(org.sobjects) == sorted(names, key=str.lower)
    assert all(set(entry) == GLOBAL_KEYS for entry in entries)
    assert len({entry["keyPrefix"] for entry in entries if entry["keyPrefix"]}) == len(
        [entry for entry in entries if entry["keyPrefix"]]
    )
    json.dumps(entries)


@pytest.mark.parametrize(
    ("sobject", "flags"),
    [
        ("Account", {"queryable": True, "custom": False, "replicateable": True}),
        ("Invoice__c", {"queryable": True, "custom": True, "customSetting": False}),
        ("App_Settings__c", {"queryable": True, "customSetting": True, "triggerable": False}),
        ("UriEventStream", {"queryable": False, "retrieveable": False}),
        ("AccountChangeEvent", {"queryable": False, "keyPrefix": None}),
        ("EmailStatus", {"queryable": True}),
    ],
)
def test_entries_tell_what_can_be_done(org: Org, sobject: str, flags: dict[str, Any]) -> None:
    (entry,) = [entry for entry in org.describe_global() if entry["name"] == sobject]
    assert {key: entry[key] for key in flags} == flags


def test_describe_holds_the_entry_and_the_fields(org: Org) -> None:
    for entry in org.describe_global():
        description = described(org, entry["name"])
        assert {key: description[key] for key in entry} == entry
        names = [field["name"] for field in description["fields"]]
        assert len(names) == len(set(names))
        assert all(set(field) == FIELD_KEYS for field in description["fields"])
        json.dumps(description)


def test_describe_finds_names_in_any_case(org: Org) -> None:
    assert described(org, "aCCOUNT")["name"] == "Account"
    assert org.describe("Acount") is None


def test_addresses_carry_the_version(org: Org) -> None:
    description = org.describe("Account", version="58.0")
    assert description is not None
    assert description["urls"]["describe"] == "/services/data/v58.0/sobjects/Account/describe"


def test_parts_of_compound_fields_name_the_compound(org: Org) -> None:
    compounds: dict[str, set[str]] = {}
    for name in org.sobjects:
        fields = {field["name"]: field for field in described(org, name)["fields"]}
        for field in fields.values():
            if field["compoundFieldName"]:
                compound = fields[field["compoundFieldName"]]
                compounds.setdefault(compound["type"], set()).add(field["type"])
    assert compounds == {
        "address": {"textarea", "string", "double", "picklist"},
        "location": {"double"},
        "string": {"string", "picklist"},
    }


def test_lookups_name_their_targets_and_relationships(org: Org) -> None:
    owner = field_of(org, "Account", "OwnerId")
    assert (owner["type"], owner["soapType"], owner["length"]) == ("reference", "tns:ID", 18)
    assert (owner["referenceTo"], owner["relationshipName"]) == (["User"], "Owner")
    assert owner["polymorphicForeignKey"] is False
    who = field_of(org, "Task", "WhoId")
    assert who["referenceTo"] == ["Contact", "Lead"]
    assert who["polymorphicForeignKey"] is who["namePointing"] is True
    invoice = field_of(org, "Invoice_Line__c", "Invoice__c")
    assert (invoice["relationshipName"], invoice["cascadeDelete"]) == ("Invoice__r", True)
    assert (invoice["relationshipOrder"], invoice["nillable"]) == (0, False)
    for name in org.sobjects:
        for field in described(org, name)["fields"]:
            assert set(field["referenceTo"]) <= set(org.sobjects)


def test_parents_name_the_relationships_to_their_children(org: Org) -> None:
    children = {
        (child["childSObject"], child["field"]): child["relationshipName"]
        for child in described(org, "Account")["childRelationships"]
    }
    assert children["Contact", "AccountId"] == "Contacts"
    assert children["Account", "ParentId"] == "ChildAccounts"
    assert children["Task", "WhatId"] is None


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("Id", {"type": "id", "soapType": "tns:ID", "nillable": False, "idLookup": True}),
        ("Text__c", {"type": "string", "length": 255, "byteLength": 765, "filterable": True}),
        ("Long_Text__c", {"type": "textarea", "length": 131_072, "filterable": False}),
        ("Rich_Text__c", {"extraTypeInfo": "richtextarea", "htmlFormatted": True}),
        ("Int__c", {"type": "int", "soapType": "xsd:int", "digits": 8}),
        ("Double__c", {"type": "double", "soapType": "xsd:double", "precision": 18, "scale": 15}),
        ("Percent__c", {"type": "percent", "soapType": "xsd:double", "groupable": False}),
        ("Datetime__c", {"type": "datetime", "soapType": "xsd:dateTime", "sortable": True}),
        ("Time__c", {"type": "time", "soapType": "xsd:time"}),
        ("Location__c", {"type": "location", "queryByDistance": True, "sortable": False}),
        ("Binary__c", {"type": "base64", "filterable": False, "sortable": False}),
        ("Multi_Picklist__c", {"type": "multipicklist", "sortable": False, "filterable": True}),
        ("Encrypted__c", {"type": "encryptedstring", "encrypted": True, "filterable": False}),
        ("Formula_Number__c", {"calculated": True, "createable": False, "updateable": False}),
        ("Checkbox__c", {"type": "boolean", "defaultValue": False, "aggregatable": False}),
        ("Old__c", {"deprecatedAndHidden": True}),
        ("SystemModstamp", {"createable": False, "custom": False, "label": "System Modstamp"}),
    ],
)
def test_fields_are_described_by_their_type(
    org: Org, name: str, attributes: dict[str, Any]
) -> None:
    field = field_of(org, "Everything__c", name)
    assert {key: field[key] for key in attributes} == attributes


def test_formulas_show_their_expression(org: Org) -> None:
    calculated = [f for f in described(org, "Invoice__c")["fields"] if f["calculated"]]
    assert [f["calculatedFormula"] for f in calculated] == ["Total__c * Tax_Rate__c"]


def test_picklists_list_their_values(org: Org) -> None:
    values = field_of(org, "Invoice__c", "Status__c")["picklistValues"]
    assert [value["value"] for value in values] == ["Draft", "Sent", "Paid", "Overdue"]
    assert all(value["active"] for value in values)


def test_a_field_that_the_user_may_not_read_is_gone() -> None:
    org = Org()
    before = len(described(org, "Account")["fields"])
    org.set_field_visible("account", "industry", visible=False)
    fields = described(org, "Account")["fields"]
    assert len(fields) == before - 1
    assert "Industry" not in {field["name"] for field in fields}
    with pytest.raises(SoqlError, match="No such column 'Industry' on entity 'Account'"):
        org.query("SELECT Industry FROM Account", include_deleted=False, bulk=True)
    with pytest.raises(SoqlError, match="No such column 'Industry' on entity 'Account'"):
        org.query("SELECT Account.Industry FROM Contact", include_deleted=False, bulk=True)
    org.set_field_visible("Account", "Industry", visible=True)
    assert len(org.query("SELECT Industry FROM Account", include_deleted=False, bulk=True)) == 980
    with pytest.raises(KeyError):
        org.set_field_visible("Account", "Nope", visible=False)


def test_an_object_that_the_user_may_not_read_is_gone() -> None:
    org = Org()
    org.set_sobject_visible("Account", visible=False)
    assert org.describe("Account") is None
    assert "Account" not in {entry["name"] for entry in org.describe_global()}
    with pytest.raises(SoqlError, match="sObject type 'Account' is not supported"):
        org.query("SELECT Id FROM Account", include_deleted=False, bulk=True)
    with pytest.raises(SoqlError, match="Didn't understand relationship 'Account'"):
        org.query("SELECT Account.Name FROM Contact", include_deleted=False, bulk=True)
    org.set_sobject_visible("Account", visible=True)
    assert described(org, "Account")["name"] == "Account"
    with pytest.raises(KeyError):
        org.set_sobject_visible("Nope", visible=False)
