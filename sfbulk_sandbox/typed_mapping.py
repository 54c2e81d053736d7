"""Reads plain mappings, as YAML and JSON give them, into dataclasses with typed fields.

The dataclass is the only description of what may be written: names, types and defaults are taken
from its fields, and whatever does not fit is refused by a message that names the place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import types
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class MappingError(ValueError):
    """Content that does not fit; the message names where and what."""


def read(cls: type[T], mapping: object, where: str) -> T:
    """Make an instance of a dataclass from a mapping.

    Args:
        cls: A dataclass.
        mapping: What was written.
        where: How messages call this mapping, e.g. ``faults[2]``.

    Raises:
        MappingError: Not a mapping, an unknown or missing key, or a value of the wrong kind.
    """
    if not isinstance(mapping, Mapping):
        raise MappingError(f"{where}: expected keys and values, found {mapping!r}")
    hints = get_type_hints(cls)
    fields = {each.name: each for each in dataclasses.fields(cls) if each.init}  # type: ignore[arg-type]
    unknown = [str(key) for key in mapping if key not in fields]
    if unknown:
        known = ", ".join(fields) or "none"
        raise MappingError(f"{where}: unknown key {', '.join(unknown)} (known: {known})")
    missing = [name for name, each in fields.items() if name not in mapping and _is_required(each)]
    if missing:
        raise MappingError(f"{where}: missing key {', '.join(missing)}")
    values = {
        key: _read_value(hints[key], given, f"{where}.{key}") for key, given in mapping.items()
    }
    try:
        return cls(**values)
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from error


def _is_required(each: dataclasses.Field[Any]) -> bool:
    return each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING


def _read_value(hint: Any, given: object, where: str) -> Any:
    """Return the value as the hinted type, or raise MappingError."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _read_one_of(get_args(hint), given, where)
    if origin is Literal:
        if given in get_args(hint) and not isinstance(given, bool):
            return given
        choices = ", ".join(map(str, get_args(hint)))
        raise MappingError(f"{where}: {given!r} is not one of {choices}")
    if origin is not None:
        return _read_collection(hint, given, where)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return given if isinstance(given, hint) else read(hint, given, where)
    return _read_scalar(hint, given, where)


def _read_collection(hint: Any, given: object, where: str) -> Any:
    """Return a tuple of items or a mapping with texts as keys."""
    item_hint = get_args(hint)[0 if get_origin(hint) is tuple else 1]
    if get_origin(hint) is tuple:
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise MappingError(f"{where}: expected a list, found {given!r}")
        return tuple(_read_value(item_hint, each, f"{where}[{n}]") for n, each in enumerate(given))
    if not isinstance(given, Mapping):
        raise MappingError(f"{where}: expected keys and values, found {given!r}")
    return {str(key): _read_value(item_hint, each, f"{where}.{key}") for key, each in given.items()}


def _read_one_of(hints: Sequence[Any], given: object, where: str) -> Any:
    if given is None and type(None) in hints:
        return None
    candidates = [hint for hint in hints if hint is not type(None)]
    for hint in candidates[:-1]:
        with contextlib.suppress(MappingError):
            return _read_value(hint, given, where)
    return _read_value(candidates[-1], given, where)


def _read_scalar(hint: Any, given: object, where: str) -> Any:
    if hint is Any:
        return given
    if hint is datetime:
        return _read_moment(given, where)
    if hint is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if isinstance(given, hint) and (hint is bool or not isinstance(given, bool)):
        return given
    names = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
    raise MappingError(f"{where}: expected {names[hint]}, found {given!r}")


def _read_moment(given: object, where: str) -> datetime:
    """Return a point in time; YAML reads one by itself, JSON has text. UTC if no zone is given."""
    try:
        # Python 3.10 does not read the Z.
        text = str(given).replace("Z", "+00:00")
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(text)
    except ValueError as error:
        raise MappingError(f"{where}: {given!r} is not a date and time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
