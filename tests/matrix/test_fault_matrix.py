"""Every fault, at every place: healed with exact records, or reported and resumed to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from fault_cases import Case, all_cases
from fault_runs import SECRET, UNTOUCHED, true_records
from salesforce_data import assert_same_records

if TYPE_CHECKING:
    from fault_runs import BatchRuns, MatrixRuns
    from tap_process import TapRun

_TOKEN = re.compile(r"00D5g000008Kf2Z!\S+|5Aep\S+")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in all_cases()])
def test_healed_or_reported(
    case: Case, matrix_runs: MatrixRuns, matrix_results: list[dict[str, object]]
) -> None:
    runs = matrix_runs[case]
    sobject = runs.batch.sobjects[case]
    fault = runs.faults[runs.batch.cases.index(case)]
    assert fault["struck"] >= 1, "the fault has not struck"
    for run in filter(None, (runs.run, runs.second)):
        assert_clean(run)
    assert all(each.host == runs.url for each in runs.calls), "the session went elsewhere"
    # What strikes the org can come when this stream has been read, and be reported of another.
    are_others_reported = bool(runs.reported) or not runs.batch.is_about_the_org
    is_healed = runs.run.exit_code == 0 or (are_others_reported and sobject not in runs.reported)
    if is_healed:
        assert_same_records(runs.run.records(sobject), true_records(sobject))
    else:
        assert_reported(case, runs, sobject)
    assert_others_are_whole(case, runs)
    matrix_results.append(
        {
            "row": case.form.row,
            "form": case.form.name,
            "place": case.place,
            "occurrence": case.occurrence,
            "permanent": case.permanent,
            "healed": is_healed,
        }
    )
    assert is_healed or not case.must_heal


def assert_clean(run: TapRun) -> None:
    """A run ends of itself, with words for people, and tells no secret."""
    assert run.exit_code in (0, 1), run.stderr[-2000:]
    assert "Traceback" not in run.stderr, run.stderr[run.stderr.index("Traceback") :][-2000:]
    assert (run.exit_code == 0) == ("Error: " not in run.stderr)
    told = run.stderr + run.stdout.decode()
    assert SECRET not in told
    assert not _TOKEN.search(told)


def assert_reported(case: Case, runs: BatchRuns, sobject: str) -> None:
    """The stream, the job and Salesforce's words are named, and the next run reads the rest."""
    assert runs.run.exit_code == 1
    if runs.reported:
        reason = runs.reported[sobject]
        jobs = runs.jobs_of(sobject)
        assert not jobs or any(job in reason for job in jobs), reason
    else:
        assert case.is_about_the_org
        assert not runs.run.messages
        reason = runs.run.stderr.rpartition("Error: ")[2]
    if reason != "not begun":
        assert re.search(case.form.said, reason), reason
    assert runs.second is not None
    assert runs.second.exit_code == 0, runs.second.stderr[-2000:]
    assert_same_records(union(runs, sobject), true_records(sobject))


def assert_others_are_whole(case: Case, runs: BatchRuns) -> None:
    """The stream that nothing strikes is read, or not begun where the whole org is concerned."""
    if runs.batch.is_about_the_org and runs.second:
        assert_same_records(union(runs, UNTOUCHED), true_records(UNTOUCHED))
    else:
        assert UNTOUCHED not in runs.reported, case
        assert_same_records(runs.run.records(UNTOUCHED), true_records(UNTOUCHED))


def union(runs: BatchRuns, sobject: str) -> list[dict[str, Any]]:
    """Return the records of both runs, those that came twice once."""
    records: dict[str, dict[str, Any]] = {}
    for run in filter(None, (runs.run, runs.second)):
        for record in run.records(sobject):
            assert records.setdefault(record["Id"], record) == record
    return list(records.values())
