"""The streams of a load: every one that the org offers, or those that a catalog selects."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import CatalogError, RefusedError, SettingsError, UnavailableError
from tap_sfbulk_pages.loading.arrow_pages import ArrowPages
from tap_sfbulk_pages.loading.landing import LandingPlan
from tap_sfbulk_pages.loading.stream import OpenedStream, StreamToLoad
from tap_sfbulk_pages.reading.choice import open_object
from tap_sfbulk_pages.reading.named_things import check_named_streams, match_objects
from tap_sfbulk_pages.reading.object_query import ObjectSelection, ask_object
from tap_sfbulk_pages.salesforce.describe import DescribesInTurn, SObject, list_object_names
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.salesforce.schema import (
    DELETED_AT,
    add_deleted_at,
    json_schema,
    primary_keys,
    replication_key,
    unsupported_fields,
)
from tap_sfbulk_pages.soql.entries import check_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence

    from tap_sfbulk_pages.errors import ExtractionError
    from tap_sfbulk_pages.loading.catalog import SelectedStream
    from tap_sfbulk_pages.loading.stream import LoadContext
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.page import ReadingContext

logger = logging.getLogger(__name__)


def list_streams(
    context: LoadContext,
    selected: Mapping[str, SelectedStream] | None,
    *,
    removes_deleted: bool,
) -> list[StreamToLoad]:
    """List the streams of a load, those first whose jobs are there already.

    Args:
        context: What they share.
        selected: Those of a catalog; None for every one that the org offers.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.

    Raises:
        SettingsError: If two streams would share a table.
        ExtractionError: If the org cannot be asked, or settings contradict it.
    """
    org = context.org
    missing: Mapping[str, ExtractionError] = {}
    if selected is None:
        names, missing = _list_offered(org)
    else:
        names = list(selected)
        _check_filters(org, names)
    _check_tables(names)
    order = sorted(names, key=lambda name: (not _has_job(context, name), name))
    describes = DescribesInTurn(org.client, org.api_version, order, context.stop_signal.waiting)

    def open_stream(
        name: str, reading: ReadingContext, state: MutableMapping[str, Any]
    ) -> OpenedStream | None:
        outcome = describes.take(name)
        choice = selected[name] if selected is not None else None
        if isinstance(outcome, RefusedError) and choice is None:
            logger.warning("%s is left out: %s", name, outcome)
            return None
        if isinstance(outcome, (RefusedError, UnavailableError)):
            raise outcome
        if outcome.name != name:
            raise CatalogError(f"Salesforce spells it {outcome.name}: so must the catalog.")
        return _open_object(outcome, choice, reading, state, removes_deleted=removes_deleted)

    def fail(error: ExtractionError, _: ReadingContext, __: MutableMapping[str, Any]) -> None:
        raise error

    return [
        *(StreamToLoad(context, name, partial(fail, error)) for name, error in missing.items()),
        *(StreamToLoad(context, name, partial(open_stream, name)) for name in order),
    ]


def _list_offered(org: Org) -> tuple[list[str], Mapping[str, ExtractionError]]:
    """List the objects to load, and those that the settings name and the org does not have.

    Raises:
        SettingsError: If nothing is left, or the settings name something that is not there.
        ExtractionError: If the org cannot be asked.
    """
    settings = org.settings
    queryable = list_object_names(org.client, org.api_version)
    names, missing = match_objects(settings.objects, queryable)
    check_names([*settings.queries, *settings.jobs], names)
    _check_filters(org, names, queryable)
    offered = [
        name
        for name in names
        if not find_obstacle(name, filters=settings.filters, through_rest=settings.fallback_to_rest)
    ]
    if not offered and not missing:
        raise SettingsError("objects: no object of the org matches it: nothing is left to load")
    return offered, missing


def _check_filters(org: Org, names: Collection[str], queryable: Sequence[str] = ()) -> None:
    """Check that there is an object for each filter.

    Raises:
        SettingsError: If there is none.
    """
    check_named_streams(
        org.settings.filters,
        (),
        read=names,
        known=queryable,
        list_queryable=lambda: list_object_names(org.client, org.api_version),
    )


def _check_tables(names: Iterable[str]) -> None:
    """Let no two streams share a table where names differ in case only.

    Raises:
        SettingsError: If two would.
    """
    found: dict[str, str] = {}
    for name in names:
        if other := found.get(name.lower()):
            raise SettingsError(f"{other} and {name} would be loaded into one table: rename one")
        found[name.lower()] = name


def _has_job(context: LoadContext, name: str) -> bool:
    return context.transactions.has_job(name)


def _open_object(
    sobject: SObject,
    choice: SelectedStream | None,
    context: ReadingContext,
    state: MutableMapping[str, Any],
    *,
    removes_deleted: bool,
) -> OpenedStream:
    """Decide what is read of an object and how it lands, and make ready to read it.

    Raises:
        ExtractionError: As `ask_object` and `open_object`.
    """
    settings = context.org.settings
    keys = primary_keys(sobject)
    key = _replication_key(sobject, choice)
    schemas = _schemas(sobject)
    unsupported = unsupported_fields(sobject, include_blobs=settings.include_blobs)
    wanted = set(schemas if choice is None else choice.fields) | {*keys, *filter(None, [key])}
    names = [name for name in schemas if name in wanted and name not in unsupported]
    selection = ObjectSelection(sobject, schemas, names, keys, key)
    now = context.org.client.clock.now()
    question = ask_object(selection, settings, state, now=now)
    read = {name: schemas[name] for name in names}
    pages = ArrowPages(read)
    reading = open_object(replace(context, sinks=pages), question, state)
    if settings.track_hard_deletes:
        # `pages` knows it too, for the pages of deleted records.
        read[DELETED_AT] = add_deleted_at({"properties": {}})["properties"][DELETED_AT]
    start = question.query.whole.start
    plan = LandingPlan(
        stream=sobject.name,
        schemas=read,
        keys=keys,
        replication_key=key,
        waits=key is None or not keys,
        since=(key, start) if key and start else None,
        removes_deleted=removes_deleted,
        pages=pages,
    )
    return OpenedStream(reading, plan)


def _replication_key(sobject: SObject, choice: SelectedStream | None) -> str | None:
    if choice is None:
        return replication_key(sobject)
    if choice.is_full_table:
        return None
    return choice.replication_key or replication_key(sobject)


def _schemas(sobject: SObject) -> dict[str, Mapping[str, Any]]:
    """Make JSON schemas by field; in databases, times have a type of their own."""
    schemas: dict[str, Mapping[str, Any]] = json_schema(sobject)["properties"]
    times = {field.name for field in sobject.fields if field.type == "time"}
    return {
        name: {**schema, "format": "time"} if name in times else schema
        for name, schema in schemas.items()
    }
