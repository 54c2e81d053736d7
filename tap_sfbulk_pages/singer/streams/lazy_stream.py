"""The streams of a run, each there only from when its job is due until it has been read.

The SDK's stream takes some kilobytes a field, with its catalog entry and its stream map: those of
an org with thousands of objects would take gigabytes, and describing them all would take hundreds
of calls before the first job is made.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from fnmatch import fnmatch
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.exceptions import MappingError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Catalog

from tap_sfbulk_pages.errors import CatalogError, ExtractionError, SettingsError, collect_errors
from tap_sfbulk_pages.inputs.catalog_entries import NOTHING_SELECTED
from tap_sfbulk_pages.reading.named_things import (
    check_filter_fields,
    check_map_fields,
    check_named_streams,
    is_name,
    map_sources,
    match_objects,
    output_names,
)
from tap_sfbulk_pages.reading.plan import StreamPlan
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.salesforce.describe import (
    DescribesInTurn,
    SObject,
    describe_objects,
    list_object_names,
)
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.singer.inputs.states import find_strange_bookmarks, find_unused_bookmark
from tap_sfbulk_pages.singer.simple_maps import find_file_map, refuse_files
from tap_sfbulk_pages.singer.streams.announced_numbers import keep_digits
from tap_sfbulk_pages.singer.streams.discovery import (
    is_named,
    list_offered_things,
    offer_object,
    select_object,
    warn_of_hindered,
)
from tap_sfbulk_pages.singer.streams.extra_streams import select_extra_streams
from tap_sfbulk_pages.singer.streams.object_stream import SObjectStream
from tap_sfbulk_pages.soql.entries import check_tables
from tap_sfbulk_pages.watching.activity import on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from singer_sdk.singerlib import CatalogEntry

    from tap_sfbulk_pages.singer.inputs.catalog_files import SelectedEntries
    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream


class StreamInTurn:
    """A stream that is to be read, made when its turn comes (`job_schedule.Scheduled`).

    Args:
        tap: The tap, which has its state.
        name: Of the stream.
        made: Makes the stream and forgets it at the end of the context; None where the org does
            not offer it after all.

    Attributes:
        name: Of the stream.
        activity: What the run does for it.
        has_saved_job: Whether the state holds a job of it.
    """

    def __init__(
        self,
        tap: RunningTap,
        name: str,
        made: Callable[[], AbstractContextManager[BulkStream | None]],
    ) -> None:
        self.name = name
        self.activity = tap.activity.stream(name)
        self.has_saved_job = _has_saved_job(tap, name)
        self._made = made
        self._lifetime = ExitStack()
        self._stream: BulkStream | None = None
        self._error: Exception | None = None

    @classmethod
    def of(cls, tap: RunningTap, stream: BulkStream) -> StreamInTurn:
        """Take a stream that is there already, and stays."""
        return cls(tap, stream.name, lambda: nullcontext(stream))

    @property
    def is_left_out(self) -> bool:
        """Whether the org does not offer it; known when its preparation has begun."""
        return self._stream is None and self._error is None

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""
        return self._stream.job_id if self._stream else None

    def preparation(self, made: Callable[[], None]) -> Callable[[], None] | None:
        """Make the stream, and make it ready to prepare its job (`BulkStream.preparation`)."""
        try:
            with on_behalf_of(self.activity):
                self._stream = self._lifetime.enter_context(self._made())
        except Exception as error:  # noqa: BLE001 - `read` raises it, for this stream alone
            self._error = error
        if self._stream is None:
            return None
        is_incremental = self._stream.replication_method != "FULL_TABLE"
        key = self._stream.replication_key if is_incremental else None
        if warning := find_unused_bookmark(self.name, self._stream.stream_state, key):
            self._stream.logger.warning("%s", warning)
        return self._stream.preparation(made)

    def keep_job(self) -> None:
        """Save the job that has been made."""
        if self._stream:
            self._stream.keep_job()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""
        if self._stream:
            self._stream.prefetch()

    def read(self) -> None:
        """Write the records of the stream, once its job has ended, and forget the stream.

        Raises:
            Exception: Whatever went wrong with this stream.
        """
        if self._error:
            raise self._error
        if self._stream:
            with on_behalf_of(self.activity):
                self._stream.sync()
            self._stream.finalize_state_progress_markers()

    def forget(self) -> None:
        """Let the stream go, with the pages that it has fetched ahead."""
        if self._stream:
            self._stream.close()
        self._stream = self._error = None
        self._lifetime.close()

    def plan(self) -> StreamPlan | None:
        """Tell what reading the stream would take; None where the org does not offer it."""
        try:
            with self._made() as stream:
                return stream.plan() if stream else None
        except ExtractionError as error:
            return StreamPlan(self.name, trouble=str(error))


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
    _check_files(tap, names)
    extra = select_extra_streams(tap, entries, partial(_read_schema, entries))
    for name in _map_names(tap, names):
        _try_maps(tap, Catalog({name: entries[name]}))
    _check_objects(tap, [name for name in names if name not in extra])
    describes = _describes(tap, [name for name in names if name not in extra])

    @contextmanager
    def made(name: str) -> Iterator[BulkStream]:
        entry = entries[name]
        stream = extra.pop(name, None) or select_object(tap, entry, describes.take(name))
        catalog = Catalog({name: entry})
        stream.apply_catalog(catalog)
        with _mapped_by(tap, catalog, stream):
            yield stream

    return [
        *_failing(tap, missing),
        *(StreamInTurn(tap, name, partial(made, name)) for name in names),
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
        ExtractionError: If the org does not tell what it offers, or settings contradict it.
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
    _check_files(tap, names)
    mapped = _map_names(tap, names)
    for name in extra.keys() & mapped:
        _try_maps(tap, _catalog(extra[name]))
    _check_objects(tap, wanted, mapped=set(mapped) - extra.keys())
    describes = _describes(tap, [name for name in names if name not in extra])

    @contextmanager
    def made(name: str) -> Iterator[BulkStream | None]:
        stream = extra.pop(name, None) or offer_object(tap, name, describes.take(name))
        with _mapped_by(tap, _catalog(stream), stream) if stream else nullcontext():
            yield stream

    return [
        *_failing(tap, failing),
        *(StreamInTurn(tap, name, partial(made, name)) for name in names),
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
                    _try_maps(tap, _catalog(SObjectStream(tap, outcome)))
            check_filter_fields(filters.get(name, ""), outcome, errors)
    if errors:
        raise SettingsError(*errors)


def _catalog(stream: BulkStream) -> Catalog:
    """Make the catalog of a stream that none was given for, as the SDK's own `catalog` does."""
    return Catalog({stream.name: stream._singer_catalog_entry})  # noqa: SLF001


def _in_order(tap: RunningTap, names: Iterable[str]) -> list[str]:
    """Put the streams first whose jobs are there already."""
    return sorted(names, key=lambda name: (not _has_saved_job(tap, name), name))


def _has_saved_job(tap: RunningTap, name: str) -> bool:
    return saved_reads.has_job(tap.state.get("bookmarks", {}).get(name, {}))


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


def _check_files(tap: RunningTap, names: Iterable[str]) -> None:
    """Check before a stream is made that no stream must be changed record by record for files."""
    options = tap.mapper.flattening_options
    is_flattened = options is not None and options.enabled and options.max_level > 0
    is_removed = tap.mapper.default_mapper_type is not SameRecordTransform
    if tap.config.get("batch_config") and (is_flattened or is_removed):
        refuse_files(names)


def _map_names(tap: RunningTap, names: Sequence[str]) -> list[str]:
    """Choose a stream for each of the `stream_maps`: the first that it is for."""
    sources = map_sources(tap.mapper.stream_maps_dict)
    found = (next((n for n in names if fnmatch(n, source)), None) for source in sources)
    return sorted(set(filter(None, found)))


def _try_maps(tap: RunningTap, catalog: Catalog) -> None:
    """Let maps that cannot be followed end the run before it has begun."""
    for entry in catalog.streams:
        fields = (entry.schema.properties or {}).keys()
        check_map_fields(tap.mapper.stream_maps_dict, entry.tap_stream_id, fields)
    with _mapped_by(tap, catalog):
        if tap.config.get("batch_config"):
            for entry in catalog.streams:
                name = entry.stream or entry.tap_stream_id
                find_file_map(
                    tap.mapper.stream_maps[name],
                    tap.mapper.stream_maps_dict,
                    stream=name,
                    schemas=_selected_schema(entry)["properties"],
                )


@contextmanager
def _mapped_by(
    tap: RunningTap, catalog: Catalog, stream: BulkStream | None = None
) -> Iterator[None]:
    """Let the SDK's mapper know the streams of a catalog, as long as the context lasts.

    Args:
        tap: The tap.
        catalog: The catalog.
        stream: Its only stream, which completes its decimals; None to do without.
    """
    mapper, names = tap.mapper, list[str]()
    try:
        for entry in catalog.streams:
            names.append(entry.stream or entry.tap_stream_id)
            schema = _selected_schema(entry)
            if stream:
                schema = stream.announce_decimals(schema)
            try:
                mapper.register_raw_stream_schema(names[-1], schema, entry.key_properties)
            except MappingError as error:
                raise SettingsError(f"stream_maps: {error}") from error
        yield
    finally:
        for name in names:
            mapper.stream_maps.pop(name, None)


def _selected_schema(entry: CatalogEntry) -> dict[str, Any]:
    """Return the schema of what an entry of a catalog selects, as the SDK's mapper is given it."""
    name, selection = entry.stream or entry.tap_stream_id, entry.metadata.resolve_selection()
    return get_selected_schema(name, entry.schema.to_dict(), selection)
