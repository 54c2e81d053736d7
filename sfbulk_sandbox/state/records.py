"""The records of an org, and what users do with them."""

from __future__ import annotations

import base64
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.sobjects.cells import cell_text, check_cell, in_utc, moment_text
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.state.delete_log import DeleteLog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from sfbulk_sandbox.sobjects.schema import Schema, SObject
    from sfbulk_sandbox.sobjects.tables import Table
    from sfbulk_sandbox.state.users import User

    # An object, the Id of one of its records, and the cells that change.
    Change: TypeAlias = tuple[SObject, str, dict[str, str | None]]


class Records:
    """The records of all objects. Its methods may be called from several threads.

    Args:
        schema: The objects.
        tables: Their records, by the name of the object.
        user: Who makes and changes them.
        now: What time it is, which stands still then; None follows the clock.
    """

    def __init__(
        self, schema: Schema, tables: Mapping[str, Table], *, user: User, now: datetime | None
    ) -> None:
        self.user = user
        self._schema = schema
        self._tables = tables
        self._now = None if now is None else in_utc(now)
        self._delete_log = DeleteLog()
        self._uncommitted: list[Change] = []
        self._lock = threading.RLock()

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
            changes = [(definition, *self._stamp_record(definition, record)) for record in records]
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
            at: When the delete log says it was deleted; now by default.

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

    def set_now(self, now: datetime | None) -> None:
        """Set what time it is; it stands still then. None follows the clock.

        Generated records stay as they are.
        """
        self._now = None if now is None else in_utc(now)

    def moment(self) -> datetime:
        """Return what time it is in the org."""
        return self._now or datetime.now(timezone.utc)

    def _stamp_record(
        self, sobject: SObject, record: Mapping[str, Any]
    ) -> tuple[str, dict[str, str | None]]:
        """Return a record's id and its cells, with the stamps of now."""
        cells: dict[str, str | None] = {}
        for name, value in record.items():
            field = self._schema.known_field(sobject, name)
            cells[field.name] = cell_text(value, field)
            check_cell(cells[field.name], field)
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
        values.update(dict.fromkeys(("CreatedById", "LastModifiedById", "OwnerId"), self.user.id))
        values.update({f.name: "false" for f in sobject.fields if f.type == "boolean"})
        return {name: text for name, text in values.items() if name in sobject.fields_by_name}
