"""Values that users set, as the text that Salesforce keeps and writes."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects.fields import NUMBER_TYPES, WHOLE_NUMBER_TYPES
from sfbulk_sandbox.sobjects.java_numbers import java_double
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field


def cell_text(value: Any, field: Field) -> str | None:
    """Return the text of a cell; None and the empty text are the empty cell.

    Text stays as it is, whatever the type of the field, so that a test can write any form of a
    number or a moment. Numbers get the form of their field: `150.0` in a double.

    Args:
        value: None, or a str, bool, int, float, Decimal, date, datetime or time.
        field: The field it goes into.

    Raises:
        TypeError: The value is of another type.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return _number_text(value, field)
    if isinstance(value, (date, time)):
        return _day_or_time_text(value)
    raise TypeError(f"{field.name} cannot hold a value of type {type(value).__name__}")


def check_cell(text: str | None, field: Field) -> None:
    """Refuse text that no cell of the field's type can hold.

    Raises:
        ValueError: It is no number, moment, checkbox or id.
    """
    if text is None:
        return
    try:
        if field.type in NUMBER_TYPES:
            Decimal(text)
        elif field.type in {"date", "datetime"}:
            datetime.fromisoformat(text.replace("Z", "+00:00"))
        elif field.type == "boolean":
            ("true", "false").index(text)
        elif field.type == "reference":
            eighteen_characters(text)
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"{field.name} ({field.type}) cannot hold {text!r}") from error


def convert_cell(text: str | None, old_type: str, new: Field) -> str | None:
    """Return a cell's text after its field has been given another type.

    What cannot be converted is empty, as after a change of type in Salesforce (Salesforce Help,
    "Notes on Changing Custom Field Types").

    Args:
        text: Before.
        old_type: Type of the field before.
        new: The field as it is now.
    """
    if new.type == "boolean":
        return "true" if text == "true" else "false"
    if text is None or new.type == old_type:
        return text
    if new.type in NUMBER_TYPES:
        return _convert_number(text, new)
    if new.type in {"date", "datetime"}:
        return _convert_day(text, old_type, new.type)
    if old_type in NUMBER_TYPES:
        return f"{Decimal(text):f}".removesuffix(".0")
    return text


def _convert_number(text: str, new: Field) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return _number_text(int(number) if new.type in WHOLE_NUMBER_TYPES else number, new)


def _convert_day(text: str, old_type: str, new_type: str) -> str | None:
    if old_type not in {"date", "datetime"}:
        return None
    return text[:10] if new_type == "date" else f"{text}T00:00:00.000Z"


def _day_or_time_text(value: date | time) -> str:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, time):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    return value.isoformat()


def _number_text(value: float | Decimal, field: Field) -> str:
    if isinstance(value, int) and (
        field.type in WHOLE_NUMBER_TYPES or field.type not in NUMBER_TYPES
    ):
        return str(value)
    return java_double(Decimal(value) if isinstance(value, int) else value)


def moment_text(moment: datetime) -> str:
    """Return a moment as bulk results write it, to the second."""
    return in_utc(moment).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is taken as UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return zoned.astimezone(timezone.utc)
