"""The Tooling API as far as clients use it to look at objects and fields.

Tooling API, "EntityDefinition" and "FieldDefinition"; queries by ``tooling/query``.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import SalesforceError, not_found
from sfbulk_sandbox.sobjects import describe
from sfbulk_sandbox.sobjects.fields import Field
from sfbulk_sandbox.sobjects.schema import Schema, SObject

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_QUERY = re.compile(
    r"SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<entity>\w+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_EQUALS = re.compile(r"([\w.]+)\s*(?:=\s*'([^']*)'|IN\s*\(([^)]*)\))", re.IGNORECASE)
_LIMIT = re.compile(r"\bLIMIT\s+(\d+)", re.IGNORECASE)
_WHOLE_NUMBERS = frozenset({"Length", "Precision", "Scale"})
_ENTITY_FIELDS = (
    *("DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel", "PluralLabel"),
    *("KeyPrefix", "NamespacePrefix", "IsQueryable", "IsCustomSetting", "IsReplicateable"),
    "IsRetrieveable",
)
_FIELD_FIELDS = (
    *("DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel", "DataType"),
    *("Length", "Precision", "Scale", "IsNillable", "IsCalculated", "IsIndexed"),
    *("NamespacePrefix", "EntityDefinitionId"),
)


def _field(name: str) -> Field:
    if name in _WHOLE_NUMBERS:
        return Field(name=name, type="int", digits=9)
    if name.startswith("Is"):
        return Field(name=name, type="boolean", nillable=False)
    return Field(name=name, type="string", length=255)


def _sobject(name: str, label: str, fields: tuple[str, ...]) -> SObject:
    return SObject(
        name=name,
        label=label,
        label_plural=f"{label}s",
        key_prefix=None,
        default_rows=0,
        unique_ids=False,
        fields=tuple(map(_field, fields)),
    )


_SOBJECTS = {
    "entitydefinition": _sobject("EntityDefinition", "Entity Definition", _ENTITY_FIELDS),
    "fielddefinition": _sobject("FieldDefinition", "Field Definition", _FIELD_FIELDS),
}


async def list_sobjects(_state: State, call: Call) -> Reply:
    """Answer ``/tooling/sobjects``: the two objects that can be queried here."""
    entries = [describe.global_entry(each, call.version) for each in _SOBJECTS.values()]
    return json_reply({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})


async def describe_sobject(_state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/tooling/sobjects/X/describe``."""
    found = _SOBJECTS.get(sobject.lower())
    if found is None:
        raise not_found()
    return json_reply(describe.describe(Schema(_SOBJECTS.values()), found, call.version))


async def run_query(state: State, call: Call) -> Reply:
    """Answer ``/tooling/query?q=`` over EntityDefinition and FieldDefinition.

    Conditions are fields that equal a text, or one of several, all of which must hold.
    """
    return json_reply(await asyncio.to_thread(_find, state, call))


def _find(state: State, call: Call) -> dict[str, Any]:
    match = _QUERY.fullmatch(call.query.get("q", "").strip())
    if match is None:
        raise _refusal("MALFORMED_QUERY", "unexpected token: <EOF>")
    make = {"entitydefinition": _list_entities, "fielddefinition": _list_fields}
    entity = match["entity"]
    if entity.lower() not in make:
        text = f"sObject type '{entity}' of the Tooling API is not supported by this sandbox"
        raise _refusal("INVALID_TYPE", text)
    rows = make[entity.lower()](state, call.version)
    for path, value, several in _EQUALS.findall(match["rest"]):
        wanted = {value} if not several else set(re.findall(r"'([^']*)'", several))
        rows = [row for row in rows if str(_value(row, path, entity)) in wanted]
    if limit := _LIMIT.search(match["rest"]):
        rows = rows[: int(limit[1])]
    names = [name.strip() for name in match["fields"].split(",")]
    records = [
        {
            "attributes": {
                "type": entity,
                "url": f"/services/data/v{call.version}/tooling/sobjects/{entity}/"
                f"{row['DurableId']}",
            },
            **{name: _value(row, name, entity) for name in names},
        }
        for row in rows
    ]
    return {
        "size": len(records),
        "totalSize": len(records),
        "done": True,
        "queryLocator": None,
        "entityTypeName": entity,
        "records": records,
    }


def _list_entities(state: State, version: str) -> list[dict[str, Any]]:
    return [
        {
            "DurableId": entry["name"],
            "QualifiedApiName": entry["name"],
            "DeveloperName": entry["name"].removesuffix("__c"),
            "Label": entry["label"],
            "MasterLabel": entry["label"],
            "PluralLabel": entry["labelPlural"],
            "KeyPrefix": entry["keyPrefix"],
            "NamespacePrefix": None,
            "IsQueryable": entry["queryable"],
            "IsCustomSetting": entry["customSetting"],
            "IsReplicateable": entry["replicateable"],
            "IsRetrieveable": entry["retrieveable"],
        }
        for entry in state.org.describe_global(version)
    ]


def _list_fields(state: State, version: str) -> list[dict[str, Any]]:
    rows = []
    for entity in _list_entities(state, version):
        described = state.org.describe(entity["QualifiedApiName"], version) or {"fields": ()}
        rows += [
            {
                "DurableId": f"{entity['DurableId']}.{field['name']}",
                "QualifiedApiName": field["name"],
                "DeveloperName": field["name"].removesuffix("__c"),
                "Label": field["label"],
                "MasterLabel": field["label"],
                "DataType": field["type"],
                "Length": field["length"],
                "Precision": field["precision"],
                "Scale": field["scale"],
                "IsNillable": field["nillable"],
                "IsCalculated": field["calculated"],
                "IsIndexed": field["idLookup"],
                "NamespacePrefix": None,
                "EntityDefinitionId": entity["DurableId"],
                "EntityDefinition": entity,
            }
            for field in described["fields"]
        ]
    return rows


def _value(row: dict[str, Any], path: str, entity: str) -> Any:
    """Return a field of a row, over a relationship or not; names in any case."""
    value: Any = row
    for name in path.split("."):
        by_name = {key.lower(): each for key, each in value.items()}
        if name.lower() not in by_name:
            raise _refusal("INVALID_FIELD", f"No such column '{path}' on entity '{entity}'")
        value = by_name[name.lower()]
    return value


def _refusal(error_code: str, message: str) -> SalesforceError:
    return SalesforceError(HTTPStatus.BAD_REQUEST, error_code, message)
