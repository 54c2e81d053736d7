"""The sandbox's org: its objects, what can be asked of them, and who sees them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects import describe
from sfbulk_sandbox.sobjects.cells import convert_cell, in_utc
from sfbulk_sandbox.sobjects.custom_sobjects import CUSTOM_SOBJECTS
from sfbulk_sandbox.sobjects.definitions import (
    apply_definitions,
    change_field,
    list_hidden_fields,
    make_fields,
)
from sfbulk_sandbox.sobjects.describe import DEFAULT_VERSION
from sfbulk_sandbox.sobjects.generated_data import GeneratedData
from sfbulk_sandbox.sobjects.linking_sobjects import LINKING_SOBJECTS
from sfbulk_sandbox.sobjects.restricted_sobjects import RESTRICTED_SOBJECTS
from sfbulk_sandbox.sobjects.sales_sobjects import SALES_SOBJECTS
from sfbulk_sandbox.sobjects.schema import Schema
from sfbulk_sandbox.sobjects.service_sobjects import SERVICE_SOBJECTS
from sfbulk_sandbox.sobjects.setup_sobjects import SETUP_SOBJECTS
from sfbulk_sandbox.sobjects.tables import Table
from sfbulk_sandbox.soql.errors import SoqlError
from sfbulk_sandbox.soql.query import QueryRun
from sfbulk_sandbox.soql.result_set import ResultSet
from sfbulk_sandbox.state.client_writes import WritableRecords
from sfbulk_sandbox.state.users import find_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk_sandbox.sobjects.definitions import FieldDefinition, ObjectDefinition
    from sfbulk_sandbox.sobjects.schema import SObject

__all__ = ["Org", "ResultSet", "SoqlError"]

_SOBJECTS = (
    *SALES_SOBJECTS,
    *LINKING_SOBJECTS,
    *SERVICE_SOBJECTS,
    *SETUP_SOBJECTS,
    *CUSTOM_SOBJECTS,
    *RESTRICTED_SOBJECTS,
)


@lru_cache(maxsize=2)
def _generate(
    seed: int,
    rows: frozenset[tuple[str, int]],
    *,
    until: datetime,
    sobjects: tuple[SObject, ...] = _SOBJECTS,
) -> GeneratedData:
    """Make the records of an org, or find those of one like it: many tests start many alike."""
    by_name = {sobject.name: sobject for sobject in sobjects}
    return GeneratedData(by_name, seed=seed, rows=dict(rows), until=until)


class Org(WritableRecords):
    """A Salesforce org in memory, filled with generated records.

    Records are generated when they are first asked for. Its methods may be called from several
    threads.

    Args:
        seed: Another number gives other records.
        rows: How many records an object has, by its name; the others have a few hundred.
        now: What time it is: changes are stamped with it, and TODAY is its day in UTC. By
            default both follow the clock.
        until: Everything in generated records has happened before this moment; by default before
            `now`, or else before the start of today.
        username: Of the user that every session is of.
        objects: Further objects, and further or changed fields of those that there are.

    Raises:
        ValueError: `rows` names an object that the org does not have, or is negative; or a
            definition does not fit.

    Attributes:
        sobjects: Its objects by name, in the order of the global describe, hidden ones included.
        schema_changed: When an object or field was changed last, to the second.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        rows: Mapping[str, int] | None = None,
        now: datetime | None = None,
        until: datetime | None = None,
        username: str | None = None,
        objects: Mapping[str, ObjectDefinition] | None = None,
    ) -> None:
        defined = apply_definitions(_SOBJECTS, objects or {}) if objects else _SOBJECTS
        sobjects = sorted(defined, key=lambda sobject: sobject.name.lower())
        self._schema = Schema(sobjects)
        self.sobjects: Mapping[str, SObject] = MappingProxyType(self._schema.sobjects)
        if unknown := sorted(set(rows or {}) - set(self.sobjects)):
            raise ValueError(f"the org has no object {', '.join(unknown)}")
        if negative := sorted(name for name, count in (rows or {}).items() if count < 0):
            raise ValueError(f"an object cannot have fewer than 0 rows: {', '.join(negative)}")
        if until is None:
            until = now or _find_start_of_today()
        generated = _generate(
            seed,
            frozenset((rows or {}).items()),
            until=in_utc(until),
            sobjects=defined,
        )
        tables = {s.name: Table(s, generated) for s in sobjects}
        user = find_user(tables["User"], tables["Organization"], username)
        super().__init__(self._schema, tables, user=user, now=now)
        self.schema_changed = self.moment().replace(microsecond=0)
        for name, field in list_hidden_fields(objects or {}):
            self._schema.set_field_visible(name, field, visible=False)

    def describe_global(self, version: str = DEFAULT_VERSION) -> list[dict[str, Any]]:
        """Return the entries of `sobjects` in the reply of the global describe.

        Args:
            version: The version of the API, for the addresses.
        """
        return [describe.global_entry(s, version) for s in self._schema.visible_sobjects()]

    def describe(self, sobject: str, version: str = DEFAULT_VERSION) -> dict[str, Any] | None:
        """Return the describe of an object, or None if the user sees no such object.

        Args:
            sobject: Its name, in any case.
            version: The version of the API, for the addresses.
        """
        found = self._schema.sobject(sobject)
        return None if found is None else describe.describe(self._schema, found, version)

    def query(self, soql: str, *, include_deleted: bool, bulk: bool) -> ResultSet:
        """Run a query.

        Args:
            soql: The query.
            include_deleted: Whether records in the recycle bin are found, as by `queryAll`.
            bulk: Whether it is a Bulk API query job, which must not do all that REST can.

        Raises:
            SoqlError: Salesforce would refuse the query.
        """
        with self._lock:
            run = QueryRun(
                self._schema,
                self._tables,
                today=self.moment().date(),
                user_id=self.user.id,
                include_deleted=include_deleted,
                bulk=bulk,
            )
            return run.find(soql)

    def set_field_visible(self, sobject: str, field: str, visible: bool) -> None:  # noqa: FBT001
        """Give or take the user's right to read a field.

        Raises:
            KeyError: The org has no such object, or the object no such field.
        """
        with self._changed_schema():
            self._schema.set_field_visible(sobject, field, visible=visible)

    def change_field(
        self, sobject: str, field: str, definition: FieldDefinition, *, name: str | None = None
    ) -> None:
        """Change a field, or add one that the object does not have.

        A value that cannot be converted to a new type is empty from then on.

        Args:
            sobject: The object's name.
            field: The field's name.
            definition: What is to differ.
            name: The field's new name.

        Raises:
            KeyError: The org has no such object.
            ValueError: A new field without a type, or with a name that Salesforce would not allow.
        """
        with self._changed_schema():
            owner = self._schema.known_sobject(sobject)
            if field.lower() not in map(str.lower, owner.fields_by_name):
                made = make_fields(field, definition, f"{owner.name}.{field}")
                self._schema.add_fields(owner, made)
            else:
                old = self._schema.known_field(owner, field)
                new = replace(change_field(old, definition), name=name or old.name)
                table = self._tables[owner.name]
                if new.type != old.type:
                    table.convert(old.name, lambda text: convert_cell(text, old.type, new))
                if new.name != old.name:
                    table.rename(old.name, new.name)
                self._schema.replace_field(owner, old.name, new)
            if definition.permissioned is not None:
                visible = definition.permissioned
                self._schema.set_field_visible(sobject, name or field, visible=visible)

    def set_sobject_visible(self, sobject: str, visible: bool) -> None:  # noqa: FBT001
        """Give or take the user's right to read an object.

        Raises:
            KeyError: The org has no such object.
        """
        with self._changed_schema():
            self._schema.set_sobject_visible(sobject, visible=visible)

    @contextmanager
    def _changed_schema(self) -> Iterator[None]:
        """Change objects and fields; their describes have the date of now from then on."""
        with self._lock:
            yield
            self.schema_changed = self.moment().replace(microsecond=0)


def _find_start_of_today() -> datetime:
    return datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
