"""Query jobs as plain values: what a job is asked, and what Salesforce says of it.

Bulk API 2.0 guide, "Get Information About a Query Job".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

# An 18-character id without the three characters that make it safe where case is lost.
SHORT_ID = 15


class JobState(str, Enum):
    """The states of a query job; replies may bring others, so jobs hold plain strings."""

    QUEUED = "UploadComplete"
    RUNNING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})


@dataclass(frozen=True)
class Query:
    """What a new job is asked.

    Attributes:
        soql: The query text, which no endpoint echoes back.
        include_deleted: Whether deleted and archived rows are read too (`queryAll`).
    """

    soql: str
    include_deleted: bool

    @property
    def operation(self) -> str:
        """The job's `operation`."""
        return "queryAll" if self.include_deleted else "query"

    @property
    def fingerprint(self) -> str:
        """Identifies this query in a saved state."""
        return _digest(f"{self.operation} {self.soql}")


@dataclass(frozen=True)
class ExistingJob:
    """An existing job, and the columns to read of its result.

    Attributes:
        id: The job, 15 or 18 characters.
        columns: Names of the columns.
    """

    id: str
    columns: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Identifies this job with these columns in a saved state."""
        return _digest(" ".join((self.id[:SHORT_ID], *self.columns)))


@dataclass(frozen=True)
class QueryJob:
    """A query job as Salesforce last described it.

    Attributes:
        id: 18 characters that start with 750.
        api_version: The version that created it, as `62.0`.
        state: A `JobState`, or one that is not known; empty before the job has been asked for.
        records: `numberRecordsProcessed`; None where the reply has none.
        error: `errorMessage` of a failed job, where Salesforce gives one.
        column_delimiter: Salesforce's name for it, such as `COMMA`.
        created: `createdDate`, by Salesforce's clock; None where the reply has none.
        sobject: The object that is queried, where the reply names it.
        created_by_tap: Whether this tap created it; other jobs are neither aborted nor deleted.
    """

    id: str
    api_version: str
    state: str
    records: int | None = None
    error: str | None = None
    column_delimiter: str = "COMMA"
    created: str | None = None
    sobject: str | None = None
    created_by_tap: bool = True

    @property
    def path(self) -> str:
        """The job's resource, without the version."""
        return f"/jobs/query/{self.id}"

    @property
    def is_complete(self) -> bool:
        """Whether the result is available."""
        return self.state == JobState.COMPLETE

    @property
    def is_running(self) -> bool:
        """Whether the result may still come."""
        return self.state in UNFINISHED


# States of the released version must go on in their jobs: a change here, or in the texts that
# are digested, makes every saved job answer "another query", and its stream start over.
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
