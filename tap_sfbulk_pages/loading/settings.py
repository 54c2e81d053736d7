"""The loader's own settings, and the tap's beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import value_of_text
from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.inputs.arguments import NO_SETTINGS
from tap_sfbulk_pages.settings import read_config_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENVIRONMENT_PREFIX = "SFBULK_LOAD_"
_DEFAULT_LOCK_TIMEOUT = 60.0
_OWN: Mapping[str, Mapping[str, Any]] = {
    "into": {"type": ["string"]},
    "schema": {"type": ["string"]},
    "hard_deletes": {"type": ["string"]},
    "lock_timeout": {"type": ["number"]},
    "from_singer": {"type": ["boolean"]},
}


@dataclass(frozen=True)
class LoadSettings:
    """Where and how to load.

    Attributes:
        into: The address of the database, which may hold a password.
        schema: Of the tables; None for the database's own default.
        hard_deletes: `mark`, `remove`, or None to leave it to `track_hard_deletes`.
        lock_timeout: Seconds to wait for another load to end.
        from_singer: Whether Singer messages are read from stdin.
    """

    into: str
    schema: str | None
    hard_deletes: str | None
    lock_timeout: float
    from_singer: bool


def read_config(
    sources: Iterable[str], options: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[LoadSettings, dict[str, Any]]:
    """Read files, the environment and options; the later wins.

    Args:
        sources: Paths of JSON files, or `ENV` for the tap's environment variables.
        options: Of the command line; None where one is not given.
        environment: Variables by name. The loader's own (`SFBULK_LOAD_…`) are always read.

    Returns:
        The loader's settings, and the tap's config, which is not checked.

    Raises:
        SettingsError: If the loader's settings are wrong.
    """
    errors: list[str] = []
    config = read_config_sources(sources, environment, errors)
    own = {name: config.pop(name) for name in _OWN if name in config}
    for name, schema in _OWN.items():
        if text := environment.get(ENVIRONMENT_PREFIX + name.upper(), "").strip():
            with collect_errors(errors, f"{name} "):
                own[name] = value_of_text(text, schema)
    # A timeout of 0 is equal to False, and a choice.
    own |= {
        name: value for name, value in options.items() if value is not None and value is not False
    }
    if not own.get("into"):
        errors.append("set --into to the address of a database, such as duckdb:///file.duckdb")
    if not config and not own.get("from_singer"):
        errors.append(NO_SETTINGS)
    if own.get("hard_deletes") not in (None, "mark", "remove"):
        errors.append("hard_deletes must be mark or remove")
    if errors:
        raise SettingsError(*errors)
    settings = LoadSettings(
        into=str(own["into"]),
        schema=own.get("schema") or None,
        hard_deletes=own.get("hard_deletes"),
        lock_timeout=float(own.get("lock_timeout", _DEFAULT_LOCK_TIMEOUT)),
        from_singer=bool(own.get("from_singer")),
    )
    return settings, config
