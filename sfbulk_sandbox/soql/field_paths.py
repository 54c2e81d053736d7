"""Finding the fields that a query names: over relationships, aliases and the user's rights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk_sandbox.sobjects.fields import BINARY_TYPES, COMPOUND_TYPES
from sfbulk_sandbox.sobjects.restricted_sobjects import NAME
from sfbulk_sandbox.soql.errors import (
    SoqlError,
    at_position,
    no_such_column,
    no_such_relationship,
    not_driving_sobject,
    unexpected_token,
)
from sfbulk_sandbox.soql.field_path import FieldPath
from sfbulk_sandbox.soql.functions import (
    CONVERT_CURRENCY,
    FORMAT,
    HOUR_IN_DAY,
    TO_LABEL,
    UNCHANGING_FUNCTIONS,
    UNITS,
    Target,
    is_date_function,
    type_of_date_function,
)
from sfbulk_sandbox.soql.syntax import FunctionCall, Literal, Path, Query
from sfbulk_sandbox.soql.unsupported import unsupported

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import Schema, SObject
    from sfbulk_sandbox.soql.syntax import Argument, Operand, TypeOf

_MOST_LEVELS = 5
DATE_TYPES = frozenset({"date", "datetime"})
DISTANCE = "DISTANCE"


class FieldPaths:
    """The fields that can be reached from a query's object.

    Args:
        schema: What the user sees.
        sobject: The object of the FROM clause.
        query: The query; its FROM clause gives names to the object and to parents.
        soql: The text, for errors.

    Raises:
        SoqlError: The FROM clause names what is no parent.
    """

    def __init__(self, schema: Schema, sobject: SObject, query: Query, soql: str) -> None:
        self.sobject = sobject
        self._schema = schema
        self._alias = query.alias
        self.soql = soql
        self._parents: dict[str, list[str]] = {}
        for parent in query.parents:
            names = self._find_parent(parent.path)
            self._parents[(parent.alias or names[-1]).lower()] = names

    def find(self, path: Path) -> FieldPath:
        """Return the field behind a path.

        Raises:
            SoqlError: There is no such field or relationship, or the user may not read it.
        """
        names = self._without_start(path.names)
        lookups, sobject = self.follow(names[:-1], path)
        field = self._schema.field(sobject, names[-1])
        if field is None:
            raise no_such_column(self.soql, path.position, names[-1], sobject.name)
        return FieldPath(lookups, sobject, field, path.position)

    def follow(self, names: list[str], path: Path) -> tuple[tuple[Field, ...], SObject]:
        """Return the lookups behind the names of relationships, and where they lead.

        Args:
            names: The relationships, without any alias.
            path: What the query wrote, for errors.

        Raises:
            SoqlError: There is no such relationship, or they are too many.
        """
        sobject = self.sobject
        lookups = []
        for name in names:
            lookup = self._schema.relationship(sobject, name)
            parent = None if lookup is None else self._parent(lookup)
            if lookup is None or parent is None:
                raise no_such_relationship(self.soql, path.position, name)
            lookups.append(lookup)
            sobject = parent
        if len(lookups) > _MOST_LEVELS:
            text = f"Relationship path exceeds the limit of {_MOST_LEVELS} levels: {path.text}"
            raise at_position(self.soql, path.position, "MALFORMED_QUERY", text)
        return tuple(lookups), sobject

    def find_operand(self, operand: Operand) -> FieldPath:
        """Return the field, or the function of one field, that is compared, grouped or sorted.

        Raises:
            SoqlError: There is no such field, or the function cannot take it or stand there.
        """
        if isinstance(operand, Path):
            return self.find(operand)
        function = operand.name.upper()
        if function == DISTANCE:
            return self._find_distance(operand)
        if function == TO_LABEL:
            return self._find_argument(operand)
        if not is_date_function(function):
            raise self._refuse_function(operand)
        path = self._find_argument(operand)
        if path.field.type not in ({"datetime"} if function == HOUR_IN_DAY else DATE_TYPES):
            text = f"field {path.field.name} does not support the function {function}"
            raise at_position(self.soql, path.position, "MALFORMED_QUERY", text)
        field = replace(path.field, type=type_of_date_function(function))
        return replace(path, field=field, function=function)

    def find_selected(self, call: FunctionCall) -> FieldPath:
        """Return the function of one field that the SELECT list of a query without groups names.

        Raises:
            SoqlError: There is no such field, or the function cannot take it or stand there.
        """
        function = call.name.upper()
        if function == DISTANCE:
            return replace(self._find_distance(call), alias=call.alias)
        if function in {FORMAT, TO_LABEL, CONVERT_CURRENCY}:
            path = replace(self._find_argument(call), alias=call.alias)
            if function != FORMAT:
                return path
            return replace(path, function=FORMAT, field=replace(path.field, type="string"))
        if is_date_function(function):
            path = self.find_operand(call)
            text = f"Field must be grouped or aggregated: {path.column}"
            raise at_position(self.soql, call.position, "MALFORMED_QUERY", text)
        raise self._refuse_function(call)

    def sole_argument(self, call: FunctionCall) -> Argument:
        """Return what a function takes that takes one thing.

        Raises:
            SoqlError: It is given nothing, or more.
        """
        if len(call.arguments) == 1:
            return call.arguments[0]
        raise unexpected_token(self.soql, self.soql.find(")", call.position))

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

    def of_typeof(self, item: TypeOf) -> list[FieldPath]:
        """Return the fields that a TYPEOF selects.

        Each of its branches is a relationship of its own, whose name has a colon and the object
        behind the name of the relationship that it stands for.

        Raises:
            SoqlError: The relationship is not polymorphic, or leads to no such object or field.
        """
        names = self._without_start(item.relationship.names)
        (*way, lookup), name_object = self.follow(names, item.relationship)
        position = item.relationship.position
        if not lookup.polymorphic:
            text = f"TYPEOF needs a polymorphic relationship, not {item.relationship.text}"
            raise at_position(self.soql, position, "MALFORMED_QUERY", text)
        found = []
        for kind, fields in item.whens:
            sobject = self._schema.sobject(kind.text)
            if sobject is None or sobject.name not in lookup.reference_to:
                text = f"{kind.text} is not an object that {item.relationship.text} can lead to"
                raise at_position(self.soql, kind.position, "INVALID_FIELD", text)
            only = replace(lookup, reference_to=(sobject.name,))
            found += self._of_branch((*way, _rename(only, sobject.name)), sobject, fields)
        others = (*way, _rename(lookup, ""))
        return found + self._of_branch(others, name_object, item.otherwise)

    def _of_branch(
        self, way: tuple[Field, ...], sobject: SObject, fields: tuple[Path, ...]
    ) -> list[FieldPath]:
        paths = FieldPaths(self._schema, sobject, Query((), Path(sobject.name, 0)), self.soql)
        found = [paths.find(field) for field in fields]
        return [replace(path, lookups=(*way, *path.lookups)) for path in found]

    def sibling(self, path: FieldPath, name: str) -> FieldPath:
        """Return another field of the record that a path leads to, whether visible or not."""
        field = path.sobject.fields_by_name[name]
        return FieldPath(path.lookups, path.sobject, field, path.position)

    def _find_parent(self, path: Path) -> list[str]:
        """Return the relationships that lead to a parent in the FROM clause."""
        first, *rest = path.names
        start = {self.sobject.name.lower(), (self._alias or self.sobject.name).lower()}
        if not rest or first.lower() not in {*start, *self._parents}:
            raise not_driving_sobject(self.soql, path.position, self.sobject.name)
        names = [*self._parents.get(first.lower(), ()), *rest]
        sobject = self.sobject
        for name in names:
            lookup = self._schema.relationship(sobject, name)
            parent = None if lookup is None else self._parent(lookup)
            if parent is None:
                raise no_such_relationship(self.soql, path.position, name, in_from=True)
            sobject = parent
        return names

    def _find_argument(self, call: FunctionCall) -> FieldPath:
        """Return the field of a function of one; functions that change nothing may be in it."""
        argument = self.sole_argument(call)
        if isinstance(argument, Literal):
            raise unexpected_token(self.soql, argument.position)
        if isinstance(argument, Path):
            return self.find(argument)
        if argument.name.upper() not in UNCHANGING_FUNCTIONS:
            raise self._refuse_function(argument)
        return self._find_argument(argument)

    def _refuse_function(self, call: FunctionCall) -> SoqlError:
        """Return the refusal of a function that does not exist, or not there."""
        return unexpected_token(self.soql, self.soql.find("(", call.position))

    def _find_distance(self, call: FunctionCall) -> FieldPath:
        """Return the distance between a compound field and a place."""
        match call.arguments:
            case (
                Path() as field,
                FunctionCall(
                    arguments=(
                        Literal(kind="number", text=latitude),
                        Literal(kind="number", text=longitude),
                    )
                ),
                Literal(kind="string", text=unit),
            ) if unit.lower() in UNITS:
                path = self.find(field)
            case _:
                raise unsupported(
                    "DISTANCE() other than from a field to a GEOLOCATION() in mi or km"
                )
        if path.field.type not in COMPOUND_TYPES:
            text = f"field {path.field.name} does not support the function DISTANCE"
            raise at_position(self.soql, path.position, "MALFORMED_QUERY", text)
        number = replace(path.field, type="double")
        target = Target(float(latitude), float(longitude), unit.lower())
        return replace(path, field=number, function=DISTANCE, target=target)

    def _without_start(self, names: list[str]) -> list[str]:
        """Return the names without the alias, or the name of the object, that may lead them."""
        first = names[0].lower()
        if len(names) == 1:
            return names
        if self._alias is not None and first == self._alias.lower():
            return names[1:]
        if first in self._parents:
            return [*self._parents[first], *names[1:]]
        if self._schema.relationship(self.sobject, first) is not None:
            return names
        return names[1:] if first == self.sobject.name.lower() else names

    def _parent(self, lookup: Field) -> SObject | None:
        """Return the object that a lookup leads to, or None if the user sees none."""
        if lookup.polymorphic:
            return NAME
        return self._schema.sobject(lookup.reference_to[0])


def _rename(lookup: Field, kind: str) -> Field:
    return replace(lookup, relationship_name=f"{lookup.relationship_name}:{kind}")
