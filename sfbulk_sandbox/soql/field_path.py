"""A field that a query names, or a function of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from sfbulk_sandbox.soql.functions import Target, derive, distance_from

if TYPE_CHECKING:
    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import SObject


@dataclass(frozen=True)
class FieldPath:
    """A field that a query names.

    Attributes:
        lookups: The lookup fields on the way, from the query's object on.
        sobject: The object that has the field; `Name` behind a polymorphic lookup.
        field: The field, with the type of the function's result.
        position: Where the query names it.
        alias: What the SELECT list calls a function of it.
        function: The function of it that is meant, in capitals; empty for the field itself.
        target: Where the distance is measured to, for DISTANCE().
    """

    lookups: tuple[Field, ...]
    sobject: SObject
    field: Field
    position: int
    alias: str | None = None
    function: str = ""
    target: Target | None = None

    @property
    def relationships(self) -> tuple[str, ...]:
        """The names of the relationships on the way."""
        return tuple(lookup.relationship_name or "" for lookup in self.lookups)

    @property
    def name(self) -> str:
        """The name of the field, with the relationships: `Account.Owner.Name`."""
        return ".".join((*self.relationships, self.field.name))

    @property
    def column(self) -> str:
        """The name of its column: `Account.Owner.Name` or `CALENDAR_YEAR(CreatedDate)`."""
        behind = "" if self.target is None else f", {self.target}"
        return f"{self.function}({self.name}{behind})" if self.function else self.name

    @property
    def sources(self) -> tuple[FieldPath, ...]:
        """The fields that its values are made of."""
        if self.target is not None:
            return self.coordinates
        return (replace(self, function="", field=self._stored_field),)

    @property
    def coordinates(self) -> tuple[FieldPath, FieldPath]:
        """Latitude and longitude of a compound field."""
        parts = [each for each in self.sobject.fields if each.compound_field == self.field.name]
        latitude = next(each for each in parts if "Latitude" in each.name)
        longitude = next(each for each in parts if "Longitude" in each.name)
        return (self._beside(latitude), self._beside(longitude))

    @property
    def expression(self) -> pl.Expr:
        """The values of a function, made of the columns of its sources."""
        columns = [pl.col(source.column) for source in self.sources]
        if self.target is not None:
            return distance_from(columns[0], columns[1], self.target)
        return derive(self.function, columns[0], self._stored_field.type)

    @property
    def _stored_field(self) -> Field:
        return self.sobject.fields_by_name[self.field.name]

    def _beside(self, field: Field) -> FieldPath:
        return FieldPath(self.lookups, self.sobject, field, self.position)
