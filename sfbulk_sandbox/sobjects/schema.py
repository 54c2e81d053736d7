"""Which objects and fields the user sees; names are found whatever their case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.sobjects import SObject


class Schema:
    """The objects and fields of an org, and which of them are hidden from the user.

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
