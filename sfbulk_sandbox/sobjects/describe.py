"""Describe replies: what objects there are, and what they are made of.

Keys and shapes: recorded replies of "Describe Global" and "sObject Describe" of the REST API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects.fields import label_of

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import Schema, SObject

DEFAULT_VERSION = "62.0"
_BYTES_A_CHARACTER = 3

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "base64": "xsd:base64Binary",
    "anyType": "xsd:anyType",
    "address": "urn:address",
    "location": "urn:location",
    "json": "tns:json",
}


def global_entry(sobject: SObject, version: str = DEFAULT_VERSION) -> dict[str, Any]:
    """Return an object's entry in the global describe."""
    is_data = sobject.queryable and not sobject.event
    writable = is_data and sobject.unique_ids
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": writable and sobject.can_be_created,
        "custom": sobject.custom,
        "customSetting": sobject.custom_setting,
        "deepCloneable": False,
        "deletable": writable and sobject.can_be_deleted,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": writable,
        "mergeable": sobject.name in {"Account", "Contact", "Lead"},
        "mruEnabled": writable,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": is_data and sobject.has_recycle_bin,
        "retrieveable": is_data,
        "searchable": is_data and sobject.name_field is not None,
        "triggerable": writable and not sobject.custom_setting,
        "undeletable": sobject.has_recycle_bin,
        "updateable": writable,
        "urls": _urls(sobject, version),
    }


def _urls(sobject: SObject, version: str) -> dict[str, str]:
    base = f"/services/data/v{version.removeprefix('v')}/sobjects/{sobject.name}"
    urls = {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}
    if sobject.event:
        return {"eventSchema": f"{base}/eventSchema", **urls}
    return {
        "approvalLayouts": f"{base}/describe/approvalLayouts",
        "compactLayouts": f"{base}/describe/compactLayouts",
        "layouts": f"{base}/describe/layouts",
        "listviews": f"{base}/listviews",
        "quickActions": f"{base}/quickActions",
        **urls,
    }


def describe(schema: Schema, sobject: SObject, version: str = DEFAULT_VERSION) -> dict[str, Any]:
    """Return the describe of an object, with the fields that the user sees."""
    reply = {
        **global_entry(sobject, version),
        "actionOverrides": [],
        "childRelationships": [
            _child_relationship(child, field)
            for child, field in schema.child_relationships(sobject)
        ],
        "compactLayoutable": not sobject.event,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [_field(field) for field in schema.visible_fields(sobject)],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [_master_record_type(sobject, version)] if not sobject.event else [],
        "searchLayoutable": sobject.queryable and not sobject.event,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _list_scopes(sobject),
    }
    return dict(sorted(reply.items()))


def _list_scopes(sobject: SObject) -> list[dict[str, str]]:
    scopes = {"everything": "All"}
    if "OwnerId" in sobject.fields_by_name:
        scopes["mine"] = "My"
    plural = sobject.label_plural.lower()
    return [{"label": f"{label} {plural}", "name": name} for name, label in scopes.items()]


def _master_record_type(sobject: SObject, version: str) -> dict[str, Any]:
    """Return the record type that every object has."""
    record_type = "012000000000000AAA"
    layouts = f"{_urls(sobject, version)['describe']}/layouts/{record_type}"
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": record_type,
        "urls": {"layout": layouts},
    }


def _child_relationship(child: SObject, field: Field) -> dict[str, Any]:
    return {
        "cascadeDelete": field.master_detail,
        "childSObject": child.name,
        "deprecatedAndHidden": False,
        "field": field.name,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": field.child_relationship_name,
        "restrictedDelete": False,
    }


def _field(field: Field) -> dict[str, Any]:
    writable = not field.set_by_salesforce and field.type not in {"address", "location"}
    return {
        "aggregatable": field.aggregatable,
        "aiPredictionField": False,
        "autoNumber": field.auto_number,
        "byteLength": field.length if field.type in {"id", "reference"} else _bytes(field),
        "calculated": field.formula is not None,
        "calculatedFormula": field.formula,
        "cascadeDelete": field.master_detail,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_field,
        "controllerName": None,
        "createable": writable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": field.deprecated_and_hidden,
        "digits": field.digits,
        "displayLocationInDecimal": field.type == "location",
        "encrypted": field.type == "encryptedstring",
        "externalId": field.external_id,
        "extraTypeInfo": field.extra_type_info,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.extra_type_info == "richtextarea",
        "idLookup": field.id_lookup,
        "inlineHelpText": None,
        "label": field.label or label_of(field.name),
        "length": field.length,
        "mask": None,
        "maskType": "all" if field.type == "encryptedstring" else None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.polymorphic,
        "nillable": field.nillable,
        "permissionable": field.nillable and not field.set_by_salesforce,
        "picklistValues": [_picklist_value(value) for value in field.picklist_values],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": field.type in {"address", "location"},
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": 0 if field.master_detail else None,
        "restrictedDelete": False,
        "restrictedPicklist": field.name.endswith("GeocodeAccuracy"),
        "scale": field.scale,
        "searchPrefilterable": False,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.external_id,
        "updateable": writable and not field.master_detail,
        "writeRequiresMasterRead": False,
    }


def _bytes(field: Field) -> int:
    return field.length * _BYTES_A_CHARACTER


def _picklist_value(value: str) -> dict[str, Any]:
    return {
        "active": True,
        "defaultValue": False,
        "label": value,
        "validFor": None,
        "value": value,
    }
