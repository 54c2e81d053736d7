"""Layouts of an object: one for all users, with every field in the order of the describe.

REST API Developer Guide, "sObject Layouts" and "sObject CompactLayouts".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.salesforce_errors import not_found

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_LAYOUT_ID = "00h000000000001AAA"
_COLUMNS = 2


async def list_layouts(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X/describe/layouts``."""
    described = await _describe(state, call, sobject)
    mappings = [
        {
            "available": each["available"],
            "defaultRecordTypeMapping": each["defaultRecordTypeMapping"],
            "developerName": each["developerName"],
            "layoutId": _LAYOUT_ID,
            "master": each["master"],
            "name": each["name"],
            "picklistsForRecordType": [],
            "recordTypeId": each["recordTypeId"],
            "urls": each["urls"],
        }
        for each in described["recordTypeInfos"]
    ]
    return json_reply(
        {
            "layouts": [_layout(described)],
            "recordTypeMappings": mappings,
            "recordTypeSelectorRequired": [False],
        }
    )


async def show_layout(state: State, call: Call, sobject: str, record_type: str) -> Reply:
    """Answer ``/sobjects/X/describe/layouts/{record type id}``."""
    described = await _describe(state, call, sobject)
    if record_type not in {each["recordTypeId"] for each in described["recordTypeInfos"]}:
        raise not_found()
    return json_reply(_layout(described))


async def list_compact_layouts(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``/sobjects/X/describe/compactLayouts``: the system's default, the name alone."""
    described = await _describe(state, call, sobject)
    names = [field for field in described["fields"] if field["nameField"]]
    layout = {
        "actions": [],
        "fieldItems": [_item(field) for field in names],
        "id": None,
        "imageItems": [],
        "label": "System Default",
        "name": "SYSTEM",
        "objectType": described["name"],
    }
    mappings = [
        {
            "available": each["available"],
            "compactLayoutId": None,
            "compactLayoutName": "SYSTEM",
            "recordTypeId": each["recordTypeId"],
            "recordTypeName": each["name"],
            "urls": {},
        }
        for each in described["recordTypeInfos"]
    ]
    return json_reply(
        {
            "compactLayouts": [layout],
            "defaultCompactLayoutId": None,
            "recordTypeCompactLayoutMappings": mappings,
            "urls": {"primary": f"{described['urls']['describe']}/compactLayouts/primary"},
        }
    )


async def _describe(state: State, call: Call, sobject: str) -> dict[str, Any]:
    """Return the describe of an object.

    Raises:
        SalesforceError: 404, the user sees no such object.
    """
    described = await asyncio.to_thread(state.org.describe, sobject, call.version)
    if described is None:
        raise not_found()
    return described


def _layout(described: dict[str, Any]) -> dict[str, Any]:
    sections = [_section(described)]
    return {
        "buttonLayoutSection": {"detailButtons": []},
        "detailLayoutSections": sections,
        "editLayoutSections": sections,
        "feedView": None,
        "highlightsPanelLayoutSection": None,
        "id": _LAYOUT_ID,
        "multirowEditLayoutSections": [],
        "offlineLinks": [],
        "quickActionList": {"quickActionListItems": []},
        "relatedContent": None,
        "relatedLists": [],
        "saveOptions": [],
    }


def _section(described: dict[str, Any]) -> dict[str, Any]:
    items = [_item(field) for field in described["fields"]]
    pairs = [items[start : start + _COLUMNS] for start in range(0, len(items), _COLUMNS)]
    return {
        "collapsed": False,
        "columns": _COLUMNS,
        "heading": f"{described['label']} Information",
        "layoutRows": [{"layoutItems": pair, "numItems": len(pair)} for pair in pairs],
        "layoutSectionId": "01B000000000001AAA",
        "parentLayoutId": _LAYOUT_ID,
        "rows": len(pairs),
        "tabOrder": "TopToBottom",
        "useCollapsibleSection": False,
        "useHeading": True,
    }


def _item(field: dict[str, Any]) -> dict[str, Any]:
    component = {
        "details": field,
        "displayLines": 1,
        "tabOrder": 1,
        "type": "Field",
        "value": field["name"],
    }
    return {
        "editableForNew": field["createable"],
        "editableForUpdate": field["updateable"],
        "label": field["label"],
        "layoutComponents": [component],
        "placeholder": False,
        "required": not field["nillable"] and field["createable"],
    }
