"""The sandbox's org: its objects, their records, and what users do with them."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects import describe
from sfbulk_sandbox.sobjects.cells import cell_text, convert_cell, in_utc, moment_text
from sfbulk_sandbox.sobjects.custom_sobjects import CUSTOM_SOBJECTS
from sfbulk_sandbox.sobjects.definitions import (
    apply_definitions,
    change_field,
    list_hidden_fields,
    make_fields,
)
from sfbulk_sandbox.sobjects.describe import DEFAULT_VERSION
from sfbulk_sandbox.sobjects.generated_data import GeneratedData
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.sobjects.restricted_sobjects import RESTRICTED_SOBJECTS
from sfbulk_sandbox.sobjects.sales_sobjects import SALES_SOBJECTS
from sfbulk_sandbox.sobjects.schema import Schema
from sfbulk_sandbox.sobjects.service_sobjects import SERVICE_SOBJECTS
from sfbulk_sandbox.sobjects.tables import Table
from sfbulk_sandbox.soql.errors import SoqlError
from sfbulk_sandbox.soql.query import QueryRun
from sfbulk_sandbox.soql.result_set import ResultSet
from sfbulk_sandbox.state.delete_log import DeleteLog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from sfbulk_sandbox.sobjects.definitions import FieldDefinition, ObjectDefinition
    from sfbulk_sandbox.sobjects.schema import SObject

    # An object, the Id of one of its records, and the cells that change.
    Change: TypeAlias = tuple[SObject, str, dict[str, str | None]]

__all__ = ["GENERATED_UNTIL", "Org", "ResultSet", "SoqlError"]

GENERATED_UNTIL = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""Everything in a generated record has happened before this, unless an org is told the time."""

_SOBJECTS = (*SALES_SOBJECTS, *SERVICE_SOBJECTS, *CUSTOM_SOBJECTS, *RESTRICTED_SOBJECTS)


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


class Org:
    """A Salesforce org in memory, filled with generated records.

    Records are generated when they are first asked for. Its methods may be called from several
    threads.

    Args:
        seed: Another number gives other records.
        rows: How many records an object has, by its name; the others have a few hundred.
        now: What time it is: generated records are older, changes are stamped with it, and TODAY
            is its day in UTC. By default changes and TODAY follow the clock, and generated
            records end at `GENERATED_UNTIL`, so that they are always the same.
        objects: Further objects, and further or changed fields of those that there are.

    Raises:
        ValueError: `rows` names an object that the org does not have, or is negative; or a
            definition does not fit.

    Attributes:
        sobjects: Its objects by name, in the order of the global describe, hidden ones included.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        rows: Mapping[str, int] | None = None,
        now: datetime | None = None,
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
        self._now = None if now is None else in_utc(now)
        generated = _generate(
            seed,
            frozenset((rows or {}).items()),
            until=self._now or GENERATED_UNTIL,
            sobjects=defined,
        )
        self._tables = {s.name: Table(s, generated) for s in sobjects}
        self._delete_log = DeleteLog()
        self._uncommitted: list[Change] = []
        self._lock = threading.RLock()
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
                include_deleted=include_deleted,
                bulk=bulk,
            )
            return run.find(soql)

    def count(self, sobject: str) -> int:
        """Return how many records an object has, those in the recycle bin included.

        Raises:
            KeyError: The org has no such object.
        """
        return len(self._tables[self._schema.known_sobject(sobject).name])

    def blob(self, sobject: str, record_id: str, field: str) -> bytes | None:
        """Return the content of a base64 field, or None if there is none (any more).

        Raises:
            KeyError: The org has no such object or field.
        """
        definition = self._schema.known_sobject(sobject)
        name = self._schema.known_field(definition, field).name
        with self._lock:
            table, key = self._tables[definition.name], eighteen_characters(record_id)
            is_deleted = definition.has_recycle_bin and table.cell(key, "IsDeleted") == "true"
            text = None if is_deleted else table.cell(key, name)
        return None if text is None else base64.b64decode(text)

    def upsert(
        self, sobject: str, records: list[dict[str, Any]], *, committed: bool = True
    ) -> list[str]:
        """Change records, or add them where there is none with that Id.

        SystemModstamp and LastModifiedDate move to now, unless a record sets them itself. What
        Salesforce calculates from other fields, such as formulas and the Name of a person, does
        not follow a change.

        Args:
            sobject: The object's name.
            records: The values by field; those without an Id get a new one. Text is kept to the
                letter.
            committed: False for a transaction that is still open: the records carry the stamp of
                now, and nobody sees them before `commit`.

        Returns:
            The Id of each record.

        Raises:
            KeyError: The org has no such object, or the object no such field.
            ValueError: An Id is no record id, or the object's records have none of their own.
        """
        definition = self._schema.known_sobject(sobject)
        if not definition.unique_ids:
            raise ValueError(f"records of {definition.name} have no Id of their own")
        with self._lock:
            changes = [(definition, *self._stamped(definition, record)) for record in records]
            if committed:
                self._write(changes)
            else:
                self._uncommitted += changes
            return [record_id for _, record_id, _ in changes]

    def commit(self) -> None:
        """Let everybody see the records of open transactions, whose stamps have passed by then."""
        with self._lock:
            changes, self._uncommitted = self._uncommitted, []
            self._write(changes)

    def delete(
        self, sobject: str, ids: list[str], *, hard: bool = False, at: datetime | None = None
    ) -> None:
        """Move records to the recycle bin, or erase them.

        Args:
            sobject: The object's name.
            ids: Their Ids.
            hard: Erase them, so that not even `queryAll` finds them.
            at: When, as the delete log tells it; now by default.

        Raises:
            KeyError: The org has no such object, or the object no such record.
            ValueError: The object has no recycle bin, so its records can only be erased.
        """
        definition = self._schema.known_sobject(sobject)
        table = self._tables[definition.name]
        if not hard and not definition.has_recycle_bin:
            raise ValueError(f"{definition.name} has no recycle bin")
        with self._lock:
            for record_id in map(eighteen_characters, ids):
                if hard:
                    table.remove(record_id)
                else:
                    table.change(record_id, {**self._stamps(definition), "IsDeleted": "true"})
                self._delete_log.add(definition.name, record_id, at or self.moment())

    def undelete(self, sobject: str, ids: list[str]) -> None:
        """Take records out of the recycle bin again; their stamps move to now.

        SOAP API Developer Guide, "undelete()".

        Args:
            sobject: The object's name.
            ids: Their Ids.

        Raises:
            KeyError: The org has no such object, or the object no such record.
            ValueError: A record is not in the recycle bin.
        """
        definition = self._schema.known_sobject(sobject)
        table = self._tables[definition.name]
        with self._lock:
            for record_id in map(eighteen_characters, ids):
                if not definition.has_recycle_bin or table.cell(record_id, "IsDeleted") != "true":
                    raise ValueError(f"{record_id} is not in the recycle bin")
                table.change(record_id, {**self._stamps(definition), "IsDeleted": "false"})
                self._delete_log.withdraw(definition.name, record_id)

    def purge_deleted(self, sobject: str) -> None:
        """Erase what is in an object's recycle bin and empty its delete log.

        Raises:
            KeyError: The org has no such object.
        """
        definition = self._schema.known_sobject(sobject)
        table = self._tables[definition.name]
        with self._lock:
            if definition.has_recycle_bin:
                in_bin = table.column("Id").filter(table.column("IsDeleted") == "true")
                for record_id in in_bin.to_list():
                    table.remove(record_id)
            self._delete_log.purge(definition.name, self.moment())

    def purged(self, sobject: str) -> datetime | None:
        """Return when an object's delete log was emptied last."""
        with self._lock:
            return self._delete_log.purged(sobject)

    def deleted(self, sobject: str, start: datetime, end: datetime) -> list[tuple[str, datetime]]:
        """Return the records that were deleted from `start` on and before `end`, and when."""
        with self._lock:
            return self._delete_log.between(sobject, start, end)

    def set_field_visible(self, sobject: str, field: str, visible: bool) -> None:  # noqa: FBT001
        """Give or take the user's right to read a field.

        Raises:
            KeyError: The org has no such object, or the object no such field.
        """
        with self._lock:
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
        with self._lock:
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

    def set_now(self, now: datetime | None) -> None:
        """Set what time it is; it stands still then. None follows the clock.

        Generated records stay as they are.
        """
        self._now = None if now is None else in_utc(now)

    def set_sobject_visible(self, sobject: str, visible: bool) -> None:  # noqa: FBT001
        """Give or take the user's right to read an object.

        Raises:
            KeyError: The org has no such object.
        """
        with self._lock:
            self._schema.set_sobject_visible(sobject, visible=visible)

    def moment(self) -> datetime:
        """Return what time it is in the org."""
        return self._now or datetime.now(timezone.utc)

    def _stamped(
        self, sobject: SObject, record: Mapping[str, Any]
    ) -> tuple[str, dict[str, str | None]]:
        """Return a record's id and its cells, with the stamps of now."""
        cells: dict[str, str | None] = {}
        for name, value in record.items():
            field = self._schema.known_field(sobject, name)
            cells[field.name] = cell_text(value, field)
        given_id = cells.pop("Id", None)
        record_id = (
            eighteen_characters(given_id) if given_id else self._tables[sobject.name].new_id()
        )
        return record_id, {**self._stamps(sobject), **cells}

    def _write(self, changes: list[Change]) -> None:
        for sobject, record_id, cells in changes:
            table = self._tables[sobject.name]
            if table.contains(record_id):
                table.change(record_id, cells)
            else:
                table.add({**self._first_values(sobject), **cells, "Id": record_id})
            if cells.get("IsDeleted") == "false":
                self._delete_log.withdraw(sobject.name, record_id)

    def _stamps(self, sobject: SObject) -> dict[str, str | None]:
        """Return the fields that move with every change."""
        now = moment_text(self.moment())
        names = ("LastModifiedDate", "SystemModstamp")
        return {name: now for name in names if name in sobject.fields_by_name}

    def _first_values(self, sobject: SObject) -> dict[str, str | None]:
        """Return what a new record holds where its maker says nothing."""
        values = {"CreatedDate": moment_text(self.moment())}
        users = self._tables["User"].column("Id")
        if not users.is_empty():
            owner_fields = ("CreatedById", "LastModifiedById", "OwnerId")
            values.update(dict.fromkeys(owner_fields, str(users[0])))
        values.update({f.name: "false" for f in sobject.fields if f.type == "boolean"})
        return {name: text for name, text in values.items() if name in sobject.fields_by_name}
