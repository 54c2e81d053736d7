"""Finding the fields that a query names: over relationships, aliases and the user's rights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk_sandbox.sobjects.fields import BINARY_TYPES, COMPOUND_TYPES
from sfbulk_sandbox.sobjects.restricted_sobjects import NAME
from sfbulk_sandbox.soql.errors import (
    at_position,
    no_such_column,
    no_such_relationship,
    unexpected_token,
)
from sfbulk_sandbox.soql.functions import (
    HOUR_IN_DAY,
    UNCHANGING_FUNCTIONS,
    is_date_function,
    type_of_date_function,
)
from sfbulk_sandbox.soql.syntax import Path
from sfbulk_sandbox.soql.unsupported import unsupported

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import Schema, SObject
    from sfbulk_sandbox.soql.syntax import Operand

_MOST_LEVELS = 5
DATE_TYPES = frozenset({"date", "datetime"})


@dataclass(frozen=True)
class FieldPath:
    """A field that a query names.

    Attributes:
        lookups: The lookup fields on the way, from the query's object on.
        sobject: The object that has the field; `Name` behind a polymorphic lookup.
        field: The field.
        position: Where the query names it.
        alias: What the SELECT list calls a function of it.
        function: The function of it that is meant, in capitals; empty for the field itself.
    """

    lookups: tuple[Field, ...]
    sobject: SObject
    field: Field
    position: int
    alias: str | None = None
    function: str = ""

    @property
    def relationships(self) -> tuple[str, ...]:
        """The names of the relationships on the way."""
        return tuple(lookup.relationship_name or "" for lookup in self.lookups)

    @property
    def column(self) -> str:
        """The name of its column, as in a result's header: `Account.Owner.Name`."""
        name = ".".join((*self.relationships, self.field.name))
        return f"{self.function}({name})" if self.function else name

    @property
    def source(self) -> FieldPath:
        """The field itself, where this is a function of it."""
        return replace(self, function="")


class FieldPaths:
    """The fields that can be reached from a query's object.

    Args:
        schema: What the user sees.
        sobject: The object of the FROM clause.
        alias: The name that the FROM clause gives it.
        soql: The query, for errors.
    """

    def __init__(self, schema: Schema, sobject: SObject, alias: str | None, soql: str) -> None:
        self.sobject = sobject
        self._schema = schema
        self._alias = alias
        self._soql = soql

    def find(self, path: Path) -> FieldPath:
        """Return the field behind a path.

        Raises:
            SoqlError: There is no such field or relationship, or the user may not read it.
        """
        names = self._without_start(path.names)
        sobject = self.sobject
        lookups = []
        for name in names[:-1]:
            lookup = self._schema.relationship(sobject, name)
            parent = None if lookup is None else self._parent(lookup)
            if lookup is None or parent is None:
                raise no_such_relationship(self._soql, path.position, name)
            lookups.append(lookup)
            sobject = parent
        if len(lookups) > _MOST_LEVELS:
            text = f"Relationship path exceeds the limit of {_MOST_LEVELS} levels: {path.text}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        field = self._schema.field(sobject, names[-1])
        if field is None:
            raise no_such_column(self._soql, path.position, names[-1], sobject.name)
        return FieldPath(tuple(lookups), sobject, field, path.position)

    def find_operand(self, operand: Operand) -> FieldPath:
        """Return the field, or the function of one field, that is compared, grouped or sorted.

        Raises:
            SoqlError: There is no such field, or the function cannot take it.
        """
        if isinstance(operand, Path):
            return self.find(operand)
        function = operand.name.upper()
        if operand.argument is None:
            raise unexpected_token(self._soql, self._soql.find(")", operand.position))
        path = self.find(operand.argument)
        if function in UNCHANGING_FUNCTIONS:
            return path
        if not is_date_function(function):
            raise unsupported(f"{operand.name}() here")
        if path.field.type not in ({"datetime"} if function == HOUR_IN_DAY else DATE_TYPES):
            text = f"field {path.field.name} does not support the function {function}"
            raise at_position(self._soql, path.position, "MALFORMED_QUERY", text)
        field = replace(path.field, type=type_of_date_function(function))
        return replace(path, field=field, function=function)

    def of_root(self, name: str) -> FieldPath:
        """Return a field of the query's own object, whether visible or not."""
        return FieldPath((), self.sobject, self.sobject.fields_by_name[name], 0)

    def of_fields_function(self, which: str, *, with_compounds: bool) -> list[FieldPath]:
        """Return the fields that FIELDS() stands for.

        Args:
            which: `ALL`, `STANDARD` or `CUSTOM`.
            with_compounds: Whether compound and binary fields are among them.
        """
        return [
            self.of_root(field.name)
            for field in self._schema.visible_fields(self.sobject)
            if which == "ALL" or field.custom == (which == "CUSTOM")
            if with_compounds or field.type not in COMPOUND_TYPES | BINARY_TYPES
        ]

    def sibling(self, path: FieldPath, name: str) -> FieldPath:
        """Return another field of the record that a path leads to, whether visible or not."""
        field = path.sobject.fields_by_name[name]
        return FieldPath(path.lookups, path.sobject, field, path.position)

    def _without_start(self, names: list[str]) -> list[str]:
        """Return the names without the alias, or the name of the object, that may lead them."""
        first = names[0].lower()
        if len(names) == 1:
            return names
        if self._alias is not None and first == self._alias.lower():
            return names[1:]
        if self._schema.relationship(self.sobject, first) is not None:
            return names
        return names[1:] if first == self.sobject.name.lower() else names

    def _parent(self, lookup: Field) -> SObject | None:
        """Return the object that a lookup leads to, or None if the user sees none."""
        if lookup.polymorphic:
            return NAME
        return self._schema.sobject(lookup.reference_to[0])
