"""The keys of each reply, as recorded replies of live orgs have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client, StartClient


def words(text: str) -> set[str]:
    return set(text.split())


JOB = words(
    """
    id operation object createdById createdDate systemModstamp state concurrencyMode contentType
    apiVersion lineEnding columnDelimiter
    """
)
JOB_INFO = JOB | words("jobType numberRecordsProcessed retries totalProcessingTime")
INGEST_INFO = JOB_INFO | words(
    "externalIdFieldName numberRecordsFailed apiActiveProcessingTime apexProcessingTime"
)
DESCRIBE = words(
    """
    actionOverrides activateable associateEntityType associateParentEntity childRelationships
    compactLayoutable createable custom customSetting deepCloneable defaultImplementation deletable
    deprecatedAndHidden extendedBy extendsInterfaces feedEnabled fields hasSubtypes implementedBy
    implementsInterfaces isInterface isSubtype keyPrefix label labelPlural layoutable listviewable
    lookupLayoutable mergeable mruEnabled name namedLayoutInfos networkScopeFieldName queryable
    recordTypeInfos replicateable retrieveable searchLayoutable searchable sobjectDescribeOption
    supportedScopes triggerable undeletable updateable urls
    """
)
CHILD_RELATIONSHIP = words(
    """
    cascadeDelete childSObject deprecatedAndHidden field junctionIdListNames junctionReferenceTo
    relationshipName restrictedDelete
    """
)
RECORD_TYPE = words(
    "active available defaultRecordTypeMapping developerName master name recordTypeId urls"
)
FIELD_TYPES = words(
    """
    address anyType base64 boolean combobox complexvalue currency datacategorygroupreference date
    datetime double email encryptedstring id int json location long multipicklist percent phone
    picklist reference string textarea time url
    """
)
"""The enumeration `fieldType` of the partner WSDL."""
SOAP_TYPE = re.compile(r"(tns|xsd|urn):\w+")


def test_job_info(client: Client) -> None:
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    created = client.post("/jobs/query", json=body).json()
    assert created.keys() == JOB
    client.version = "57.0"
    created = client.post("/jobs/query", json=body).json()
    assert client.get(f"/jobs/query/{created['id']}").json().keys() == JOB_INFO
    (listed, *_) = client.get("/jobs/query").json()["records"]
    assert listed.keys() >= JOB | {"jobType"}


def test_ingest_job_info(start: StartClient) -> None:
    client = start()
    body = {"operation": "upsert", "object": "Account", "externalIdFieldName": "Id"}
    job = client.post("/jobs/ingest", json=body).json()
    assert job.keys() == JOB | {"contentUrl", "externalIdFieldName"}
    path = f"/jobs/ingest/{job['id']}"
    client.call("PUT", f"{path}/batches", data=b"Id,Name\n")
    client.call("PATCH", path, json={"state": "UploadComplete"})
    assert client.get(path).json().keys() == INGEST_INFO


@pytest.mark.parametrize("sobject", ["Account", "Event", "Everything__c", "AppDefinition"])
def test_describes(client: Client, sobject: str) -> None:
    described = client.get(f"/sobjects/{sobject}/describe").json()
    assert described.keys() == DESCRIBE
    assert all(each.keys() == CHILD_RELATIONSHIP for each in described["childRelationships"])
    assert [each.keys() for each in described["recordTypeInfos"]] == [RECORD_TYPE]
    assert all(each.keys() == {"label", "name"} for each in described["supportedScopes"])


def test_no_field_is_of_a_type_that_the_wsdl_does_not_know(client: Client) -> None:
    types: dict[str, set[str]] = {}
    for entry in client.get("/sobjects").json()["sobjects"]:
        for field in client.get(f"/sobjects/{entry['name']}/describe").json()["fields"]:
            types.setdefault(field["type"], set()).add(field["soapType"])
    assert types.keys() == FIELD_TYPES
    soap_types = {each for several in types.values() for each in several}
    assert all(map(SOAP_TYPE.fullmatch, soap_types))
    assert {each for each in soap_types if each.startswith("urn:")} == {
        "urn:address",
        "urn:location",
    }


ANSWERS = "filterable sortable groupable aggregatable"
TYPES = {
    "address": ("urn:address", "filterable"),
    "anyType": ("xsd:anyType", "filterable sortable"),
    "base64": ("xsd:base64Binary", ""),
    "boolean": ("xsd:boolean", "filterable sortable groupable"),
    "combobox": ("xsd:string", "filterable sortable aggregatable"),
    "currency": ("xsd:double", "filterable sortable aggregatable"),
    "date": ("xsd:date", ANSWERS),
    "datetime": ("xsd:dateTime", "filterable sortable aggregatable"),
    "double": ("xsd:double", "filterable sortable aggregatable"),
    "email": ("xsd:string", ANSWERS),
    "encryptedstring": ("xsd:string", ""),
    "id": ("tns:ID", ANSWERS),
    "int": ("xsd:int", ANSWERS),
    "location": ("urn:location", "filterable"),
    "multipicklist": ("xsd:string", "filterable"),
    "percent": ("xsd:double", "filterable sortable aggregatable"),
    "phone": ("xsd:string", ANSWERS),
    "picklist": ("xsd:string", ANSWERS),
    "reference": ("tns:ID", ANSWERS),
    "string": ("xsd:string", ANSWERS),
    "textarea": ("xsd:string", ANSWERS),
    "time": ("xsd:time", "filterable sortable aggregatable"),
    "url": ("xsd:string", ANSWERS),
}
"""What a field of each type can do in a query, as far as recorded describes and WSDLs say."""


def test_what_a_field_can_do_follows_from_its_type(client: Client) -> None:
    seen = set()
    for entry in client.get("/sobjects").json()["sobjects"]:
        for field in client.get(f"/sobjects/{entry['name']}/describe").json()["fields"]:
            is_long = field["type"] == "textarea" and field["length"] > 255
            if field["type"] not in TYPES or field["calculated"]:
                continue
            seen.add(field["type"])
            soap_type, answers = TYPES[field["type"]]
            told = {name for name in words(ANSWERS) if field[name]}
            assert field["soapType"] == soap_type
            assert told == (set() if is_long else words(answers)), (entry["name"], field["name"])
    assert seen == TYPES.keys()


def test_fields_that_salesforce_fills(client: Client) -> None:
    lead = {f["name"]: f for f in client.get("/sobjects/Lead/describe").json()["fields"]}
    account = {f["name"]: f for f in client.get("/sobjects/Account/describe").json()["fields"]}
    app = {f["name"]: f for f in client.get("/sobjects/AppDefinition/describe").json()["fields"]}
    for field in (account["Id"], lead["Id"], app["Id"]):
        assert field["defaultedOnCreate"]
        assert field["idLookup"]
        assert not (field["nillable"])
        assert not (field["createable"])
        assert not (field["updateable"])
    for field in (account["OwnerId"], lead["OwnerId"]):
        assert field["defaultedOnCreate"]
        assert field["createable"]
        assert not (field["nillable"])
        assert not (field["permissionable"])
    for field in (
        account["MasterRecordId"],
        account["LastActivityDate"],
        lead["ConvertedAccountId"],
    ):
        assert not (field["createable"])
        assert not (field["updateable"])
        assert not (field["permissionable"])
    assert lead["Email"]["idLookup"]
    assert account["BillingGeocodeAccuracy"]["restrictedPicklist"]


def test_objects_that_no_client_creates_or_deletes(client: Client) -> None:
    entries = {entry["name"]: entry for entry in client.get("/sobjects").json()["sobjects"]}
    rights = {
        name: (entries[name]["createable"], entries[name]["deletable"])
        for name in ("Account", "Organization", "User")
    }
    assert rights == {
        "Account": (True, True),
        "Organization": (False, False),
        "User": (True, False),
    }
    for method, path in (("POST", "Organization"), ("DELETE", "User/{}")):
        soql = f"SELECT Id FROM {path.split('/')[0]} LIMIT 1"  # noqa: S608 - SOQL
        (record,) = client.get("/query", params={"q": soql}).json()["records"]
        reply = client.call(method, f"/sobjects/{path.format(record['Id'])}", json={"Name": "x"})
        code = reply.json()[0]["errorCode"]
        assert (reply.status_code, code) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")


def test_addresses_of_what_belongs_to_an_object(client: Client) -> None:
    (account,) = [e for e in client.get("/sobjects").json()["sobjects"] if e["name"] == "Account"]
    assert account["urls"].keys() == words(
        "approvalLayouts compactLayouts describe layouts listviews quickActions rowTemplate sobject"
    )


def keys_of(value: Any) -> Any:
    return value.keys() if isinstance(value, dict) else [each.keys() for each in value]


@pytest.mark.parametrize(
    ("path", "status", "keys"),
    [
        ("/query?q=SELECT Id FROM Account", 200, words("totalSize done records")),
        ("/services/data", 200, words("label url version")),
        ("/limits/recordCount?sObjects=Account", 200, words("sObjects")),
        ("/sobjects", 200, words("encoding maxBatchSize sobjects")),
        ("/query?q=SELECT", 400, words("errorCode message")),
        ("/sobjects/Nope", 404, words("errorCode message")),
        ("/sobjects/Account/001000000000000AAA", 404, words("errorCode message fields")),
    ],
)
def test_other_replies(client: Client, path: str, status: int, keys: set[str]) -> None:
    reply = client.get(path)
    assert reply.status_code == status
    found = keys_of(reply.json())
    assert found == keys or set(map(frozenset, found)) == {frozenset(keys)}


def test_the_token_reply(client: Client) -> None:
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}
    reply = client.post("/services/oauth2/token", data=form).json()
    assert reply.keys() == words(
        "access_token signature scope instance_url id token_type issued_at"
    )
    assert re.fullmatch(r"\d{13}", reply["issued_at"])
    wrong = client.post("/services/oauth2/token", data={"grant_type": "magic"})
    assert (wrong.status_code, wrong.json().keys()) == (400, words("error error_description"))
