"""Records created with their children in one call: ``/composite/tree/X``.

REST API Developer Guide, "sObject Tree": up to 200 records, all of them or none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.endpoints.json_bodies import json_error, read_object
from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.state.saving import RecordError

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_MOST_RECORDS = 200
_MOST_LEVELS = 5


@dataclass(frozen=True)
class _Node:
    """A record of a tree.

    Attributes:
        reference: What the client calls it.
        sobject: Its object.
        values: Its fields; its children are among them.
        parent: What the client calls the record above it, None for a root.
        lookup: The field that points at that one.
    """

    reference: str
    sobject: str
    values: dict[str, Any]
    parent: str | None = None
    lookup: str = ""


class _TreeError(Exception):
    """A tree that is not written: `result` is the entry of the reply for the record to blame."""

    def __init__(self, reference: str, error: RecordError) -> None:
        super().__init__(f"{reference}: {error}")
        self.result = {"referenceId": reference, "errors": error.result()["errors"]}


async def create_tree(state: State, call: Call, sobject: str) -> Reply:
    """Answer ``POST /composite/tree/X``: 201 with all ids, or 400 with the record to blame."""
    records = read_object(call.body).get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise json_error("records is not a list of records")
    try:
        results = await asyncio.to_thread(_create, state, sobject, records)
    except _TreeError as error:
        body = {"hasErrors": True, "results": [error.result]}
        return json_reply(body, status=HTTPStatus.BAD_REQUEST)
    return json_reply({"hasErrors": False, "results": results}, status=HTTPStatus.CREATED)


def _create(state: State, sobject: str, records: list[dict[str, Any]]) -> list[dict[str, str]]:
    nodes, ids = _list_nodes(state, sobject, records), dict[str, str]()
    before = state.org.snapshot()
    for node in nodes:
        values = {key: value for key, value in node.values.items() if not _is_subtree(value)}
        if node.parent is not None:
            values[node.lookup] = ids[node.parent]
        try:
            ids[node.reference] = state.org.create(node.sobject, values)
        except RecordError as error:
            state.org.restore(before)
            raise _TreeError(node.reference, error) from error
    return [{"referenceId": reference, "id": record_id} for reference, record_id in ids.items()]


def _list_nodes(state: State, sobject: str, records: list[dict[str, Any]]) -> list[_Node]:
    """Return the records of a tree, level by level.

    Raises:
        _TreeError: A record has no name of its own or another type, a relationship does not
            exist, or they are too many.
    """
    found: dict[str, _Node] = {}
    level = [_read_node(record, sobject) for record in records]
    for _ in range(_MOST_LEVELS):
        for node in level:
            if node.reference in found:
                raise _refusal(node.reference, f"Duplicate ReferenceId provided: {node.reference}")
            found[node.reference] = node
        level = [child for node in level for child in _list_children(state, node)]
    if level:
        raise _refusal(level[0].reference, f"A tree has at most {_MOST_LEVELS} levels")
    if not 1 <= len(found) <= _MOST_RECORDS:
        raise _refusal("", f"A tree has 1 to {_MOST_RECORDS} records, not {len(found)}")
    return list(found.values())


def _list_children(state: State, node: _Node) -> list[_Node]:
    subtrees = {key: value for key, value in node.values.items() if _is_subtree(value)}
    if not subtrees:
        return []
    described = state.org.describe(node.sobject) or {"childRelationships": ()}
    known = {each["relationshipName"]: each for each in described["childRelationships"]}
    children = []
    for name, subtree in subtrees.items():
        if name not in known:
            text = f"No such relationship '{name}' on {node.sobject}"
            raise _TreeError(node.reference, RecordError("INVALID_FIELD", text, (name,)))
        child, lookup = known[name]["childSObject"], known[name]["field"]
        children += [_read_node(each, child, node.reference, lookup) for each in subtree["records"]]
    return children


def _read_node(record: Any, sobject: str, parent: str | None = None, lookup: str = "") -> _Node:
    record = record if isinstance(record, dict) else {}
    attributes = record.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    reference, type_ = attributes.get("referenceId"), str(attributes.get("type"))
    if not isinstance(reference, str) or not reference:
        raise _refusal("", "Each record needs attributes with its type and a referenceId")
    if type_.lower() != sobject.lower():
        raise _refusal(reference, f"The type is {type_} where {sobject} belongs")
    values = {key: value for key, value in record.items() if key != "attributes"}
    return _Node(reference, sobject, values, parent, lookup)


def _is_subtree(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("records"), list)


def _refusal(reference: str, message: str) -> _TreeError:
    return _TreeError(reference, RecordError("INVALID_INPUT", message))
