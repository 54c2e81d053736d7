"""Definitions of fields, and short ways to write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk_sandbox.sobjects import value_sources as values

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.value_sources import ValueSource

NUMBER_TYPES = frozenset({"int", "long", "double", "currency", "percent"})
WHOLE_NUMBER_TYPES = frozenset({"int", "long"})
COMPOUND_TYPES = frozenset({"address", "location"})
BINARY_TYPES = frozenset({"base64"})

_LONGEST_FILTERABLE_TEXT = 255
_NOT_SORTABLE = COMPOUND_TYPES | BINARY_TYPES | {"multipicklist", "encryptedstring", "json"}
_NOT_GROUPABLE = _NOT_SORTABLE | {
    *("datetime", "time", "double", "currency", "percent", "anyType", "combobox")
}
_NOT_AGGREGATABLE = _NOT_SORTABLE | {"boolean", "anyType"}
ADDRESS_PARTS = (
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an object, as describe shows it, and where its generated values come from."""

    name: str
    type: str
    values: ValueSource = values.nothing
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship_name: str | None = None
    master_detail: bool = False
    compound_field: str | None = None
    extra_type_info: str | None = None
    picklist_values: tuple[str, ...] = ()
    formula: str | None = None
    auto_number: bool = False
    name_field: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    set_by_salesforce: bool = False
    deprecated_and_hidden: bool = False
    may_be_filtered: bool = True

    @property
    def custom(self) -> bool:
        """Whether users added the field; the parts of a custom location (`__s`) count too."""
        return self.name.endswith(("__c", "__s"))

    @property
    def is_long_text(self) -> bool:
        """Whether it is a text too long to filter, sort or group by."""
        return self.type == "textarea" and self.length > _LONGEST_FILTERABLE_TEXT

    @property
    def filterable(self) -> bool:
        """Whether WHERE may name it."""
        if not self.may_be_filtered:
            return False
        not_filterable = BINARY_TYPES | {"encryptedstring", "json"}
        return self.type not in not_filterable and not self.is_long_text

    @property
    def sortable(self) -> bool:
        """Whether ORDER BY may name it."""
        return self.type not in _NOT_SORTABLE and not self.is_long_text

    @property
    def groupable(self) -> bool:
        """Whether GROUP BY may name it."""
        return self.type not in _NOT_GROUPABLE and not self.is_long_text and not self.formula

    @property
    def aggregatable(self) -> bool:
        """Whether aggregate functions may take it."""
        return self.type not in _NOT_AGGREGATABLE and not self.is_long_text

    @property
    def defaulted_on_create(self) -> bool:
        """Whether a record that a client creates without it has a value nevertheless."""
        by_salesforce = self.set_by_salesforce and not self.nillable
        return self.type == "boolean" or by_salesforce or self.name == "OwnerId"

    @property
    def polymorphic(self) -> bool:
        """Whether it may point at records of several objects."""
        return len(self.reference_to) > 1


def label_of(name: str) -> str:
    """Return the label that goes with a name: `AnnualRevenue` is labelled `Annual Revenue`."""
    words = re.sub(r"__[cs]$", "", name).replace("__", " ").replace("_", " ")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words)


def text(name: str, length: int, source: ValueSource, type_: str = "string") -> Field:
    """Define a field of short text: string, phone, url, email, combobox."""
    return Field(name=name, type=type_, length=length, values=source)


def long_text(name: str, source: ValueSource, length: int = 32_000) -> Field:
    """Define a text area."""
    return Field(
        name=name,
        type="textarea",
        length=length,
        values=source,
        extra_type_info="plaintextarea",
    )


def name_of_record(source: ValueSource, length: int = 255) -> Field:
    """Define the field Name of an object whose records have one."""
    return Field(
        name="Name", type="string", length=length, values=source, nillable=False, name_field=True
    )


def auto_number(name: str, head: str, width: int) -> Field:
    """Define a field that counts the records."""
    return Field(
        name=name,
        type="string",
        length=30 if name != "Name" else 80,
        values=values.numbered(head, width),
        nillable=False,
        auto_number=True,
        name_field=True,
        set_by_salesforce=True,
    )


def picklist(name: str, *choices: str, percent_filled: int = 100) -> Field:
    """Define a field with a list of values to choose from."""
    source = values.sometimes(percent_filled, values.one_of(*choices))
    return Field(name=name, type="picklist", length=255, picklist_values=choices, values=source)


def flag(name: str, source: ValueSource) -> Field:
    """Define a checkbox."""
    return Field(name=name, type="boolean", nillable=False, values=source)


def whole_number(name: str, source: ValueSource) -> Field:
    """Define an int field."""
    return Field(name=name, type="int", digits=8, values=source)


def number(name: str, type_: str, source: ValueSource, scale: int = 2) -> Field:
    """Define a double, currency or percent field."""
    return Field(name=name, type=type_, precision=18, scale=scale, values=source)


def date(name: str, source: ValueSource) -> Field:
    """Define a date field."""
    return Field(name=name, type="date", values=source)


def moment(name: str, source: ValueSource) -> Field:
    """Define a datetime field."""
    return Field(name=name, type="datetime", values=source)


def reference(
    name: str,
    *targets: str,
    percent_filled: int = 100,
    children: str | None = None,
    source: ValueSource | None = None,
) -> Field:
    """Define a lookup.

    Args:
        name: Of the field; the name of the relationship follows from it.
        targets: Names of the objects that it may point at.
        percent_filled: How many of a hundred records have one.
        children: Name of the relationship from the parent to these records.
        source: Where the ids come from, if not from any record of the targets.
    """
    relationship = re.sub(r"__c$", "__r", name) if name.endswith("__c") else name[: -len("Id")]
    return Field(
        name=name,
        type="reference",
        length=18,
        label=label_of(name) if name.endswith("__c") else f"{label_of(relationship)} ID",
        reference_to=targets,
        relationship_name=relationship,
        nillable=name != "OwnerId",
        child_relationship_name=children,
        values=values.sometimes(percent_filled, source or values.lookup(*targets)),
    )


def master_detail(name: str, parent: str, children: str) -> Field:
    """Define the lookup of a detail record to its master."""
    return replace(reference(name, parent, children=children), nillable=False, master_detail=True)


def filled_by_salesforce(field: Field) -> Field:
    """Make a field one that no client sets."""
    return replace(field, set_by_salesforce=True)


def formula(field: Field, expression: str) -> Field:
    """Make a field one that Salesforce calculates."""
    return replace(field, formula=expression, set_by_salesforce=True)


def address(prefix: str, percent_filled: int = 80) -> tuple[Field, ...]:
    """Define an address: its parts, and the compound field that holds them all."""
    compound = f"{prefix}Address"

    def filled(source: ValueSource) -> ValueSource:
        return values.sometimes(percent_filled, source, together=compound)

    def of_place(*texts: str | None) -> ValueSource:
        return filled(values.one_of(*texts, purpose=compound))

    street = values.combined(
        tuple(str(number) for number in range(1, 200)),
        " ",
        ("Market Street", "Rue de l'Église", "Hauptstraße", "Elm Ave.\nSuite 400", "1st St, NW"),
    )
    parts = (
        long_text(f"{prefix}Street", filled(street), 255),
        text(f"{prefix}City", 40, of_place("Portland", "Zürich", "São Paulo", "東京")),
        text(f"{prefix}State", 80, of_place("OR", "ZH", "SP", None)),
        text(f"{prefix}PostalCode", 20, filled(values.digits(5))),
        text(f"{prefix}Country", 80, of_place("USA", "Switzerland", "Brazil", "Japan")),
        number(f"{prefix}Latitude", "double", filled(values.double(-90, 90, 6)), scale=15),
        number(f"{prefix}Longitude", "double", filled(values.double(-180, 180, 6)), scale=15),
        picklist(f"{prefix}GeocodeAccuracy", "Address", "Block", "City", percent_filled=60),
    )
    return (
        *(replace(part, compound_field=compound) for part in parts),
        Field(name=compound, type="address"),
    )


def location(name: str, latitude: ValueSource, longitude: ValueSource) -> tuple[Field, ...]:
    """Define a custom geolocation: latitude, longitude and the compound field."""
    stem = name.removesuffix("__c")
    return (
        *(
            replace(number(f"{stem}__{part}__s", "double", source, 15), compound_field=name)
            for part, source in (("Latitude", latitude), ("Longitude", longitude))
        ),
        Field(name=name, type="location"),
    )


def record_id(label: str, source: ValueSource = values.nothing) -> Field:
    """Define the field Id; the generator fills it in, unless the records have none of their own."""
    return Field(
        values=source,
        name="Id",
        type="id",
        label=label,
        length=18,
        nillable=False,
        id_lookup=True,
        set_by_salesforce=True,
    )


def audit_fields(*, recycle_bin: bool = True) -> tuple[Field, ...]:
    """Define who made and changed the record and when, and whether it was deleted."""
    in_bin = Field(name="IsDeleted", type="boolean", label="Deleted", values=values.is_deleted)
    fields = (
        *((in_bin,) if recycle_bin else ()),
        moment("CreatedDate", values.created),
        reference("CreatedById", "User"),
        moment("LastModifiedDate", values.last_modified),
        reference("LastModifiedById", "User"),
        moment("SystemModstamp", values.system_modstamp),
    )
    return tuple(replace(field, nillable=False, set_by_salesforce=True) for field in fields)
