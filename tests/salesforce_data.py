"""What the tap must make of a sandbox's data, computed without the tap's code."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk_sandbox import SandboxServer

_NEVER_IN_BULK = {"address", "location", "base64", "byte", "complexvalue", "json"}
_LONGEST_CELL = 1 << 20


def fields_of(server: SandboxServer, sobject: str) -> dict[str, str]:
    """Return the types of the fields that a query job returns, in the order of the describe."""
    described = server.org.describe(sobject)
    assert described
    types = {field["name"]: field["type"] for field in described["fields"]}
    return {name: type_ for name, type_ in types.items() if type_ not in _NEVER_IN_BULK}


def expected_records(
    server: SandboxServer,
    sobject: str,
    *,
    fields: Sequence[str] | None = None,
    where: str = "",
    include_deleted: bool = True,
) -> list[dict[str, Any]]:
    """Return the records that a stream must contain, in the order of the job's rows."""
    types = fields_of(server, sobject)
    names = list(fields or types)
    soql = f"SELECT {', '.join(names)} FROM {sobject} {where}"  # noqa: S608 - SOQL only reads
    result = server.org.query(soql, include_deleted=include_deleted, bulk=True)
    return records_of(result.csv(0, len(result)).decode(), types)


def records_of(text: str, types: Mapping[str, str], delimiter: str = ",") -> list[dict[str, Any]]:
    """Parse CSV as Salesforce writes it."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    header = next(lines)
    return [
        {name: value_of(cell, types[name]) for name, cell in zip(header, row, strict=True)}
        for row in lines
    ]


def value_of(text: str, type_: str) -> Any:
    """Return the value of a cell."""
    if text == "":
        return None
    if type_ == "boolean":
        return {"true": True, "false": False}[text]
    if type_ in {"int", "long", "double", "currency", "percent"}:
        number = Decimal(text)
        if not number.is_finite():
            return None
        return int(number) if type_ in {"int", "long"} and number == int(number) else number
    return text


def assert_same_records(
    found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], key: str = "Id"
) -> None:
    """Compare records one by one, in any order; there must be no duplicates."""
    by_key = {record[key]: record for record in found}
    assert len(by_key) == len(found)
    assert by_key.keys() == {record[key] for record in expected}
    for record in expected:
        other = by_key[record[key]]
        assert other == record
        # In Python, True is 1 and 47.0 is 47.
        wrong = {
            name: value
            for name, value in other.items()
            if isinstance(value, bool) != isinstance(record[name], bool)
            or (isinstance(record[name], int) and not isinstance(value, int))
        }
        assert not wrong
