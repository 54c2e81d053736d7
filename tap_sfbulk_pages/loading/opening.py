"""What is read of an object, a query or a job, and how it lands."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.errors import CatalogError
from tap_sfbulk_pages.jobs.query import ExistingJob
from tap_sfbulk_pages.loading.arrow_pages import ArrowPages
from tap_sfbulk_pages.loading.landing_plan import LandingPlan
from tap_sfbulk_pages.loading.stream import OpenedStream
from tap_sfbulk_pages.reading.choice import open_object
from tap_sfbulk_pages.reading.existing_jobs import fetch_columns
from tap_sfbulk_pages.reading.object_query import ObjectSelection, ask_object, find_delete_fields
from tap_sfbulk_pages.reading.page import NothingToRead
from tap_sfbulk_pages.reading.request import JobRequest, choose_fields
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.through_job import JobReading
from tap_sfbulk_pages.reading.user_query import (
    QuerySelection,
    ask_query,
    choose_keys,
    choose_replication_key,
    open_query,
)
from tap_sfbulk_pages.salesforce.schema import (
    KEY,
    add_deleted_at,
    json_schema,
    primary_keys,
    replication_key,
    unsupported_fields,
)
from tap_sfbulk_pages.soql.columns import TypedQuery, match_spelling, property_schemas

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping

    from tap_sfbulk_pages.loading.catalog import SelectedStream
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.salesforce.describe import SObject
    from tap_sfbulk_pages.soql.entries import JobSetting, QuerySetting
    from tap_sfbulk_pages.soql.field_paths import FieldPaths

    Schemas = Mapping[str, Mapping[str, Any]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opening:
    """A stream that is about to be opened.

    Attributes:
        context: Of its reading.
        state: Its part of the state.
        choice: What a catalog chooses of it; None where there is no catalog.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.
    """

    context: ReadingContext
    state: MutableMapping[str, Any]
    choice: SelectedStream | None
    removes_deleted: bool

    def open_object(self, sobject: SObject) -> OpenedStream:
        """Decide what is read of an object, and make ready to.

        Raises:
            ExtractionError: As `ask_object`.
        """
        settings = self.context.org.settings
        key = self._key(replication_key(sobject))
        types = {field.name: field.type for field in sobject.fields}
        schemas = _with_times(json_schema(sobject)["properties"], types)
        unsupported = unsupported_fields(sobject, include_blobs=settings.include_blobs)
        keys = self._keys(primary_keys(sobject), schemas.keys() - unsupported)
        needed = [*keys, key, *find_delete_fields(sobject, settings)]
        names = self._select(schemas.keys() - unsupported, schemas, needed=needed)
        selection = ObjectSelection(sobject, schemas, names, keys, key)
        now = self.context.org.client.clock.now()
        question = ask_object(selection, settings, self.state, now=now)
        read = {name: schemas[name] for name in names}
        if settings.track_hard_deletes:
            read |= add_deleted_at({"properties": {}})["properties"]
        context, pages = self._with_pages(sobject.name, read)
        reading = open_object(context, question, self.state)
        return self._assemble_stream(
            reading,
            pages,
            sobject.name,
            read,
            keys=keys,
            key=key,
            since=question.query.whole.start,
            label=sobject.label,
        )

    def open_query(self, setting: QuerySetting, paths: FieldPaths) -> OpenedStream:
        """Decide what is read of a query of the user's own, and make ready to.

        Raises:
            SettingsError: If it cannot be typed, or a key is none of its columns.
            ExtractionError: As `ask_query`.
        """
        typed = TypedQuery.of(setting.text, paths)
        keys = self._keys(choose_keys(setting, typed), typed.types)
        key = self._key(choose_replication_key(setting, typed))
        schemas = _with_times(property_schemas(typed.columns, keys), typed.types)
        names = self._select(schemas, schemas, needed=[*keys, key])
        selection = QuerySelection(setting, typed, schemas, names, key)
        org = self.context.org
        question = ask_query(selection, org.settings, self.state, now=org.client.clock.now())
        read = {name: schemas[name] for name in names}
        context, pages = self._with_pages(setting.name, read)
        reading = open_query(context, question, self.state)
        since = question.incremental.bound(org.settings) if question.incremental else None
        return self._assemble_stream(
            reading, pages, setting.name, read, keys=keys, key=key, since=since
        )

    def open_job(self, setting: JobSetting, paths: FieldPaths) -> OpenedStream:
        """Make ready to read an existing job, unless the state says that it has been read.

        Raises:
            SettingsError: If a key is none of its columns.
            ExtractionError: If the org cannot be asked.
        """
        columns = fetch_columns(self.context.org, setting.id, paths, self.context.waiting)
        types = {column.name: column.type for column in columns}
        wanted = setting.primary_keys
        keys = (KEY,) * (KEY in types) if wanted is None else match_spelling(wanted, types)
        keys = self._keys(keys, types)
        schemas = _with_times(property_schemas(columns, keys), types)
        names = self._select(schemas, schemas, needed=keys)
        fields = choose_fields(setting.name, names, schemas, readable=schemas)
        job = ExistingJob(setting.id, tuple(fields))
        context, pages = self._with_pages(setting.name, schemas)
        reading: Reading
        if saved_reads.is_done(self.state, job):
            logger.info("Stream %s: job %s has been loaded before.", setting.name, job.id)
            reading = NothingToRead()
        else:
            reading = JobReading(
                context,
                JobRequest(
                    job,
                    fields,
                    replication_key=None,
                    forbidden=ForbiddenValues.of(keys, fields, schemas),
                ),
                state=self.state,
                on_finished=lambda _: saved_reads.set_done(self.state, job),
            )
        read = {name: schemas[name] for name in names}
        return self._assemble_stream(reading, pages, setting.name, read, keys=keys)

    def _keys(self, own: tuple[str, ...], known: Collection[str]) -> tuple[str, ...]:
        """Choose the fields of the key.

        Raises:
            CatalogError: If the catalog chooses one that cannot be read.
        """
        if self.choice is None or self.choice.keys is None:
            return own
        if missing := [key for key in self.choice.keys if key not in known]:
            raise CatalogError(
                f"The table-key-properties of {self.choice.name} in the catalog name "
                f"{', '.join(missing)}, which cannot be read."
            )
        return self.choice.keys

    def _key(self, own: str | None) -> str | None:
        """Choose the replication key; None to read everything."""
        return own if self.choice is None else self.choice.replication_key

    def _select(
        self, readable: Iterable[str], order: Iterable[str], *, needed: Iterable[str | None]
    ) -> list[str]:
        readable = set(readable)
        wanted = readable if self.choice is None else {*self.choice.fields, *needed}
        return [name for name in order if name in wanted and name in readable]

    def _with_pages(self, name: str, schemas: Schemas) -> tuple[ReadingContext, ArrowPages]:
        pages = ArrowPages(name, schemas)
        return replace(self.context, sinks=pages), pages

    def _assemble_stream(
        self,
        reading: Reading,
        pages: ArrowPages,
        name: str,
        schemas: Schemas,
        *,
        keys: tuple[str, ...],
        key: str | None = None,
        since: str | None = None,
        label: str = "",
    ) -> OpenedStream:
        plan = LandingPlan(
            stream=name,
            schemas=schemas,
            keys=keys,
            waits=key is None or not keys,
            since=(key, since) if key and since else None,
            removes_deleted=self.removes_deleted,
            pages=pages,
            label=label,
        )
        return OpenedStream(reading, plan)


def _with_times(schemas: Schemas, types: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """Mark the fields that are times: in databases they have a type of their own."""
    return {
        name: {**schema, "format": "time"} if types[name] == "time" else schema
        for name, schema in schemas.items()
    }
