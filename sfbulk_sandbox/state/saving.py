"""What clients write into records: checked as Salesforce checks it, and turned into cells.

Error codes and texts: REST API Developer Guide, "Status Codes and Error Responses", and SOAP API
Developer Guide, "StatusCode"; what clients of live orgs report.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.salesforce_errors import SalesforceError
from sfbulk_sandbox.sobjects.cells import cell_text
from sfbulk_sandbox.sobjects.fields import COMPOUND_TYPES, NUMBER_TYPES, WHOLE_NUMBER_TYPES
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import Schema, SObject

Cells = dict[str, "str | None"]
_ZONE = re.compile(r"([+-]\d\d):?(\d\d)$")


class RecordError(SalesforceError):
    """A record that Salesforce does not write.

    Args:
        error_code: Salesforce's code.
        message: Salesforce's words.
        fields: The fields that are to blame.
        status: HTTP status, where the record is alone in its call.
    """

    def __init__(
        self,
        error_code: str,
        message: str,
        fields: tuple[str, ...] = (),
        status: int = HTTPStatus.BAD_REQUEST,
    ) -> None:
        super().__init__(status, error_code, message, fields=fields)

    def result(self, record_id: str | None = None) -> dict[str, Any]:
        """Return the error as an item of a collection's reply."""
        error = {
            "statusCode": self.error_code,
            "message": self.message,
            "fields": list(self.fields),
        }
        named = {} if record_id is None else {"id": record_id}
        return {**named, "success": False, "errors": [error]}


def is_writable(field: Field) -> bool:
    """Return whether clients may write a field."""
    return not field.set_by_salesforce and field.type not in COMPOUND_TYPES


def read_cells(
    schema: Schema, sobject: SObject, values: Mapping[str, Any], *, creating: bool
) -> Cells:
    """Return the cells that a record as clients write it stands for.

    Args:
        schema: What the user sees.
        sobject: The record's object.
        values: By field, as JSON has them; or text, as CSV has it.
        creating: Whether the record is new, so that required fields must be there.

    Raises:
        RecordError: A field or value that Salesforce would refuse.
    """
    cells: Cells = {}
    refused = []
    for name, value in values.items():
        if name == "attributes":
            continue
        field = schema.field(sobject, name)
        if field is None:
            text = f"No such column '{name}' on sobject of type {sobject.name}"
            raise RecordError("INVALID_FIELD", text)
        if not is_writable(field):
            refused.append(field.name)
        cells[field.name] = _read_cell(field, value)
    if refused:
        text = (
            f"Unable to create/update fields: {', '.join(refused)}. Please check the security "
            "settings of this field and verify that it is read/write for your profile or "
            "permission set."
        )
        raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", text, tuple(refused))
    missing = [
        field.name
        for field in schema.visible_fields(sobject)
        if _is_required(field) and cells.get(field.name) is None
        if field.name in cells or (creating and not field.defaulted_on_create)
    ]
    if missing:
        text = f"Required fields are missing: [{', '.join(missing)}]"
        raise RecordError("REQUIRED_FIELD_MISSING", text, tuple(missing))
    return _with_whole_name(sobject, cells)


def _is_required(field: Field) -> bool:
    return not field.nillable and is_writable(field) and field.type not in {"boolean", "base64"}


def _with_whole_name(sobject: SObject, cells: Cells) -> Cells:
    """Put the name of a person together, where both parts are given."""
    if "LastName" in cells and "Name" in sobject.fields_by_name:
        parts = (cells.get("FirstName"), cells["LastName"])
        return {**cells, "Name": " ".join(part for part in parts if part)}
    return cells


def _read_cell(field: Field, value: Any) -> str | None:
    if value is None or value == "":
        return "false" if field.type == "boolean" else None
    if field.type == "boolean":
        text = str(value).lower()
        if text not in {"true", "false"}:
            raise _wrong_type("boolean", value)
        return text
    if field.type in NUMBER_TYPES:
        return _read_number(field, value)
    if field.type in {"id", "reference"}:
        return _read_id(field, value)
    if field.type in {"date", "datetime"}:
        return _read_date(field, str(value))
    if not isinstance(value, str):
        raise _wrong_type("string", value)
    if field.length and len(value) > field.length:
        label = field.label or field.name
        text = f"{label}: data value too large: {value} (max length={field.length})"
        raise RecordError("STRING_TOO_LONG", text, (field.name,))
    return value


def _read_number(field: Field, value: Any) -> str | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _wrong_type(field.type, value) from error
    if isinstance(value, bool) or not number.is_finite():
        raise _wrong_type(field.type, value)
    return cell_text(int(number) if field.type in WHOLE_NUMBER_TYPES else number, field)


def _read_id(field: Field, value: Any) -> str:
    try:
        return eighteen_characters(str(value))
    except ValueError as error:
        text = f"{field.label or field.name}: id value of incorrect type: {value}"
        raise RecordError("MALFORMED_ID", text, (field.name,)) from error


def _read_date(field: Field, value: str) -> str:
    text = _ZONE.sub(r"\1:\2", value.replace("Z", "+0000"))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong_type(field.type, value) from error
    if field.type == "date":
        return moment.date().isoformat()
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    in_utc = zoned.astimezone(timezone.utc)
    return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wrong_type(type_: str, value: Any) -> RecordError:
    text = f"Cannot deserialize instance of {type_} from value {value}"
    return RecordError("JSON_PARSER_ERROR", text)
