"""What to read, as options of a cluster engine: `object`, `soql`, `job` and `fields`.

All other options are settings of the tap. Values are strings, as such engines pass them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import RefusedError, SettingsError
from tap_sfbulk_pages.jobs.query import Query, QueryJob
from tap_sfbulk_pages.reading.existing_jobs import fetch_result_columns, find_existing_job
from tap_sfbulk_pages.reading.object_query import ObjectQuery
from tap_sfbulk_pages.reading.state.bookmarks import Incremental
from tap_sfbulk_pages.salesforce.schema import json_schema, replication_key, unsupported_fields
from tap_sfbulk_pages.soql.columns import TypedQuery, find_result_columns, property_schemas
from tap_sfbulk_pages.soql.field_paths import FieldPaths
from tap_sfbulk_pages.soql.text import QueryText
from tap_sfbulk_pages.workers.org_access import OrgAccess
from tap_sfbulk_pages.workers.partitions import check_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.salesforce.describe import SObject

_OWN = ("object", "soql", "job", "fields")
# Of streams alone; `check_streamed_jobs` is given them too.
STREAM_OPTIONS = ("pages_per_batch", "job_interval_seconds")
# Asks Spark for the filters of a query; requires spark.sql.python.filterPushdown.enabled.
PUSH_FILTERS = "push_filters"
# What Spark adds to the options of `CREATE TABLE … USING sfbulk`: properties of the table, and each
# option a second time with a prefix.
_TABLE_PROPERTIES = frozenset(
    {"provider", "owner", "location", "comment", "collation", "external", "is_managed_location"}
)
_OPTION_OF_TABLE = "option."

logger = logging.getLogger(__name__)


def fold_names(options: Mapping[str, str]) -> dict[str, str]:
    """Return options by their names in lower case, without what Spark adds for tables."""
    given = {name.lower(): text for name, text in options.items()}
    of_table = {
        name.removeprefix(_OPTION_OF_TABLE): given.pop(name)
        for name in list(given)
        if name.startswith(_OPTION_OF_TABLE)
    }
    return {
        name: text for name, text in (of_table | given).items() if name not in _TABLE_PROPERTIES
    }


@dataclass(frozen=True)
class JobOptions:
    """What to read, and where.

    Attributes:
        access: The org.
        sobject: The name of an object; None with `soql`, optional with `job`.
        soql: The user's own query.
        job_id: An existing query job.
        fields: The columns to read, in order; empty for all of them.
    """

    access: OrgAccess
    sobject: str | None
    soql: str | None
    job_id: str | None
    fields: tuple[str, ...]

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> JobOptions:
        """Parse options.

        Args:
            options: Strings by name; the case of names does not matter.

        Raises:
            SettingsError: If options contradict each other, are secret, or do not exist.
        """
        given = {name: text for name, text in fold_names(options).items() if text.strip()}
        own = {name: given.pop(name).strip() for name in _OWN if name in given}
        errors = []
        if not own.keys() & {"object", "soql", "job"}:
            errors.append("nothing says what to read: set object, soql or job")
        if "soql" in own and len(own) > 1:
            others = ", ".join(sorted(own.keys() - {"soql"}))
            errors.append(f"soql already says what to read: leave out {others}")
        if errors:
            raise SettingsError(*errors)
        fields = own.get("fields", "").strip("[]")
        return cls(
            access=OrgAccess.of(given),
            sobject=own.get("object"),
            soql=own.get("soql"),
            job_id=own.get("job"),
            fields=tuple(name.strip(" \"'") for name in fields.split(",") if name.strip()),
        )

    def properties(self) -> dict[str, Mapping[str, Any]]:
        """Ask the org for the columns.

        Returns:
            JSON schemas by field, in order.

        Raises:
            SettingsError: If the types of the columns cannot be found, or a field cannot be read.
            ExtractionError: If the org cannot be reached.
        """
        org = self.access.org()
        paths = _paths(org)
        if self.soql is not None:
            return dict(property_schemas(_parse_query(self.soql, paths).columns))
        if self.job_id is not None:
            job = find_existing_job(org, self.job_id)
            fields = self.fields or fetch_result_columns(org, org.jobs.wait_until_complete(job))
            columns = find_result_columns(fields, self.sobject or job.sobject, paths)
            return dict(property_schemas(columns))
        assert self.sobject is not None  # noqa: S101 - `parse` made sure
        return _describe_fields(paths.sobject(self.sobject), self.fields)

    def job(self, fields: Sequence[str], conditions: Sequence[str] = ()) -> QueryJob:
        """Take the existing job or create one, and wait for it.

        Args:
            fields: The columns to ask for.
            conditions: SOQL conditions that narrow the query, if the caller does not mind rows that
                fail them: they are left out if Salesforce refuses them.

        Raises:
            QueryJobError: If the job ends without a result, or is gone.
            ExtractionError: If the org cannot be reached.
        """
        org = self.access.org()
        if self.job_id is not None:
            return org.jobs.wait_until_complete(find_existing_job(org, self.job_id))
        if not conditions:
            return org.jobs.wait_until_complete(self.make_job(fields))
        try:
            job = self.make_job(fields, conditions)
        except RefusedError as refusal:
            if not refusal.is_about_the_resource:
                raise
            logger.warning("Reading without the filter %s: %s", " AND ".join(conditions), refusal)
            job = self.make_job(fields)
        return org.jobs.wait_until_complete(job)

    def make_job(self, fields: Sequence[str], conditions: Sequence[str] = ()) -> QueryJob:
        """Create a job without waiting for it.

        Args:
            fields: The columns to ask for.
            conditions: SOQL conditions in addition to those of the settings.

        Raises:
            RefusedError: If Salesforce refuses the query.
            ExtractionError: If the org cannot be reached, or its daily jobs are used up.
        """
        org = self.access.org()
        if self.soql is None:
            query = self._object_query(org, fields).narrow(conditions).write()
        else:
            soql = _spell_columns(self.soql, _paths(org))
            query = Query(soql, org.settings.include_deleted)
        org.job_allowance().take_job()
        job = org.jobs.create(query, org.api_version)
        logger.info("Job %s was created (API %s).", job.id, job.api_version)
        return job

    def replication_key(self) -> str:
        """Return the name of the field that says when a record was changed.

        Raises:
            SettingsError: If the object has none.
            ExtractionError: If the org cannot be reached.
        """
        assert self.sobject is not None  # noqa: S101 - asked for objects only
        key = replication_key(_paths(self.access.org()).sobject(self.sobject))
        if key is None:
            raise SettingsError(
                f"{self.sobject} has no field that says when a record was changed, so it cannot be "
                "read as a stream, only as a whole"
            )
        return key

    def _object_query(self, org: Org, fields: Sequence[str]) -> ObjectQuery:
        """Compose the query that a first run of the tap asks, which has no state."""
        assert self.sobject is not None  # noqa: S101 - `parse` made sure
        incremental = None
        # Only a bound needs a key, and only a key needs a describe.
        if org.settings.start_date and (key := replication_key(_paths(org).sobject(self.sobject))):
            incremental = Incremental(key, {"format": "date-time"}, state={})
        return ObjectQuery.compose(self.sobject, fields, org.settings, incremental=incremental)


def create_job(options: Mapping[str, str]) -> str:
    """Create a query job without waiting for it, and return its id for the option `job`.

    Args:
        options: As for `JobOptions.parse`, without `job`.

    Raises:
        ExtractionError: If the options are wrong, or Salesforce refuses.
    """
    parsed = JobOptions.parse(options)
    if parsed.job_id is not None:
        raise SettingsError("a new job cannot be an existing one: leave out job")
    fields = [] if parsed.soql else list(parsed.properties())
    return parsed.make_job(fields).id


def check_total(options: Mapping[str, str], *, records: int) -> None:
    """Compare the number of records that arrived with the job's total at Salesforce.

    Args:
        options: As the records were read with, `job` included.
        records: How many arrived.

    Raises:
        RecordCountError: If the numbers differ.
        ExtractionError: If Salesforce cannot be asked about the job.
    """
    parsed = JobOptions.parse(options)
    if parsed.job_id is None:
        raise SettingsError("only the total of a named job can be checked: set job")
    org = parsed.access.org()
    check_records(org, find_existing_job(org, parsed.job_id), records)


def _parse_query(soql: str, paths: FieldPaths) -> TypedQuery:
    """Find the types of a query's columns.

    Raises:
        SettingsError: If they cannot be found.
    """
    try:
        return TypedQuery.of(QueryText.parse(soql), paths)
    except SettingsError as error:
        hint = "with a schema of your own, any query that Salesforce accepts can be read"
        raise SettingsError(*error.errors, hint) from error


def _spell_columns(soql: str, paths: FieldPaths) -> str:
    """Return a query with its columns named as in `properties`, if their types can be found."""
    try:
        typed = TypedQuery.of(QueryText.parse(soql), paths)
    except SettingsError:
        return soql
    return typed.soql(typed.types)


def _paths(org: Org) -> FieldPaths:
    return FieldPaths(org.client, org.api_version)


def _describe_fields(sobject: SObject, fields: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return JSON schemas for fields of an object.

    Args:
        sobject: From the describe.
        fields: Names, whose case does not matter; empty for every field that can be read.
    """
    known: Mapping[str, Any] = json_schema(sobject)["properties"]
    unsupported = unsupported_fields(sobject)
    spelled = {name.lower(): name for name in known if name not in unsupported}
    unknown = [name for name in fields if name.lower() not in spelled]
    if unknown:
        raise SettingsError(
            *[f"{sobject.name} has no field {name} that a query job can read" for name in unknown]
        )
    names = [spelled[name.lower()] for name in fields] or list(spelled.values())
    return {name: known[name] for name in names}
