"""The SDK's mapper, which knows a stream only while the stream is there."""

from __future__ import annotations

import ast
import json
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MappingError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import SameRecordTransform

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.reading.named_things import check_map_fields, map_sources
from tap_sfbulk_pages.singer.simple_maps import find_file_map, refuse_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from singer_sdk.singerlib import CatalogEntry

    from tap_sfbulk_pages.singer.run import RunningTap
    from tap_sfbulk_pages.singer.streams.stream import BulkStream


def check_mapper_for_files(tap: RunningTap, names: Iterable[str]) -> None:
    """Check before a stream is made that no stream must be changed record by record for files.

    Raises:
        SettingsError: If all of them must, for flattening or a map that removes them.
    """
    options = tap.mapper.flattening_options
    is_flattened = options is not None and options.enabled and options.max_level > 0
    is_removed = tap.mapper.default_mapper_type is not SameRecordTransform
    if tap.config.get("batch_config") and (is_flattened or is_removed):
        refuse_files(names)


def choose_mapped_streams(tap: RunningTap, names: Sequence[str]) -> list[str]:
    """Choose a stream for each of the `stream_maps`: the first that it is for."""
    sources = map_sources(tap.mapper.stream_maps_dict)
    found = (next((n for n in names if fnmatch(n, source)), None) for source in sources)
    return sorted(set(filter(None, found)))


def try_maps(tap: RunningTap, entry: CatalogEntry) -> None:
    """Let the maps of a stream end the run before it has begun, if they cannot be followed.

    Raises:
        SettingsError: If they cannot.
    """
    name, maps = _name_of(entry), tap.mapper.stream_maps_dict
    for source, definition in maps.items():
        _check_constants(source, definition)
    check_map_fields(maps, entry.tap_stream_id, (entry.schema.properties or {}).keys())
    with register_with_mapper(tap, entry):
        if tap.config.get("batch_config"):
            schemas = _selected_schema(entry)["properties"]
            find_file_map(tap.mapper.stream_maps[name], maps, stream=name, schemas=schemas)


@contextmanager
def register_with_mapper(
    tap: RunningTap, entry: CatalogEntry, stream: BulkStream | None = None
) -> Iterator[None]:
    """Let the SDK's mapper know a stream as long as the context lasts.

    Args:
        tap: The tap.
        entry: Of the stream, in a catalog.
        stream: Completes the decimals of its schema; None to do without.

    Raises:
        SettingsError: If the maps of the stream cannot be followed.
    """
    schema = _selected_schema(entry)
    if stream:
        schema = stream.announce_decimals(schema)
    mapper, name = tap.mapper, _name_of(entry)
    try:
        try:
            mapper.register_raw_stream_schema(name, schema, entry.key_properties)
        except MappingError as error:
            raise SettingsError(f"stream_maps: {error}") from error
        yield
    finally:
        mapper.stream_maps.pop(name, None)


def _check_constants(stream: str, definition: Any) -> None:
    """Refuse what no JSON holds: half of a character, and numbers without an end.

    Raises:
        SettingsError: If an expression has such a constant.
    """
    texts = definition.values() if isinstance(definition, dict) else ()
    for expression in (each for each in texts if isinstance(each, str)):
        if not _has_json_constants(expression):
            raise SettingsError(
                f"stream_maps: an expression of {stream}, `{expression}`, has a number that is too "
                "large, or half of a surrogate pair in a text"
            )


def _has_json_constants(expression: str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(expression)))
    except (SyntaxError, ValueError):
        # Said where it is evaluated.
        return True
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    try:
        json.dumps(values, ensure_ascii=False, allow_nan=False, default=repr).encode()
    except ValueError:
        return False
    return True


def _name_of(entry: CatalogEntry) -> str:
    return entry.stream or entry.tap_stream_id


def _selected_schema(entry: CatalogEntry) -> dict[str, Any]:
    """Return the schema of what an entry of a catalog selects, as the SDK's mapper is given it."""
    selection = entry.metadata.resolve_selection()
    return get_selected_schema(_name_of(entry), entry.schema.to_dict(), selection)
