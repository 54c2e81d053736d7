"""What clients ask for beside records and jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient


def test_a_describe_that_is_known_is_not_sent_again(start: StartClient) -> None:
    client = start()
    for path in ("/sobjects", "/sobjects/Account/describe"):
        first = client.get(path)
        assert re.fullmatch(r'"[0-9a-f]{8}"', first.headers["ETag"])
        for known in (
            {"If-None-Match": first.headers["ETag"]},
            {"If-Modified-Since": first.headers["Last-Modified"]},
        ):
            again = client.get(path, headers=known)
            assert (again.status_code, again.content) == (304, b"")
        early = {"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}
        assert client.get(path, headers=early).status_code == 200
    etag = client.get("/sobjects/Account/describe").headers["ETag"]
    client.server.org.set_field_visible("Account", "Phone", False)
    known = {"If-None-Match": etag}
    assert client.get("/sobjects/Account/describe", headers=known).status_code == 200


def test_columns_of_a_query(client: Client) -> None:
    soql = "SELECT Id, Name, AnnualRevenue, IsDeleted FROM Account"
    reply = client.get("/query", params={"q": soql, "columns": "true"}).json()
    assert (reply["entityName"], reply["keyPrefix"], reply["idSelected"]) == (
        "Account",
        "001",
        True,
    )
    columns = {each["columnName"]: each for each in reply["columnMetadata"]}
    assert list(columns) == ["Id", "Name", "AnnualRevenue", "IsDeleted"]
    assert columns["AnnualRevenue"]["numberType"]
    assert columns["IsDeleted"]["booleanType"]
    assert columns["Name"]["textType"]


def test_the_plan_of_a_query(client: Client) -> None:
    soql = "SELECT Id FROM Account LIMIT 3"
    reply = client.get("/query", params={"explain": soql}).json()
    (plan,) = reply["plans"]
    assert (plan["cardinality"], plan["sobjectType"], reply["sourceQuery"]) == (3, "Account", soql)
    assert plan["sobjectCardinality"] == 25
    assert client.get("/query", params={"explain": "SELECT"}).status_code == 400


def test_a_search_finds_names(client: Client) -> None:
    (record,) = client.get("/query", params={"q": "SELECT Name FROM Account LIMIT 1"}).json()[
        "records"
    ]
    word = record["Name"].split()[0]
    reply = client.get("/search", params={"q": f"FIND {{{word}}} RETURNING Account(Id, Name)"})
    names = {each["Name"] for each in reply.json()["searchRecords"]}
    assert record["Name"] in names
    assert all(word.lower() in name.lower() for name in names)
    assert client.get("/search", params={"q": "word"}).json()[0]["errorCode"] == "MALFORMED_SEARCH"
    assert client.get("/recent").json() == []


def test_objects_and_fields_by_the_tooling_api(client: Client) -> None:
    soql = (
        "SELECT QualifiedApiName, Label FROM EntityDefinition WHERE QualifiedApiName IN ('Account')"
    )
    (entity,) = client.get("/tooling/query", params={"q": soql}).json()["records"]
    assert (entity["QualifiedApiName"], entity["Label"]) == ("Account", "Account")
    soql = (
        "SELECT QualifiedApiName, DataType FROM FieldDefinition "
        "WHERE EntityDefinition.QualifiedApiName = 'Account'"
    )
    fields = client.get("/tooling/query", params={"q": soql}).json()
    described = client.get("/sobjects/Account/describe").json()["fields"]
    names = [each["QualifiedApiName"] for each in fields["records"]]
    assert names == [each["name"] for each in described]
    other = client.get("/tooling/query", params={"q": "SELECT Id FROM ApexClass"})
    assert "not supported by this sandbox" in other.json()[0]["message"]


def test_the_resources_of_a_version(client: Client) -> None:
    resources = client.get("/").json()
    assert resources["tooling"] == "/services/data/v62.0/tooling"
    assert client.get(resources["identity"]).json()["organization_id"].startswith("00D")


def test_limits_are_those_of_a_real_org(client: Client) -> None:
    limits = client.get("/limits").json()
    assert {"DailyStreamingApiEvents", "HourlyODataCallout", "SingleEmail"} < limits.keys()
    assert all({"Max", "Remaining"} <= each.keys() for each in limits.values())
    assert len(limits) == 45


@pytest.mark.parametrize(
    ("path", "is_known"),
    [
        ("/sobjects/Account/listviews", True),
        ("/sobjects/Account/quickActions", True),
        ("/ui-api/records/1", True),
        ("/uiapi", False),
        ("/sobjects/Nope/describe", False),
    ],
)
def test_what_the_sandbox_does_not_have_it_says(
    client: Client, path: str, *, is_known: bool
) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert ("This sandbox does not" in reply.json()[0]["message"]) == is_known


def test_bulk_api_1_is_not_enabled(client: Client) -> None:
    path = "/services/async/62.0/job"
    reply = client.post(path, json={"operation": "query"})
    assert reply.status_code == 400
    assert reply.json()["exceptionCode"] == "FeatureNotEnabled"
    xml = client.post(path, data="<jobInfo/>", headers={"Content-Type": "application/xml"})
    assert "<exceptionCode>FeatureNotEnabled</exceptionCode>" in xml.text
