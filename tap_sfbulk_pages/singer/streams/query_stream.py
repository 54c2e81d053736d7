"""The stream of an entry of the setting `queries`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.reading.plan import plan_job
from tap_sfbulk_pages.reading.state.bookmarks import describe_extent
from tap_sfbulk_pages.reading.user_query import (
    QuerySelection,
    ask_query,
    choose_keys,
    choose_replication_key,
    open_query,
)
from tap_sfbulk_pages.singer.streams.stream import BulkStream
from tap_sfbulk_pages.soql.columns import TypedQuery, property_schemas

if TYPE_CHECKING:
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.plan import StreamPlan
    from tap_sfbulk_pages.reading.user_query import QueryQuestion
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
        SettingsError: If a column's type cannot be found, or a key is not a column.
        ExtractionError: If the org cannot be asked.
    """

    def __init__(self, tap: RunningTap, query: QuerySetting, paths: FieldPaths) -> None:
        self._query = query
        self._typed = TypedQuery.of(query.text, paths)
        keys = choose_keys(query, self._typed)
        replication_key = choose_replication_key(query, self._typed)
        schema = {"type": "object", "properties": property_schemas(self._typed.columns, keys)}
        super().__init__(tap, name=query.name, schema=schema)
        self.primary_keys = keys
        self.replication_key = replication_key
        if query.text.unchunked:
            self.logger.warning(
                "Query %s: Salesforce does not split a job with %s into chunks, so it takes longer "
                "and may time out.",
                query.name,
                " and ".join(query.text.unchunked),
            )

    @override
    def new_reading(self, context: ReadingContext) -> Reading:
        """Make ready to read the query through a job.

        Raises:
            ExtractionError: As `ask_query`.
        """
        return open_query(context, self._ask(), self.stream_state)

    @override
    def plan(self) -> StreamPlan:
        """Return what reading the query would take."""
        question = self._ask()
        return plan_job(
            self.name,
            question.request,
            sobject=self._typed.sobject.name,
            how=describe_extent(question.incremental, self._tap.org.settings),
            state=self.stream_state,
        )

    def _ask(self) -> QueryQuestion:
        selection = QuerySelection(
            self._query,
            self._typed,
            self._properties,
            self._selected,
            replication_key=self._key_in_use,
            limit=self.ABORT_AT_RECORD_COUNT,
            primary_keys=tuple(self.primary_keys),
        )
        org = self._tap.org
        return ask_query(selection, org.settings, self.stream_state, now=org.client.clock.now())
