"""Access to an org from other machines: pickled without secrets, signed in once per process.

Settings that are not secret travel as strings. Each process adds its own environment variables
(`TAP_SFBULK_PAGES_<SETTING>`), secrets included, and keeps one org for all of its tasks.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema.validators import validator_for

from tap_sfbulk_pages.configuration import (
    describe_schema_errors,
    environment_variable,
    find_alike,
    read_environment,
    value_of_text,
)
from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.org import Org
from tap_sfbulk_pages.settings import Settings
from tap_sfbulk_pages.settings_schema import OF_SINGER_SDK, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROPERTIES: Mapping[str, Mapping[str, Any]] = SCHEMA["properties"]

# By process and fingerprint of the settings: a forked process must open its own sockets.
_orgs: dict[tuple[int, str], Org] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class OrgAccess:
    """Where and how to sign in, without the secrets.

    Attributes:
        settings: Names of settings and their values as text.
    """

    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, str]) -> OrgAccess:
        """Check that settings may travel.

        Args:
            given: Values as text, by the name of the setting, whose case does not matter.

        Raises:
            SettingsError: If one is secret or does not exist. The message repeats no value.
        """
        texts = {name.lower(): text for name, text in given.items()}
        errors = [_secret(name) for name in texts if _PROPERTIES.get(name, {}).get("secret")]
        errors += [_describe_unknown(name) for name in texts if name not in _PROPERTIES]
        if errors:
            raise SettingsError(*errors)
        return cls(tuple(sorted(texts.items())))

    def org(self) -> Org:
        """Return this process's org, the same one for the same settings.

        Raises:
            SettingsError: If the settings and the environment together are not valid.
        """
        config = self._config()
        text = json.dumps(config, sort_keys=True)
        key = (os.getpid(), hashlib.sha256(text.encode()).hexdigest())
        with _lock:
            if key not in _orgs:
                _orgs[key] = Org(Settings.parse(config))
            return _orgs[key]

    def _config(self) -> dict[str, Any]:
        """Read the settings; given ones override those of the environment."""
        errors: list[str] = []
        config, wrong = read_environment(os.environ, _PROPERTIES, errors, also_known=OF_SINGER_SDK)
        for name, text in self.settings:
            with collect_errors(errors, f"{name} "):
                config[name] = value_of_text(text, _PROPERTIES[name])
        found = validator_for(SCHEMA)(SCHEMA).iter_errors(config)
        wrong |= describe_schema_errors(found, _PROPERTIES, errors)
        if errors:
            with collect_errors(errors):
                Settings.parse(config, wrong=wrong)
            raise SettingsError(*errors)
        return config


def _describe_unknown(name: str) -> str:
    meant = find_alike(name, _PROPERTIES)
    return f"there is no option {name}" + (f": {meant} was probably meant" if meant else "")


def _secret(name: str) -> str:
    return (
        f"{name} is a secret, and options travel with every task: set "
        f"{environment_variable(name)} in the environment of the driver and of each worker instead"
    )
