"""The records of an object joined with the parents that a query names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk_sandbox.sobjects.fields import Field
    from sfbulk_sandbox.sobjects.schema import SObject
    from sfbulk_sandbox.soql.field_path import FieldPath


class Columns(Protocol):
    """Where the columns of an object come from."""

    def column(self, field: str) -> pl.Series:
        """Return a field of all records."""
        ...


class JoinedRecords:
    """Makes one frame of an object's records and, beside them, the fields of their parents.

    Args:
        sobjects: The objects by name.
        tables: Their records, by the name of the object.
    """

    def __init__(self, sobjects: Mapping[str, SObject], tables: Mapping[str, Columns]) -> None:
        self._sobjects = sobjects
        self._tables = tables

    def frame(self, root: SObject, paths: Iterable[FieldPath]) -> pl.LazyFrame:
        """Return the records of an object with the columns that these paths name.

        For each relationship on the way there is a column with the Id of the parent, null where
        the parent does not exist, and for a polymorphic one with the Type of the parent.
        """
        wanted: dict[tuple[str, ...], dict[str, None]] = {(): {"Id": None} if _has_id(root) else {}}
        lookups: dict[tuple[str, ...], Field] = {}
        for path in paths:
            for depth, lookup in enumerate(path.lookups):
                child, parent = path.relationships[:depth], path.relationships[: depth + 1]
                wanted.setdefault(child, {})[lookup.name] = None
                lookups[parent] = lookup
            wanted.setdefault(path.relationships, {})[path.field.name] = None
        table = self._tables[root.name]
        frame = pl.LazyFrame([table.column(name).alias(name) for name in wanted[()]])
        for parent in sorted(lookups, key=len):
            frame = self._with_parent(frame, parent, lookups[parent], wanted[parent])
        return frame

    def _with_parent(
        self,
        frame: pl.LazyFrame,
        relationships: tuple[str, ...],
        lookup: Field,
        fields: Iterable[str],
    ) -> pl.LazyFrame:
        prefix = ".".join(relationships)
        child = "".join(f"{name}." for name in relationships[:-1])
        if lookup.polymorphic:
            names = list(dict.fromkeys(("Id", "Type", *fields)))
            targets = [self._as_name(self._sobjects[name], names) for name in lookup.reference_to]
            parents = pl.concat(targets)
        else:
            table = self._tables[lookup.reference_to[0]]
            names = list(dict.fromkeys(("Id", *fields)))
            parents = pl.DataFrame([table.column(name).alias(name) for name in names])
        return frame.join(
            parents.lazy().rename({name: f"{prefix}.{name}" for name in names}),
            left_on=f"{child}{lookup.name}",
            right_on=f"{prefix}.Id",
            how="left",
            coalesce=False,
            maintain_order="left",
        )

    def _as_name(self, sobject: SObject, names: Iterable[str]) -> pl.DataFrame:
        """Return an object's records as those of the object `Name`."""
        table = self._tables[sobject.name]
        ids = table.column("Id")
        own_names = {**{name: name for name in sobject.fields_by_name}, "Name": sobject.name_field}
        constant = {"Type": pl.repeat(sobject.name, len(ids), dtype=pl.String, eager=True)}
        missing = pl.repeat(None, len(ids), dtype=pl.String, eager=True)

        def column(name: str) -> pl.Series:
            own = own_names.get(name)
            values = constant.get(name, table.column(own) if own else missing)
            return values.alias(name)

        return pl.DataFrame([column(name) for name in names])


def _has_id(sobject: SObject) -> bool:
    return "Id" in sobject.fields_by_name
