"""The tap's config: what files and the environment give, checked in one round."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_sfbulk_pages.configuration import (
    describe_schema_errors,
    quote_version,
    read_environment,
    report_unknown_names,
)
from tap_sfbulk_pages.errors import collect_errors
from tap_sfbulk_pages.inputs import earlier_settings
from tap_sfbulk_pages.settings import Settings
from tap_sfbulk_pages.singer.batch_formats import check_batch_config

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_tap_environment(
    schema: Mapping[str, Any], errors: list[str]
) -> tuple[dict[str, Any], set[str]]:
    """Read the settings of the environment, those of other taps included.

    Args:
        schema: JSON schema of the config.
        errors: What is wrong is added.

    Returns:
        The settings, and the names of those that are wrong.
    """
    properties = {**schema["properties"], **{name: {} for name in earlier_settings.NAMES}}
    return read_environment(os.environ, properties, errors)


def check_config(
    config: Mapping[str, Any], schema: Mapping[str, Any], errors: list[str], wrong: set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Check a config, and find all that is wrong with it.

    Args:
        config: As it was given.
        schema: JSON schema of the config, with the SDK's own settings.
        errors: What is wrong is added.
        wrong: Names of settings that are known to be wrong; further ones are added.

    Returns:
        The config with today's settings and defaults, and warnings.
    """
    # A null is unset, also for the SDK's own settings.
    given = {name: value for name, value in config.items() if value is not None}
    checked, warnings = earlier_settings.take_over(quote_version(given), errors)
    known = schema["properties"]
    wrong |= report_unknown_names(checked.keys() - known, known, errors)
    # It fills in defaults, too.
    found = JSONSchemaValidator(schema).iter_errors(checked)
    wrong |= describe_schema_errors(found, known, errors)
    with collect_errors(errors):
        Settings.parse(checked, wrong=wrong)
    if "batch_config" not in wrong:
        with collect_errors(errors):
            check_batch_config(checked)
    return checked, warnings
