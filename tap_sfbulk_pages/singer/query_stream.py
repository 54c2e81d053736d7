"""The stream of a query of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.bookmarks import BOUND_FORMATS, Incremental, describe_extent
from tap_sfbulk_pages.reading.plan import plan_job
from tap_sfbulk_pages.reading.request import JobRequest, choose_fields
from tap_sfbulk_pages.reading.through_job import JobReading
from tap_sfbulk_pages.salesforce.schema import primary_keys
from tap_sfbulk_pages.singer.stream import BulkStream
from tap_sfbulk_pages.soql.columns import TypedQuery, match_spelling, property_schemas
from tap_sfbulk_pages.soql.entries import LIMITED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.soql.entries import QuerySetting
    from tap_sfbulk_pages.soql.field_paths import FieldPaths


class QueryStream(BulkStream):
    """The records that a query finds, or those of them that have changed.

    Args:
        tap: The tap.
        query: The entry of the setting `queries`.
        paths: The org's fields.

    Raises:
        SettingsError: If the query cannot be typed, or a key is none of its columns.
        ExtractionError: If the org cannot be asked.
    """

    def __init__(self, tap: RunningTap, query: QuerySetting, paths: FieldPaths) -> None:
        self._query = query
        self._typed = TypedQuery.of(query.text, paths)
        types = self._typed.types
        keys = _keys(query, self._typed)
        schema = {"type": "object", "properties": property_schemas(types, keys)}
        replication_key = _replication_key(query, self._typed)
        super().__init__(tap, name=query.name, schema=schema)
        self.primary_keys = keys
        self.replication_key = replication_key
        if query.text.unchunked:
            self.logger.warning(
                "Query %s: Salesforce cuts no job with %s into chunks, so that it takes longer and "
                "may run out of time.",
                query.name,
                " and ".join(query.text.unchunked),
            )

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the query through a job.

        Raises:
            ExtractionError: If nothing is selected, or the replication key cannot be one.
        """
        incremental = self._incremental
        request = self._job_request(incremental)
        finished = incremental.finish if incremental else lambda _: None
        return JobReading(context, request, state=self.stream_state, on_finished=finished)

    @override
    def plan(self) -> StreamPlan:
        """Tell what reading the query would take."""
        sobject, incremental = self._typed.sobject.name, self._incremental
        request = self._job_request(incremental)
        how = describe_extent(incremental, self._tap.org.settings)
        return plan_job(self.name, request, sobject=sobject, how=how, state=self.stream_state)

    def _job_request(self, incremental: Incremental | None) -> JobRequest:
        """Write the query for the columns that are selected, from the bookmark on."""
        settings, fields = self._tap.org.settings, self._fields
        names = list(fields)
        key = incremental.key if incremental else None
        bound = incremental.bound(settings) if incremental else None
        soql = self._typed.soql(
            names,
            condition=f"{key} >= {bound}" if bound else None,
            limit=self.ABORT_AT_RECORD_COUNT,
        )
        self.logger.debug("%s", soql)
        include_deleted = self._query.include_deleted
        if include_deleted is None:
            include_deleted = settings.include_deleted
        computed = {column.name for column in self._typed.columns if column.is_computed}
        return JobRequest(
            query=Query(soql, include_deleted=include_deleted),
            types=fields,
            replication_key=key,
            by_place={place: name for place, name in enumerate(names) if name in computed},
        )

    @property
    def _fields(self) -> Mapping[str, CellType]:
        """The columns to read: selected, and still in the query; in the order of the query."""
        columns = self._typed.types
        fields = choose_fields(
            self.name,
            self._selected,
            self._properties,
            readable=columns,
            loss="the query no longer selects these columns; discover again",
        )
        return {name: fields[name] for name in columns if name in fields}

    @property
    def _incremental(self) -> Incremental | None:
        """The replication key, which a catalog may have chosen; None to read everything."""
        key = self._key_in_use
        if key is None:
            return None
        if self._query.text.limit is not None:
            raise ExtractionError(LIMITED)
        schema = self._properties.get(key, {})
        if key not in self._typed.types or schema.get("format") not in BOUND_FORMATS:
            raise ExtractionError(_no_replication_key(key, self._typed))
        return Incremental(key, schema, self.stream_state)


def _keys(query: QuerySetting, typed: TypedQuery) -> tuple[str, ...]:
    """Name the key: what the user says, else that of the object if the query selects it."""
    if query.primary_keys is not None:
        return match_spelling(query.primary_keys, typed.types)
    keys = primary_keys(typed.sobject)
    return keys if set(keys) <= typed.types.keys() else ()


def _replication_key(query: QuerySetting, typed: TypedQuery) -> str | None:
    key = query.replication_key
    if key is None:
        return None
    column = next((each for each in typed.columns if each.name.lower() == key.lower()), None)
    if column is None or column.is_computed or column.type not in ("date", "datetime"):
        raise SettingsError(_no_replication_key(key, typed))
    return column.name


def _no_replication_key(key: str, typed: TypedQuery) -> str:
    if key.lower() not in map(str.lower, typed.types):
        return f"the query does not select the replication key {key}: add it to the SELECT"
    return f"the replication key {key} is no date or datetime field that the query selects"
