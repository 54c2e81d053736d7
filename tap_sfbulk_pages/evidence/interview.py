"""What is asked of an org: three small query jobs on `User`, and questions that it must refuse.

Nothing is changed in the org. The jobs are deleted at the end, whatever happens.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ExtractionError, QueryJobError
from tap_sfbulk_pages.evidence.shapes import MOST_RECORDS, link_form, reply_shape
from tap_sfbulk_pages.jobs.page_lists import ResultPageList
from tap_sfbulk_pages.jobs.query import SHORT_ID, UNFINISHED, JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk_pages.evidence.calls import OrgCalls, Reply

FIRST_POLL_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 10.0
_LONGEST_JOB_SECONDS = 600.0
# Every user can read these of `User`; an address has lines.
_WANTED = ("Id", "IsActive", "CreatedDate", "Street")
_NO_LOCATOR = "bm90LWEtbG9jYXRvcg"
_NO_JOB = "750000000000000AAA"
_REFUSED_QUERIES = {
    "job: compound field": "SELECT BillingAddress FROM Account",
    "job: aggregate": "SELECT COUNT(Id) FROM User",
    "job: unknown field": "SELECT NoField FROM User",
    "job: unknown object": "SELECT Id FROM NoObject",
    "job: malformed query": "SELECT Id FROM",
}


@dataclass(frozen=True)
class Observation:
    """A call and its reply.

    Attributes:
        call: Method and link, without ids.
        reply: As it came.
        columns: The columns that were asked for, where the body is CSV.
    """

    call: str
    reply: Reply
    columns: Sequence[str] = ()

    def shape(self) -> dict[str, Any]:
        """Return what evidence says of it."""
        return {"call": self.call, **reply_shape(self.reply, self.columns)}


@dataclass
class Interview:
    """The calls, one after another.

    Attributes:
        call: Sends a call.
        api_version: For all calls but one, as `62.0`.
        seen: Observations by name.
        large_job: An existing, finished job of several pages, whose lists are asked for, too.
        columns: The columns that the jobs ask for, once they are known.
    """

    call: OrgCalls
    api_version: str
    large_job: str | None = None
    seen: dict[str, Observation] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def hold(self) -> dict[str, Observation]:
        """Ask everything.

        Raises:
            ExtractionError: If the org cannot be reached, or runs no query job on `User`.
        """
        jobs: list[str] = []
        self._ask("versions", "GET", "/services/data/")
        self._ask("limits", "GET", "/limits")
        self._ask("list of jobs", "GET", "/jobs/query?jobType=V2Query")
        self._ask_describe()
        try:
            self._ask_about_a_job(jobs)
            self._ask_about_an_empty_job(jobs)
            self._ask_for_other_line_ends(jobs)
        finally:
            self._delete(jobs)
        self._ask("job: unknown id", "GET", f"/jobs/query/{_NO_JOB}")
        for name, soql in _REFUSED_QUERIES.items():
            self._refuse(name, soql)
        if self.large_job:
            self._ask_about_the_large_job(self.large_job)
        return self.seen

    def _ask_describe(self) -> None:
        described = self._ask("describe", "GET", "/sobjects/User/describe").json or {}
        readable = {each.get("name") for each in described.get("fields", ())}
        self.columns = tuple(name for name in _WANTED if name in readable) or ("Id",)

    def _ask_about_a_job(self, jobs: list[str]) -> None:
        path = self._create("job", jobs, f"LIMIT {MOST_RECORDS}")
        self._ask("unfinished job: result pages", "GET", f"{path}/resultPages")
        self._ask("unfinished job: results", "GET", f"{path}/results", page=True)
        self._wait("job: finished", path)
        listed = self._ask("result pages", "GET", f"{path}/resultPages")
        for link in find_links(listed)[:1]:
            joint = "&" if "?" in link else "?"
            self._ask("result page", "GET", link, page=True)
            self._ask(
                "result page with maxRecords=1", "GET", f"{link}{joint}maxRecords=1", page=True
            )
        self._ask("results", "GET", f"{path}/results", page=True)
        self._ask("results with maxRecords=1", "GET", f"{path}/results?maxRecords=1", page=True)
        wrong = f"?locator={_NO_LOCATOR}"
        self._ask("results: wrong locator", "GET", f"{path}/results{wrong}", page=True)
        self._ask("result pages: wrong locator", "GET", f"{path}/resultPages{wrong}")
        self._ask("job: another version", "GET", path, self._another_version())
        self._ask("abort of a finished job", "PATCH", path, json={"state": JobState.ABORTED})

    def _ask_about_an_empty_job(self, jobs: list[str]) -> None:
        path = self._create("empty job", jobs, "WHERE Id = '005000000000000AAA'")
        self._wait("empty job: finished", path)
        self._ask("empty job: result pages", "GET", f"{path}/resultPages")
        self._ask("empty job: results", "GET", f"{path}/results", page=True)

    def _ask_for_other_line_ends(self, jobs: list[str]) -> None:
        path = self._create("job with CRLF", jobs, f"LIMIT {MOST_RECORDS}", lineEnding="CRLF")
        self._wait("job with CRLF: finished", path)
        self._ask("job with CRLF: results", "GET", f"{path}/results", page=True)

    def _ask_about_the_large_job(self, job_id: str) -> None:
        """Ask for its lists, and for the headers of its first page, but not for its records."""
        version, path = self._version_of(job_id), f"/jobs/query/{job_id}"
        self._ask("large job", "GET", path, version)
        listed = self._ask("large job: result pages", "GET", f"{path}/resultPages", version)
        for link in find_links(listed)[:1]:
            self._ask("large job: result page", "GET", link, version, without_body=True)
        results = f"{path}/results"
        self._ask("large job: results", "GET", results, version, without_body=True)

    def _version_of(self, job_id: str) -> str:
        """Return the version that a job was created with, as the list of jobs has it."""
        listed = (self.seen["list of jobs"].reply.json or {}).get("records", ())
        same = (each for each in listed if each["id"][:SHORT_ID] == job_id[:SHORT_ID])
        return next((f"{float(each['apiVersion']):.1f}" for each in same), self.api_version)

    def _create(self, name: str, jobs: list[str], rest: str, **more: str) -> str:
        """Create a job on `User` and return its path."""
        soql = " ".join(("SELECT", ", ".join(self.columns), "FROM User", rest))
        reply = self._ask(
            name, "POST", "/jobs/query", json={"operation": "query", "query": soql, **more}
        )
        if not reply.is_success:
            said = reply.body.decode("utf-8", "replace")
            raise QueryJobError(f"No query job could be created on User ({reply.status}): {said}")
        path = f"/jobs/query/{reply.json['id']}"
        jobs.append(path)
        return path

    def _wait(self, name: str, path: str) -> None:
        deadline = time.monotonic() + _LONGEST_JOB_SECONDS
        pause = FIRST_POLL_SECONDS
        reply = self._ask(name, "GET", path)
        while reply.is_success and reply.json["state"] in UNFINISHED:
            if time.monotonic() > deadline:
                raise QueryJobError("The job on User has not ended within ten minutes.")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_POLL_SECONDS)
            reply = self._ask(name, "GET", path)

    def _refuse(self, name: str, soql: str) -> None:
        """Ask for a job that Salesforce must refuse; if it does not, the job is deleted."""
        query = {"operation": "query", "query": soql}
        reply = self._ask(name, "POST", "/jobs/query", json=query)
        if reply.is_success:
            path = f"/jobs/query/{reply.json['id']}"
            self._wait(f"{name}: finished", path)
            self._delete([path])

    def _delete(self, jobs: Sequence[str]) -> None:
        for path in jobs:
            # What ended the interview counts for more.
            with suppress(ExtractionError):
                self._ask("delete", "DELETE", path)
                self._ask("job: deleted", "GET", path)

    def _ask(
        self,
        name: str,
        method: str,
        link: str,
        api_version: str = "",
        *,
        json: object | None = None,
        page: bool = False,
        without_body: bool = False,
    ) -> Reply:
        reply = self.call(
            method,
            link,
            api_version=api_version or self.api_version,
            json=json,
            without_body=without_body,
        )
        columns = self.columns if page else ()
        self.seen[name] = Observation(f"{method} {link_form(link)}", reply, columns)
        return reply

    def _another_version(self) -> str:
        offered = [each["version"] for each in self.seen["versions"].reply.json or ()]
        others = [version for version in offered if version != self.api_version]
        return str(others[-1]) if others else self.api_version


def find_links(reply: Reply) -> Sequence[str]:
    """Return the links of a list of result pages; none where it is refused or of unknown form."""
    try:
        return ResultPageList.parse(reply.json).links
    except ExtractionError:
        return ()
