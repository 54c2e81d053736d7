"""A job is found by its id, whichever version of the API created it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_sfbulk_pages.errors import ExtractionError, QueryJobError, QueryJobGoneError, RefusedError
from tap_sfbulk_pages.jobs.query_jobs import QueryJobs
from tap_sfbulk_pages.reading.existing_jobs import find_existing_job

if TYPE_CHECKING:
    from collections.abc import Callable

JOB_ID = "750R0000000zlh9IAA"
JOB = {"id": JOB_ID, "state": "JobComplete"}
ALL_JOBS = "/jobs/query?jobType=V2Query"


def refused(status: int) -> RefusedError:
    return RefusedError(f"answered {status}", status=status, error_code="", said="")


class Salesforce:
    """Has a job of one version, or refuses it; has lists of jobs, and keeps what is asked for."""

    def __init__(self, version: str | RefusedError, lists: dict[str, Any] | None = None) -> None:
        self._version = version
        self._lists = lists or {}
        self.asked: list[str] = []

    def fetch_json(
        self, link: str, *, api_version: str, parse: Callable[[Any], Any], **_: Any
    ) -> Any:
        self.asked.append(f"v{api_version}{link}")
        if link in self._lists:
            return parse(self._lists[link])
        if isinstance(self._version, RefusedError):
            raise self._version
        if api_version != self._version:
            raise refused(409)
        return parse({**JOB, "apiVersion": float(self._version)})


def org_of(salesforce: Salesforce) -> Any:
    client = cast("Any", salesforce)
    jobs = QueryJobs(client, timeout_seconds=1)
    return SimpleNamespace(client=client, jobs=jobs, api_version="62.0")


def listed(*ids: str, version: Any = 58.0, following: str | None = None) -> dict[str, Any]:
    records = [{"id": each, "apiVersion": version} for each in ids]
    return {"records": records, "nextRecordsUrl": following}


def test_a_job_is_found_and_never_taken_for_the_taps_own() -> None:
    salesforce = Salesforce("62.0")
    job = find_existing_job(org_of(salesforce), JOB_ID)
    assert (job.id, job.api_version, job.created_by_tap) == (JOB_ID, "62.0", False)
    assert salesforce.asked == [f"v62.0/jobs/query/{JOB_ID}"]


@pytest.mark.parametrize("job_id", [JOB_ID, JOB_ID[:15]])
@pytest.mark.parametrize("version", [58.0, "58.0"], ids=["number", "text"])
def test_the_version_of_a_job_is_looked_up_in_the_list_of_jobs(
    job_id: str, version: float | str
) -> None:
    following = "/services/data/v62.0/jobs/ingest?queryLocator=a%2Fb"
    lists = {
        ALL_JOBS: listed("750R0000000aaaaIAA", version=61.0, following=following),
        f"{ALL_JOBS}&queryLocator=a%2Fb": listed("750R0000000bbbbIAA", JOB_ID, version=version),
    }
    salesforce = Salesforce("58.0", lists)
    job = find_existing_job(org_of(salesforce), job_id)
    assert (job.api_version, job.created_by_tap) == ("58.0", False)
    assert salesforce.asked[-1] == f"v58.0/jobs/query/{job_id}"


@pytest.mark.parametrize("following", [None, "/jobs/query?queryLocator=x"], ids=["end", "circle"])
def test_a_version_that_no_list_names_is_an_error(following: str | None) -> None:
    lists = {
        ALL_JOBS: listed(following=following),
        f"{ALL_JOBS}&queryLocator=x": listed(following=following),
    }
    with pytest.raises(QueryJobError, match="set api_version to it"):
        find_existing_job(org_of(Salesforce("58.0", lists)), JOB_ID)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [(404, QueryJobGoneError, "keeps jobs for seven days"), (403, RefusedError, "answered 403")],
)
def test_a_job_that_is_refused(status: int, kind: type[ExtractionError], said: str) -> None:
    with pytest.raises(kind, match=said):
        find_existing_job(org_of(Salesforce(refused(status))), JOB_ID)
