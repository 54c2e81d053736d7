"""The stream of one sObject: all its records, or those that have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import Metadata
from typing_extensions import override

from tap_sfbulk_pages.decoding.cells import CellType, cell_type
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.reading.bookmarks import BOUND_FORMATS, EVERYTHING, Incremental
from tap_sfbulk_pages.reading.formula_refresh import FormulaRefresh
from tap_sfbulk_pages.reading.job_or_rest import FallbackReading
from tap_sfbulk_pages.reading.plan import consider_other_ways, job_plan
from tap_sfbulk_pages.reading.ranged_query import RangedQuery
from tap_sfbulk_pages.reading.through_ranges import SplitReading
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.salesforce.schema import (
    DELETED_AT,
    KEY,
    REPLICATION_KEYS,
    add_deleted_at,
    binary_fields,
    json_schema,
    primary_keys,
    replication_key,
    unsupported_fields,
)
from tap_sfbulk_pages.singer.stream import BulkStream
from tap_sfbulk_pages.soql.ranges import Range, RangeField, choose_range_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_sfbulk_pages.reading.job_or_rest import PreparedReading
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.reading.through_job import JobRequest
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
            if DELETED_AT in self.schema["properties"]:
                metadata["properties", DELETED_AT].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

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
        if entry and DELETED_AT in self.schema["properties"]:
            entry.schema = Schema.from_dict(add_deleted_at(entry.schema.to_dict()))
            entry.metadata["properties", DELETED_AT] = Metadata(
                inclusion=Metadata.InclusionType.AUTOMATIC
            )
        super().apply_catalog(catalog)

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the object through a query job.

        Raises:
            ExtractionError: If nothing is selected, or the replication key cannot be one.
        """
        query, incremental, refresh = self._asked()
        if refresh:
            refresh.begin()

        def finished(maximum: str | None, latest: datetime | None = None) -> None:
            """Move the bookmark, or keep that the formula fields are fresh."""
            if incremental:
                incremental.finished(maximum, latest)
            if refresh:
                refresh.finished()

        bulk = SplitReading(
            context,
            query,
            state=self.stream_state,
            finished=finished,
            may_cut=self._may_cut(query),
            may_be_huge=incremental is None or incremental.bookmark is None,
        )
        request = query.request(query.whole)
        self.logger.debug("%s", request.query)
        reading = self._with_rest(bulk, context, request, finished)
        if not self._tracks_deletes:
            return reading
        from tap_sfbulk_pages.reading.with_deleted_records import WithDeletedRecords, begin_tracking  # noqa: PLC0415 - brings Polars

        begin_tracking(self.stream_state, query.replication_key)
        return WithDeletedRecords(reading, context, sobject=self.name, state=self.stream_state)

    def _with_rest(
        self,
        bulk: PreparedReading,
        context: ReadingContext,
        request: JobRequest,
        finished: Callable[[str | None], None],
    ) -> Reading:
        """Add to a reading through the Bulk API what the REST API can do where it cannot."""
        datetimes = {field.name for field in self._sobject.fields if field.type == "datetime"}

        def rest() -> PreparedReading:
            from tap_sfbulk_pages.reading.through_rest import RestReading  # noqa: PLC0415 - brings Polars

            return RestReading(
                context,
                request,
                name=self.name,
                datetimes=datetimes,
                state=self.stream_state,
                finished=finished,
            )

        reading = FallbackReading(
            context, bulk, rest=rest, sobject=self.name, state=self.stream_state
        )
        if not self._binary_fields:
            return reading
        from tap_sfbulk_pages.reading.with_binary_fields import BinaryReading  # noqa: PLC0415 - brings Polars

        return BinaryReading(
            context,
            reading,
            sobject=self.name,
            fields=self._binary_fields,
            largest_bytes=self._tap.org.settings.max_blob_bytes,
        )

    @property
    def _tracks_deletes(self) -> bool:
        """Whether deleted records are written too; not where only a look at the stream is taken."""
        if not self._tap.org.settings.track_hard_deletes or self.ABORT_AT_RECORD_COUNT is not None:
            return False
        if not self._sobject.is_replicated or tuple(self.primary_keys) != (KEY,):
            self.logger.info(
                "Stream %s: Salesforce keeps no account of its deleted records.", self.name
            )
            return False
        return True

    @override
    def plan(self) -> StreamPlan:
        """Tell what reading the object would take."""
        query, incremental, _ = self._asked()
        settings, state = self._tap.org.settings, self.stream_state
        how = incremental.extent(settings) if incremental else EVERYTHING
        request = query.request(query.whole)
        plan = job_plan(self.name, request, sobject=self.name, how=how, state=state)
        is_since = incremental and incremental.bookmark is not None
        may_be_cut = self._may_cut(query) and not is_since
        consider_other_ways(plan, settings, state, may_be_cut=may_be_cut)
        plan.calls_a_record = len(self._binary_fields)
        return plan

    def _asked(self) -> tuple[RangedQuery, Incremental | None, FormulaRefresh | None]:
        """Write the query for the fields that are selected, from the bookmark on.

        Returns:
            It, with the bookmark, and with when the formula fields are read in full; None for each
            that there is not.
        """
        if not self._properties:
            raise ExtractionError(
                f"The catalog has no fields of {self.name}: Salesforce did not describe it when "
                "the catalog was made. Discover again."
            )
        settings, incremental, fields = self._tap.org.settings, self._incremental, self._fields
        refresh = self._formula_refresh(fields, incremental) if incremental else None
        if incremental and refresh and refresh.is_due:
            incremental = replace(incremental, in_full=True)
        key = incremental.key if incremental else None
        query = RangedQuery(
            self.name,
            fields,
            include_deleted=settings.include_deleted,
            replication_key=key,
            field=RangeField(key) if key else choose_range_field(self._sobject),
            whole=Range(incremental.bound(settings) if incremental else None),
            condition=settings.filters.get(self.name),
            limit=self.ABORT_AT_RECORD_COUNT,
        )
        return query, incremental, refresh

    @property
    def _incremental(self) -> Incremental | None:
        key = self._key_in_use
        if key is None:
            return None
        # By the describe: the catalog of another tap may say no more than "string".
        schema = self.schema["properties"].get(key, {})
        if key not in self._properties or schema.get("format") not in BOUND_FORMATS:
            raise ExtractionError(
                f"The replication key {key} is no date or datetime field of {self.name}. Choose "
                "another in the catalog, or FULL_TABLE."
            )
        return Incremental(key, schema, self.stream_state, datetime.now(timezone.utc))

    def _formula_refresh(
        self, fields: Iterable[str], incremental: Incremental
    ) -> FormulaRefresh | None:
        """Look whether the formula fields are to be read in full; None where there is no need."""
        period = self._tap.org.settings.refresh_formula_fields
        formulas = self._sobject.formula_names.intersection(fields)
        if period is None or not formulas:
            return None
        has_bookmark = incremental.bookmark is not None
        refresh = FormulaRefresh(self.stream_state, period, has_bookmark=has_bookmark)
        if refresh.is_due:
            self.logger.info(
                "Stream %s is read in full: its formula fields (%s) may have changed.",
                self.name,
                ", ".join(sorted(formulas)),
            )
        return refresh

    def _may_cut(self, query: RangedQuery) -> bool:
        """Whether the query may be cut into ranges that are read at different times.

        A key of the user's own choice may move backwards, into a range that has been read.
        """
        keeps_order = query.replication_key in (None, *REPLICATION_KEYS)
        is_whole = query.limit is None and query.field is not None
        return self._tap.org.settings.split_jobs and is_whole and keeps_order

    @property
    def _fields(self) -> Mapping[str, CellType]:
        """The fields to query: selected, supported, and still in the org."""
        properties, selected, known = self._properties, self._selected, self._sobject.field_names
        lost = [name for name in selected if name not in known]
        if lost:
            self.logger.warning(
                "Stream %s: the org no longer shows the fields %s to this user; they are left "
                "out until it does.",
                self.name,
                ", ".join(lost),
            )
        queried = known - binary_fields(self._sobject)
        fields = {name: cell_type(properties[name]) for name in selected if name in queried}
        if not fields:
            raise ExtractionError("None of the selected fields can be read.")
        return fields

    @property
    def _binary_fields(self) -> list[str]:
        """The fields that are fetched record by record."""
        binary = binary_fields(self._sobject)
        return [name for name in self._selected if name in binary]

    @override
    @property
    def _selected(self) -> list[str]:
        """The fields that are selected, or needed in any case; one is the tap's own."""
        return [name for name in super()._selected if name != DELETED_AT]
