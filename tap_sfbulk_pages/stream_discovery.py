"""Making the streams of a run: every one that the org offers, or those that a catalog selects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_sfbulk_pages.describe import Field, SObject, described, offered_names
from tap_sfbulk_pages.errors import ExtractionError, RefusedError, UnavailableError
from tap_sfbulk_pages.extra_streams import offered_extra_streams, selected_extra_streams
from tap_sfbulk_pages.field_paths import FieldPaths
from tap_sfbulk_pages.query_settings import check_names, warn_of_filters
from tap_sfbulk_pages.sobject_stream import SObjectStream

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog
    from singer_sdk.streams import Stream

    from tap_sfbulk_pages.tap import TapSFBulkPages


def offered_streams(tap: TapSFBulkPages) -> list[Stream]:
    """Make a stream of everything that the org offers and the settings do not exclude.

    Raises:
        ExtractionError: If the org does not tell what it offers, or settings contradict it.
    """
    org, settings = tap.org, tap.org.settings
    names = offered_names(org.client, org.api_version, settings.objects)
    check_names([*settings.queries, *settings.jobs], names)
    warn_of_filters(settings.filters, names)
    streams: list[Stream] = []
    known: list[SObject] = []
    for name, outcome in described(org.client, org.api_version, names):
        if isinstance(outcome, RefusedError):
            tap.logger.warning("%s is left out: %s", name, outcome)
        elif isinstance(outcome, UnavailableError):
            # To be read, by this run or with this catalog, would be an error: left out instead,
            # nobody would miss it.
            tap.logger.warning("%s is offered without fields: %s", name, outcome)
            streams.append(SObjectStream(tap, SObject(name, ()), refusal=outcome))
        else:
            known.append(outcome)
            streams.append(SObjectStream(tap, outcome))
    paths = FieldPaths(org.client, org.api_version, known)
    return [*streams, *offered_extra_streams(tap, paths)]


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
    extra = selected_extra_streams(tap, entries)
    names = [name for name in entries if name not in extra]
    streams = list(extra.values())
    for name, outcome in described(org.client, org.api_version, names):
        if isinstance(outcome, ExtractionError):
            properties = entries[name].schema.to_dict()["properties"]
            known = SObject(name, tuple(Field(field, "string") for field in properties))
            streams.append(SObjectStream(tap, known, refusal=outcome))
        else:
            streams.append(SObjectStream(tap, outcome))
    return streams
