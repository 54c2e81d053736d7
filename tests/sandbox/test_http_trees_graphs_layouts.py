"""Trees and graphs of records, layouts, and the objects of the Tooling API."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient

NOW = datetime(2026, 5, 4, 12, tzinfo=timezone.utc)


@pytest.fixture
def org(start: StartClient) -> Client:
    """Return a client of an org that it may change."""
    return start(now=NOW.isoformat())


def count(client: Client, condition: str, sobject: str = "Account") -> int:
    soql = f"SELECT COUNT() FROM {sobject} WHERE {condition}"  # noqa: S608 - SOQL
    return int(client.get("/query", params={"q": soql}).json()["totalSize"])


def node(reference: str, type_: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": type_, "referenceId": reference}, **values}


def test_a_tree_creates_parents_and_children(org: Client) -> None:
    contacts = [node("c1", "Contact", LastName="One"), node("c2", "Contact", LastName="Two")]
    body = {
        "records": [
            node("a1", "Account", Name="Tree", Contacts={"records": contacts}),
            node("a2", "Account", Name="Bush"),
        ]
    }
    reply = org.post("/composite/tree/Account", json=body)
    assert (reply.status_code, reply.json()["hasErrors"]) == (201, False)
    results = reply.json()["results"]
    assert [each["referenceId"] for each in results] == ["a1", "a2", "c1", "c2"]
    assert all(each.keys() == {"referenceId", "id"} for each in results)
    assert count(org, f"AccountId = '{results[0]['id']}'", "Contact") == 2


@pytest.mark.parametrize(
    ("records", "reference", "code"),
    [
        ([node("a1", "Account", Name="Tree"), node("a2", "Account")], "a2", "REQUIRED_FIELD_MISS"),
        (
            [node("a1", "Account", Name="Tree", Nopes={"records": [node("c1", "Contact")]})],
            "a1",
            "INVALID_FIELD",
        ),
        ([node("a1", "Account", Name="Tree"), node("a1", "Account", Name="B")], "a1", "INVALID_IN"),
        ([node("a1", "Account", Name="Tree"), node("c1", "Contact", LastName="B")], "c1", "INVALI"),
        ([node("a1", "Account", Name="Tree", Contacts={"records": [1]})], "", "INVALID_INPUT"),
        (
            [node(f"a{number}", "Account", Name="Tree") for number in range(201)],
            "",
            "INVALID_INPUT",
        ),
    ],
)
def test_a_tree_is_created_whole_or_not_at_all(
    org: Client, records: list[dict[str, Any]], reference: str, code: str
) -> None:
    reply = org.post("/composite/tree/Account", json={"records": records})
    assert reply.status_code == 400
    (result,) = reply.json()["results"]
    (error,) = result["errors"]
    assert reply.json()["hasErrors"]
    assert result["referenceId"] == reference
    assert error.keys() == {"statusCode", "message", "fields"}
    assert error["statusCode"].startswith(code)
    assert count(org, "Name = 'Tree'") == 0


def subrequest(reference: str, method: str, path: str, **body: Any) -> dict[str, Any]:
    url = f"/services/data/v62.0/sobjects/{path}"
    return {"method": method, "url": url, "referenceId": reference, "body": body}


def test_each_graph_is_a_transaction(org: Client) -> None:
    def graph(name: str, last_name: str | None) -> dict[str, Any]:
        return {
            "graphId": name,
            "compositeRequest": [
                subrequest("a", "POST", "Account", Name=name),
                subrequest("c", "POST", "Contact", LastName=last_name, AccountId="@{a.id}"),
            ],
        }

    body = {"graphs": [graph("good", "One"), graph("bad", None)]}
    reply = org.post("/composite/graph", json=body)
    assert reply.status_code == 200
    good, bad = reply.json()["graphs"]
    assert (good["graphId"], good["isSuccessful"]) == ("good", True)
    assert (bad["graphId"], bad["isSuccessful"]) == ("bad", False)
    statuses = [
        [part["httpStatusCode"] for part in each["graphResponse"]["compositeResponse"]]
        for each in (good, bad)
    ]
    assert statuses == [[201, 201], [400, 400]]
    halted, refused = bad["graphResponse"]["compositeResponse"]
    assert halted["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert refused["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert (count(org, "Name = 'good'"), count(org, "Name = 'bad'")) == (1, 0)


@pytest.mark.parametrize(
    "graphs", [None, [], [{"graphId": "1"}], [{"compositeRequest": []}], ["x"]]
)
def test_graphs_that_are_none(org: Client, graphs: Any) -> None:
    assert org.post("/composite/graph", json={"graphs": graphs}).status_code == 400


def test_layouts_show_the_fields_of_an_object(client: Client) -> None:
    described = client.get("/sobjects/Account/describe").json()
    reply = client.get("/sobjects/Account/describe/layouts").json()
    assert reply.keys() == {"layouts", "recordTypeMappings", "recordTypeSelectorRequired"}
    (layout,) = reply["layouts"]
    items = [
        item
        for section in layout["detailLayoutSections"]
        for row in section["layoutRows"]
        for item in row["layoutItems"]
    ]
    shown = [component["value"] for item in items for component in item["layoutComponents"]]
    assert shown == [field["name"] for field in described["fields"]]
    (mapping,) = reply["recordTypeMappings"]
    assert mapping["layoutId"] == layout["id"]
    address = described["recordTypeInfos"][0]["urls"]["layout"]
    assert client.get(address).json()["id"] == layout["id"]
    assert client.get("/sobjects/Nope/describe/layouts").status_code == 404


def test_compact_layouts(client: Client) -> None:
    described = client.get("/sobjects/Contact/describe").json()
    reply = client.get(described["urls"]["compactLayouts"]).json()
    (layout,) = reply["compactLayouts"]
    assert (layout["name"], layout["objectType"]) == ("SYSTEM", "Contact")
    (name,) = [field["label"] for field in described["fields"] if field["nameField"]]
    assert [item["label"] for item in layout["fieldItems"]] == [name]
    assert reply["recordTypeCompactLayoutMappings"][0]["compactLayoutName"] == "SYSTEM"


def test_the_objects_of_the_tooling_api(client: Client) -> None:
    reply = client.get("/tooling/sobjects").json()
    assert reply.keys() == {"encoding", "maxBatchSize", "sobjects"}
    names = [entry["name"] for entry in reply["sobjects"]]
    assert names == ["EntityDefinition", "FieldDefinition"]
    for name in names:
        described = client.get(f"/tooling/sobjects/{name}/describe").json()
        fields = ", ".join(field["name"] for field in described["fields"])
        soql = f"SELECT {fields} FROM {name} LIMIT 1"  # noqa: S608 - SOQL
        (record,) = client.get("/tooling/query", params={"q": soql}).json()["records"]
        types = {field["name"]: field["type"] for field in described["fields"]}
        kinds = {"boolean": bool, "int": int, "string": str}
        for field, value in record.items():
            assert value is None or field == "attributes" or type(value) is kinds[types[field]]
    assert client.get("/tooling/sobjects/ApexClass/describe").status_code == 404
