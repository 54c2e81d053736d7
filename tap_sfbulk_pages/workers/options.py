"""What to read, as options of a cluster engine name it: `object`, `soql`, `job` and `fields`.

All other options are settings of the tap. Values are texts, as such engines pass them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import RefusedError, SettingsError
from tap_sfbulk_pages.jobs.query import Query, QueryJob
from tap_sfbulk_pages.reading.bookmarks import Incremental
from tap_sfbulk_pages.reading.existing_jobs import fetch_result_columns, find_existing_job
from tap_sfbulk_pages.reading.object_query import ObjectQuery
from tap_sfbulk_pages.salesforce.schema import json_schema, replication_key, unsupported_fields
from tap_sfbulk_pages.soql.columns import TypedQuery, find_result_types, property_schemas
from tap_sfbulk_pages.soql.field_paths import FieldPaths
from tap_sfbulk_pages.soql.text import QueryText
from tap_sfbulk_pages.workers.org_access import OrgAccess
from tap_sfbulk_pages.workers.partitions import check_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.salesforce.describe import SObject

_OWN = ("object", "soql", "job", "fields")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobOptions:
    """What to read, and where.

    Attributes:
        access: The org.
        sobject: Its name; None where `soql` or `job` says enough.
        soql: A query of the user's own.
        job_id: A query job that exists.
        fields: The columns to read, in order; none at all: every one.
    """

    access: OrgAccess
    sobject: str | None
    soql: str | None
    job_id: str | None
    fields: tuple[str, ...]

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> JobOptions:
        """Read options.

        Args:
            options: Texts by name, in any case of letters.

        Raises:
            SettingsError: If they do not fit together, hold a secret, or are not known.
        """
        given = {name.lower(): text for name, text in options.items() if text.strip()}
        own = {name: given.pop(name).strip() for name in _OWN if name in given}
        errors = []
        if not own.keys() & {"object", "soql", "job"}:
            errors.append("set object, soql or job: nothing says what to read")
        if "soql" in own and len(own) > 1:
            others = ", ".join(sorted(own.keys() - {"soql"}))
            errors.append(f"soql says all that is to be read: leave out {others}")
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
            SettingsError: If the columns cannot be typed, or a field cannot be read.
            ExtractionError: If the org cannot be asked.
        """
        org = self.access.org()
        paths = _paths(org)
        if self.soql is not None:
            return dict(property_schemas(_parse_query(self.soql, paths).types))
        if self.job_id is not None:
            job = find_existing_job(org, self.job_id)
            fields = self.fields or fetch_result_columns(org, org.jobs.wait_until_complete(job))
            types = find_result_types(fields, self.sobject or job.sobject, paths)
            return dict(property_schemas(types))
        assert self.sobject is not None  # noqa: S101 - `parse` made sure
        return _describe_fields(paths.sobject(self.sobject), self.fields)

    def job(self, fields: Sequence[str], conditions: Sequence[str] = ()) -> QueryJob:
        """Take the job that exists, or make one, and wait for it.

        Args:
            fields: The columns to ask for.
            conditions: SOQL conditions that narrow the query, where there is no harm in rows
                that do not fulfil them. They are left out if Salesforce refuses them.

        Raises:
            QueryJobError: If the job ends without its result, or is gone.
            ExtractionError: If the org cannot be asked.
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
            logger.warning(
                "Salesforce does not filter by %s: %s", " AND ".join(conditions), refusal
            )
            job = self.make_job(fields)
        return org.jobs.wait_until_complete(job)

    def make_job(self, fields: Sequence[str], conditions: Sequence[str] = ()) -> QueryJob:
        """Make a job and do not wait for it.

        Args:
            fields: The columns to ask for.
            conditions: SOQL conditions, beside those of the settings.

        Raises:
            RefusedError: If Salesforce refuses the query.
            ExtractionError: If the org cannot be asked, or its daily jobs are used up.
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
        """Name the object's field that tells when a record was changed.

        Raises:
            SettingsError: If there is none.
            ExtractionError: If the org cannot be asked.
        """
        assert self.sobject is not None  # noqa: S101 - asked for objects only
        key = replication_key(_paths(self.access.org()).sobject(self.sobject))
        if key is None:
            raise SettingsError(
                f"{self.sobject} has no field that tells when a record was changed, so "
                "that nothing but all of it can be read, and not as a stream"
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
    """Make a query job and give its id, for the option `job`; nobody waits for it.

    Args:
        options: As `JobOptions.parse`, without `job`.

    Raises:
        ExtractionError: If the options do not fit, or Salesforce refuses.
    """
    parsed = JobOptions.parse(options)
    if parsed.job_id is not None:
        raise SettingsError("a job that is made cannot be one that exists: leave out job")
    fields = [] if parsed.soql else list(parsed.properties())
    return parsed.make_job(fields).id


def check_total(options: Mapping[str, str], *, records: int) -> None:
    """Hold the number of records that arrived against what Salesforce says the job has.

    Args:
        options: As they were read with, `job` among them.
        records: How many arrived.

    Raises:
        RecordCountError: If they differ.
        ExtractionError: If the job cannot be asked.
    """
    parsed = JobOptions.parse(options)
    if parsed.job_id is None:
        raise SettingsError("only the total of a job that is named can be checked: set job")
    org = parsed.access.org()
    check_records(org, find_existing_job(org, parsed.job_id), records)


def _parse_query(soql: str, paths: FieldPaths) -> TypedQuery:
    """Type the columns of a query.

    Raises:
        SettingsError: If that cannot be done.
    """
    try:
        return TypedQuery.of(QueryText.parse(soql), paths)
    except SettingsError as error:
        hint = "a schema of your own types the columns of any query that Salesforce takes"
        raise SettingsError(*error.errors, hint) from error


def _spell_columns(soql: str, paths: FieldPaths) -> str:
    """Write a query so that its columns are called as they are typed, where they can be."""
    try:
        typed = TypedQuery.of(QueryText.parse(soql), paths)
    except SettingsError:
        return soql
    return typed.soql(typed.types)


def _paths(org: Org) -> FieldPaths:
    return FieldPaths(org.client, org.api_version)


def _describe_fields(sobject: SObject, fields: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Type fields of an object.

    Args:
        sobject: From the describe.
        fields: Names, in any case of letters; none at all: every field that can be read.
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
