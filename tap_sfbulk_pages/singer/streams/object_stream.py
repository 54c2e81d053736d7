"""The stream of one sObject: all its records, or those that have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import Metadata
from typing_extensions import override

from tap_sfbulk_pages.decoding.deleted import DELETED_AT
from tap_sfbulk_pages.reading.choice import choose, open_object
from tap_sfbulk_pages.reading.object_query import ObjectSelection, ask_object, find_delete_fields
from tap_sfbulk_pages.reading.plan import plan_object
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.salesforce.schema import (
    add_deleted_at,
    binary_fields,
    json_schema,
    primary_keys,
    replication_key,
    unsupported_fields,
)
from tap_sfbulk_pages.singer.streams.stream import BulkStream

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_sfbulk_pages.reading.object_query import ObjectQuestion
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.salesforce.describe import SObject
    from tap_sfbulk_pages.singer.run import RunningTap


class SObjectStream(BulkStream):
    """Records of one sObject.

    Args:
        tap: The tap.
        sobject: From the describe.
    """

    def __init__(self, tap: RunningTap, sobject: SObject) -> None:
        self._sobject = sobject
        settings = tap.org.settings
        self.selected_by_default = not find_obstacle(
            sobject.name, filters=settings.filters, through_rest=settings.fallback_to_rest
        )
        schema = json_schema(sobject)
        if settings.track_hard_deletes:
            schema = add_deleted_at(schema)
        super().__init__(tap, name=sobject.name, schema=schema)
        self.primary_keys = primary_keys(sobject)
        self.replication_key = replication_key(sobject)

    @override
    @property
    def metadata(self) -> MetadataMapping:
        """Selection metadata; what cannot be read is `unsupported`, whatever a catalog says."""
        is_own = self._metadata is None
        metadata: MetadataMapping = super().metadata
        if is_own:
            self._mark_unsupported(metadata)
            for name in self._needed_for_deletes:
                metadata["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    @property
    def _needed_for_deletes(self) -> tuple[str, ...]:
        """The fields without which deleted records cannot be marked."""
        settings = self._tap.org.settings
        if not settings.track_hard_deletes:
            return ()
        return (DELETED_AT, *find_delete_fields(self._sobject, settings))

    def _mark_unsupported(self, metadata: MetadataMapping) -> None:
        """Mark the fields; the catalog of a tap that reads them otherwise may select them."""
        include_blobs = self._tap.org.settings.include_blobs
        names = unsupported_fields(self._sobject, include_blobs=include_blobs)
        unsupported = Metadata.InclusionType.UNSUPPORTED
        lost = [
            name
            for name in sorted(names)
            if (known := metadata.get(("properties", name)))
            and known.selected
            and known.inclusion != unsupported
        ]
        if lost:
            self.logger.warning(
                "Stream %s: no query job returns the fields %s; they are left out. Binary ones can "
                "be read with include_blobs.",
                self.name,
                ", ".join(lost),
            )
        for name in names:
            metadata["properties", name].inclusion = unsupported
        for name in binary_fields(self._sobject) - names:
            # A catalog from before the setting would leave them out without a word.
            metadata["properties", name].inclusion = Metadata.InclusionType.AVAILABLE

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over a catalog, which may have been made before deletes were tracked."""
        entry = catalog.get_stream(self.name)
        if entry and (needed := self._needed_for_deletes):
            own, schema = self.schema["properties"], entry.schema.to_dict()
            properties = schema.get("properties", {})
            properties = {
                **properties,
                **{name: properties.get(name, own[name]) for name in needed},
            }
            entry.schema = Schema.from_dict({**schema, "properties": properties})
            for name in needed:
                entry.metadata["properties", name] = Metadata(
                    inclusion=Metadata.InclusionType.AUTOMATIC
                )
        super().apply_catalog(catalog)

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the object.

        Raises:
            ExtractionError: As `ask_object`.
        """
        return open_object(context, self._ask(), self.stream_state)

    @override
    def plan(self) -> StreamPlan:
        """Return what reading the object would take."""
        question, settings, state = self._ask(), self._tap.org.settings, self.stream_state
        return plan_object(question, choose(question, settings, state), settings, state)

    def _ask(self) -> ObjectQuestion:
        selection = ObjectSelection(
            self._sobject,
            self._properties,
            self._selected,
            primary_keys=tuple(self.primary_keys),
            replication_key=self._key_in_use,
            limit=self.ABORT_AT_RECORD_COUNT,
        )
        org = self._tap.org
        return ask_object(selection, org.settings, self.stream_state, now=org.client.clock.now())

    @override
    @property
    def _selected(self) -> list[str]:
        """The fields that are selected, or needed in any case; one is the tap's own."""
        return [name for name in super()._selected if name != DELETED_AT]
