"""What a describe means for a Singer stream: JSON schema, keys, fields that cannot be read.

Field types: SOAP API guide, "Field Types"; the JSON types are the tap's promise to its users.
`nillable` is not trusted: everything but the key is nullable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.deleted import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.salesforce.describe import Field, SObject

KEY = "Id"
# In order of preference. LoginTime is the one stamp of LoginHistory.
REPLICATION_KEYS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
# A query job refuses compound fields, whose parts are separate fields, and binary ones.
_UNSUPPORTED_TYPES = frozenset({"address", "location", "base64", "byte", "json", "complexvalue"})

# Of the decimals that databases and Arrow agree on; the scale is what keeps fourteen digits before
# the decimal point.
MOST_DIGITS, _MOST_SCALE = 38, 24
_STRING: dict[str, Any] = {"type": ["string", "null"]}
_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "boolean": {"type": ["boolean", "null"]},
    "int": {"type": ["integer", "null"]},
    "long": {"type": ["integer", "null"]},
    "double": {"type": ["number", "null"]},
    "currency": {"type": ["number", "null"]},
    "percent": {"type": ["number", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
    # Without a format: several targets refuse the way Salesforce writes times as a "time".
    "time": {"type": ["string", "null"]},
    "id": {"type": ["string", "null"], "maxLength": 18},
    "reference": {"type": ["string", "null"], "maxLength": 18},
    "base64": {"type": ["string", "null"], "contentEncoding": "base64"},
}
# The records of a big object all have the Id 000000000000000AAA; their index identifies them.
_BIG_OBJECT = "__b"
# AppDefinition and the like have the same Id on every row; DurableId is their key.
_DURABLE_KEY = "DurableId"


def json_schema(sobject: SObject) -> dict[str, Any]:
    """Return the JSON schema of a stream's records."""
    keys = primary_keys(sobject)
    return {
        "type": "object",
        "properties": {
            field.name: property_schema(field.type, is_key=field.name in keys, field=field)
            for field in sobject.fields
        },
    }


def add_deleted_at(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the field that says when a record was deleted."""
    deleted_at = {**_SCHEMAS["datetime"]}
    return {**schema, "properties": {**schema["properties"], DELETED_AT: deleted_at}}


def primary_keys(sobject: SObject) -> tuple[str, ...]:
    """Return the key: `Id`, if it identifies rows."""
    names = sobject.field_names
    if _DURABLE_KEY in names:
        return (_DURABLE_KEY,)
    return (KEY,) if KEY in names and not sobject.name.endswith(_BIG_OBJECT) else ()


def replication_key(sobject: SObject) -> str | None:
    """Return the first of `REPLICATION_KEYS` that a condition on the object may name."""
    stamps = {
        field.name for field in sobject.fields if field.type == "datetime" and field.is_filterable
    }
    return next((name for name in REPLICATION_KEYS if name in stamps), None)


def unsupported_fields(sobject: SObject, *, include_blobs: bool = False) -> set[str]:
    """Return the names of the fields that cannot be read.

    Args:
        sobject: From the describe.
        include_blobs: Whether binary fields are read, record by record.
    """
    unsupported = {field.name for field in sobject.fields if not is_supported(field.type)}
    return unsupported - binary_fields(sobject) if include_blobs else unsupported


def binary_fields(sobject: SObject) -> set[str]:
    """Return the names of the binary fields, which are read by the record's Id."""
    return {
        field.name
        for field in sobject.fields
        if field.type == "base64" and KEY in primary_keys(sobject)
    }


def is_supported(field_type: str) -> bool:
    """Return whether a query job can read fields of a type."""
    return field_type not in _UNSUPPORTED_TYPES


def property_schema(
    field_type: str, *, is_key: bool = False, field: Field | None = None
) -> dict[str, Any]:
    """Return the JSON schema of a field.

    Args:
        field_type: The describe's `type`.
        is_key: Whether it is part of the key, and therefore never null.
        field: From the describe, if it is known: says how long texts and numbers can be.
    """
    schema = dict(_SCHEMAS.get(field_type, _STRING))
    if is_key:
        schema["type"] = schema["type"][0]
    if field is None:
        return schema
    # A formula can come to more than its describe says.
    if not field.is_calculated:
        if "string" in schema["type"] and field.length and "contentEncoding" not in schema:
            schema["maxLength"] = field.length
        if "number" in schema["type"] and field.precision:
            schema |= _decimal(field)
    if field.label:
        schema["description"] = field.label
    return schema


def _decimal(field: Field) -> dict[str, int]:
    """Return the decimal that holds a number field's values.

    Salesforce keeps more digits after the decimal point than a field shows, so whatever 38 digits
    leave beside those before it goes there.
    """
    scale = field.scale + MOST_DIGITS - field.precision
    return {"precision": MOST_DIGITS, "scale": min(scale, _MOST_SCALE)}
