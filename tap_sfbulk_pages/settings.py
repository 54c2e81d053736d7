"""The values of the tap's settings, read once into types."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import (
    describe_schema_errors,
    quote_version,
    read_environment,
    report_unknown_names,
)
from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.inputs import earlier_settings
from tap_sfbulk_pages.inputs.input_files import read_config
from tap_sfbulk_pages.quoting import keep_secret
from tap_sfbulk_pages.salesforce.sign_in.choice import SIGN_IN_SETTINGS, choose_sign_in
from tap_sfbulk_pages.salesforce.versions import parse_version
from tap_sfbulk_pages.settings_schema import DEFAULTS, OF_SINGER_SDK, SCHEMA, SECRETS
from tap_sfbulk_pages.soql.entries import parse_filters, parse_queries_and_jobs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from tap_sfbulk_pages.salesforce.sign_in.session import SignIn
    from tap_sfbulk_pages.soql.entries import JobSetting, QuerySetting


_OF_STORAGE_SECRETS = re.compile(
    r"key|secret|token|passw|credential|connection_string|sas", re.IGNORECASE
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The settings of one run, checked.

    Attributes:
        sign_in: The one way to sign in.
        api_version: As `62.0`; None to take the org's newest.
        start_date: Aware, UTC.
        filters: Conditions by the name of their object, in any case of letters.
    """

    sign_in: SignIn
    api_version: str | None
    start_date: datetime | None
    objects: tuple[str, ...]
    queries: tuple[QuerySetting, ...]
    jobs: tuple[JobSetting, ...]
    filters: Mapping[str, str]
    include_deleted: bool
    track_hard_deletes: bool
    lookback_seconds: int
    on_wider_query: str
    backfill_new_fields: bool
    refresh_formula_fields: timedelta | None
    max_parallel_downloads: int
    max_concurrent_jobs: int
    max_page_memory_bytes: int
    split_jobs: bool
    job_timeout_seconds: int
    request_timeout_seconds: float
    max_tries: int
    quota_percent_total: float
    quota_percent_per_run: float
    delete_finished_jobs: bool
    fallback_to_rest: bool
    small_objects_through_rest: bool
    include_blobs: bool
    max_blob_bytes: int
    batch_file_bytes: int
    report_path: Path | None

    @classmethod
    def parse(cls, config: Mapping[str, Any], *, wrong: Collection[str] = ()) -> Settings:
        """Read the tap's config, which has been checked against `settings_schema.SCHEMA`.

        Args:
            config: Values by the name of the setting.
            wrong: Settings that are known to be wrong: neither they nor what depends on them is
                looked at, and an error is raised in any case.

        Raises:
            SettingsError: If values cannot work, alone or together; it names all of them.
        """
        keep_secret(*[value for name in SECRETS if isinstance(value := config.get(name), str)])
        keep_secret(*_storage_secrets(config))
        set_ones = {
            name: value
            for name, value in config.items()
            if value not in (None, "") and name not in wrong
        }
        given = {**DEFAULTS, **set_ones}
        errors: list[str] = []
        with collect_errors(errors):
            queries, jobs = parse_queries_and_jobs(given)
        with collect_errors(errors):
            filters = parse_filters(given)
        with collect_errors(errors):
            api_version = parse_version(given["api_version"]) if "api_version" in given else None
        with collect_errors(errors):
            start_date = _start_date(given)
        with collect_errors(errors):
            refresh_period = _refresh_period(given)
        with collect_errors(errors):
            report_path = _report_path(given)
        if SIGN_IN_SETTINGS.isdisjoint(wrong):
            with collect_errors(errors):
                sign_in = choose_sign_in(given)
        if errors or wrong:
            raise SettingsError(*errors)
        read: dict[str, Any] = {
            "sign_in": sign_in,
            "api_version": api_version,
            "start_date": start_date,
            "objects": tuple(given.get("objects", ())),
            "queries": queries,
            "jobs": jobs,
            "filters": filters,
            "refresh_formula_fields": refresh_period,
            "max_page_memory_bytes": given["max_page_memory_mb"] * 1_000_000,
            "max_tries": given["max_retries"],
            "max_blob_bytes": int(given["max_blob_mb"] * 1_000_000),
            "batch_file_bytes": int(given["batch_file_mb"] * 1_000_000),
            "report_path": report_path,
        }
        as_given = {each.name: given[each.name] for each in fields(cls) if each.name not in read}
        return cls(**read, **as_given)

    @property
    def extra_names(self) -> list[str]:
        """The names of the streams of `queries` and `jobs`."""
        return [*(query.name for query in self.queries), *(job.name for job in self.jobs)]


def read_config_sources(
    sources: Iterable[str], environment: Mapping[str, str], errors: list[str]
) -> dict[str, Any]:
    """Read files, of which the later ones win, and environment variables, which win over files.

    Args:
        sources: Paths of JSON files, or `ENV` for the tap's environment variables.
        environment: Variables by name.
        errors: What cannot be read of the variables is added.

    Returns:
        The tap's config, which is not checked.

    Raises:
        ExtractionError: If a file cannot be read as an object of settings.
    """
    config, has_environment = read_config(sources)
    if has_environment:
        # As the tap knows them; those of other Salesforce taps included.
        properties = {**SCHEMA["properties"], **{name: {} for name in earlier_settings.NAMES}}
        values, _ = read_environment(environment, properties, errors, also_known=OF_SINGER_SDK)
        config |= values
    return config


def check_config(config: Mapping[str, Any]) -> Settings:
    """Check a config as the tap does, without the Singer SDK.

    Args:
        config: Values by the name of the setting.

    Raises:
        SettingsError: If anything is wrong; it names all of it.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - not on every worker

    errors: list[str] = []
    given = {name: value for name, value in config.items() if value is not None}
    config, warnings = earlier_settings.take_over(quote_version(given), errors)
    for warning in warnings:
        logger.warning("%s", warning)
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


def _storage_secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options of a storage by which it knows its user."""
    values = [config.get("batch_config")]
    while values:
        value = values.pop()
        if not isinstance(value, Mapping):
            continue
        for name, inner in value.items():
            if isinstance(inner, str) and _OF_STORAGE_SECRETS.search(name):
                yield inner
            values.append(inner)


def _report_path(given: Mapping[str, Any]) -> Path | None:
    if "report_path" not in given:
        return None
    path = Path(given["report_path"])
    if not path.parent.is_dir():
        # Checked now, since the report is written when the night is over.
        raise SettingsError(f"report_path: there is no folder {path.parent}")
    if path.is_dir():
        raise SettingsError(f"report_path must name a file, and {path} is a folder")
    return path


def _refresh_period(given: Mapping[str, Any]) -> timedelta | None:
    if "refresh_formula_fields" not in given:
        return None
    # Few runs set it, and every start of a command or a worker would pay for the import.
    import isodate  # noqa: PLC0415

    text = given["refresh_formula_fields"]
    try:
        period = isodate.parse_duration(text)
    except (isodate.ISO8601Error, OverflowError):
        period = None
    # Years and months have no fixed length, and are no timedelta.
    if not isinstance(period, timedelta) or period <= timedelta(0):
        raise SettingsError(
            "refresh_formula_fields must be a period of weeks, days or hours in the form of "
            f"ISO 8601, such as P7D or PT12H, not {text}"
        )
    return period


def _start_date(given: Mapping[str, Any]) -> datetime | None:
    if "start_date" not in given:
        return None
    text = str(given["start_date"])
    try:
        return parse_datetime(text)
    except (OverflowError, ValueError) as error:
        raise SettingsError(
            f"start_date must be a date like 2026-01-31T00:00:00Z, not {text}"
        ) from error
