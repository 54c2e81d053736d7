"""Making the streams of a run: every one that the org offers, or those that a catalog selects."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import (
    CatalogError,
    ExtractionError,
    RefusedError,
    SettingsError,
    UnavailableError,
)
from tap_sfbulk_pages.reading.named_things import check_named_streams, map_sources, match_objects
from tap_sfbulk_pages.salesforce.describe import describe_objects, list_object_names
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.singer.streams.extra_streams import (
    offer_extra_streams,
    select_extra_streams,
)
from tap_sfbulk_pages.singer.streams.object_stream import SObjectStream
from tap_sfbulk_pages.singer.streams.unreadable_stream import UnreadableStream
from tap_sfbulk_pages.soql.entries import check_names
from tap_sfbulk_pages.soql.field_paths import FieldPaths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.singerlib import Catalog, CatalogEntry

    from tap_sfbulk_pages.salesforce.describe import SObject
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream


@dataclass(frozen=True)
class OfferedThings:
    """What the org offers and the settings do not exclude.

    Attributes:
        known: All streams that there are, whether the settings exclude them or not.
        objects: Names, ordered.
        missing: Objects that the settings name and that are not there, with the errors to report.
        extra: The streams of the settings `queries` and `jobs`.
    """

    known: list[str]
    objects: list[str]
    missing: dict[str, ExtractionError]
    extra: list[BulkStream]


def offer_streams(tap: RunningTap) -> Iterator[BulkStream]:
    """Make a stream of everything that the org offers and the settings do not exclude.

    Yields:
        One by one, ordered by name: all of them may be more than memory holds.

    Raises:
        ExtractionError: If the org does not say what it offers, or settings contradict it.
    """
    offered = list_offered_things(tap)
    missing = [_without_fields(tap, name, error) for name, error in offered.missing.items()]
    others = sorted([*offered.extra, *missing], key=_name)
    warn_of_hindered(tap)
    yield from merge(_offer_objects(tap, offered.objects), others, key=_name)


def list_offered_things(tap: RunningTap) -> OfferedThings:
    """List what the org offers and the settings do not exclude.

    Raises:
        ExtractionError: If that is nothing, the org does not say, or settings contradict it.
    """
    org, settings = tap.org, tap.org.settings
    queryable = list_object_names(org.client, org.api_version)
    names, missing = match_objects(settings.objects, queryable)
    check_names([*settings.queries, *settings.jobs], names)
    check_named_streams(
        settings.filters,
        map_sources(tap.config.get("stream_maps")),
        read=[*names, *settings.extra_names],
        known=(),
        list_queryable=lambda: queryable,
    )
    if not names and not missing and not settings.extra_names:
        raise SettingsError(
            "objects: no object of the org matches it, and there are no queries and no jobs: "
            "nothing is left to read"
        )
    streams = offer_extra_streams(tap, FieldPaths(org.client, org.api_version))
    return OfferedThings([*queryable, *settings.extra_names], names, missing, streams)


def _offer_objects(tap: RunningTap, names: Iterable[str]) -> Iterator[BulkStream]:
    for name, outcome in describe_objects(tap.org.client, tap.org.api_version, names):
        if stream := offer_object(tap, name, outcome):
            yield stream


def is_named(tap: RunningTap, name: str) -> bool:
    """Return whether the settings name an object, not just match it with a glob."""
    return name.lower() in map(str.lower, tap.org.settings.objects)


def warn_of_hindered(tap: RunningTap, selected: Iterable[str] = ()) -> None:
    """Warn of objects that the settings name, not just match, and that are not read all the same.

    Args:
        tap: The tap.
        selected: Those that a catalog selects.
    """
    settings = tap.org.settings
    read = {name.lower() for name in selected}
    for name in settings.objects:
        why = find_obstacle(name, filters=settings.filters, through_rest=settings.fallback_to_rest)
        if why and name.lower() not in read:
            tap.logger.warning(
                "objects: %s is not read unless a catalog selects it: %s.", name, why
            )


def offer_object(
    tap: RunningTap, name: str, outcome: SObject | RefusedError | UnavailableError
) -> BulkStream | None:
    """Make the stream of an object; None where it is left out.

    Args:
        tap: The tap.
        name: The object.
        outcome: Of its describe.
    """
    if isinstance(outcome, RefusedError) and not is_named(tap, name):
        tap.logger.warning("%s is left out: %s", name, outcome)
        return None
    if isinstance(outcome, ExtractionError):
        return _without_fields(tap, name, outcome)
    return SObjectStream(tap, outcome)


def _without_fields(tap: RunningTap, name: str, error: ExtractionError) -> UnreadableStream:
    """Make a stream that fails when it is read; if it were left out, nobody would miss it."""
    tap.logger.warning("%s is offered without fields: %s", name, error)
    nothing = {"type": "object", "properties": {}}
    return UnreadableStream(tap, name=name, schema=nothing, error=error)


def _name(stream: BulkStream) -> str:
    return stream.name


def selected_streams(tap: RunningTap, catalog: Catalog) -> list[BulkStream]:
    """Make the streams that the catalog selects; nothing else is described.

    Raises:
        ExtractionError: If the org cannot be asked.
    """
    org = tap.org
    entries = {
        entry.tap_stream_id: entry
        for entry in catalog.streams
        if entry.metadata.resolve_selection().get((), True)
    }
    warn_of_hindered(tap, entries)
    extra = select_extra_streams(tap, entries, lambda name: entries[name].schema.to_dict())
    names = [name for name in entries if name not in extra]
    objects = describe_objects(org.client, org.api_version, names)
    return [
        *extra.values(),
        *(select_object(tap, entries[name], outcome) for name, outcome in objects),
    ]


def select_object(
    tap: RunningTap, entry: CatalogEntry, outcome: SObject | RefusedError | UnavailableError
) -> BulkStream:
    """Make the stream of an object that a catalog selects, before the catalog is applied.

    Args:
        tap: The tap.
        entry: Of the catalog.
        outcome: Of the object's describe.
    """
    error: ExtractionError
    if isinstance(outcome, ExtractionError):
        error = outcome
    elif outcome.name != entry.tap_stream_id:
        # The SDK would find neither the selection nor the bookmark.
        error = CatalogError(f"Salesforce spells it {outcome.name}: so must the catalog.")
    else:
        return SObjectStream(tap, outcome)
    schema = entry.schema.to_dict()
    return UnreadableStream(tap, name=entry.tap_stream_id, schema=schema, error=error)
