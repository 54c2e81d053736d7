"""From a describe to a stream's schema and keys."""

from __future__ import annotations

from typing import Any

import pytest

from tap_sfbulk_pages.salesforce.describe import Field, SObject
from tap_sfbulk_pages.salesforce.schema import (
    json_schema,
    primary_keys,
    replication_key,
    unsupported_fields,
)


def sobject(**fields: str) -> SObject:
    return SObject("Thing__c", tuple(Field(name, type_) for name, type_ in fields.items()))


STRING = {"type": ["string", "null"]}


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        ("boolean", {"type": ["boolean", "null"]}),
        *((each, {"type": ["integer", "null"]}) for each in ("int", "long")),
        *((each, {"type": ["number", "null"]}) for each in ("double", "currency", "percent")),
        ("date", {**STRING, "format": "date"}),
        ("datetime", {**STRING, "format": "date-time"}),
        ("time", STRING),
        *((each, {**STRING, "maxLength": 18}) for each in ("id", "reference")),
        ("base64", {**STRING, "contentEncoding": "base64"}),
        *(
            (each, STRING)
            for each in (
                "string", "textarea", "picklist", "multipicklist", "combobox",
                "email", "phone", "url", "encryptedstring", "anyType", "address", "location",
                "json", "complexvalue", "datacategorygroupreference", "not known yet",
            )
        ),
    ],
)  # fmt: skip
def test_types(type_: str, schema: dict[str, Any]) -> None:
    assert json_schema(sobject(Field__c=type_))["properties"] == {"Field__c": schema}


def test_only_the_key_is_never_null() -> None:
    properties = json_schema(sobject(Id="id", OwnerId="reference"))["properties"]
    assert properties == {
        "Id": {"type": "string", "maxLength": 18},
        "OwnerId": {**STRING, "maxLength": 18},
    }


NUMBER = {"type": ["number", "null"]}


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (Field("F", "string", label="First name", length=40), {**STRING, "maxLength": 40}),
        (Field("F", "id", label="Id", length=18), {**STRING, "maxLength": 18}),
        (Field("F", "textarea", length=131_072), {**STRING, "maxLength": 131_072}),
        (Field("F", "string", length=1_300, is_calculated=True), STRING),
        (Field("F", "base64", length=5_000), {**STRING, "contentEncoding": "base64"}),
        (Field("F", "currency", precision=18, scale=2), {**NUMBER, "precision": 38, "scale": 22}),
        (Field("F", "double", precision=18, scale=0), {**NUMBER, "precision": 38, "scale": 20}),
        (Field("F", "percent", precision=3, scale=0), {**NUMBER, "precision": 38, "scale": 24}),
        (Field("F", "double", precision=18, scale=18), {**NUMBER, "precision": 38, "scale": 24}),
        (Field("F", "double", precision=18, scale=2, is_calculated=True), NUMBER),
        (Field("F", "int", precision=0, length=0), {"type": ["integer", "null"]}),
    ],
)
def test_what_the_describe_says_of_values(field: Field, schema: dict[str, Any]) -> None:
    described = {"description": field.label} if field.label else {}
    properties = json_schema(SObject("Thing__c", (field,)))["properties"]
    assert properties == {"F": {**schema, **described}}


def test_fields_keep_the_order_of_the_describe() -> None:
    names = ["Zeta", "Id", "Alpha__c"]
    schema = json_schema(sobject(**dict.fromkeys(names, "string")))
    assert list(schema["properties"]) == names


def test_schemas_share_nothing() -> None:
    first, second = (json_schema(sobject(A="string", B="string")) for _ in range(2))
    first["properties"]["A"]["title"] = "changed"
    assert "title" not in first["properties"]["B"]
    assert "title" not in second["properties"]["A"]


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"Id": "id"}, ("Id",)),
        ({"Id": "id", "DurableId": "string"}, ("DurableId",)),
        ({"Name": "string"}, ()),
    ],
)
def test_primary_keys(fields: dict[str, str], keys: tuple[str, ...]) -> None:
    assert primary_keys(sobject(**fields)) == keys


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (["LoginTime", "CreatedDate", "LastModifiedDate", "SystemModstamp"], "SystemModstamp"),
        (["LoginTime", "CreatedDate", "LastModifiedDate"], "LastModifiedDate"),
        (["LoginTime", "CreatedDate"], "CreatedDate"),
        (["LoginTime"], "LoginTime"),
        (["Modified__c"], None),
        ([], None),
    ],
)
def test_replication_keys(fields: list[str], key: str | None) -> None:
    assert replication_key(sobject(**dict.fromkeys(fields, "datetime"))) == key


def test_a_stamp_that_is_no_datetime_is_no_replication_key() -> None:
    assert (
        replication_key(sobject(SystemModstamp="string", CreatedDate="datetime")) == "CreatedDate"
    )


def test_compound_and_binary_fields_are_unsupported() -> None:
    thing = sobject(A="address", B="location", C="base64", D="byte", E="string", F="anyType")
    assert unsupported_fields(thing) == {"A", "B", "C", "D"}


def test_binary_fields_are_supported_on_demand_where_the_record_has_an_id() -> None:
    with_id = sobject(Id="id", A="base64", B="byte")
    assert unsupported_fields(with_id) == {"A", "B"}
    assert unsupported_fields(with_id, include_blobs=True) == {"B"}
    assert unsupported_fields(sobject(A="base64"), include_blobs=True) == {"A"}
