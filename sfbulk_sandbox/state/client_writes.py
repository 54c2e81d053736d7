"""What clients may do with records: as `Records`, with the checks of Salesforce's APIs."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.salesforce_errors import not_found
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.state.records import Records
from sfbulk_sandbox.state.saving import RecordError, read_cells

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfbulk_sandbox.sobjects.schema import SObject
    from sfbulk_sandbox.sobjects.tables import TableSnapshot

    Snapshot = tuple[dict[str, TableSnapshot], dict[str, dict[str, datetime]]]


class WritableRecords(Records):
    """Records that clients create, update, upsert and delete.

    Raises:
        SalesforceError: By all methods: 404 for an object that the user does not see.
        RecordError: By all methods: Salesforce would refuse the record.
    """

    def create(self, sobject: str, values: Mapping[str, Any]) -> str:
        """Add a record; return its Id."""
        definition = self._find_writable(sobject)
        if not definition.can_be_created:
            raise _cannot_be(definition, "inserted")
        with self._lock:
            cells = read_cells(self._schema, definition, values, creating=True)
            name = self._next_auto_number(definition)
            (record_id,) = self.upsert(definition.name, [{**name, **cells}])
            return record_id

    def update(self, sobject: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change some fields of a record."""
        definition, known_id = self.find_record(sobject, record_id)
        self._find_writable(sobject)
        with self._lock:
            cells = read_cells(self._schema, definition, values, creating=False)
            self.upsert(definition.name, [{**cells, "Id": known_id}])

    def save_by_external_id(
        self, sobject: str, field: str, values: Mapping[str, Any]
    ) -> tuple[str, bool]:
        """Change the record with this value of an external id field, or add one.

        Returns:
            The record's Id, and whether it is new.
        """
        given = {name: value for name, value in values.items() if name.lower() != field.lower()}
        value = next((v for name, v in values.items() if name.lower() == field.lower()), None)
        with self._lock:
            if field.lower() == "id":
                if value is None or value == "":
                    return self.create(sobject, given), True
                self.update(sobject, str(value), given)
                return eighteen_characters(str(value)), False
            if value is None or value == "":
                raise RecordError("MISSING_ARGUMENT", f"{field} not specified")
            try:
                record_id = self.find_by_external_id(sobject, field, str(value))
            except RecordError as error:
                if error.error_code != "NOT_FOUND":
                    raise
                return self.create(sobject, {**given, field: value}), True
            self.update(sobject, record_id, given)
            return record_id, False

    def remove(self, sobject: str, record_id: str, *, hard: bool = False) -> None:
        """Delete a record, into the recycle bin if its object has one."""
        definition, known_id = self.find_record(sobject, record_id)
        self._find_writable(sobject)
        if not definition.can_be_deleted:
            raise _cannot_be(definition, "deleted")
        self.delete(definition.name, [known_id], hard=hard or not definition.has_recycle_bin)

    def find_record(self, sobject: str, record_id: str) -> tuple[SObject, str]:
        """Return a record's object and its Id of 18 characters.

        Raises:
            RecordError: 404, there is no such record, or it is in the recycle bin.
        """
        definition = self._schema.sobject(sobject)
        if definition is None or not definition.unique_ids:
            raise not_found()
        try:
            known_id = eighteen_characters(record_id)
        except ValueError as error:
            text = f"malformed id {record_id}"
            raise RecordError("MALFORMED_ID", text, status=HTTPStatus.NOT_FOUND) from error
        table = self._tables[definition.name]
        with self._lock:
            if not table.contains(known_id):
                text = "The requested resource does not exist"
                raise RecordError("NOT_FOUND", text, status=HTTPStatus.NOT_FOUND)
            if definition.has_recycle_bin and table.cell(known_id, "IsDeleted") == "true":
                text = "entity is deleted"
                raise RecordError("ENTITY_IS_DELETED", text, status=HTTPStatus.NOT_FOUND)
        return definition, known_id

    def find_by_external_id(self, sobject: str, field: str, value: str) -> str:
        """Return the Id of the record with this value of an external id field.

        Raises:
            RecordError: There is no such record, there are several, or it is no such field.
        """
        definition = self._schema.sobject(sobject)
        found = None if definition is None else self._schema.field(definition, field)
        if definition is None or found is None or not (found.external_id or found.id_lookup):
            text = f"Provided external ID field does not exist or is not accessible: {field}"
            raise (
                RecordError("NOT_FOUND", text, status=HTTPStatus.NOT_FOUND)
                if (definition is None)
                else RecordError("INVALID_FIELD", text)
            )
        table = self._tables[definition.name]
        with self._lock:
            live = table.column(found.name) == value
            if definition.has_recycle_bin:
                live &= table.column("IsDeleted") != "true"
            ids = table.column("Id").filter(live).to_list()
        if not ids:
            text = "The requested resource does not exist"
            raise RecordError("NOT_FOUND", text, status=HTTPStatus.NOT_FOUND)
        if len(ids) > 1:
            text = f"{field}: more than one record found for external id field: [{', '.join(ids)}]"
            raise RecordError("DUPLICATE_EXTERNAL_ID", text, status=HTTPStatus.MULTIPLE_CHOICES)
        return str(ids[0])

    def find_sobject_of(self, record_id: str) -> str:
        """Return the name of the object that a record's Id belongs to."""
        for sobject in self._schema.visible_sobjects():
            if sobject.key_prefix is not None and record_id.startswith(sobject.key_prefix):
                return sobject.name
        raise RecordError("MALFORMED_ID", f"malformed id {record_id}")

    def updated(self, sobject: str, start: datetime, end: datetime) -> list[str]:
        """Return the Ids of the records that were made or changed in a time span."""
        definition = self._schema.known_sobject(sobject)
        table = self._tables[definition.name]
        with self._lock:
            names = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
            name = next(each for each in names if each in definition.fields_by_name)
            stamps = table.column(name)
            within = (stamps >= _as_stamp(start)) & (stamps < _as_stamp(end))
            if definition.has_recycle_bin:
                within &= table.column("IsDeleted") != "true"
            return table.column("Id").filter(within).to_list()

    def snapshot(self) -> Snapshot:
        """Return what has been changed so far."""
        with self._lock:
            tables = {name: table.snapshot() for name, table in self._tables.items()}
            return tables, self._delete_log.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Undo all changes since a snapshot."""
        tables, log = snapshot
        with self._lock:
            for name, table in self._tables.items():
                table.restore(tables[name])
            self._delete_log.restore(log)

    def _find_writable(self, sobject: str) -> SObject:
        definition = self._schema.sobject(sobject)
        if definition is None:
            raise not_found()
        if not definition.queryable or definition.event or not definition.unique_ids:
            text = f"entity type {definition.name} does not support create, update or delete"
            raise RecordError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)
        return definition

    def _next_auto_number(self, sobject: SObject) -> dict[str, str]:
        """Return the name that Salesforce gives to a new record, if it counts them."""
        field = next((field for field in sobject.fields if field.auto_number), None)
        if field is None:
            return {}
        table = self._tables[sobject.name]
        last = table.column(field.name).max() if len(table) else None
        head = str(last or "0").rstrip("0123456789")
        digits = str(last or "0")[len(head) :]
        return {field.name: f"{head}{int(digits or 0) + 1:0{len(digits)}}"}


def _cannot_be(sobject: SObject, done: str) -> RecordError:
    text = f"entity type cannot be {done}: {sobject.name}"
    return RecordError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)


def _as_stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
