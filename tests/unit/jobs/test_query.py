"""What a saved state knows a job by stays as it was released."""

from __future__ import annotations

import pytest

from tap_sfbulk_pages.jobs.query import ExistingJob, JobState, Query, QueryJob


@pytest.mark.parametrize(
    ("query", "fingerprint"),
    [
        (Query("SELECT Id, Name FROM Account", False), "c3739c61079b8506f5a0d82762f4a891"),
        (Query("SELECT Id, Name FROM Account", True), "fb4371fc011e8025cbe7339891a38718"),
        (
            Query(
                "SELECT Id FROM Lead WHERE Name = 'Zoë' AND "
                "SystemModstamp >= 2026-11-01T00:00:00.000Z",
                True,
            ),
            "d93f7c1b3c4080623a74fc18cb9c1257",
        ),
        (ExistingJob("750R0000000zlh9", ("Id", "Name")), "db7d72e6a18b7b2ba5b820fb3cbdadaa"),
        (ExistingJob("750R0000000zlh9IAA", ("Id", "Name")), "db7d72e6a18b7b2ba5b820fb3cbdadaa"),
        (ExistingJob("750R0000000zlh9IAA", ()), "bc67f760f091576c0e7af35527433e59"),
    ],
)
def test_fingerprints_are_those_of_the_released_version(
    query: Query | ExistingJob, fingerprint: str
) -> None:
    assert query.fingerprint == fingerprint


@pytest.mark.parametrize(
    ("state", "is_running", "is_complete"),
    [
        (JobState.QUEUED.value, True, False),
        (JobState.RUNNING.value, True, False),
        (JobState.COMPLETE.value, False, True),
        (JobState.FAILED.value, False, False),
        (JobState.ABORTED.value, False, False),
        ("Unheard", False, False),
    ],
)
def test_only_known_states_promise_a_result(
    state: str, *, is_running: bool, is_complete: bool
) -> None:
    job = QueryJob("750a", "62.0", state)
    assert (job.is_running, job.is_complete) == (is_running, is_complete)
