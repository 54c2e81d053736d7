"""What a run asks of an object: fields, bounds, filter, deleted rows; and what the answer changes.

It is decided here alone, for Singer streams, plans and workers. Saved jobs are recognized by a
fingerprint of the SOQL, so no letter of it may change (`tests/tap/asked_soql.yaml`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.deleted import IS_DELETED
from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.announced_types import check_announced_types
from tap_sfbulk_pages.reading.request import JobRequest, choose_fields
from tap_sfbulk_pages.reading.rest_calls import ask
from tap_sfbulk_pages.reading.state.bookmarks import (
    BOUND_FORMATS,
    FormulaRefresh,
    Incremental,
    describe_extent,
)
from tap_sfbulk_pages.reading.state.coverage import Coverage, decide_start, hide_field, read_from
from tap_sfbulk_pages.salesforce.schema import KEY, binary_fields, json_schema, replication_key
from tap_sfbulk_pages.soql.ranges import Range, RangeField, choose_range_field
from tap_sfbulk_pages.soql.select import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping, Sequence
    from datetime import datetime

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.decoding.deleted import DeletedRecords
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.state.saved_ranges import SavedRanges
    from tap_sfbulk_pages.salesforce.describe import SObject
    from tap_sfbulk_pages.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ObjectQuery:
    """The query of an object, for all of its records or for a range of them.

    Attributes:
        sobject: Its name.
        fields: The fields to read, in order.
        include_deleted: Whether deleted and archived records are read too.
        whole: The range of all that is read.
        replication_key: The field whose maximum is kept; None for none.
        range_field: The field that ranges are of; None where nothing is bounded.
        condition: The user's own condition, added with AND.
        limit: The most records to read, for a look at a few; None for all.
        within: The condition of `whole`, where it is not that of a range; None where it is.
    """

    sobject: str
    fields: Sequence[str]
    include_deleted: bool
    whole: Range
    replication_key: str | None = None
    range_field: RangeField | None = None
    condition: str | None = None
    limit: int | None = None
    within: str | None = None

    @classmethod
    def compose(
        cls,
        sobject: str,
        fields: Sequence[str],
        settings: Settings,
        *,
        incremental: Incremental | None,
        range_field: RangeField | None = None,
        limit: int | None = None,
    ) -> ObjectQuery:
        """Compose the query that the settings and the bookmark ask for.

        Args:
            sobject: Name of the object.
            fields: The fields to read, in order.
            settings: Filter, start date, lookback, and whether to read deleted records.
            incremental: The replication key and its bookmark; None to read everything.
            range_field: The field that ranges are of, where there is no replication key.
            limit: As the attribute.

        Raises:
            StateError: If the bookmark is not a date.
        """
        key = incremental.key if incremental else None
        return cls(
            sobject,
            fields,
            include_deleted=settings.include_deleted,
            whole=Range(incremental.bound(settings) if incremental else None),
            replication_key=key,
            range_field=RangeField(key) if key else range_field,
            condition=settings.filters.get(sobject),
            limit=limit,
            within=incremental.condition(settings) if incremental else None,
        )

    def narrow(self, conditions: Sequence[str]) -> ObjectQuery:
        """Add SOQL conditions to the user's own, with AND."""
        if not conditions:
            return self
        own = [f"({self.condition})"] if self.condition else []
        return replace(self, condition=" AND ".join([*own, *conditions]))

    def write(self, part: Range | None = None) -> Query:
        """Write the query for a range; without one, for all that is to be read."""
        part = part or self.whole
        within = self.range_field.condition(part) if self.range_field else None
        soql = select(
            self.sobject,
            self.fields,
            within=self.within if part == self.whole else within,
            condition=self.condition,
            limit=self.limit,
        )
        return Query(soql, include_deleted=self.include_deleted)

    def is_answered_by(self, ranges: SavedRanges) -> bool:
        """Return whether saved ranges are of this query (`SavedRanges.answers`)."""
        return ranges.answers(self.write().fingerprint, self.range_name)

    @property
    def range_name(self) -> str:
        """The name of the field that ranges are of; empty where nothing is bounded."""
        return self.range_field.name if self.range_field else ""

    def find_bounds(self, org: Org, part: Range, pieces: int) -> list[str]:
        """Find values that cut a range into pieces, between the least and the greatest there are.

        Returns:
            As `RangeField.bounds`.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        if self.range_field is None:
            return []
        least = self._find_outermost(org, self.range_field, part, "ASC")
        greatest = self._find_outermost(org, self.range_field, part, "DESC")
        return self.range_field.bounds(least, greatest, pieces) if least and greatest else []

    def _find_outermost(self, org: Org, field: RangeField, part: Range, order: str) -> str | None:
        """Ask for the first value of a range; the field's index gives it without a scan."""
        name = field.name
        soql = select(
            self.sobject,
            [name],
            within=" AND ".join(filter(None, [field.condition(part), f"{name} != null"])),
            condition=self.condition,
        )
        soql = f"{soql} ORDER BY {name} {order} LIMIT 1"

        def parse(reply: Any) -> str | None:
            records = reply["records"]
            value: str | None = records[0][name] if records else None
            return value

        query = Query(soql, include_deleted=self.include_deleted)
        return ask(org.client, query, api_version=org.api_version, parse=parse)


@dataclass(frozen=True)
class ObjectSelection:
    """What is wanted of an object, by the catalog.

    Attributes:
        sobject: By today's describe.
        schemas: JSON schemas by field, as they are announced: the catalog's, where there is one.
        names: The selected fields, in order.
        primary_keys: The fields that are the key.
        replication_key: The field that says what has changed; None to read everything.
        limit: The most records to read; None for all.
    """

    sobject: SObject
    schemas: Mapping[str, Mapping[str, Any]]
    names: Sequence[str]
    primary_keys: tuple[str, ...]
    replication_key: str | None
    limit: int | None = None


@dataclass(frozen=True)
class ObjectQuestion:
    """What a run asks of an object, and what it means for the state when the answer is written.

    Attributes:
        selection: What is wanted.
        query: What is asked.
        types: How the cells of each field are read.
        binary_fields: Selected fields that no query returns, fetched record by record.
        incremental: The replication key and its bookmark; None to read everything.
        refresh: When formula fields are read in full; None where that does not matter.
        deleted: As of `JobRequest`.
    """

    selection: ObjectSelection
    query: ObjectQuery
    types: Mapping[str, CellType]
    binary_fields: Sequence[str]
    incremental: Incremental | None
    refresh: FormulaRefresh | None
    deleted: DeletedRecords | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is for every record, as in a first load, and not for changes alone."""
        return self.incremental is None or self.incremental.bookmark is None

    @property
    def optional_fields(self) -> list[str]:
        """The fields that it asks for and could do without."""
        needed = {*self.selection.primary_keys, self.query.replication_key}
        optional = [name for name in self.types if name not in needed]
        # Records have to have something.
        return optional if len(self.types) > 1 else []

    def without(self, name: str) -> ObjectQuestion:
        """Return the same question without a field, which the state then keeps as hidden."""
        types = {each: type_ for each, type_ in self.types.items() if each != name}
        return replace(
            self,
            query=replace(self.query, fields=tuple(types)),
            types=types,
            incremental=self.incremental and hide_field(self.incremental, name),
        )

    def request(self, part: Range | None = None) -> JobRequest:
        """Ask for the records of a range; without one, for all that are to be read."""
        selection = self.selection
        return JobRequest(
            self.query.write(part),
            self.types,
            self.query.replication_key,
            forbidden=ForbiddenValues.of(selection.primary_keys, self.types, selection.schemas),
            deleted=self.deleted,
        )

    def describe_extent(self, settings: Settings) -> str:
        """Say for people which records it is for."""
        return describe_extent(self.incremental, settings)

    def begin(self) -> None:
        """Note in the state that the answer is about to be read, or read on."""
        if self.refresh:
            self.refresh.begin()

    def finish(self, maximum: str | None, latest: datetime | None = None) -> None:
        """Note in the state that every record of the answer has been written.

        Args:
            maximum: The greatest replication key value in it; None for none.
            latest: The moment that the bookmark must not pass; None for the start of the run.
        """
        if self.incremental:
            self.incremental.finish(maximum, latest)
        if self.refresh:
            self.refresh.finish()


def find_delete_fields(sobject: SObject, settings: Settings) -> tuple[str, ...]:
    """Find the fields without which deleted records cannot be marked.

    Returns:
        `IsDeleted`, and the stamp that deleting a record moves; none where none are wanted.
    """
    stamp = replication_key(sobject)
    is_wanted = settings.track_hard_deletes and settings.include_deleted
    if not is_wanted or stamp is None or not {KEY, IS_DELETED} <= sobject.field_names:
        return ()
    return (IS_DELETED, stamp)


def ask_object(
    selection: ObjectSelection,
    settings: Settings,
    state: MutableMapping[str, Any],
    *,
    now: datetime,
) -> ObjectQuestion:
    """Decide what to ask of an object.

    Args:
        selection: What is wanted.
        settings: Of the run.
        state: The stream's part of the Singer state; changed by the question, not here.
        now: By Salesforce's clock.

    Raises:
        ExtractionError: If nothing readable is selected, or the replication key cannot be one.
        StateError: If the state is malformed.
    """
    sobject = selection.sobject
    if not selection.schemas:
        raise ExtractionError(
            f"The catalog has no fields of {sobject.name}: Salesforce did not describe it when "
            "the catalog was made. Discover again."
        )
    binary = binary_fields(sobject)
    types = choose_fields(
        sobject.name,
        [name for name in selection.names if name not in binary],
        selection.schemas,
        readable=sobject.field_names,
        loss="the org no longer shows this user these fields, which are left out until it does",
    )
    described = {field.name: field.type for field in sobject.fields}
    check_announced_types(sobject.name, types, selection.schemas, described)
    incremental = _find_incremental(selection, types, settings, state, now)
    refresh = _find_refresh(sobject, types, incremental, settings)
    if incremental and refresh and refresh.is_due:
        incremental = read_from(incremental, None)
    query = ObjectQuery.compose(
        sobject.name,
        tuple(types),
        settings,
        incremental=incremental,
        range_field=choose_range_field(sobject),
        limit=selection.limit,
    )
    binary_selected = [name for name in selection.names if name in binary]
    return ObjectQuestion(selection, query, types, binary_selected, incremental, refresh)


def _find_incremental(
    selection: ObjectSelection,
    types: Mapping[str, CellType],
    settings: Settings,
    state: MutableMapping[str, Any],
    now: datetime,
) -> Incremental | None:
    key = selection.replication_key
    if key is None:
        return None
    # By the describe: the catalog of another tap may say no more than "string".
    schema = json_schema(selection.sobject)["properties"].get(key, {})
    if any(field.name == key and not field.is_filterable for field in selection.sobject.fields):
        raise ExtractionError(
            f"Salesforce accepts no condition on the replication key {key} of "
            f"{selection.sobject.name}. Discover again, or choose another in the catalog, or "
            "FULL_TABLE."
        )
    if key not in selection.schemas or schema.get("format") not in BOUND_FORMATS:
        raise ExtractionError(
            f"The replication key {key} is not a date or datetime field of "
            f"{selection.sobject.name}. Choose another in the catalog, or FULL_TABLE."
        )
    name = selection.sobject.name
    coverage = Coverage.of(
        settings.filters.get(name),
        "",
        types,
        settings,
        include_deleted=settings.include_deleted,
        now=now,
    )
    return decide_start(
        key,
        schema,
        state,
        settings,
        stream=name,
        coverage=coverage,
        wanted=selection.names,
        described=selection.sobject.field_names,
        now=now,
    )


def _find_refresh(
    sobject: SObject, fields: Iterable[str], incremental: Incremental | None, settings: Settings
) -> FormulaRefresh | None:
    """Find out whether formula fields are due to be read in full; None where there is no need."""
    period = settings.refresh_formula_fields
    formulas = sobject.formula_names.intersection(fields)
    if incremental is None or period is None or not formulas:
        return None
    has_bookmark = incremental.bookmark is not None
    refresh = FormulaRefresh(incremental.state, period, has_bookmark=has_bookmark)
    if refresh.is_due:
        logger.info(
            "Stream %s is read in full: its formula fields (%s) may have changed.",
            sobject.name,
            ", ".join(sorted(formulas)),
        )
    return refresh
