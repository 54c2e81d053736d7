"""What the settings name, looked for in the org and the catalog: nothing is passed over silently.

A misspelt name would otherwise read less than was meant, or write what was to be left out.
"""

from __future__ import annotations

import logging
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import find_alike
from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.salesforce.describe import is_asked_for
from tap_sfbulk_pages.soql.text import list_condition_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_sfbulk_pages.salesforce.describe import SObject

_REMOVED = (None, "__NULL__")
logger = logging.getLogger(__name__)


def match_objects(
    patterns: Sequence[str], queryable: Collection[str]
) -> tuple[list[str], dict[str, ExtractionError]]:
    """Apply the `objects` setting.

    Args:
        patterns: The setting.
        queryable: The objects of the org that this user can query.

    Returns:
        The objects that it asks for, ordered, and an error for each that it names and that is not
        there.
    """
    missing: dict[str, ExtractionError] = {}
    for pattern in patterns:
        if any(is_asked_for(name, [pattern.removeprefix("!")]) for name in queryable):
            continue
        if not is_name(pattern):
            logger.warning("objects: no object of the org matches %r.", pattern)
        elif is_asked_for(pattern, patterns):
            missing[pattern] = ExtractionError(describe_missing_object(pattern, queryable))
    return sorted(name for name in queryable if is_asked_for(name, patterns)), missing


def describe_missing_object(name: str, queryable: Iterable[str]) -> str:
    """Say that an object is not there, and which was probably meant."""
    hint = _hint(name, queryable) or "; check its spelling, and the user's access to it"
    return f"the org has no object {name} that this user can query{hint}"


def map_sources(stream_maps: Mapping[str, Any] | None) -> list[str]:
    """List the names and globs of the streams that the `stream_maps` are for."""
    return [
        definition.get("__source__", name) if isinstance(definition, dict) else name
        for name, definition in (stream_maps or {}).items()
        if not name.startswith("__")
    ]


def output_names(names: Iterable[str], stream_maps: Mapping[str, Any] | None) -> list[str]:
    """List the names under which streams leave, after the stream maps that rename or copy them.

    Aliases with expressions in them are left out.
    """
    left: list[str] = []
    maps = stream_maps or {}
    copies = {
        name: definition["__source__"]
        for name, definition in maps.items()
        if isinstance(definition, dict) and "__source__" in definition
    }
    for name in names:
        definition = None if name in copies else maps.get(name, {})
        alias = definition.get("__alias__", name) if isinstance(definition, dict) else None
        if alias is not None and "{" not in alias:
            left.append(alias)
        left += [copy for copy, source in copies.items() if fnmatch(name, source)]
    return left


def check_named_streams(
    filters: Iterable[str],
    sources: Iterable[str],
    *,
    read: Collection[str],
    known: Collection[str],
    list_queryable: Callable[[], Collection[str]],
) -> None:
    """Check that there is something for each filter and each stream map.

    Args:
        filters: Names of objects, in any case.
        sources: As of `map_sources`.
        read: The streams that are read.
        known: Further streams that a filter or map may be for, as those of a catalog that it does
            not select.
        list_queryable: Lists the objects of the org; called only if it matters.

    Raises:
        SettingsError: If there is none.
    """
    errors = []
    for name in filters:
        if name.lower() in {each.lower() for each in (*read, *known)}:
            continue
        if name.lower() not in {each.lower() for each in list_queryable()}:
            errors.append(f"filters: {describe_missing_object(name, list_queryable())}")
        else:
            logger.warning("filters: %s is not read; its filter has no effect.", name)
    for source in sources:
        if any(fnmatch(name, source) for name in read) or source in known:
            continue
        if not is_name(source):
            logger.warning("stream_maps: no stream matches %r.", source)
        elif source not in list_queryable():
            hint = _hint(source, {*read, *known, *list_queryable()})
            errors.append(f"stream_maps: there is no stream {source}{hint}")
    if errors:
        raise SettingsError(*errors)


def check_filter_fields(condition: str, sobject: SObject, errors: list[str]) -> None:
    """Look for the fields of a filter; the parents that a path leads to are left to Salesforce.

    Args:
        condition: The filter.
        sobject: Its object.
        errors: Those that are not there are added.
    """
    fields = sobject.field_names
    relationships = {field.relationship_name for field in sobject.fields if field.relationship_name}
    for path in list_condition_fields(condition):
        first, *others = path.split(".")
        if others and first.lower() == sobject.name.lower():
            first, *others = others
        kind, names = ("relationship", relationships) if others else ("field", fields)
        if first.lower() not in {name.lower() for name in names}:
            hint = _hint(first, names)
            errors.append(f"filters: {sobject.name} has no {kind} {first} for this user{hint}")


def check_map_fields(stream_maps: Mapping[str, Any], stream: str, fields: Collection[str]) -> None:
    """Check that the fields which stream maps remove from a stream are there.

    Args:
        stream_maps: The setting.
        stream: Named in it, not just matched by a glob.
        fields: Of the stream.

    Raises:
        SettingsError: If one is not: a field that is misspelt would be written.
    """
    errors = [
        f"stream_maps: {stream} has no field {field} that could be removed{_hint(field, fields)}"
        for name, definition in stream_maps.items()
        if isinstance(definition, dict) and definition.get("__source__", name) == stream
        for field, expression in definition.items()
        if expression in _REMOVED and not field.startswith("__") and field not in fields
    ]
    if errors:
        raise SettingsError(*errors)


def _hint(name: str, known: Iterable[str]) -> str:
    meant = find_alike(name, known)
    return f"; {meant} was probably meant" if meant else ""


def is_name(pattern: str) -> bool:
    """Return whether an entry of `objects`, or of `stream_maps`, is a name, and no glob."""
    return not any(sign in pattern for sign in "!*?[")
