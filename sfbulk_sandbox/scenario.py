"""The scenario: what the sandbox holds, how it behaves, and which faults strike.

A scenario is written as YAML (or JSON, which is a part of YAML); its keys are the fields of
`Scenario`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping  # noqa: TC003 - fields are read by their types
from dataclasses import dataclass, field, replace
from datetime import datetime  # noqa: TC003 - the same
from typing import TYPE_CHECKING, Any, Literal

import yaml

from sfbulk_sandbox.sobjects.definitions import ObjectDefinition  # noqa: TC001 - the same
from sfbulk_sandbox.typed_mapping import MappingError, read

if TYPE_CHECKING:
    from pathlib import Path

ReplyForm = Literal["live", "documented", "postman"]
LinkStyle = Literal["relative", "rooted", "absolute"]
_FIXED = frozenset({"seed", "objects", "rows", "now", "data_until", "credentials", "faults"})
_NOT_NEGATIVE = (
    *("queued_seconds", "running_seconds", "polls_until_complete", "latency_seconds"),
    *("delete_log_days", "delete_log_lag_seconds", "deleted_ids_limit"),
)
_SMALLEST_ERROR, _STATUSES_END = 400, 600
_FIRST_VERSION, _LATEST_VERSION = 31, 67


class ScenarioError(MappingError):
    """A scenario that cannot be used; the message names the key."""


@dataclass(frozen=True)
class Credentials:
    """The one app and the one user of the sandbox. What is None cannot be used to sign in.

    Args:
        client_id: Consumer key of the connected app.
        client_secret: Consumer secret.
        username: For the username-password, JWT bearer and SOAP flows.
        password: Without the security token.
        security_token: Follows the password directly.
        refresh_token: Given to the app beforehand.
        access_token: A session that is open from the start.
        public_key: PEM; JWT bearer assertions must be signed with its private half.
    """

    client_id: str
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    security_token: str = ""
    refresh_token: str | None = None
    access_token: str | None = None
    public_key: str | None = None

    @classmethod
    def generate(cls) -> Credentials:
        """Make up credentials that look like Salesforce's."""
        return cls(
            client_id="3MVG9" + secrets.token_urlsafe(40),
            client_secret=secrets.token_hex(32).upper(),
            username=f"integration.{secrets.token_hex(4)}@example.com",
            password=secrets.token_urlsafe(12),
            security_token=secrets.token_hex(12),
            refresh_token="5Aep8" + secrets.token_urlsafe(40),
        )


@dataclass(frozen=True)
class Allowance:
    """A daily allowance of the org.

    Args:
        max: The whole.
        used: What is used already when the sandbox starts.
    """

    max: int
    used: int = 0


@dataclass(frozen=True)
class Scenario:
    """How the sandbox behaves.

    Args:
        seed: A different seed gives different data.
        objects: Your own objects and fields, and changes to existing ones, by
            sObject: `label`, `label_plural`, `ids` (`zero`: every Id is 000000000000000AAA), `bulk`
            (false: query jobs refuse it), and `fields` by name: `type`, `label`, `length`,
            `precision`, `scale`, `values`, `to`, `nillable`, `filterable`, `calculated`,
            `external_id`, `permissioned` (false: hidden from the user).
        rows: Number of records by sObject, where it differs from the default.
        now: The current time in the org, which then stands still. Default: the clock.
        data_until: All generated records were created and changed before this moment. Default:
            `now`, or else the start of today (UTC). The same moment and seed give the same records.
        credentials: If set, clients must sign in with exactly these (`client_id`, `client_secret`,
            `username`, `password`, `security_token`, `refresh_token`, `access_token`,
            `public_key`). If not, any will do.
        refresh_token_rotation: Each use of a refresh token returns a new one and revokes it.
        token_lifetime_calls: API calls after which an access token expires.
        page_rows: Rows per result page.
        query_rows: Rows per reply of the REST query resource, unless the client asks for another
            number; Salesforce sends fewer than 2,000 if they are wide.
        links_per_reply: Links in one reply of ``resultPages``.
        reply_form: ``live`` (resultChunks, resultLink: what live clients meet), ``documented``
            (resultPages, resultUrl) or ``postman`` (resultPages, resultLink).
        link_style: ``relative`` (from ``/jobs``), ``rooted`` (from ``/services/data/vXX.X``) or
            ``absolute``; default: what is usual in the reply form.
        continuation_key: Name of the continuation link.
        last_continuation: Its value in the last reply: ``null``, ``absent``, ``empty``.
        result_pages: ``refused`` simulates an org without ``resultPages``.
        result_pages_status: HTTP status of that refusal.
        empty_result_links: Links listed for a job without rows.
        chunked_results: Send result pages in chunks rather than with a length.
        queued_seconds: How long a new job is ``UploadComplete``.
        running_seconds: How long it is then ``InProgress``.
        polls_until_complete: Number of the first info call that may return ``JobComplete``; before
            that the job is not complete, however long it takes.
        most_job_rows: With more rows, a job is not done in fifteen tries, and fails.
        latency_seconds: Delay before every reply.
        bytes_per_second: Speed of each connection.
        api_versions: The versions offered, oldest first.
        daily_api_requests: The org's limit of API requests in 24 hours.
        daily_query_jobs: The limit of query jobs in 24 hours.
        daily_query_storage_mb: The limit of the volume of query results in 24 hours.
        record_counts: What ``limits/recordCount`` returns by sObject, where it differs from the
            actual number of records.
        delete_log_days: How long the delete log keeps deleted records.
        delete_log_lag_seconds: How far the delete log lags behind. A time range that ends later is
            refused with INVALID_REPLICATION_DATE.
        deleted_ids_limit: How many ids one reply of the ``deleted`` resource may return.
        faults: What goes wrong, and when.
    """

    seed: int = 1
    objects: Mapping[str, ObjectDefinition] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    now: datetime | None = None
    data_until: datetime | None = None
    credentials: Credentials | None = None
    refresh_token_rotation: bool = False
    token_lifetime_calls: int | None = None
    page_rows: int = 250_000
    query_rows: int = 2_000
    links_per_reply: int = 5
    reply_form: ReplyForm = "live"
    link_style: LinkStyle | None = None
    continuation_key: Literal["nextRecordsUrl", "nextRecordUrl"] = "nextRecordsUrl"
    last_continuation: Literal["null", "absent", "empty"] | None = "null"
    result_pages: Literal["offered", "refused"] = "offered"
    result_pages_status: int = 404
    empty_result_links: Literal[0, 1] = 1
    chunked_results: bool = True
    queued_seconds: float = 0.0
    running_seconds: float = 0.0
    polls_until_complete: int = 0
    most_job_rows: int | None = None
    latency_seconds: float = 0.0
    bytes_per_second: int | None = None
    api_versions: tuple[str | float, ...] = tuple(
        f"{number}.0" for number in range(_FIRST_VERSION, _LATEST_VERSION + 1)
    )
    daily_api_requests: Allowance = Allowance(100_000)
    daily_query_jobs: Allowance = Allowance(10_000)
    daily_query_storage_mb: Allowance = Allowance(976_562)
    record_counts: Mapping[str, int] = field(default_factory=dict)
    delete_log_days: float = 15.0
    delete_log_lag_seconds: float = 0.0
    deleted_ids_limit: int = 600_000
    faults: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        for name in (
            *("page_rows", "query_rows", "links_per_reply"),
            *("bytes_per_second", "token_lifetime_calls"),
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise MappingError(f"{name} must be at least 1, not {value}")
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise MappingError(f"{name} must not be negative")
        if not _SMALLEST_ERROR <= self.result_pages_status < _STATUSES_END:
            raise MappingError(
                f"result_pages_status must be from 400 to 599, not {self.result_pages_status}"
            )
        # YAML reads 62.0 without quotes as a number, and a bare null as nothing.
        try:
            versions = tuple(f"{float(version):.1f}" for version in self.api_versions)
        except ValueError as error:
            raise MappingError(f"api_versions: {error}") from error
        object.__setattr__(self, "api_versions", versions)
        object.__setattr__(self, "last_continuation", self.last_continuation or "null")

    def changed(self, changes: Mapping[str, Any]) -> Scenario:
        """Return the scenario with some keys changed.

        Raises:
            ScenarioError: A key that is unknown, or that only a new start can change.
        """
        fixed = sorted(_FIXED & set(changes))
        if fixed:
            raise ScenarioError(f"cannot be changed while the sandbox runs: {', '.join(fixed)}")
        parsed = scenario_from(changes)
        return replace(self, **{key: getattr(parsed, key) for key in changes})


def scenario_from(mapping: object) -> Scenario:
    """Make a scenario from keys and values.

    Raises:
        ScenarioError: Unknown keys, or values that do not fit.
    """
    try:
        return read(Scenario, mapping, "scenario")
    except MappingError as error:
        raise ScenarioError(str(error)) from error


def scenario_from_file(path: Path) -> Scenario:
    """Read a scenario file; an empty one is the default scenario.

    Raises:
        ScenarioError: The file cannot be read, is no YAML, or does not fit.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not YAML: {error}") from error
    try:
        return scenario_from({} if content is None else content)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error
