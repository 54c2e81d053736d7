"""The loader's own settings, and the tap's beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from tap_sfbulk_pages.configuration import (
    describe_schema_errors,
    quote_version,
    read_environment,
    report_unknown_names,
    value_of_text,
)
from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.settings import Settings
from tap_sfbulk_pages.settings_schema import OF_SINGER_SDK, SCHEMA

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
    config: dict[str, Any] = {}
    for source in sources:
        if source == "ENV":
            values, _ = read_environment(
                environment, SCHEMA["properties"], errors, also_known=OF_SINGER_SDK
            )
            config |= values
        else:
            given = json.loads(Path(source).read_text(encoding="utf-8"))
            if not isinstance(given, dict):
                raise SettingsError(f"{source} must hold a JSON object")
            config |= given
    own = {name: config.pop(name) for name in _OWN if name in config}
    for name, schema in _OWN.items():
        if text := environment.get(ENVIRONMENT_PREFIX + name.upper(), "").strip():
            with collect_errors(errors, f"{name} "):
                own[name] = value_of_text(text, schema)
    own |= {name: value for name, value in options.items() if value not in (None, False)}
    if not own.get("into"):
        errors.append("set --into to the address of a database, such as duckdb:///file.duckdb")
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


def tap_settings(config: Mapping[str, Any], *, tracks_deletes: bool) -> Settings:
    """Check the tap's config as the tap does.

    Args:
        config: Values by the name of the setting.
        tracks_deletes: Whether deleted records are tracked, whatever the config says.

    Raises:
        SettingsError: If anything is wrong; it names all of it.
    """
    errors: list[str] = []
    config = quote_version(config)
    if tracks_deletes:
        config["track_hard_deletes"] = True
    known = {*SCHEMA["properties"], *OF_SINGER_SDK}
    wrong = report_unknown_names(config.keys() - known, known, errors)
    found = Draft202012Validator(SCHEMA).iter_errors(config)
    wrong |= describe_schema_errors(found, SCHEMA["properties"], errors)
    settings = None
    with collect_errors(errors):
        settings = Settings.parse(config, wrong=wrong)
    if errors or settings is None:
        raise SettingsError(*errors)
    return settings
