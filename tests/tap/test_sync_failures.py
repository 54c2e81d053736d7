"""What cannot be read is reported in Salesforce's words, and stops no other stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

SMALL = {"rows": {"Account": 10, "Contact": 10, "Lead": 10}, "page_rows": 3}
STREAMS = ("Account", "Contact", "Lead")


def assert_only_contact_is_missing(run: TapRun, server: SandboxServer, *said: str) -> None:
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    summary = run.stderr[run.stderr.rindex("Error: ") :]
    for words in ("1 of 3 streams", "Failed: Contact: ", *said):
        assert words in summary
    for stream in ("Account", "Lead"):
        assert f"Failed: {stream}" not in summary
        assert_same_records(run.records(stream), expected_records(server, stream))
        assert set(run.bookmark(stream)) == {"replication_key", "replication_key_value"}


def assert_second_run_is_whole(tap: Tap, first: TapRun, server: SandboxServer) -> None:
    second = tap(config_for(server, *STREAMS), state=first.state)
    assert second.exit_code == 0, second.stderr
    records = {r["Id"]: r for run in (first, second) for r in run.records("Contact")}
    assert_same_records(list(records.values()), expected_records(server, "Contact"))


@pytest.mark.parametrize("place", ["poll", "list_pages", "page"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "job_failed", "error_message": "out of luck (17)"}, "out of luck (17)"),
        ({"kind": "job_failed", "error_message": None}, "Failed"),
        ({"kind": "job_aborted"}, "Aborted"),
        ({"kind": "job_gone"}, "404"),
    ],
    ids=["failed", "failed without reason", "aborted", "gone"],
)
def test_a_job_that_ends_without_its_result(
    tap: Tap,
    start_sandbox: StartSandbox,
    place: str,
    fault: dict[str, Any],
    said: str,
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place=place, match={"sobject": "Contact"}, **fault)
    run = tap(config_for(server, *STREAMS))
    assert_only_contact_is_missing(run, server, said)
    (job_id,) = {
        each.path.rpartition("/")[2]
        for each in server.calls
        if each.place == "poll" and each.sobject == "Contact"
    } or {"750"}
    assert job_id in run.stderr[run.stderr.rindex("Error: ") :]
    assert_second_run_is_whole(tap, run, server)


def test_words_of_salesforce_are_followed_by_what_to_do(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    said = {
        "Account": "OPERATION_TOO_LARGE: exceeded 100000 distinct who/what's",
        "Contact": "TXN_SECURITY_METERING_ERROR : policies took too long",
        "Lead": "QUERY_TIMEOUT: Your query request was running for too long.",
    }
    server = start_sandbox(**SMALL)
    for name, words in said.items():
        server.add_fault(
            place="poll", kind="job_failed", error_message=words, match={"sobject": name}
        )
    run = tap(config_for(server, *said, split_jobs=False))
    end = run.stderr.rpartition("Error: ")[2]
    begin = "The job is Failed. Salesforce said: "
    assert f"Failed: Account: {begin}{said['Account']}. Salesforce checks the sharing of" in end
    assert f"Failed: Contact: {begin}{said['Contact']}. A transaction security policy of" in end
    assert f"Failed: Lead: {begin}{said['Lead']} Narrow the query with filters" in end


def test_a_query_that_is_refused(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, *STREAMS, filters={"Contact": "Account.Nonsense = 1"}))
    assert_only_contact_is_missing(run, server, "INVALID_FIELD", "Nonsense")


def test_a_total_that_does_not_fit(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    fault = {"place": "poll", "kind": "wrong_total", "by": 1, "times": "forever"}
    server.add_fault(**fault, match={"sobject": "Contact"})
    run = tap(config_for(server, *STREAMS))
    assert_only_contact_is_missing(run, server, "10", "11")
    assert "replication_key_value" not in run.bookmark("Contact")


@pytest.mark.parametrize("kind", ["short_page", "long_page", "missing_column", "wrong_count"])
def test_a_page_that_stays_wrong_is_never_written(
    tap: Tap, start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(
        place="page", kind=kind, times="forever", match={"sobject": "Contact", "page": 2}
    )
    run = tap(config_for(server, *STREAMS, max_retries=1))
    assert_only_contact_is_missing(run, server)
    second_page = [each["Id"] for each in expected_records(server, "Contact")[3:6]]
    assert not {record["Id"] for record in run.records("Contact")} & set(second_page)


@pytest.mark.parametrize("kind", ["short_page", "long_page", "missing_column", "no_header"])
def test_a_page_that_was_wrong_once_is_fetched_again(
    tap: Tap, start_sandbox: StartSandbox, kind: str
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind=kind)
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))


def test_a_job_that_runs_too_long_is_aborted(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, polls_until_complete=1_000_000)
    run = tap(config_for(server, "Account", job_timeout_seconds=1, split_jobs=False))
    assert run.exit_code == 1
    assert "job_timeout_seconds" in run.stderr
    assert [job.state for job in server.jobs] == ["Aborted"]
    assert "query_job" not in run.bookmark("Account")


def test_a_state_that_is_not_known_is_no_endless_wait(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="poll", kind="unknown_state", state="Suspended", times="forever")
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 1
    assert "Suspended" in run.stderr


def test_a_conflict_on_the_list_of_pages_is_no_org_that_has_none(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    """409 tells of a call with a version that is not the job's, never of a missing feature."""
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", kind="status", status=409, match={"sobject": "Contact"})
    run = tap(config_for(server, *STREAMS))
    assert_only_contact_is_missing(run, server, "409")
    assert run.records("Contact") == []
    assert_second_run_is_whole(tap, run, server)


@pytest.mark.parametrize(
    "to", ["https://evil.example", "http://127.0.0.1:1", "http://user@127.0.0.1"]
)
def test_the_token_goes_to_no_other_host(tap: Tap, start_sandbox: StartSandbox, to: str) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="list_pages", kind="other_host_link", to=to, times="forever")
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 1
    assert "not sent there" in run.stderr
    assert run.records("Account") == []


@pytest.mark.parametrize("place", ["list_pages", "page", "create", "poll", "composite"])
def test_links_and_redirects_to_another_name_of_the_host_are_not_followed(
    tap: Tap, start_sandbox: StartSandbox, place: str
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place=place, kind="redirect", times="forever")
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 1
    assert {each.host for each in server.calls} == {server.url}


def test_every_request_is_retried_with_what_salesforce_asks(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    for place in ("versions", "sobjects", "composite", "create", "poll", "list_pages", "page"):
        server.add_fault(place=place, kind="status", status=503, headers={"Retry-After": "0"})
    run = tap(config_for(server, "Account"))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    assert run.stderr.count("Trying again in 0.") == 7
