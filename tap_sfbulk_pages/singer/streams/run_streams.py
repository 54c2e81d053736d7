"""The streams of a run, in the order in which their jobs are made."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.singerlib import Catalog

from tap_sfbulk_pages.errors import CatalogError, ExtractionError, SettingsError, collect_errors
from tap_sfbulk_pages.inputs.catalog_entries import NOTHING_SELECTED
from tap_sfbulk_pages.reading.named_things import (
    check_filter_fields,
    check_named_streams,
    is_name,
    map_sources,
    match_objects,
    output_names,
)
from tap_sfbulk_pages.salesforce.describe import (
    DescribesInTurn,
    SObject,
    describe_objects,
    list_object_names,
)
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.singer.inputs.states import find_strange_bookmarks
from tap_sfbulk_pages.singer.streams.announced_numbers import keep_digits
from tap_sfbulk_pages.singer.streams.discovery import (
    is_named,
    list_offered_things,
    offer_object,
    select_object,
    warn_of_hindered,
)
from tap_sfbulk_pages.singer.streams.extra_streams import select_extra_streams
from tap_sfbulk_pages.singer.streams.mapped_streams import (
    check_mapper_for_files,
    choose_mapped_streams,
    register_with_mapper,
    try_maps,
)
from tap_sfbulk_pages.singer.streams.object_stream import SObjectStream
from tap_sfbulk_pages.singer.streams.stream_in_turn import StreamInTurn, has_saved_job
from tap_sfbulk_pages.soql.entries import check_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tap_sfbulk_pages.singer.inputs.catalog_files import SelectedEntries
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream


def select_streams_in_turn(tap: RunningTap, entries: SelectedEntries) -> list[StreamInTurn]:
    """List the streams that a catalog selects, in the order in which their jobs are made.

    Args:
        tap: The tap, which has its state and a mapper.
        entries: Those that the catalog selects, each read when it is needed.

    Raises:
        CatalogError: If it selects nothing.
        SettingsError: If the settings name something that is not there, or `stream_maps` cannot be
            followed.
        ExtractionError: If the org cannot be asked.
    """
    if not entries:
        raise CatalogError(NOTHING_SELECTED)
    warn_of_hindered(tap, entries)
    missing = _look_for_named(tap, entries)
    _warn_of_bookmarks(tap, [*entries.known, *tap.org.settings.extra_names])
    names = _in_order(tap, entries)
    _check_tables(tap, names)
    check_mapper_for_files(tap, names)
    extra = select_extra_streams(tap, entries, partial(_read_schema, entries))
    for name in choose_mapped_streams(tap, names):
        try_maps(tap, entries[name])
    _check_objects(tap, [name for name in names if name not in extra])
    describes = _describes(tap, [name for name in names if name not in extra])

    @contextmanager
    def make(name: str) -> Iterator[BulkStream]:
        entry = entries[name]
        stream = extra.pop(name, None) or select_object(tap, entry, describes.take(name))
        stream.apply_catalog(Catalog({name: entry}))
        with register_with_mapper(tap, entry, stream):
            yield stream

    return [
        *_failing(tap, missing),
        *(StreamInTurn(tap, name, partial(make, name)) for name in names),
    ]


def _read_schema(entries: SelectedEntries, name: str) -> dict[str, Any]:
    content = entries.read_content(name)
    return keep_digits(entries[name].schema.to_dict(), content["schema"])


def _look_for_named(tap: RunningTap, entries: SelectedEntries) -> Mapping[str, ExtractionError]:
    """Look for what the settings name; what the catalog knows is there, selected or not.

    Returns:
        Objects that are not there, with the errors to report.

    Raises:
        SettingsError: If there is nothing for a filter or a stream map.
    """
    org, settings = tap.org, tap.org.settings
    queryable = cache(lambda: list_object_names(org.client, org.api_version))
    check_named_streams(
        settings.filters,
        map_sources(tap.mapper.stream_maps_dict),
        read=list(entries),
        known=[*entries.known, *settings.extra_names],
        list_queryable=queryable,
    )
    known = {name.lower() for name in entries.known}
    named = [*filter(is_name, settings.objects), *settings.extra_names]
    new = [name for name in named if name.lower() not in known]
    objects = [name for name in new if name not in settings.extra_names]
    missing = match_objects(objects, queryable())[1] if objects else {}
    for name in new:
        if name not in missing:
            tap.logger.warning(
                "%s is not in the catalog, and not read: discover again to have it there.", name
            )
    return missing


def offer_streams_in_turn(tap: RunningTap) -> list[StreamInTurn]:
    """List the streams that a run without a catalog reads, in the order in which jobs are made.

    Args:
        tap: The tap, which has its state and a mapper.

    Raises:
        SettingsError: If the settings name something that is not there, leave nothing to read, or
            `stream_maps` cannot be followed.
        ExtractionError: If the org does not say what it offers, or settings contradict it.
    """
    offered = list_offered_things(tap)
    _warn_of_bookmarks(tap, offered.known)
    extra = {stream.name: stream for stream in offered.extra}
    settings = tap.org.settings
    wanted, failing = [], dict(offered.missing)
    for name in offered.objects:
        why = find_obstacle(name, filters=settings.filters, through_rest=settings.fallback_to_rest)
        if not why:
            wanted.append(name)
        elif is_named(tap, name):
            failing[name] = ExtractionError(f"It is not read unless a catalog selects it: {why}.")
    names = _in_order(tap, [*wanted, *extra])
    if not names and not failing:
        raise SettingsError("objects: it matches only objects that a plain query cannot read")
    _check_tables(tap, names)
    check_mapper_for_files(tap, names)
    mapped = choose_mapped_streams(tap, names)
    for name in extra.keys() & mapped:
        try_maps(tap, extra[name].catalog_entry)
    _check_objects(tap, wanted, mapped=set(mapped) - extra.keys())
    describes = _describes(tap, [name for name in names if name not in extra])

    @contextmanager
    def make(name: str) -> Iterator[BulkStream | None]:
        stream = extra.pop(name, None) or offer_object(tap, name, describes.take(name))
        with register_with_mapper(tap, stream.catalog_entry, stream) if stream else nullcontext():
            yield stream

    return [
        *_failing(tap, failing),
        *(StreamInTurn(tap, name, partial(make, name)) for name in names),
    ]


def _warn_of_bookmarks(tap: RunningTap, known: Collection[str]) -> None:
    for warning in find_strange_bookmarks(tap.state.get("bookmarks", {}), known):
        tap.logger.warning("%s", warning)


def _failing(tap: RunningTap, errors: Mapping[str, ExtractionError]) -> Iterator[StreamInTurn]:
    """Make streams that fail when their turn comes, so that the others are read."""

    def fail(error: ExtractionError) -> NoReturn:
        raise error

    for name, error in errors.items():
        yield StreamInTurn(tap, name, partial(fail, error))


def _check_objects(tap: RunningTap, objects: Iterable[str], mapped: Collection[str] = ()) -> None:
    """Look for the fields that filters and stream maps name, before anything is read.

    Args:
        tap: The tap.
        objects: Those that are read; those with a filter are described.
        mapped: Those whose stream maps are tried, too.

    Raises:
        SettingsError: If a field is not there, or `stream_maps` cannot be followed.
        ExtractionError: If the org cannot be asked.
    """
    org, errors = tap.org, list[str]()
    filters = org.settings.filters
    named = sorted({*mapped, *(name for name in objects if name in filters)})
    for name, outcome in describe_objects(org.client, org.api_version, named):
        if isinstance(outcome, SObject):
            with collect_errors(errors):
                if name in mapped:
                    try_maps(tap, SObjectStream(tap, outcome).catalog_entry)
            check_filter_fields(filters.get(name, ""), outcome, errors)
    if errors:
        raise SettingsError(*errors)


def _in_order(tap: RunningTap, names: Iterable[str]) -> list[str]:
    """Put the streams first whose jobs are there already."""
    return sorted(names, key=lambda name: (not has_saved_job(tap, name), name))


def _describes(tap: RunningTap, names: Iterable[str]) -> DescribesInTurn:
    """Describe the first objects, so that an org which cannot be asked ends the run here."""
    org = tap.org
    return DescribesInTurn(org.client, org.api_version, names, tap.stop_signal.waiting)


def _check_tables(tap: RunningTap, names: Iterable[str]) -> None:
    """Let no two streams leave under names that would share a loader's table."""
    try:
        check_tables(output_names(names, tap.mapper.stream_maps_dict))
    except SettingsError as error:
        advice = "in queries or jobs, or with __alias__ in stream_maps"
        raise SettingsError(*(f"{each} {advice}" for each in error.errors)) from None
