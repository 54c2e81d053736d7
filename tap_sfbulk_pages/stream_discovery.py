"""Making the streams of a run: every one that the org offers, or those that a catalog selects."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from tap_sfbulk_pages.describe import described, offered_names
from tap_sfbulk_pages.errors import ExtractionError, RefusedError, UnavailableError
from tap_sfbulk_pages.extra_streams import offered_extra_streams, selected_extra_streams
from tap_sfbulk_pages.field_paths import FieldPaths
from tap_sfbulk_pages.query_settings import check_names, warn_of_filters
from tap_sfbulk_pages.restricted_objects import hindrance
from tap_sfbulk_pages.sobject_stream import SObjectStream
from tap_sfbulk_pages.unreadable_stream import UnreadableStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.singerlib import Catalog
    from singer_sdk.streams import Stream

    from tap_sfbulk_pages.tap import TapSFBulkPages


def offered_streams(tap: TapSFBulkPages) -> Iterator[Stream]:
    """Make a stream of everything that the org offers and the settings do not exclude.

    Yields:
        One by one, ordered by name: all of them may be more than memory holds.

    Raises:
        ExtractionError: If the org does not tell what it offers, or settings contradict it.
    """
    org, settings = tap.org, tap.org.settings
    names = sorted(offered_names(org.client, org.api_version, settings.objects))
    check_names([*settings.queries, *settings.jobs], names)
    warn_of_filters(settings.filters, names)
    _warn_of_hindered(tap)
    extra = offered_extra_streams(tap, FieldPaths(org.client, org.api_version))
    yield from merge(_offered_objects(tap, names), sorted(extra, key=_name), key=_name)


def _offered_objects(tap: TapSFBulkPages, names: Iterable[str]) -> Iterator[Stream]:
    for name, outcome in described(tap.org.client, tap.org.api_version, names):
        if isinstance(outcome, RefusedError):
            tap.logger.warning("%s is left out: %s", name, outcome)
        elif isinstance(outcome, UnavailableError):
            # To be read, by this run or with this catalog, would be an error: left out instead,
            # nobody would miss it.
            tap.logger.warning("%s is offered without fields: %s", name, outcome)
            nothing = {"type": "object", "properties": {}}
            yield UnreadableStream(tap, name=name, schema=nothing, error=outcome)
        else:
            yield SObjectStream(tap, outcome)


def _warn_of_hindered(tap: TapSFBulkPages, selected: Iterable[str] = ()) -> None:
    """Warn of objects that the settings name, not just fit, and that are left alone all the same.

    Args:
        tap: The tap.
        selected: Those that a catalog selects.
    """
    settings = tap.org.settings
    read = {name.lower() for name in selected}
    for name in settings.objects:
        why = hindrance(name, filters=settings.filters, through_rest=settings.fallback_to_rest)
        if why and name.lower() not in read:
            tap.logger.warning(
                "objects: %s is not read unless a catalog selects it: %s.", name, why
            )


def _name(stream: Stream) -> str:
    return stream.name


def selected_streams(tap: TapSFBulkPages, catalog: Catalog) -> list[Stream]:
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
    _warn_of_hindered(tap, entries)
    extra = selected_extra_streams(tap, entries)
    names = [name for name in entries if name not in extra]
    streams = list(extra.values())
    for name, outcome in described(org.client, org.api_version, names):
        if isinstance(outcome, ExtractionError):
            schema = entries[name].schema.to_dict()
            streams.append(UnreadableStream(tap, name=name, schema=schema, error=outcome))
        else:
            streams.append(SObjectStream(tap, outcome))
    return streams
