"""The life of a query job, against a client that plays Salesforce's part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_sfbulk_pages.errors import (
    ExtractionError,
    QueryJobError,
    QueryJobGoneError,
    QueryJobTooLongError,
    RefusedError,
    UnavailableError,
)
from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.jobs.query import Query, QueryJob
from tap_sfbulk_pages.jobs.query_jobs import QueryJobs, parse_job
from tap_sfbulk_pages.watching.activity import Phase, RunActivity, on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = QueryJob("750a", "62.0", state="InProgress")
FOREIGN_JOB = QueryJob("750a", "62.0", state="InProgress", created_by_tap=False)


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_jobs, "SHORTEST_POLL_SECONDS", 0.001)


def refused(status: int, error_code: str = "") -> RefusedError:
    return RefusedError("refused", status=status, error_code=error_code, said="")


class Salesforce:
    """Answers with the given replies in turn, an error by raising it, and keeps the calls."""

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)
        self.calls: list[tuple[str, str, Any]] = []

    def fetch_json(
        self,
        path: str,
        *,
        api_version: str,
        parse: Callable[[Any], Any],
        method: str = "GET",
        json: Any = None,
        largest: int,  # noqa: ARG002 - as the client takes it
    ) -> Any:
        return parse(self._answer(method, path, api_version, json))

    def perform(self, method: str, path: str, *, api_version: str, json: Any = None) -> None:
        self._answer(method, path, api_version, json)

    def _answer(self, method: str, path: str, api_version: str, body: Any) -> Any:
        self.calls.append((method, f"v{api_version}{path}", body))
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def jobs_of(salesforce: Salesforce, *, timeout_seconds: float = 60.0) -> QueryJobs:
    return QueryJobs(cast("Any", salesforce), timeout_seconds=timeout_seconds)


def reply(state: str, **others: Any) -> dict[str, Any]:
    return {"id": "750a", "state": state, **others}


@pytest.mark.parametrize(("include_deleted", "operation"), [(True, "queryAll"), (False, "query")])
def test_a_job_is_created_with_its_query(*, include_deleted: bool, operation: str) -> None:
    salesforce = Salesforce(reply("UploadComplete"))
    job = jobs_of(salesforce).create(Query("SELECT Id FROM Account", include_deleted), "61.0")
    assert (job.id, job.api_version, job.created_by_tap) == ("750a", "61.0", True)
    body = {"operation": operation, "query": "SELECT Id FROM Account"}
    assert salesforce.calls == [("POST", "v61.0/jobs/query", body)]


def test_a_job_is_asked_for_with_the_version_that_created_it() -> None:
    salesforce = Salesforce(reply("JobComplete", numberRecordsProcessed=9, object="Account"))
    job = jobs_of(salesforce).refresh(FOREIGN_JOB)
    assert salesforce.calls == [("GET", "v62.0/jobs/query/750a", None)]
    assert (job.records, job.sobject, job.created_by_tap) == (9, "Account", False)


def test_a_job_is_waited_for_until_it_is_complete() -> None:
    salesforce = Salesforce(reply("InProgress"), reply("JobComplete", numberRecordsProcessed=3))
    stream = RunActivity().stream("Account")
    with on_behalf_of(stream):
        job = jobs_of(salesforce).wait_until_complete(parse_job(reply("UploadComplete"), "62.0"))
    assert job.is_complete
    assert job.records == 3
    assert stream.job_states == {"750a": "complete"}
    assert stream.expected_records == 3
    assert all(len(list(stream.periods[phase])) == 1 for phase in (Phase.QUEUED, Phase.RUNNING))


@pytest.mark.parametrize(
    ("end", "kind", "said"),
    [
        (reply("Failed", errorMessage="Retried more than fifteen times"), QueryJobTooLongError, ""),
        (reply("Failed", errorMessage="no such column"), QueryJobError, "no such column"),
        (reply("Failed"), QueryJobError, "Bulk Data Load Jobs"),
        (reply("Aborted"), QueryJobError, "Aborted"),
        (reply("Unheard"), QueryJobError, "'Unheard'"),
    ],
)
def test_a_job_that_ends_without_its_result_is_an_error(
    end: Any, kind: type[QueryJobError], said: str
) -> None:
    with pytest.raises(QueryJobError) as raised:
        jobs_of(Salesforce(end)).wait_until_complete(JOB)
    assert type(raised.value) is kind
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "It was aborted."), (UnavailableError("Gone fishing."), "Gone fishing.")],
)
def test_a_job_that_runs_too_long_is_aborted(answer: Any, said: str) -> None:
    salesforce = Salesforce(answer)
    with pytest.raises(QueryJobTooLongError, match="job_timeout_seconds") as raised:
        jobs_of(salesforce, timeout_seconds=0).wait_until_complete(JOB)
    assert said in str(raised.value)
    assert salesforce.calls == [("PATCH", "v62.0/jobs/query/750a", {"state": "Aborted"})]


def test_a_job_of_somebody_else_is_left_running() -> None:
    salesforce = Salesforce()
    with pytest.raises(QueryJobError, match="left running") as raised:
        jobs_of(salesforce, timeout_seconds=0).wait_until_complete(FOREIGN_JOB)
    assert not isinstance(raised.value, QueryJobTooLongError)
    assert not salesforce.calls


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(404), QueryJobGoneError),
        (refused(400), QueryJobGoneError),
        (reply("Aborted"), QueryJobError),
        (UnavailableError("no answer"), UnavailableError),
    ],
)
def test_a_refusal_is_put_down_to_a_job_that_has_lost_its_result(
    answer: Any, kind: type[ExtractionError]
) -> None:
    with pytest.raises(kind):
        jobs_of(Salesforce(answer)).check_still_there(JOB, refused(404))


@pytest.mark.parametrize("answer", [reply("JobComplete"), refused(403, "API_DISABLED_FOR_ORG")])
def test_a_refusal_is_not_put_down_to_a_job_that_is_there(answer: Any) -> None:
    jobs_of(Salesforce(answer)).check_still_there(JOB, refused(404))


def test_a_job_that_is_gone_needs_no_deleting() -> None:
    salesforce = Salesforce(None, refused(404), refused(400))
    jobs = jobs_of(salesforce)
    jobs.delete(JOB)
    jobs.delete(JOB)
    with pytest.raises(RefusedError):
        jobs.delete(JOB)
    assert {call[:2] for call in salesforce.calls} == {("DELETE", "v62.0/jobs/query/750a")}


@pytest.mark.parametrize(
    "broken", [{}, {"id": "750a"}, {"id": 7, "state": "Failed"}, {"id": "750a", "state": ""}]
)
def test_a_reply_that_is_no_job_is_refused(broken: Any) -> None:
    with pytest.raises((LookupError, TypeError)):
        parse_job(broken, "62.0")


def test_fields_that_a_reply_lacks_are_unknown() -> None:
    assert parse_job(reply("Failed"), "62.0") == QueryJob("750a", "62.0", "Failed")
