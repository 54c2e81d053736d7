"""What an object is made of, and which objects and fields of an org the user sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.sobjects.fields import Field


@dataclass(frozen=True)
class QueryRefusal:
    """What Salesforce answers to every query of an object that cannot be queried."""

    error_code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class SObject:
    """An object: its fields, what can be done with it, and how many records it has by default."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    fields: tuple[Field, ...]
    default_rows: int
    queryable: bool = True
    query_refusal: QueryRefusal | None = None
    in_bulk_api: bool = True
    needs_filter_on: tuple[str, ...] = ()
    custom_setting: bool = False
    event: bool = False
    unique_ids: bool = True
    can_be_created: bool = True
    can_be_deleted: bool = True

    @property
    def custom(self) -> bool:
        """Whether users made the object."""
        return self.name.endswith(("__c", "__b", "__mdt", "__e", "__x"))

    @cached_property
    def fields_by_name(self) -> dict[str, Field]:
        """Its fields, by their names as Salesforce spells them."""
        return {field.name: field for field in self.fields}

    @cached_property
    def has_recycle_bin(self) -> bool:
        """Whether deleted records stay for a while, with IsDeleted set."""
        return "IsDeleted" in self.fields_by_name

    @cached_property
    def name_field(self) -> str | None:
        """The field that names a record to people."""
        return next((field.name for field in self.fields if field.name_field), None)


class Schema:
    """The objects and fields of an org, found by name in any case, and which ones are hidden.

    Args:
        sobjects: The objects, in the order of the global describe. All are visible at first.
    """

    def __init__(self, sobjects: Iterable[SObject]) -> None:
        self.sobjects = {sobject.name: sobject for sobject in sobjects}
        self._sobject_names = {name.lower(): name for name in self.sobjects}
        self._hidden_sobjects: set[str] = set()
        self._hidden_fields: set[tuple[str, str]] = set()

    def sobject(self, name: str) -> SObject | None:
        """Return an object that the user sees."""
        spelled = self._sobject_names.get(name.lower())
        if spelled is None or spelled in self._hidden_sobjects:
            return None
        return self.sobjects[spelled]

    def visible_sobjects(self) -> list[SObject]:
        """Return the objects that the user sees, in the order of the global describe."""
        return [self.sobjects[name] for name in self.sobjects if name not in self._hidden_sobjects]

    def visible_fields(self, sobject: SObject) -> list[Field]:
        """Return the fields of an object that the user sees, in the order of its describe."""
        return [
            field
            for field in sobject.fields
            if (sobject.name, field.name) not in self._hidden_fields
        ]

    def field(self, sobject: SObject, name: str) -> Field | None:
        """Return a field that the user sees."""
        wanted = name.lower()
        fields = self.visible_fields(sobject)
        return next((field for field in fields if field.name.lower() == wanted), None)

    def relationship(self, sobject: SObject, name: str) -> Field | None:
        """Return the lookup field behind a relationship to a parent, such as `Owner`."""
        wanted = name.lower()
        for field in self.visible_fields(sobject):
            if field.relationship_name is not None and field.relationship_name.lower() == wanted:
                return field
        return None

    def child_relationships(self, parent: SObject) -> list[tuple[SObject, Field]]:
        """Return the objects whose records point at records of this one, and by which fields."""
        return [
            (child, field)
            for child in self.visible_sobjects()
            for field in self.visible_fields(child)
            if parent.name in field.reference_to
        ]

    def child_relationship(self, parent: SObject, name: str) -> tuple[SObject, Field] | None:
        """Return the object and the lookup field behind a relationship to children."""
        for child, field in self.child_relationships(parent):
            if (field.child_relationship_name or "").lower() == name.lower():
                return child, field
        return None

    def known_sobject(self, name: str) -> SObject:
        """Return an object, hidden or not.

        Raises:
            KeyError: The org has no such object.
        """
        return self.sobjects[self._sobject_names[name.lower()]]

    def known_field(self, sobject: SObject, name: str) -> Field:
        """Return a field, hidden or not.

        Raises:
            KeyError: The object has no such field.
        """
        by_name = {field.name.lower(): field for field in sobject.fields}
        return by_name[name.lower()]

    def replace_field(self, sobject: SObject, name: str, field: Field) -> None:
        """Put another definition in place of a field's; a hidden one stays hidden."""
        fields = tuple(field if each.name == name else each for each in sobject.fields)
        self.sobjects[sobject.name] = replace(sobject, fields=fields)
        if (sobject.name, name) in self._hidden_fields:
            self._hidden_fields.remove((sobject.name, name))
            self._hidden_fields.add((sobject.name, field.name))

    def add_fields(self, sobject: SObject, fields: tuple[Field, ...]) -> None:
        """Give an object new fields."""
        self.sobjects[sobject.name] = replace(sobject, fields=sobject.fields + fields)

    def set_sobject_visible(self, sobject: str, *, visible: bool) -> None:
        """Show or hide an object."""
        name = self.known_sobject(sobject).name
        if visible:
            self._hidden_sobjects.discard(name)
        else:
            self._hidden_sobjects.add(name)

    def set_field_visible(self, sobject: str, field: str, *, visible: bool) -> None:
        """Show or hide a field."""
        definition = self.known_sobject(sobject)
        key = (definition.name, self.known_field(definition, field).name)
        if visible:
            self._hidden_fields.discard(key)
        else:
            self._hidden_fields.add(key)
