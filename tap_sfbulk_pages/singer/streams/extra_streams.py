"""The streams that are no objects: those of the settings `queries` and `jobs`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import (
    QueryJobError,
    RefusedError,
    SettingsError,
    UnavailableError,
    collect_errors,
)
from tap_sfbulk_pages.singer.streams.job_stream import ExistingJobStream
from tap_sfbulk_pages.singer.streams.query_stream import QueryStream
from tap_sfbulk_pages.singer.streams.unreadable_stream import UnreadableStream
from tap_sfbulk_pages.soql.field_paths import FieldPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from singer_sdk.singerlib import CatalogEntry

    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream
    from tap_sfbulk_pages.soql.entries import QuerySetting


def offer_extra_streams(tap: RunningTap, paths: FieldPaths) -> list[BulkStream]:
    """Make all of them.

    Args:
        tap: The tap.
        paths: The org's fields.

    Raises:
        SettingsError: If some cannot be read, with their names and the reasons.
        ExtractionError: If the org cannot be asked.
    """
    settings = tap.org.settings
    streams: list[BulkStream] = []
    errors: list[str] = []
    for query in settings.queries:
        with collect_errors(errors, f"queries: {query.name}: "):
            streams.append(_make_stream(tap, query.name, partial(QueryStream, tap, query, paths)))
    for job in settings.jobs:
        with collect_errors(errors, f"jobs: {job.name}: "):
            make = partial(ExistingJobStream.discover, tap, job, paths)
            streams.append(_make_stream(tap, job.name, make))
    if errors:
        raise SettingsError(*errors)
    return streams


def select_extra_streams(
    tap: RunningTap,
    entries: Mapping[str, CatalogEntry],
    read_schema: Callable[[str], dict[str, Any]],
) -> dict[str, BulkStream]:
    """Make those that a catalog selects; one that can no longer be read says so itself, later.

    Args:
        tap: The tap.
        entries: The selected entries of the catalog by stream.
        read_schema: Returns the schema of a stream as the catalog has it.

    Raises:
        SettingsError: If a query has become wrong since the catalog was made from it.
    """
    org = tap.org
    paths = FieldPaths(org.client, org.api_version)
    streams: dict[str, BulkStream] = {}
    errors: list[str] = []
    for query in org.settings.queries:
        if query.name in entries:
            try:
                streams[query.name] = QueryStream(tap, query, paths)
            except (SettingsError, RefusedError, UnavailableError) as error:
                schema = read_schema(query.name)
                if isinstance(error, SettingsError) and not _is_known(query, schema):
                    errors += [f"queries: {query.name}: {each}" for each in error.errors]
                    continue
                streams[query.name] = UnreadableStream(
                    tap, name=query.name, schema=schema, error=error
                )
    for job in org.settings.jobs:
        if job.name in entries:
            # The catalog knows its columns.
            keys = tuple(entries[job.name].key_properties or ())
            streams[job.name] = ExistingJobStream(
                tap, job, schema=read_schema(job.name), keys=keys, paths=paths
            )
    if errors:
        raise SettingsError(*errors)
    return streams


def _is_known(query: QuerySetting, schema: Mapping[str, Any]) -> bool:
    """Return whether all fields of a query were there when the catalog was made.

    Then Salesforce has changed, not the query: the fields are hidden or gone.
    """
    known = {name.lower() for name in schema.get("properties", {})}
    prefix = f"{query.text.alias or query.text.sobject}.".lower()
    paths = [item.path.lower() for item in query.text.items if item.path and not item.function]
    return all(path.removeprefix(prefix) in known for path in paths)


def _make_stream(tap: RunningTap, name: str, make: Callable[[], BulkStream]) -> BulkStream:
    """Make a stream; one whose columns the org does not name at the moment fails when it is read.

    Raises:
        SettingsError: If it cannot be read at all.
    """
    try:
        return make()
    except (QueryJobError, RefusedError) as error:
        raise SettingsError(str(error)) from error
    except UnavailableError as error:
        tap.logger.warning("%s is offered without columns: %s", name, error)
        schema = {"type": "object", "properties": {}}
        return UnreadableStream(tap, name=name, schema=schema, error=error)
