"""Catalogs in the form of other Salesforce taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox import SandboxServer

Maker = Literal["meltanolabs", "singer-io"]

_LOOSE_DATE = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}
_TYPES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "double": "number",
    "currency": "number",
    "percent": "number",
}


def earlier_entry(
    server: SandboxServer, name: str, maker: Maker, *, selected: Iterable[str], **root: Any
) -> dict[str, Any]:
    """Return the catalog entry of an object, with only some fields selected.

    Args:
        server: The sandbox with the object.
        name: The object's name.
        maker: Whose form the entry has.
        selected: Names of the selected fields.
        root: More metadata of the stream; None removes a key.
    """
    described = server.org.describe(name)
    assert described
    fields = {field["name"]: field["type"] for field in described["fields"]}
    wanted = set(selected)
    key = "SystemModstamp" if "SystemModstamp" in fields else None
    metadata: dict[str, Any] = {"selected": True, "table-key-properties": ["Id"]}
    if key:
        metadata["valid-replication-keys"] = [key]
        if maker == "meltanolabs":
            metadata |= {"replication-key": key, "replication-method": "INCREMENTAL"}
    elif maker == "meltanolabs":
        reason = "No replication keys found from the Salesforce API"
        metadata["forced-replication-method"] = {
            "replication-method": "FULL_TABLE",
            "reason": reason,
        }
    else:
        metadata["forced-replication-method"] = "FULL_TABLE"
    metadata |= {part.replace("_", "-"): value for part, value in root.items()}
    return {
        "stream": name,
        "tap_stream_id": name,
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {field: _schema(field, type_) for field, type_ in fields.items()},
        },
        "metadata": [
            {
                "breadcrumb": [],
                "metadata": {part: each for part, each in metadata.items() if each is not None},
            },
            *(
                {
                    "breadcrumb": ["properties", field],
                    "metadata": {
                        "inclusion": "automatic" if field in ("Id", key) else "available",
                        "selected-by-default": True,
                        "selected": field in wanted,
                    },
                }
                for field in fields
            ),
        ],
    }


def _schema(name: str, type_: str) -> dict[str, Any]:
    if type_ in ("date", "datetime"):
        return dict(_LOOSE_DATE)
    if type_ in ("anyType", "calculated"):
        return {}
    if type_ in ("address", "location"):
        return {"type": ["null", "object"], "properties": {"city": {"type": ["null", "string"]}}}
    bare = _TYPES.get(type_, "string")
    return {"type": bare if name == "Id" else ["null", bare]}
