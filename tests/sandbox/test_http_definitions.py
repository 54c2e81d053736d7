"""Objects and fields that a scenario defines, and fields that change while the sandbox runs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_client import Client

OBJECTS = {
    "Widget__c": {
        "label": "Widget",
        "fields": {
            "Size__c": {"type": "double", "precision": 10, "scale": 2},
            "Colour__c": {"type": "picklist", "values": ["red", "green"]},
            "Account__c": {"type": "reference", "to": "Account"},
            "Place__c": {"type": "location"},
            "Note__c": {"type": "textarea", "filterable": False, "nillable": False},
            "Secret__c": {"type": "string", "permissioned": False},
            "Total__c": {"type": "currency", "calculated": True},
        },
    },
    "Account": {"fields": {"Tier__c": {"type": "string", "length": 20}}},
}


def fields_of(client: Client, sobject: str) -> dict[str, dict[str, Any]]:
    fields = client.get(f"/sobjects/{sobject}/describe").json()["fields"]
    return {field["name"]: field for field in fields}


def read_job(client: Client, soql: str) -> list[dict[str, str]]:
    text = client.get(f"{client.finished_job(soql)}/results?maxRecords=100000").content.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def change(client: Client, field: str, **definition: Any) -> None:
    reply = client.post(f"/_sandbox/sobjects/Account/fields/{field}", json=definition)
    assert reply.status_code == 204, reply.text


def test_objects_and_fields_of_a_scenario_are_described_and_filled(
    start: Callable[..., Client],
) -> None:
    client = start(objects=OBJECTS, rows={"Widget__c": 70, "Account": 25})
    fields = fields_of(client, "Widget__c")
    assert {"Id", "Name", "OwnerId", "IsDeleted", "SystemModstamp"} - fields.keys() == {"OwnerId"}
    size = fields["Size__c"]
    assert (size["precision"], size["scale"], size["soapType"]) == (10, 2, "xsd:double")
    choices = [each["value"] for each in fields["Colour__c"]["picklistValues"]]
    assert choices == ["red", "green"]
    assert fields["Account__c"]["referenceTo"] == ["Account"]
    assert fields["Account__c"]["relationshipName"] == "Account__r"
    assert fields["Place__c"]["type"] == "location"
    assert not fields["Note__c"]["filterable"]
    assert not fields["Note__c"]["nillable"]
    assert fields["Total__c"]["calculated"]
    assert "Secret__c" not in fields
    rows = read_job(
        client, "SELECT Id, Size__c, Colour__c, Account__r.Name, Note__c FROM Widget__c"
    )
    assert 60 < len(rows) <= 70
    assert {row["Colour__c"] for row in rows} == {"red", "green", ""}
    assert any(row["Account__r.Name"] for row in rows)
    assert all(row["Note__c"] for row in rows)
    assert all(float(row["Size__c"] or 0) < 10**8 for row in rows)
    tiers = read_job(client, "SELECT Tier__c FROM Account WHERE Tier__c != null")
    assert tiers
    assert all(len(row["Tier__c"]) <= 20 for row in tiers)


def test_definitions_change_no_other_value(start: Callable[..., Client]) -> None:
    soql = "SELECT Id, Name, Phone, SystemModstamp FROM Account"
    assert read_job(start(objects=OBJECTS), soql) == read_job(start(), soql)


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ({"Widget": {}}, "scenario.objects.Widget: the name of a new object ends with"),
        ({"Account": {"fields": {"Tier": {"type": "string"}}}}, "Tier: the name of a new field"),
        ({"Account": {"fields": {"Tier__c": {}}}}, "Tier__c: a new field needs a type"),
        ({"Account": {"fields": {"T__c": {"type": "text"}}}}, "T__c.type: 'text' is not one of"),
        ({"A__c": {"fields": {"L__c": {"type": "reference"}}}}, "a reference needs `to`"),
        ({"A__c": {"fields": {"P__c": {"type": "picklist"}}}}, "a picklist needs `values`"),
        (
            {"A__c": {"fields": {"L__c": {"type": "reference", "to": "B__c"}}}},
            "L__c.to: the org has no object B__c",
        ),
        ({"A__c": {"fields": {"N__c": {"type": "double", "scale": -1}}}}, "scale must not be -1"),
    ],
    ids=str,
)
def test_definitions_that_do_not_fit(objects: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="objects") as raised:
        SandboxServer({"objects": objects})
    assert said in str(raised.value)


def test_a_stamp_that_cannot_be_filtered(start: Callable[..., Client]) -> None:
    unfilterable = {"SystemModstamp": {"filterable": False}}
    client = start(objects={"Account": {"fields": unfilterable}})
    assert not fields_of(client, "Account")["SystemModstamp"]["filterable"]
    soql = "SELECT Id FROM Account WHERE SystemModstamp > 2020-01-01T00:00:00Z"
    refused = client.post("/jobs/query", json={"operation": "query", "query": soql})
    assert refused.status_code == 400
    assert "can not be filtered" in refused.json()[0]["message"]


def test_an_object_of_zero_ids(start: Callable[..., Client]) -> None:
    client = start(objects={"Reading__b": {"ids": "zero"}}, rows={"Reading__b": 7})
    rows = read_job(client, "SELECT Id, Name, CreatedDate FROM Reading__b")
    assert {row["Id"] for row in rows} == {"000000000000000AAA"}
    assert len({row["Name"] for row in rows}) == 7
    assert "IsDeleted" not in fields_of(client, "Reading__b")


def test_an_object_that_query_jobs_refuse(start: Callable[..., Client]) -> None:
    client = start(objects={"Widget__c": {"bulk": False}})
    body = {"operation": "query", "query": "SELECT Id FROM Widget__c"}
    assert client.post("/jobs/query", json=body).json()[0]["errorCode"] == "INVALIDENTITY"
    assert client.get("/query", params={"q": body["query"]}).json()["totalSize"] > 90


def test_a_field_hides_and_comes_back(start: Callable[..., Client]) -> None:
    client = start()
    before = read_job(client, "SELECT Id, Phone FROM Account")
    change(client, "Phone", permissioned=False)
    assert "Phone" not in fields_of(client, "Account")
    change(client, "Phone", permissioned=True)
    assert read_job(client, "SELECT Id, Phone FROM Account") == before


def test_a_field_changes_its_case_and_its_name(start: Callable[..., Client]) -> None:
    client = start()
    before = read_job(client, "SELECT Id, Phone FROM Account")
    change(client, "Phone", name="PHONE")
    assert "PHONE" in fields_of(client, "Account")
    assert "Phone" not in fields_of(client, "Account")
    after = read_job(client, "SELECT Id, Phone FROM Account")
    assert [row["PHONE"] for row in after] == [row["Phone"] for row in before]
    changed = {"Id": after[0]["Id"], "PHONE": "1"}
    client.server.org.upsert("Account", [changed])
    change(client, "PHONE", name="Mobile")
    soql = f"SELECT Mobile FROM Account WHERE Id = '{changed['Id']}'"  # noqa: S608
    assert read_job(client, soql) == [{"Mobile": "1"}]


def test_a_field_changes_its_type(start: Callable[..., Client]) -> None:
    client = start()
    numbers = read_job(client, "SELECT Id, NumberOfEmployees FROM Account")
    change(client, "NumberOfEmployees", type="string")
    described = fields_of(client, "Account")["NumberOfEmployees"]
    assert (described["type"], described["soapType"]) == ("string", "xsd:string")
    assert read_job(client, "SELECT Id, NumberOfEmployees FROM Account") == numbers
    change(client, "Name", type="double")
    assert {row["Name"] for row in read_job(client, "SELECT Name FROM Account")} == {""}
    change(client, "CreatedDate", type="date")
    assert all(
        len(row["CreatedDate"]) == 10 for row in read_job(client, "SELECT CreatedDate FROM Account")
    )


def test_a_field_comes_while_the_sandbox_runs(start: Callable[..., Client]) -> None:
    client = start()
    change(client, "Tier__c", type="string", label="Tier")
    assert fields_of(client, "Account")["Tier__c"]["label"] == "Tier"
    (first, *_) = read_job(client, "SELECT Id, Tier__c FROM Account")
    assert first["Tier__c"] == ""
    client.server.org.upsert("Account", [{"Id": first["Id"], "Tier__c": "gold"}])
    gold = read_job(client, "SELECT Id FROM Account WHERE Tier__c = 'gold'")
    assert [row["Id"] for row in gold] == [first["Id"]]


def test_a_field_changes_in_the_midst_of_a_run(start: Callable[..., Client]) -> None:
    hidden = {"place": "describe", "kind": "change_field", "first": 2, "sobject": "Account"}
    client = start(faults=[{**hidden, "field": "Phone", "change": {"permissioned": False}}])
    assert ["Phone" in fields_of(client, "Account") for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("sobjects/Account/fields/Phone", {"type": "text"}, "'text' is not one of"),
        ("sobjects/Account/fields/Phone", {"typ": "string"}, "unknown key typ"),
        ("sobjects/Nobody/fields/Phone", {"type": "string"}, "unknown sObject Nobody"),
        ("sobjects/Account/fields/Tier", {"type": "string"}, "ends with __c"),
        ("sobjects/Account/records/undelete", ["001"], "invalid record id"),
        ("clock", {"now": "soon"}, "is not a date and time"),
        ("clock", [1], "expected keys and values"),
    ],
)
def test_changes_that_do_not_fit(client: Client, path: str, body: Any, said: str) -> None:
    refused = client.post(f"/_sandbox/{path}", json=body)
    assert refused.status_code == 400
    assert said in refused.json()["error"]
