"""Objects and fields that a scenario defines, and changes of fields while the sandbox runs.

What Salesforce allows of custom objects and fields: Salesforce Help, "Custom Field Types" and
"Custom Object Names"; Big Objects Implementation Guide for names in `__b`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - fields are read by their types
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.sobjects import value_sources as values
from sfbulk_sandbox.sobjects.fields import (
    BINARY_TYPES,
    NUMBER_TYPES,
    Field,
    audit_fields,
    label_of,
    location,
    name_of_record,
    record_id,
    reference,
)
from sfbulk_sandbox.sobjects.record_ids import ID_OF_NO_RECORD, base_62
from sfbulk_sandbox.sobjects.schema import SObject
from sfbulk_sandbox.typed_mapping import MappingError

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.value_sources import ValueSource

FieldType = Literal[
    "string",
    "textarea",
    "email",
    "phone",
    "url",
    "picklist",
    "multipicklist",
    "combobox",
    "encryptedstring",
    "boolean",
    "int",
    "long",
    "double",
    "currency",
    "percent",
    "date",
    "datetime",
    "time",
    "reference",
    "location",
    "base64",
]
_LENGTHS = {
    "string": 255,
    "textarea": 32_000,
    "email": 80,
    "phone": 40,
    "url": 255,
    "picklist": 255,
    "multipicklist": 4_099,
    "combobox": 255,
    "encryptedstring": 175,
    "reference": 18,
}
_SUFFIXES = ("__c", "__b", "__mdt", "__e", "__x")
_DEFAULT_ROWS = 100
_MOST_DIGITS = 6
_NAME = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True)
class FieldDefinition:
    """A new field, or what is to differ in one that exists; what is None stays as it is.

    Args:
        type: Type as describe names it; needed for a new field.
        label: Shown to users.
        length: Most characters of a text.
        precision: Most digits of a number.
        scale: Digits after the decimal point.
        values: Choices of a picklist.
        to: Object that a reference points at, or several of them.
        nillable: Whether it may be empty.
        filterable: Whether WHERE may name it.
        calculated: Whether it is a formula.
        external_id: Whether upserts may name a record by it.
        permissioned: Whether the user may read it. A field that may not be read is in no describe.
    """

    type: FieldType | None = None
    label: str | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    values: tuple[str, ...] | None = None
    to: str | tuple[str, ...] | None = None
    nillable: bool | None = None
    filterable: bool | None = None
    calculated: bool | None = None
    external_id: bool | None = None
    permissioned: bool | None = None

    def __post_init__(self) -> None:
        for name in ("length", "precision", "scale"):
            number = getattr(self, name)
            if number is not None and number < (name != "scale"):
                raise MappingError(f"{name} must not be {number}")
        if self.type == "reference" and not self.to:
            raise MappingError("a reference needs `to`, the object that it points at")
        if self.type in {"picklist", "multipicklist"} and not self.values:
            raise MappingError(f"a {self.type} needs `values`")


@dataclass(frozen=True)
class ObjectDefinition:
    """A new object, or what is to differ in one that exists.

    A new one has Id, Name, the audit fields and IsDeleted, as far as its kind has them.

    Args:
        label: Shown to users.
        label_plural: The same for several.
        fields: Its fields by name.
        ids: `zero` for an object whose records all answer 000000000000000AAA, as big objects do.
        bulk: Whether query jobs may read it.
    """

    label: str | None = None
    label_plural: str | None = None
    fields: Mapping[str, FieldDefinition] = field(default_factory=dict)
    ids: Literal["unique", "zero"] | None = None
    bulk: bool | None = None


def apply_definitions(
    sobjects: tuple[SObject, ...], definitions: Mapping[str, ObjectDefinition]
) -> tuple[SObject, ...]:
    """Return the objects with those of a scenario added or changed.

    Raises:
        MappingError: A name that Salesforce would not allow, a new field without a type, or a
            reference to an object that does not exist.
    """
    known = {sobject.name: sobject for sobject in sobjects}
    for number, (name, definition) in enumerate(definitions.items()):
        where = f"scenario.objects.{name}"
        if name not in known:
            known[name] = _make_sobject(name, definition, number, where)
        known[name] = _change_sobject(known[name], definition, where)
    for name, definition in definitions.items():
        for field_name, each in definition.fields.items():
            if missing := [target for target in _targets(each) if target not in known]:
                where = f"scenario.objects.{name}.fields.{field_name}.to"
                raise MappingError(f"{where}: the org has no object {', '.join(missing)}")
    return tuple(known.values())


def list_hidden_fields(definitions: Mapping[str, ObjectDefinition]) -> list[tuple[str, str]]:
    """Return the objects and fields that the user may not read."""
    return [
        (sobject, name)
        for sobject, definition in definitions.items()
        for name, each in definition.fields.items()
        if each.permissioned is False
    ]


def make_fields(name: str, definition: FieldDefinition, where: str) -> tuple[Field, ...]:
    """Return a new field, and for a location its two parts.

    Raises:
        MappingError: It has no type, or a name that Salesforce would not allow.
    """
    if definition.type is None:
        raise MappingError(f"{where}: a new field needs a type")
    if not _NAME.fullmatch(name) or not name.endswith("__c"):
        raise MappingError(f"{where}: the name of a new field ends with __c")
    if definition.type == "location":
        made = location(name, values.double(-90, 90, 6), values.double(-180, 180, 6))
    elif definition.type == "reference":
        made = (reference(name, *_targets(definition), percent_filled=90),)
    else:
        made = (Field(name=name, type=definition.type),)
    return (*made[:-1], change_field(made[-1], definition))


def change_field(old: Field, definition: FieldDefinition) -> Field:
    """Return a field with what a definition says of it."""
    new_type = definition.type or old.type
    changes: dict[str, Any] = {"type": new_type}
    if new_type != old.type or old.values is values.nothing:
        changes |= _measure(new_type)
    for name in ("label", "length", "precision", "scale", "nillable", "external_id"):
        if (value := getattr(definition, name)) is not None:
            changes[name] = value
    if definition.values is not None:
        changes["picklist_values"] = definition.values
    if definition.to is not None:
        changes["reference_to"] = _targets(definition)
    if definition.filterable is not None:
        changes["may_be_filtered"] = definition.filterable
    if definition.calculated is not None:
        changes["formula"] = "Calculated" if definition.calculated else None
        changes["set_by_salesforce"] = definition.calculated
    changed = replace(old, **changes)
    if new_type != old.type or old.values is values.nothing or definition.values:
        return replace(changed, values=_make_source(changed))
    return changed


def _make_sobject(name: str, definition: ObjectDefinition, number: int, where: str) -> SObject:
    if not _NAME.fullmatch(name) or not name.endswith(_SUFFIXES):
        raise MappingError(f"{where}: the name of a new object ends with {', '.join(_SUFFIXES)}")
    label = definition.label or label_of(name)
    has_bin = definition.ids != "zero" and name.endswith("__c")
    own = [each for each in definition.fields if each == "Name"]
    named = () if own else (name_of_record(values.numbered(f"{label} ", 5), 80),)
    return SObject(
        name=name,
        label=label,
        label_plural=definition.label_plural or f"{label}s",
        key_prefix=f"a{base_62(100 + number, 2)}",
        default_rows=_DEFAULT_ROWS,
        fields=(record_id("Record ID"), *named, *audit_fields(recycle_bin=has_bin)),
    )


def _change_sobject(sobject: SObject, definition: ObjectDefinition, where: str) -> SObject:
    fields = {each.name: each for each in sobject.fields}
    for name, each in definition.fields.items():
        if name in fields:
            fields[name] = change_field(fields[name], each)
        else:
            made = make_fields(name, each, f"{where}.fields.{name}")
            fields.update({part.name: part for part in made})
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("label", definition.label),
            ("label_plural", definition.label_plural),
            ("in_bulk_api", definition.bulk),
        )
        if value is not None
    }
    if definition.ids is not None:
        changes["unique_ids"] = definition.ids == "unique"
    if definition.ids == "zero":
        fields["Id"] = replace(fields["Id"], values=values.constant(ID_OF_NO_RECORD))
    return replace(sobject, fields=tuple(fields.values()), **changes)


def _targets(definition: FieldDefinition) -> tuple[str, ...]:
    to = definition.to or ()
    return (to,) if isinstance(to, str) else to


def _measure(type_: str) -> dict[str, Any]:
    """Return the usual sizes of a type."""
    return {
        "length": _LENGTHS.get(type_, 0),
        "precision": 18 if type_ in {"double", "currency", "percent"} else 0,
        "scale": 2 if type_ in {"double", "currency", "percent"} else 0,
        "digits": {"int": 8, "long": 18}.get(type_, 0),
        "extra_type_info": "plaintextarea" if type_ == "textarea" else None,
    }


def _make_source(field: Field) -> ValueSource:
    """Return where the values of a field that a scenario defines come from."""
    source = _sources(field)[field.type]
    return source if field.type == "boolean" or not field.nillable else values.sometimes(90, source)


def _sources(field: Field) -> Mapping[str, ValueSource]:
    whole = 10 ** min(field.digits or _MOST_DIGITS, _MOST_DIGITS) - 1
    before_point = max(0, (field.precision or _MOST_DIGITS) - field.scale)
    decimal = values.double(0, 10 ** min(before_point, _MOST_DIGITS) - 1, field.scale)
    label = field.label or label_of(field.name)
    text = values.cut_to(field.length or 255, values.numbered(f"{label} ", 4))
    choices = field.picklist_values or ("",)
    return {
        **dict.fromkeys(("string", "textarea", "combobox", "encryptedstring"), text),
        **dict.fromkeys(("int", "long"), values.integer(0, whole)),
        **dict.fromkeys(NUMBER_TYPES - {"int", "long"}, decimal),
        **dict.fromkeys(BINARY_TYPES, values.body_text),
        "email": values.numbered("someone+", 4, "@example.com"),
        "phone": values.digits(10),
        "url": values.numbered("https://example.com/", 4),
        "picklist": values.one_of(*choices),
        "multipicklist": values.one_of(*choices, ";".join(choices)),
        "boolean": values.boolean(50),
        "date": values.date_within_days(-700, 0),
        "datetime": values.datetime_in_history,
        "time": values.in_turn("07:05:03.001Z", "12:30:00.000Z", "23:59:59.999Z"),
        "reference": values.lookup(*field.reference_to),
        "location": values.nothing,
    }
