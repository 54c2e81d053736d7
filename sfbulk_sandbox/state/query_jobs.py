"""Query jobs: their life, what job info says of them, and the locators of their pages."""

from __future__ import annotations

import base64
import binascii
import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.state.result_pages import PageCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfbulk_sandbox.scenario import Scenario
    from sfbulk_sandbox.state.org import ResultSet

JobState = Literal["UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]
FINAL_STATES = ("JobComplete", "Failed", "Aborted")
DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_PK_CHUNKING_SHOWN_FROM = 62.0
_TRIED_TOO_OFTEN = "Retried more than fifteen times"


def new_ids(key_prefix: str) -> Iterator[str]:
    """Yield ids of 18 characters; a server started later yields others."""
    return (
        eighteen_characters(f"{key_prefix}5g0{number:09}")
        for number in itertools.count(secrets.randbelow(10**8))
    )


@dataclass(eq=False)
class QueryJob:
    """One query job and its result, which is fixed when the job is made.

    Args:
        id: 18 characters that begin with ``750``.
        operation: ``query`` or ``queryAll``.
        soql: The query.
        version: API version it was made with, e.g. ``62.0``.
        column_delimiter: Name of the delimiter, a key of `DELIMITERS`.
        line_ending: Name of the line ending, a key of `LINE_ENDINGS`.
        result: The rows.
        result_id: Id of the stored result, a part of every locator.
        scenario: Gives the page size and the job's timing, as they were when it was made.
        created: When it was made, by the org's clock.
        user_id: Id of the user who made it.
    """

    id: str
    operation: str
    soql: str
    version: str
    column_delimiter: str
    line_ending: str
    result: ResultSet
    result_id: str
    scenario: Scenario
    created: datetime
    user_id: str
    polls: int = 0
    error_message: str | None = None
    _started: float = field(default_factory=time.monotonic)
    _ended_as: JobState | None = None

    @property
    def page_rows(self) -> int:
        """Rows of a result page, unless the client asks for fewer."""
        return self.scenario.page_rows

    @property
    def state(self) -> JobState:
        """The state now; it moves with time and with the number of info calls."""
        if self._ended_as is not None:
            return self._ended_as
        elapsed = time.monotonic() - self._started
        queued, running = self.scenario.queued_seconds, self.scenario.running_seconds
        polls_needed = self.scenario.polls_until_complete
        if elapsed < queued or self.polls < min(2, polls_needed):
            return "UploadComplete"
        if elapsed < queued + running or self.polls < polls_needed:
            return "InProgress"
        most = self.scenario.most_job_rows
        if most is not None and len(self.result) > most:
            self.end("Failed", _TRIED_TOO_OFTEN)
            return "Failed"
        return "JobComplete"

    @property
    def page_starts(self) -> range:
        """The first row of each result page."""
        return range(0, len(self.result), self.page_rows)

    def end(self, state: JobState, error_message: str | None = None) -> None:
        """Let the job be aborted or fail."""
        self._ended_as = state
        self.error_message = error_message

    def poll(self) -> None:
        """Count an info call."""
        self.polls += 1

    def creation(self) -> dict[str, Any]:
        """Return the body of the create call, keys in Salesforce's order."""
        return {**self._head("UploadComplete"), **self._layout()}

    def info(self) -> dict[str, Any]:
        """Return the body of the info call; counters come with the final state."""
        state = self.state
        info = {**self._head(state), "jobType": "V2Query", **self._layout()}
        if state in FINAL_STATES:
            info["numberRecordsProcessed"] = len(self.result) if state == "JobComplete" else 0
            info["retries"] = 0
            info["totalProcessingTime"] = 255 if state == "JobComplete" else 0
        if float(self.version) >= _PK_CHUNKING_SHOWN_FROM:
            info["isPkChunkingSupported"] = self.result.sobject.endswith("__c")
        if self.error_message is not None:
            info["errorMessage"] = self.error_message
        return info

    def aborted(self) -> dict[str, Any]:
        """Return the body of the abort call, which says nothing of the CSV's layout."""
        return {**self._head(self.state), "jobType": "V2Query"}

    def locator(self, start: int) -> str:
        """Return the locator of the page that begins at a row: the same one every time."""
        text = f"0:{self.result_id}:{start}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def start_of(self, locator: str) -> int | None:
        """Return the row at which a locator of this job points, None for any other text."""
        try:
            padded = locator.encode("ascii") + b"=" * (-len(locator) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except (ValueError, binascii.Error):
            return None
        prefix, _, number = text.rpartition(":")
        if prefix != f"0:{self.result_id}" or not number.isdigit():
            return None
        return int(number) if int(number) <= len(self.result) else None

    def _head(self, state: JobState) -> dict[str, Any]:
        stamp = self.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.result.sobject,
            "createdById": self.user_id,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
        }

    def _layout(self) -> dict[str, Any]:
        return {"lineEnding": self.line_ending, "columnDelimiter": self.column_delimiter}


class QueryJobs:
    """The jobs of the org, in the order of their creation.

    Attributes:
        pages: Result pages that have been made.
        new_ids: Gives ids to new jobs.
        new_result_ids: Gives ids to their stored results.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, QueryJob] = {}
        self.pages = PageCache()
        self.new_ids = new_ids("750")
        self.new_result_ids = new_ids("0Ga")

    def __iter__(self) -> Iterator[QueryJob]:
        return iter(list(self._jobs.values()))

    def add(self, job: QueryJob) -> None:
        """Keep a new job."""
        self._jobs[job.id] = job

    def get(self, job_id: str) -> QueryJob | None:
        """Find a job by its id of 18 or 15 characters."""
        try:
            return self._jobs.get(eighteen_characters(job_id))
        except ValueError:
            return None

    def remove_older_than(self, moment: datetime) -> None:
        """Delete the jobs that were created before a moment."""
        for job in self:
            if job.created < moment:
                self.remove(job)

    def remove(self, job: QueryJob) -> None:
        """Delete a job and its pages; all calls on it are 404 from then on."""
        self._jobs.pop(job.id, None)
        self.pages.forget(job.id)
