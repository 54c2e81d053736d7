"""What an object (sObject) is, and the objects of the sandbox's org."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

    @property
    def custom(self) -> bool:
        """Whether users made the object."""
        return self.name.endswith("__c")

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
