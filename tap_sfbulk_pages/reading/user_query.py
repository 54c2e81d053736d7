"""What a run asks for an entry of the setting `queries`, and what the answer changes.

Saved jobs are recognized by a fingerprint of the SOQL, so no letter of it may change
(`tests/tap/asked_soql.yaml`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.announced_types import check_announced_types
from tap_sfbulk_pages.reading.request import JobRequest, choose_fields
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.bookmarks import BOUND_FORMATS
from tap_sfbulk_pages.reading.state.coverage import Coverage, decide_start
from tap_sfbulk_pages.reading.through_job import JobReading
from tap_sfbulk_pages.reading.wrappers.asked_again import AskedAgain
from tap_sfbulk_pages.salesforce.schema import primary_keys
from tap_sfbulk_pages.soql.columns import match_spelling
from tap_sfbulk_pages.soql.conditions import has_relative_date
from tap_sfbulk_pages.soql.entries import LIMITED

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from datetime import datetime

    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.reading.state.bookmarks import Incremental
    from tap_sfbulk_pages.settings import Settings
    from tap_sfbulk_pages.soql.columns import TypedQuery
    from tap_sfbulk_pages.soql.entries import QuerySetting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuerySelection:
    """What is wanted of a query, by the catalog.

    Attributes:
        setting: The entry of `queries`.
        typed: Its query, by today's describes.
        schemas: JSON schemas by column, as they are announced: the catalog's, where there is one.
        names: The selected columns.
        replication_key: The column that says what has changed; None to read everything.
        limit: The most records to read; None for all.
        primary_keys: The columns that are the key.
    """

    setting: QuerySetting
    typed: TypedQuery
    schemas: Mapping[str, Mapping[str, Any]]
    names: Sequence[str]
    replication_key: str | None
    limit: int | None = None
    primary_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryQuestion:
    """What a run asks, and what it means for the state when the answer is written.

    Attributes:
        selection: What is wanted.
        request: What is asked.
        incremental: The replication key and its bookmark; None to read everything.
    """

    selection: QuerySelection
    request: JobRequest
    incremental: Incremental | None

    def finish(self, maximum: str | None) -> None:
        """Note in the state that every record of the answer has been written.

        Args:
            maximum: The greatest replication key value in it; None for none.
        """
        if self.incremental:
            self.incremental.finish(maximum)


def ask_query(
    selection: QuerySelection,
    settings: Settings,
    state: MutableMapping[str, Any],
    *,
    now: datetime,
) -> QueryQuestion:
    """Write the query for the selected columns, from the bookmark on.

    Args:
        selection: What is wanted.
        settings: Of the run.
        state: The stream's part of the Singer state; changed by the question, not here.
        now: By Salesforce's clock.

    Raises:
        ExtractionError: If nothing readable is selected, or the replication key cannot be one.
        StateError: If the state is malformed.
    """
    setting, typed = selection.setting, selection.typed
    chosen = choose_fields(
        setting.name,
        selection.names,
        selection.schemas,
        readable=typed.types,
        loss="the query no longer selects these columns; discover again",
    )
    types = {name: chosen[name] for name in typed.types if name in chosen}
    check_announced_types(setting.name, types, selection.schemas, typed.types)
    include_deleted = setting.include_deleted
    if include_deleted is None:
        include_deleted = settings.include_deleted
    coverage = Coverage.of(
        typed.text.clauses.get("WHERE"),
        typed.text.source,
        types,
        settings,
        include_deleted=include_deleted,
        now=now,
    )
    incremental = _find_incremental(selection, coverage, settings, state, now)
    key = incremental.key if incremental else None
    condition = incremental.condition(settings) if incremental else None
    soql = typed.soql(types, condition=condition, limit=selection.limit)
    logger.debug("%s", soql)
    computed = {column.name for column in typed.columns if column.is_computed}
    request = JobRequest(
        query=Query(soql, include_deleted=include_deleted),
        types=types,
        replication_key=key,
        by_place={place: name for place, name in enumerate(types) if name in computed},
        forbidden=ForbiddenValues.of(selection.primary_keys, types, selection.schemas),
    )
    return QueryQuestion(selection, request, incremental)


def open_query(
    context: ReadingContext, question: QueryQuestion, state: MutableMapping[str, Any]
) -> Reading:
    """Make ready to read the answer through a job.

    Args:
        context: The org, and what the run does meanwhile.
        question: What is asked.
        state: The stream's part of the Singer state, changed in place while it is read.
    """
    setting = question.selection.setting

    def ask() -> Reading:
        return JobReading(context, question.request, state=state, on_finished=question.finish)

    is_dated = has_relative_date(setting.text.clauses.get("WHERE"))
    if is_dated and saved_reads.has_job(state):
        # The bookmark waits for today's answer, as in `choice.open_object`.
        begun = JobReading(context, question.request, state=state, on_finished=lambda _: None)
        return AskedAgain(begun, context, stream=setting.name, ask=ask)
    return ask()


def choose_keys(setting: QuerySetting, typed: TypedQuery) -> tuple[str, ...]:
    """Choose the key: what the user says, else that of the object if the query selects it.

    Raises:
        SettingsError: If the user names a column that the query does not have.
    """
    if setting.primary_keys is not None:
        return match_spelling(setting.primary_keys, typed.types)
    keys = primary_keys(typed.sobject)
    return keys if set(keys) <= typed.types.keys() else ()


def choose_replication_key(setting: QuerySetting, typed: TypedQuery) -> str | None:
    """Return the replication key as its column is spelled; None if the user names none.

    Raises:
        SettingsError: If the column cannot be one.
    """
    key = setting.replication_key
    if key is None:
        return None
    column = next((each for each in typed.columns if each.name.lower() == key.lower()), None)
    if column is None or column.is_computed or column.type not in ("date", "datetime"):
        raise SettingsError(_reject_key(key, typed))
    return column.name


def _find_incremental(
    selection: QuerySelection,
    coverage: Coverage,
    settings: Settings,
    state: MutableMapping[str, Any],
    now: datetime,
) -> Incremental | None:
    key = selection.replication_key
    if key is None:
        return None
    if selection.setting.text.limit is not None:
        raise ExtractionError(LIMITED)
    schema = selection.schemas.get(key, {})
    if key not in selection.typed.types or schema.get("format") not in BOUND_FORMATS:
        raise ExtractionError(_reject_key(key, selection.typed))
    return decide_start(
        key,
        schema,
        state,
        settings,
        stream=selection.setting.name,
        coverage=coverage,
        wanted=selection.names,
        described=selection.typed.types,
        now=now,
    )


def _reject_key(key: str, typed: TypedQuery) -> str:
    """Say why a column cannot be the replication key."""
    if key.lower() not in map(str.lower, typed.types):
        return f"the query does not select the replication key {key}: add it to the SELECT"
    return f"the replication key {key} is not a date or datetime field that the query selects"
