"""The settings `queries`, `jobs` and `filters`, checked as far as possible without an org."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from requests.structures import CaseInsensitiveDict

from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.soql.text import QueryText, check_condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Entry = TypeVar("_Entry")
# It becomes the name of tables and files.
_NAME = re.compile(r"[\w-]+")
_JOB_ID = re.compile(r"750[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")

LIMITED = (
    "with a LIMIT, records would be lost for good, since the next run starts after the last one: "
    "leave out LIMIT or the replication key"
)


@dataclass(frozen=True)
class QuerySetting:
    """A stream of the setting `queries`.

    Attributes:
        name: The stream's name.
        text: The query.
        primary_keys: The columns that are the key; None to choose.
        replication_key: The column that shows what has changed; None to read everything each time.
        include_deleted: None for the value of the setting of that name.
    """

    name: str
    text: QueryText
    primary_keys: tuple[str, ...] | None
    replication_key: str | None
    include_deleted: bool | None

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> QuerySetting:
        """Read an entry.

        Raises:
            SettingsError: If it cannot work.
        """
        text, key = QueryText.parse(entry["soql"]), entry.get("replication_key")
        if key and text.limit is not None:
            raise SettingsError(LIMITED)
        return cls(
            name=_check_name(entry),
            text=text,
            primary_keys=_read_keys(entry),
            replication_key=key or None,
            include_deleted=entry.get("include_deleted"),
        )


@dataclass(frozen=True)
class JobSetting:
    """A stream of the setting `jobs`.

    Attributes:
        name: The stream's name.
        id: The query job.
        primary_keys: The columns that are the key; None to choose.
    """

    name: str
    id: str
    primary_keys: tuple[str, ...] | None

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> JobSetting:
        """Read an entry.

        Raises:
            SettingsError: If it cannot work.
        """
        if not _JOB_ID.fullmatch(entry["id"]):
            raise SettingsError(
                f"{entry['id']} is not the id of a query job: 750 and 12 or 15 characters more"
            )
        return cls(name=_check_name(entry), id=entry["id"], primary_keys=_read_keys(entry))


def parse_queries_and_jobs(
    config: Mapping[str, Any],
) -> tuple[tuple[QuerySetting, ...], tuple[JobSetting, ...]]:
    """Read the settings `queries` and `jobs`.

    Raises:
        SettingsError: If an entry cannot work, or two streams have the same name.
    """
    errors: list[str] = []
    queries = _parse_entries(config, "queries", QuerySetting.parse, errors)
    jobs = _parse_entries(config, "jobs", JobSetting.parse, errors)
    entries = (*config.get("queries", ()), *config.get("jobs", ()))
    names = Counter(entry["name"].lower() for entry in entries)
    errors += [f"queries, jobs: {name} is used twice" for name, n in names.items() if n > 1]
    with collect_errors(errors, "queries, jobs: "):
        check_tables(entry["name"] for entry in entries)
    if errors:
        raise SettingsError(*errors)
    return queries, jobs


def check_names(extra: Iterable[QuerySetting | JobSetting], objects: Iterable[str]) -> None:
    """Check that no query or job has the name of an object that is also a stream.

    Raises:
        SettingsError: If one has.
    """
    taken = {name.lower() for name in objects}
    errors = [
        (
            f"queries, jobs: {each.name} is also the name of an object: choose another, or exclude "
            f"the object with !{each.name} in objects"
        )
        for each in extra
        if each.name.lower() in taken
    ]
    if errors:
        raise SettingsError(*errors)


def check_tables(names: Iterable[str]) -> None:
    """Check that no two streams would share a loader's table.

    Targets made with the Singer SDK take the part of a stream's name after its last `-` for the
    table, and many databases ignore case.

    Raises:
        SettingsError: If two would.
    """
    found: dict[str, str] = {}
    errors = []
    for name in names:
        table = name.rpartition("-")[2].lower()
        other = found.setdefault(table, name)
        if other.lower() != name.lower():
            errors.append(
                f"{other} and {name} would share the table {table}, since loaders take the part "
                "after the last - of a stream's name: rename one"
            )
    if errors:
        raise SettingsError(*errors)


def parse_filters(config: Mapping[str, Any]) -> Mapping[str, str]:
    """Read the setting `filters`.

    Returns:
        Conditions by object name; keys ignore case.

    Raises:
        SettingsError: If one is not a condition, or is empty, as a variable that is not set.
    """
    errors: list[str] = []
    filters: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, condition in config.get("filters", {}).items():
        if name in filters:
            errors.append(f"filters: {name} is used twice")
        elif not condition.strip():
            errors.append(f"filters: {name}: it is empty: write a condition, or leave {name} out")
        else:
            with collect_errors(errors, f"filters: {name}: "):
                filters[name] = check_condition(condition)
    if errors:
        raise SettingsError(*errors)
    return filters


def _parse_entries(
    config: Mapping[str, Any],
    setting: str,
    parse: Callable[[Mapping[str, Any]], _Entry],
    errors: list[str],
) -> tuple[_Entry, ...]:
    """Read the entries of a setting; errors are added to the list."""
    entries = []
    for entry in config.get(setting, ()):
        with collect_errors(errors, f"{setting}: {entry['name']}: "):
            entries.append(parse(entry))
    return tuple(entries)


def _check_name(entry: Mapping[str, Any]) -> str:
    name: str = entry["name"]
    if not _NAME.fullmatch(name):
        raise SettingsError("a name may contain only letters, digits, _ and -")
    return name


def _read_keys(entry: Mapping[str, Any]) -> tuple[str, ...] | None:
    return tuple(entry["primary_keys"]) if entry.get("primary_keys") is not None else None
