"""Settings of other Salesforce taps, and what becomes of them here.

Those of MeltanoLabs' and singer-io's `tap-salesforce` and of further forks, as their code reads
them. What has a counterpart is taken over with a warning that names it, what has lost its meaning
is left out with a warning, and what would read other records than before is refused.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import value_of_text
from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.settings_schema import BOOLEANS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Takeover = Callable[[str, Any], tuple[dict[str, Any], str]]

_MY_DOMAIN_ENDINGS = (".com", ".mil", ".cn")


def take_over(config: Mapping[str, Any], errors: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Put today's settings in place of earlier ones.

    Args:
        config: As the user wrote it, or as it came from environment variables.
        errors: For each setting that has no counterpart, the line to change is added.

    Returns:
        The config, and a warning for each earlier setting in it.
    """
    today = {name: value for name, value in config.items() if name not in NAMES}
    warnings = []
    for name, take_over_one in _EARLIER.items():
        if config.get(name) in (None, "", []):
            continue
        with collect_errors(errors):
            settings, advice = take_over_one(name, config[name])
            today = {**settings, **today}
            warnings.append(f"{name} is a setting of another Salesforce tap: {advice}.")
    return {**today, **_read_texts(today)}, warnings


def _read_texts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read what other taps take as texts too, such as `"true"`; others stay as they are."""
    values: dict[str, Any] = {}
    for name in ("is_sandbox", "quota_percent_total", "quota_percent_per_run"):
        text = config.get(name)
        if isinstance(text, str):
            with suppress(SettingsError):
                values[name] = value_of_text(text, SCHEMA["properties"][name])
            if not text.strip():
                values[name] = None
    return values


def _objects(name: str, value: Any) -> tuple[dict[str, Any], str]:
    if isinstance(value, str):
        value = [each.strip(" []\"'") for each in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsError(f"{name} must be a list of names; it is called objects here")
    return _rename_setting("objects", value)


def _lookback(name: str, value: Any) -> tuple[dict[str, Any], str]:
    return _rename_setting("lookback_seconds", _integer(name, value))


def _workers(name: str, value: Any) -> tuple[dict[str, Any], str]:
    return _rename_setting("max_parallel_downloads", _integer(name, value))


def _domain(_name: str, value: Any) -> tuple[dict[str, Any], str]:
    host = str(value).strip().removeprefix("https://").split("/")[0]
    if host in ("login", "login.salesforce.com"):
        return {"is_sandbox": False}, "remove it, that is the default"
    if host in ("test", "test.salesforce.com"):
        return _rename_setting("is_sandbox", value=True)
    if not host.endswith(_MY_DOMAIN_ENDINGS):
        host = f"{host.removesuffix('.my')}.my.salesforce.com"
    return _rename_setting("instance_url", f"https://{host}")


def _api_type(_name: str, _value: Any) -> tuple[dict[str, Any], str]:
    return {}, "remove it, since all is read through Bulk API 2.0 query jobs and their result pages"


def _threshold(_name: str, _value: Any) -> tuple[dict[str, Any], str]:
    return {}, "remove it, since a STATE follows every result page"


def _select_fields(name: str, value: Any) -> tuple[dict[str, Any], str]:
    if _boolean(name, value):
        return {}, "remove it, that is the default"
    raise SettingsError(
        f"{name}: false has no counterpart, and every field would be read: remove it, and "
        'deselect fields in the catalog ("selected": false)'
    )


def _tasks(name: str, value: Any) -> tuple[dict[str, Any], str]:
    condition = json.dumps({"Task": f"CreatedDate = LAST_N_MONTHS:{value}"})
    raise SettingsError(f'{name} has no counterpart: set "filters": {condition} instead')


def _reports(name: str, value: Any) -> tuple[dict[str, Any], str]:
    text = str(value).strip().lower()
    if not BOOLEANS.get(text, text):
        return {}, "remove it"
    raise SettingsError(
        f"{name} has no counterpart, since no query job reads reports, list views or "
        "campaigns as such: remove it, and choose records of the objects behind them "
        "with filters"
    )


def _rename_setting(name: str, value: Any) -> tuple[dict[str, Any], str]:
    return {name: value}, f'set "{name}": {json.dumps(value)} instead'


def _boolean(name: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in BOOLEANS:
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return BOOLEANS[text]


def _integer(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{name} must be a whole number, not {value!r}") from None


_EARLIER: Mapping[str, Takeover] = {
    # MeltanoLabs
    "streams_to_discover": _objects,
    "max_workers": _workers,
    "state_message_threshold": _threshold,
    # singer-io, and MeltanoLabs too
    "api_type": _api_type,
    "select_fields_by_default": _select_fields,
    "lookback_window": _lookback,
    # Further forks
    "domain": _domain,
    "base_uri": _domain,
    "limit_tasks_month": _tasks,
    "list_reports": _reports,
    "list_views": _reports,
    "report_ids": _reports,
    "report_names": _reports,
    "campaign_ids": _reports,
    "list_ids": _reports,
    "discover_report_fields": _reports,
}
NAMES = frozenset(_EARLIER)
